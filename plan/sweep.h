// The two sweeps of a batch over the graph, and what they know. Part of plan/batch.
//
// The sweeps are compiled once for each width of vectors (plan/meson.build); the widest that the
// processor has is taken.
#pragma once

#include "plan/batch.h"

// What is known of a node, in any lane.
enum {
	STATUS_UP = 1,        // has a route that its providers and peers may hear of
	STATUS_SCOPED = 2,    // does not tell all its neighbours alike
	STATUS_SEEDED = 4,    // a seed enters
	STATUS_DOWN = 8,      // it is out of order
	STATUS_LINK = 16,     // one of its links is
	STATUS_POISONED = 32, // some seed's route it does not take
	STATUS_SPECIAL = STATUS_SEEDED | STATUS_DOWN | STATUS_LINK | STATUS_POISONED,
};

// Exceptions, each list ascending by node.
struct lane_seed {
	uint32_t node, from;
	uint8_t lane, seed, key;
};

struct lane_poison {
	uint32_t node;
	uint8_t lane, seed;
};

struct lane_mask { // of a node that is down, or of the link to `other`
	uint32_t node, other;
	uint64_t lanes;
};

// What a scoped node tells its neighbours of each kind.
struct lane_scope {
	uint32_t node;
	struct plan_row to[PLAN_RELATION_MAX];
};

struct sweep {
	const struct plan_graph *g;
	struct plan_row *row;
	uint8_t *status;
	int (*run)(struct sweep *s); // one of the three below
	const struct plan_variant *variants;
	uint32_t lanes;

	struct lane_seed *seeds;
	struct lane_poison *poisons;
	struct lane_mask *downs, *links;
	struct lane_scope *scopes;
	uint32_t seed_count, poison_count, down_count, link_count, scope_count;
	uint32_t seed_cap, poison_cap, down_cap, link_cap, scope_cap;
};

// 0, or -EOVERFLOW. Only where the processor has such vectors.
int sweep_run_base(struct sweep *s);
int sweep_run_avx2(struct sweep *s);
int sweep_run_avx512(struct sweep *s);
