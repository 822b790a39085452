// The guard: the last sites of a fleet do not withdraw on a failed check.
//
// Let m be min-sites of the sites known. A node that is able announces. One that
// is not withdraws if it sees m able sites announce; otherwise the nodes that are not
// able are ranked, and the first of them, as many sites as are missing from m, are held: they
// announce demoted. The others withdraw when they see that the held ones announce.
//
// Nothing is elected and nothing is locked: a pure function of what a node
// knows, and equal knowledge gives equal answers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/state.h"

// One node of the service. Equal site numbers are one site.
struct guard_row {
	uint16_t site;      // index of the name in the site table
	uint8_t standing;   // enum standing; OUT when it was lost
	uint8_t announcing; // told upstreams, demoted or not
	uint16_t priority;
};

struct guard_input {
	const struct guard_row *rows; // of all other nodes known, those lost lately too
	size_t count;
	struct guard_row own;
	const char *const *site_names; // by site number
	size_t site_count;
	struct min_sites min_sites;
	bool isolated;      // hears no other node, in a fleet that has others
	bool isolated_hold; // and then holds on soft evidence, else withdraws
	// Room for the count, one element a site; the caller's so that nothing is allocated.
	struct guard_site *scratch;
};

// What is known of one site while deciding; private.
struct guard_site {
	uint8_t best;      // standing of its best node, the own one included
	uint8_t others;    // the same without the own one
	bool announcing;   // one of its other nodes is
	uint16_t priority; // of its nodes that stand best, the highest
};

struct guard_result {
	enum guard_verdict verdict;
	unsigned known; // sites, the own one included
	unsigned m;     // sites that must announce
	unsigned able;  // sites besides what this node adds
	unsigned rank;  // of the own site among those not able, from 0
};

// What becomes of a node that would withdraw: GUARD_FREE, GUARD_HOLD, GUARD_WAITS or
// GUARD_ISOLATED. One that stands OUT is free.
struct guard_result guard_judge(const struct guard_input *in);

// Would the fleet fall below m if this node, able or not, were taken away now? For `drain`
// and `off`: result.verdict is GUARD_FREE when it would not.
struct guard_result guard_judge_leaving(const struct guard_input *in);
