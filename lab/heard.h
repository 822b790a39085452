// How long the news of one node took to the others of its fleet.
#pragma once

#include "lab/world.h"

struct heard {
	const struct lab_node *about, *at;
	bool known; // `at` goes by what `about` says now
	span took;  // since it was decided there
	span links; // the least that the links' delay alone takes
};

// The least time that news can take from node to node: along the sessions of the fleet, each by
// the shortest way through the routers. INT64_MAX microseconds where there is no way.
span heard_delay(const struct topology *t, const struct lab_node *from, const struct lab_node *to);

// When the daemon at `at` took in what `about` says of itself now, by the daemon's own account
// over its read-only socket, to a millisecond. -ENOENT when it knows nothing of that node, or
// lost it; another negative errno when it does not answer.
[[nodiscard]] int heard_since(const struct world *w, const struct lab_node *at,
	const struct lab_node *about, instant *ret);

// The reply to `show fleet`, for heard_since(): seconds since the state of that node
// (by its name) came. -ENOENT, -EBADMSG.
[[nodiscard]] int heard_read(const char *json, size_t len, const char *node, double *seconds);
