// What propagation, choice and batch share. Part of plan/ only.
#pragma once

#include "plan/announce.h"
#include "plan/propagate.h"

// Why a node needs a closer look before it takes a route; none for almost all nodes.
enum {
	PLAN_NODE_DOWN = 1,
	PLAN_NODE_POISONED = 2, // by some seed
	PLAN_NODE_LINK = 4,     // one of its links is down
	PLAN_NODE_SEEDED = 8,   // a seed enters here
	PLAN_NODE_LEAF = 16,    // has no customers; of the graph, not of a run
};

// Sets the bits of the nodes that the announcement and the mask name.
void plan_flag_nodes(
	uint8_t *flags, const struct plan_announcement *a, const struct plan_mask *mask);

bool plan_seed_poisons(const struct plan_seed *s, uint32_t node);
bool plan_link_is_down(const struct plan_mask *mask, uint32_t a, uint32_t b);

// Where the flags of the run are kept.
const uint8_t *plan_routes_flags(const struct plan_routes *r);
