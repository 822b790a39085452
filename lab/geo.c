#include "lab/geo.h"

#include <math.h>

#define EARTH_RADIUS_KM   6371.0088
#define FIBRE_KM_PER_US   0.2
#define CABLE_TO_GEODESIC 1.4

static double radians(double degrees)
{
	return degrees * M_PI / 180;
}

// Haversine: exact enough for the shortest distances, too.
double geo_distance_km(struct geo_point a, struct geo_point b)
{
	double dlat = sin((radians(b.lat) - radians(a.lat)) / 2);
	double dlon = sin((radians(b.lon) - radians(a.lon)) / 2);
	double h = dlat * dlat + cos(radians(a.lat)) * cos(radians(b.lat)) * dlon * dlon;

	return 2 * EARTH_RADIUS_KM * asin(sqrt(fmin(h, 1)));
}

span geo_delay(struct geo_point a, struct geo_point b)
{
	return span_us((int64_t)(geo_distance_km(a, b) * CABLE_TO_GEODESIC / FIBRE_KM_PER_US));
}
