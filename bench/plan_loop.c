#include "bench/plan_loop.h"

#include "plan/announce.h"

static bool better(const struct loop_route *a, const struct loop_route *b)
{
	if (a->class != b->class)
		return a->class < b->class;
	return a->length != b->length ? a->length < b->length : a->next_hop < b->next_hop;
}

static bool offer(struct loop_route *route, uint32_t from, uint32_t to, uint8_t class)
{
	struct loop_route told = { from, route[from].origin, (uint16_t)(route[from].length + 1),
		class };
	bool first = route[to].class == PLAN_NO_ROUTE;

	if (better(&told, &route[to])) {
		route[to] = told;
		return first;
	}
	return false;
}

// Providers hear of it, level by level.
static uint32_t up(
	const struct plan_graph *g, struct loop_route *route, uint32_t *queue, uint32_t n)
{
	for (uint32_t at = 0; at < n; at++) {
		struct plan_span to = plan_neighbours(g, queue[at], PLAN_PROVIDER);
		for (uint32_t i = 0; i < to.count; i++)
			if (offer(route, queue[at], to.node[i], PLAN_FROM_CUSTOMER))
				queue[n++] = to.node[i];
	}
	return n;
}

static void across(
	const struct plan_graph *g, struct loop_route *route, const uint32_t *queue, uint32_t n)
{
	for (uint32_t at = 0; at < n; at++) {
		struct plan_span to = plan_neighbours(g, queue[at], PLAN_PEER);
		for (uint32_t i = 0; i < to.count; i++)
			(void)offer(route, queue[at], to.node[i], PLAN_FROM_PEER);
	}
}

// Customers hear of it: one pass over all ASes for each length.
static void down(const struct plan_graph *g, struct loop_route *route)
{
	bool more = true;

	for (uint16_t length = 1; more; length++) {
		more = false;
		for (uint32_t v = 0; v < g->count; v++) {
			more |= route[v].class != PLAN_NO_ROUTE && route[v].length > length;
			if (route[v].class == PLAN_NO_ROUTE || route[v].length != length)
				continue;
			more = true;
			struct plan_span to = plan_neighbours(g, v, PLAN_CUSTOMER);
			for (uint32_t i = 0; i < to.count; i++)
				(void)offer(route, v, to.node[i], PLAN_FROM_PROVIDER);
		}
	}
}

void plan_loop(const struct plan_graph *g, const uint32_t *origins, uint32_t count,
	struct loop_route *route, uint32_t *queue)
{
	for (uint32_t v = 0; v < g->count; v++)
		route[v] = (struct loop_route){ PLAN_NONE, PLAN_NONE, 0, PLAN_NO_ROUTE };
	for (uint32_t i = 0; i < count; i++) {
		route[origins[i]] = (struct loop_route){ PLAN_NONE, origins[i], 1, PLAN_ORIGIN };
		queue[i] = origins[i];
	}
	uint32_t n = up(g, route, queue, count);
	across(g, route, queue, n);
	down(g, route);
}
