#include "test/plan/world.h"

#include <stdlib.h>
#include <string.h>

#include "test/unit.h"

struct plan_graph *graph_of(const char *text)
{
	struct plan_builder *b = plan_builder_new();
	struct plan_fault fault = {};
	struct plan_graph *g = NULL;

	assert_int_equal(plan_builder_feed(b, text, strlen(text), &fault), 0);
	assert_int_equal(plan_builder_finish(&g, &b, &fault), 0);
	assert_null(b);
	plan_fault_free(&fault);
	return g;
}

static uint32_t below(struct rng *rng, uint32_t n)
{
	return (uint32_t)rng_range(rng, 0, (int64_t)n - 1);
}

struct plan_graph *random_graph(struct rng *rng, uint32_t count, bool loops)
{
	struct plan_builder *b = plan_builder_new();
	struct plan_fault fault = {};
	struct plan_graph *g = NULL;

	// Few pairs come up twice, and those must not contradict each other.
	bool *taken = calloc((size_t)(count + 1) * (count + 1), sizeof(bool));
	for (uint32_t as = 2; as <= count; as++) {
		for (uint32_t i = 0; i <= below(rng, 3); i++) {
			uint32_t up = 1 + below(rng, as - 1);
			if (taken[up * (count + 1) + as])
				continue;
			taken[up * (count + 1) + as] = true;
			assert_int_equal(plan_builder_add(b, up, as, PLAN_CUSTOMER), 0);
			if (loops && below(rng, 20) == 0)
				assert_int_equal(plan_builder_add(b, up, as, PLAN_PROVIDER), 0);
		}
		for (uint32_t i = 0; i < below(rng, 4); i++) {
			uint32_t low = 1 + below(rng, as - 1);
			if (taken[low * (count + 1) + as])
				continue;
			taken[low * (count + 1) + as] = true;
			bool up = loops && below(rng, 8) == 0;
			assert_int_equal(
				plan_builder_add(b, low, as, up ? PLAN_PROVIDER : PLAN_PEER), 0);
		}
	}
	free(taken);
	assert_int_equal(plan_builder_finish(&g, &b, &fault), 0);
	plan_fault_free(&fault);
	return g;
}

uint32_t node_of(const struct plan_graph *g, uint32_t asn)
{
	uint32_t node = plan_node(g, asn);

	assert_int_not_equal(node, PLAN_NONE);
	return node;
}

struct plan_seed origin_seed(
	const struct plan_graph *g, uint32_t asn, uint16_t site, uint16_t prepend)
{
	return (struct plan_seed){ .node = node_of(g, asn),
		.from = asn,
		.site = site,
		.length = (uint16_t)(1 + prepend),
		.class = PLAN_ORIGIN,
		.scope = PLAN_TO_ALL };
}

static void random_seed(
	struct announced *a, uint32_t i, struct rng *rng, const struct plan_graph *g)
{
	struct plan_seed *s = &a->seeds[i];

	*s = (struct plan_seed){
		.node = below(rng, g->count),
		.from = below(rng, 3) == 0 ? below(rng, g->count) : 1000000,
		.site = (uint16_t)below(rng, 4),
		.class = below(rng, 4),
		.scope = below(rng, 3) == 0 ? below(rng, PLAN_TO_ALL + 1) : PLAN_TO_ALL,
		.poison = a->poison[i],
	};
	for (; s->poisoned < WORLD_POISON && below(rng, 4) == 0; s->poisoned++)
		a->poison[i][s->poisoned] = below(rng, g->count);
	if (s->class == PLAN_ORIGIN)
		s->from = g->asn[s->node];
	s->length = (uint16_t)(2 + s->poisoned + (s->poisoned > 0) + below(rng, 3));
	a->seeds_off[i] = below(rng, 6) == 0;
}

static int by_low_and_high(const void *x, const void *y)
{
	const struct plan_broken_link *a = x, *b = y;

	return a->low != b->low ? (a->low < b->low ? -1 : 1)
				: (a->high > b->high) - (a->high < b->high);
}

static void random_link(struct plan_mask *mask, struct plan_broken_link *l, struct rng *rng,
	const struct plan_graph *g)
{
	uint32_t node = below(rng, g->count);
	struct plan_span s = plan_neighbours(g, node, below(rng, PLAN_RELATION_MAX));

	if (s.count == 0)
		return;
	uint32_t other = s.node[below(rng, s.count)];
	*l = (struct plan_broken_link){ node < other ? node : other, node < other ? other : node };
	mask->link_count++;
}

void random_announced(struct announced *ret, struct rng *rng, const struct plan_graph *g)
{
	struct plan_mask *mask = &ret->mask;

	*ret = (struct announced){};
	uint32_t seeds = 1 + below(rng, WORLD_SEEDS);
	for (uint32_t i = 0; i < seeds; i++)
		random_seed(ret, i, rng, g);
	ret->announcement = (struct plan_announcement){ seeds, ret->seeds, 4,
		below(rng, 5) == 0 ? below(rng, g->count) : PLAN_NONE };
	mask->nodes = ret->down;
	mask->links = ret->links;
	mask->seeds_off = ret->seeds_off;
	for (; mask->node_count < WORLD_DOWN && below(rng, 3) == 0; mask->node_count++)
		ret->down[mask->node_count] = below(rng, g->count);
	for (uint32_t i = 0; i < below(rng, WORLD_DOWN); i++)
		random_link(mask, &ret->links[mask->link_count], rng, g);
	if (mask->link_count > 1)
		qsort(ret->links, mask->link_count, sizeof(*ret->links), by_low_and_high);
}
