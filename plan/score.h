// Predicting each trial from all others, and how good that is.
//
// A trial that has two sites of the scored one teaches nothing while that one is scored: not the
// trial itself, not its mirror, and none that holds the pair among more sites.
#pragma once

#include "plan/marks.h"
#include "plan/mixture.h"

struct plan_scoring_options {
	struct plan_mixture_options mixture;
	unsigned
		calibration_starts; // for the fits that calibrate; 0: probabilities stay as they are
	double min_share;           // a trial is usable if its smallest site has that share
	const uint16_t *group;      // as plan_mixture_fit(); NULL
	uint32_t groups;
};

struct plan_scored_trial {
	const struct plan_trial *trial;
	size_t number;           // in plan_votes
	struct plan_marks all;   // the prediction, all ASes
	struct plan_marks where; // the same, of ASes where transitivity says something
	struct plan_marks chain; // transitivity alone, of those
	double power;            // of the calibration
	size_t contradicted;     // trials that taught no more than who is out of reach
};

struct plan_scoring {
	struct plan_scored_trial *trials; // those that are usable
	size_t count;
	struct plan_cases *cases; // private: count * count
};

// What to score. *ret->count may be 0: nothing is usable.
void plan_scoring_open(
	struct plan_scoring *ret, const struct plan_votes *v, const struct plan_scoring_options *o);
// One step of the work, for a progress bar and for Ctrl-C; false when all is done. After a stop in
// between, trials before *done are complete.
bool plan_scoring_step(struct plan_scoring *s, const struct plan_votes *v,
	const struct plan_scoring_options *o, size_t *done);
void plan_scoring_free(struct plan_scoring *s);

// Flags of trials that must not teach while trial `scored` is predicted, added to without[].
void plan_scoring_hide(const struct plan_votes *v, size_t scored, bool *without);

// Trials of two sites that the others predict worse than a coin, added to flags[], one a trial: they were
// made in another Internet, or under policies that no order of sites describes. Trials flagged
// in without[] (or NULL) count as not given.
void plan_scoring_contradicted(const struct plan_votes *v, const bool *without,
	const struct plan_scoring_options *o, bool *flags);

// Deals the results of each trial out anew among its ASes: a control in which nothing can be
// learnt, so that more than the majority's accuracy would mean a leak.
void plan_votes_shuffle(struct plan_votes *v, uint64_t seed);
