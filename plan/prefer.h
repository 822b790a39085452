// What an AS must prefer if it has one order of the sites: it went to a and not to b in one trial, to b
// and not to c in another, so it prefers a to c.
#pragma once

#include "plan/votes.h"

enum plan_preference {
	PLAN_PREFERS_NOTHING, // no chain of trials leads from one to the other
	PLAN_PREFERS_FIRST,
	PLAN_PREFERS_SECOND,
	PLAN_PREFERS_BOTH, // chains lead both ways: it has no single order
	PLAN_PREFERENCE_MAX,
};

const char *plan_preference_name(enum plan_preference p); // "first"

// as: an index of v. without: trials that must not count, one flag each; NULL: all count.
enum plan_preference plan_prefers(const struct plan_votes *v, const bool *without, uint32_t as,
	uint8_t first, uint8_t second);
