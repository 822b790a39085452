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

// Asks the daemon of each other node, over its read-only socket, since when it knows how the
// nodes stand that the step's targets name; by its own account, to a millisecond. decided:
// when each node (by its index in the scenario's sites) last decided anew. Frees *list and
// fills it; true when everybody knows.
[[nodiscard]] bool heard_ask(const struct world *w, const struct scenario *s,
	const struct scn_step *step, const instant *decided, struct heard **list, size_t *count);

// The reply to `show fleet`: seconds since the state of that node
// (by its name) came. -ENOENT, -EBADMSG.
[[nodiscard]] int heard_read(const char *json, size_t len, const char *node, double *seconds);
