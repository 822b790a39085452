// Places on the Earth and how long light in fibre takes between them.
#pragma once

#include "lib/timing.h"

struct geo_point {
	double lat; // degrees, -90..90, north is positive
	double lon; // degrees, -180..180, east is positive
};

// Length of the great circle in kilometres, on a sphere of the mean radius 6371.0088 km.
double geo_distance_km(struct geo_point a, struct geo_point b);

// One way: 200,000 km/s in glass, and cables that are 1.4 times as long as the
// great circle. Frankfurt to New York: 43 ms, which is what operators measure.
span geo_delay(struct geo_point a, struct geo_point b);
