#include "plan/prefer.h"

#include <assert.h>

#include "lib/own.h"

static const char *const names[] = {
	[PLAN_PREFERS_NOTHING] = "nothing",
	[PLAN_PREFERS_FIRST] = "first",
	[PLAN_PREFERS_SECOND] = "second",
	[PLAN_PREFERS_BOTH] = "both",
};
static_assert(countof(names) == PLAN_PREFERENCE_MAX);

const char *plan_preference_name(enum plan_preference p)
{
	return names[p];
}

static_assert(PLAN_VOTE_SITES_MAX == 64, "a set of sites is one word");

static uint64_t bit(uint8_t site)
{
	return UINT64_C(1) << site;
}

// Sites that follow from one by chains of trials.
static uint64_t below(const uint64_t *beats, uint8_t site)
{
	uint64_t seen = bit(site), left = seen;

	while (left) {
		uint64_t more = beats[__builtin_ctzll(left)] & ~seen;
		left &= left - 1;
		seen |= more;
		left |= more;
	}
	return seen;
}

enum plan_preference plan_prefers(
	const struct plan_votes *v, const bool *without, uint32_t as, uint8_t first, uint8_t second)
{
	uint64_t beats[PLAN_VOTE_SITES_MAX] = {};

	for (size_t i = 0; i < v->trial_count; i++) {
		const struct plan_trial *t = &v->trials[i];
		uint8_t to = plan_vote_of(t, as);
		if ((without && without[i]) || to == PLAN_VOTE_NONE)
			continue;
		for (uint8_t j = 0; j < t->site_count; j++)
			if (t->sites[j] != to)
				beats[to] |= bit(t->sites[j]);
	}
	bool a = below(beats, first) & bit(second), b = below(beats, second) & bit(first);
	if (a && b)
		return PLAN_PREFERS_BOTH;
	return a ? PLAN_PREFERS_FIRST : b ? PLAN_PREFERS_SECOND : PLAN_PREFERS_NOTHING;
}
