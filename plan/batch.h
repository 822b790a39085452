// Many announcements at once: up to 64 of them walk the graph side by side, one byte each, so
// that one visit of a link serves all. Gives the same choice as plan_propagate(), without next hops.
//
//	a node's row     key[64]   class:2 length:6, lower is better, 255 no route
//	                 seed[64]  by which the announcement came in
#pragma once

#include "plan/propagate.h"

enum {
	PLAN_LANES = 64,
	PLAN_LANE_LENGTH_MAX = 61,
	PLAN_LANE_SEEDS_MAX = 255,
	PLAN_LANE_NO_ROUTE = 255, // key and seed
};

// One lane's work.
struct plan_variant {
	const struct plan_announcement *announcement;
	const struct plan_mask *mask; // NULL: nothing is out of order
};

struct plan_row {
	_Alignas(PLAN_LANES) uint8_t key[PLAN_LANES];
	uint8_t seed[PLAN_LANES];
};

struct plan_batch {
	const struct plan_graph *graph; // borrowed
	struct plan_row *row;           // one a node
	void *work;
};

[[nodiscard]] struct plan_batch *plan_batch_new(const struct plan_graph *g);
void plan_batch_free(struct plan_batch **b); // NULL inside is fine

// At most PLAN_LANES variants, from lane 0 on. -E2BIG: an announcement has over PLAN_LANE_SEEDS_MAX
// seeds; -EOVERFLOW: a path is longer than PLAN_LANE_LENGTH_MAX. The rows are then worth nothing, and
// plan_propagate() can do it.
[[nodiscard]] int plan_batch_run(
	struct plan_batch *b, const struct plan_variant *variants, uint32_t count);
