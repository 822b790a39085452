// What was measured: in each trial some sites announced the prefix together, and each AS that answered
// is known to go to one of them. Preferences (plan/prefer.h, plan/mixture.h) are learnt from that.
//
//	v = plan_votes_new()
//	trial = plan_votes_trial(v, sites, count)       once for each set of sites announced together
//	plan_votes_add(v, trial, rank, asn, site)       as often as there are results
//	plan_votes_finish(v)
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLAN_VOTE_NONE = 0xff,        // that AS was not seen in that trial
	PLAN_VOTE_SITES_MAX = 64,     // sites of all trials
	PLAN_TRIALS_MAX = 512,        // trials
	PLAN_VOTE_ASES_MAX = 4 << 20, // ASes of all trials
	PLAN_VOTES_MAX = 64 << 20,    // results of all trials
};

// A result as it was fed. Sources rank: what a lower rank says about an AS holds.
struct plan_vote {
	uint32_t asn;
	uint8_t rank, choice;
};

struct plan_trial {
	uint8_t sites
		[PLAN_VOTE_SITES_MAX]; // announced together, ascending, indices of plan_votes.sites
	uint8_t site_count;            // at least 2
	uint8_t *choice;               // of each AS: index in sites[] above, or PLAN_VOTE_NONE
	uint32_t count;                // ASes that were seen
	uint32_t of[PLAN_VOTE_SITES_MAX]; // ASes that went to each of sites[]
	struct plan_vote *fed;            // until plan_votes_finish()
	size_t fed_count, fed_cap;
};

struct plan_votes {
	char *sites[PLAN_VOTE_SITES_MAX];
	size_t site_count;
	struct plan_trial *trials;
	size_t trial_count;
	uint32_t *asn; // ascending
	uint32_t as_count;
	uint32_t split; // ASes left out of a trial because their results were evenly divided
};

[[nodiscard]] struct plan_votes *plan_votes_new(void);
void plan_votes_free(struct plan_votes **v); // NULL inside is fine

// The number of a site by its name; a new name is copied. -EFBIG: over the limit.
[[nodiscard]] int plan_votes_site(struct plan_votes *v, const char *name);
// The number of the trial in which these sites, in any order, announced together; results of several
// files about the same set are one trial. -EINVAL: fewer than two, or one twice; -EFBIG: too many.
[[nodiscard]] int plan_votes_trial(struct plan_votes *v, const uint8_t *sites, size_t count);
// That AS was seen at that site. -EINVAL: the site is not in the trial; -EFBIG: too many results.
[[nodiscard]] int plan_votes_add(
	struct plan_votes *v, int trial, uint8_t rank, uint32_t asn, uint8_t site);
// Of several results for an AS in a trial the lowest rank counts, and of those the site that most
// say; an AS whose results are evenly divided is left out. -EFBIG: too many ASes.
[[nodiscard]] int plan_votes_finish(struct plan_votes *v);

// Where an AS went in a trial: a site's number, or PLAN_VOTE_NONE.
uint8_t plan_vote_of(const struct plan_trial *t, uint32_t as);
// The AS's index, UINT32_MAX when no trial saw it.
uint32_t plan_votes_as(const struct plan_votes *v, uint32_t asn);
// True when both sites were announced in the trial: it must not teach who is scored on that pair.
bool plan_trial_has(const struct plan_trial *t, uint8_t a, uint8_t b);
