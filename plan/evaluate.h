// Figures of up to 64 announcements at once. Part of plan/optimise.
#pragma once

#include "plan/optimise.h"

struct evaluator;

struct evaluator *evaluator_new(const struct plan_reduced *r, const struct plan_plan *plan,
	const struct plan_latency *latency);
void evaluator_free(struct evaluator **e); // NULL inside is fine

// Adds up the first `lanes` of the batch. p95: wanted too, which takes longer. Sets all of a score but
// value and changes.
void evaluator_run(struct evaluator *e, const struct plan_batch *b, uint32_t lanes, bool p95,
	struct plan_score *ret);

// Whether there is any pair of a client and a site with a distance.
bool evaluator_has_distances(const struct evaluator *e);
