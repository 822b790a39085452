// Which sites' routes the routers hold, and held at every instant, by the routers' own logs:
// what the daemons say of themselves (lab/watch.h) is checked against it.
//
// BIRD logs each change of a route of the sessions with the sites:
//
//	2026-11-23 07:00:20.720 <TRACE> fra1-4.ipv4 > added [best] 198.51.100.0/24 0L 7G unicast
//	                                NODE-FAMILY  > from it     prefix
#pragma once

#include "lab/census.h"
#include "lab/world.h"

struct table_line {
	int64_t time_us;              // Unix time
	char node[NODE_NAME_MAX + 1]; // whose route
	struct ip_prefix prefix;
	bool on; // it is in the table; else no longer
};

// A line of the log, without its end. False when it tells of no route of a site.
[[nodiscard]] bool table_line_read(const char *line, struct table_line *ret);

// Reads the logs of all routers: a census of their tables up to now, to be freed.
[[nodiscard]] struct census *tables_census(const struct scenario *s, const struct world *w);
