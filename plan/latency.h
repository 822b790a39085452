// Round-trip times by distance: a great circle through glass, longer by a factor that is
// fitted to what was measured.
#pragma once

#include <stddef.h>

// ms = base_ms + factor * km / 100: light in fibre needs 1 ms for 100 km there and back.
struct plan_latency {
	double base_ms, factor;
};

// Without measurements: round-trip times are 3.2 times those of light in vacuum in the median
// (Singla, Chandrasekaran, Godfrey and Maggs, 2014), which is 2.1 times those in fibre.
#define PLAN_LATENCY_DEFAULT ((struct plan_latency){ 0, 2.1 })

double plan_distance_km(double lat_a, double lon_a, double lat_b, double lon_b);

static inline double plan_latency_ms(const struct plan_latency *l, double km)
{
	return l->base_ms + l->factor * km / 100;
}

struct plan_rtt {
	double km, ms;
};

// The best fit with base_ms at least 0 and factor at least 1, where outliers count little
// (Huber's weights). *error_ms: the median of how far samples are from it. -ENODATA: under 3
// samples, or all at one distance.
[[nodiscard]] int plan_latency_fit(
	struct plan_latency *ret, double *error_ms, const struct plan_rtt *samples, size_t n);
