// Small Internets for tests: by hand as as-rel lines, or random from a seed.
#pragma once

#include "lib/rng.h"
#include "plan/batch.h"

// Fails the test when the text is refused.
struct plan_graph *graph_of(const char *text);

// ASes 1 to count with AS 1 at the top. loops: some links make circles and siblings.
struct plan_graph *random_graph(struct rng *rng, uint32_t count, bool loops);

// Fails the test when there is no such AS.
uint32_t node_of(const struct plan_graph *g, uint32_t asn);

// An announcement with its memory.
enum { WORLD_SEEDS = 12, WORLD_POISON = 3, WORLD_DOWN = 6 };
struct announced {
	struct plan_announcement announcement;
	struct plan_seed seeds[WORLD_SEEDS];
	uint32_t poison[WORLD_SEEDS][WORLD_POISON];
	bool seeds_off[WORLD_SEEDS];
	uint32_t down[WORLD_DOWN];
	struct plan_broken_link links[WORLD_DOWN];
	struct plan_mask mask;
};

// Up to WORLD_SEEDS seeds with random classes, prepends, scopes and poison, and a mask of random
// failures of nodes and links of the graph.
void random_announced(struct announced *ret, struct rng *rng, const struct plan_graph *g);

// One seed of an AS that announces.
struct plan_seed origin_seed(
	const struct plan_graph *g, uint32_t asn, uint16_t site, uint16_t prepend);
