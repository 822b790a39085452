#include "plan/latency.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"

static double radians(double degrees)
{
	return degrees * M_PI / 180;
}

double plan_distance_km(double lat_a, double lon_a, double lat_b, double lon_b)
{
	static const double earth_km = 6371.0;
	double half_lat = sin(radians(lat_b - lat_a) / 2),
	       half_lon = sin(radians(lon_b - lon_a) / 2);
	double h = half_lat * half_lat +
		   cos(radians(lat_a)) * cos(radians(lat_b)) * half_lon * half_lon;

	return 2 * earth_km * asin(sqrt(fmin(1, h)));
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_error(
	const struct plan_latency *l, const struct plan_rtt *s, size_t n, double *scratch)
{
	for (size_t i = 0; i < n; i++)
		scratch[i] = fabs(s[i].ms - plan_latency_ms(l, s[i].km));
	qsort(scratch, n, sizeof(*scratch), ascending);
	return scratch[n / 2];
}

// Weighted least squares of ms on km / 100, with the limits of the header.
static bool fit_once(struct plan_latency *l, const struct plan_rtt *s, size_t n, double width)
{
	double sw = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;

	for (size_t i = 0; i < n; i++) {
		double off = fabs(s[i].ms - plan_latency_ms(l, s[i].km));
		double w = width > 0 && off > width ? width / off : 1, x = s[i].km / 100;
		sw += w;
		sx += w * x;
		sy += w * s[i].ms;
		sxx += w * x * x;
		sxy += w * x * s[i].ms;
	}
	double spread = sxx - sx * sx / sw;
	if (spread <= 1e-9 * sxx)
		return false;
	l->factor = fmax(1, (sxy - sx * sy / sw) / spread);
	l->base_ms = (sy - l->factor * sx) / sw;
	if (l->base_ms < 0) {
		l->base_ms = 0;
		l->factor = fmax(1, sxy / sxx);
	}
	return true;
}

int plan_latency_fit(
	struct plan_latency *ret, double *error_ms, const struct plan_rtt *samples, size_t n)
{
	enum { ROUNDS = 20 };
	struct plan_latency l = PLAN_LATENCY_DEFAULT;

	if (n < 3)
		return -ENODATA;
	own(free_ptr) double *scratch = mem_zalloc(n * sizeof(*scratch));
	double width = 0;
	for (int i = 0; i < ROUNDS; i++) {
		if (!fit_once(&l, samples, n, width))
			return -ENODATA;
		width = 2 * median_error(&l, samples, n, scratch);
	}
	*error_ms = median_error(&l, samples, n, scratch);
	*ret = l;
	return 0;
}
