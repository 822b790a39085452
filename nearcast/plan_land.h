// The outline of the land for maps: an SVG path of 2000 units from west to east, in Equal Earth
// projection, without Antarctica.
#pragma once

enum { PLAN_MAP_WIDTH = 2000, PLAN_MAP_HEIGHT = 930 };

extern const char plan_land[];

// Where a place is on that map.
void plan_map_at(double lat, double lon, double *x, double *y);
