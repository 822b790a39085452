// Tarjan's strongly connected components (1972), walked without recursion: a chain of providers
// may be as long as a file makes it. Components come out after those that they
// point to, and a node points to its customers: so customers come first.
#include "plan/order.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"

struct walk {
	struct plan_graph *g;
	uint32_t *index, *low; // index: 0 not visited, UINT32_MAX its component is complete
	uint32_t *next;        // customer to look at next, an index into links
	uint32_t *path;        // nodes that the walk is inside of
	uint32_t *open;        // nodes whose component is not complete
	uint32_t path_count, open_count, counter, placed;
};

static void enter(struct walk *w, uint32_t node)
{
	w->index[node] = w->low[node] = ++w->counter;
	w->next[node] = w->g->links[PLAN_CUSTOMER].first[node];
	w->path[w->path_count++] = node;
	w->open[w->open_count++] = node;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void complete(struct walk *w, uint32_t root)
{
	struct plan_graph *g = w->g;
	uint32_t first = w->placed, node;

	do {
		node = w->open[--w->open_count];
		w->index[node] = UINT32_MAX;
		g->order[w->placed++] = node;
	} while (node != root);
	uint32_t count = w->placed - first;
	if (count == 1)
		return;
	qsort(g->order + first, count, sizeof(uint32_t), ascending);
	if ((g->cycle_count & (g->cycle_count - 1)) == 0)
		g->cycles = mem_resize(
			g->cycles, g->cycle_count ? g->cycle_count * 2 : 1, sizeof(*g->cycles));
	g->cycles[g->cycle_count++] = (struct plan_cycle){ first, count };
}

static void lower(uint32_t *low, uint32_t value)
{
	if (value < *low)
		*low = value;
}

// One step of the walk at the innermost node: into a customer, or back.
static void step(struct walk *w)
{
	const struct plan_links *customers = &w->g->links[PLAN_CUSTOMER];
	uint32_t node = w->path[w->path_count - 1];

	if (w->next[node] < customers->first[node + 1]) {
		uint32_t to = customers->node[w->next[node]++];
		if (w->index[to] == 0)
			enter(w, to);
		else if (w->index[to] != UINT32_MAX)
			lower(&w->low[node], w->index[to]);
		return;
	}
	w->path_count--;
	if (w->path_count > 0)
		lower(&w->low[w->path[w->path_count - 1]], w->low[node]);
	if (w->low[node] == w->index[node])
		complete(w, node);
}

void plan_order(struct plan_graph *g)
{
	size_t n = g->count;
	own(free_ptr) uint32_t *memory = mem_zalloc(5 * n * sizeof(uint32_t));
	struct walk w = {
		.g = g,
		.index = memory,
		.low = memory + n,
		.next = memory + 2 * n,
		.path = memory + 3 * n,
		.open = memory + 4 * n,
	};

	g->order = mem_zalloc(n * sizeof(uint32_t));
	for (uint32_t node = 0; node < n; node++) {
		if (w.index[node] == 0)
			enter(&w, node);
		while (w.path_count > 0)
			step(&w);
	}
}
