#include "plan/graph.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/own.h"

static const char *const relation_names[] = {
	[PLAN_CUSTOMER] = "customer",
	[PLAN_PEER] = "peer",
	[PLAN_PROVIDER] = "provider",
};
static_assert(countof(relation_names) == PLAN_RELATION_MAX);

const char *plan_relation_name(enum plan_relation r)
{
	return relation_names[r];
}

// The place of value in an ascending list, or where it would stand.
static uint32_t lower_bound(const uint32_t *list, uint32_t n, uint32_t value)
{
	uint32_t low = 0;

	while (n > 0) {
		uint32_t half = n / 2;
		if (list[low + half] < value) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

uint32_t plan_node(const struct plan_graph *g, uint32_t asn)
{
	uint32_t at = lower_bound(g->asn, g->count, asn);

	return at < g->count && g->asn[at] == asn ? at : PLAN_NONE;
}

bool plan_relation_of(
	const struct plan_graph *g, uint32_t node, uint32_t neighbour, enum plan_relation *ret)
{
	for (enum plan_relation r = PLAN_CUSTOMER; r < PLAN_RELATION_MAX; r++) {
		struct plan_span s = plan_neighbours(g, node, r);
		uint32_t at = lower_bound(s.node, s.count, neighbour);
		if (at == s.count || s.node[at] != neighbour)
			continue;
		*ret = r;
		return true;
	}
	return false;
}

size_t plan_graph_bytes(const struct plan_graph *g)
{
	size_t n = sizeof(*g) + 2 * (size_t)g->count * sizeof(uint32_t) +
		   g->cycle_count * sizeof(*g->cycles);

	for (size_t r = 0; r < PLAN_RELATION_MAX; r++)
		n += ((size_t)g->count + 1 + g->links[r].first[g->count]) * sizeof(uint32_t);
	return n;
}

void plan_graph_free(struct plan_graph **g)
{
	struct plan_graph *old = take(*g);

	if (!old)
		return;
	for (size_t r = 0; r < PLAN_RELATION_MAX; r++) {
		free(old->links[r].first);
		free(old->links[r].node);
	}
	free(old->asn);
	free(old->order);
	free(old->cycles);
	free(old);
}

void plan_fault_free(struct plan_fault *f)
{
	sb_free(&f->why);
}
