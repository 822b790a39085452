// Three phases by path length. Within a phase, nodes are done in the order of their length, all
// of one length together: when their turn comes nothing better can reach them any more.
#include "plan/propagate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "plan/inside.h"

struct work {
	uint8_t *flags;  // PLAN_NODE_*
	uint8_t *leaves; // the flags to begin with
	uint32_t *queue; // nodes with a route, in the order in which they got it
	uint32_t count;
	uint32_t *sorted; // of the first two phases, by length
	uint32_t *seeds;  // that are on, by length
	uint32_t seed_count, seed_cap;
};

struct run {
	const struct plan_graph *g;
	const struct plan_announcement *a;
	const struct plan_mask *mask;
	struct plan_route *route;
	struct work *w;
	unsigned
		last; // PLAN_NODE_LEAF where those have nobody to tell any more, and need not queue
};

static void clear(struct plan_routes *r)
{
	static const struct plan_route none = { PLAN_NONE, PLAN_NO_SEED, 0, PLAN_NO_ROUTE };

	for (uint32_t v = 0; v < r->graph->count; v++)
		r->route[v] = none;
}

struct plan_routes *plan_routes_new(const struct plan_graph *g)
{
	struct plan_routes *r = mem_zalloc(sizeof(*r));
	struct work *w = mem_zalloc(sizeof(*w));

	w->flags = mem_zalloc(g->count);
	w->leaves = mem_zalloc(g->count);
	for (uint32_t v = 0; v < g->count; v++)
		if (plan_neighbours(g, v, PLAN_CUSTOMER).count == 0)
			w->leaves[v] = PLAN_NODE_LEAF;
	w->queue = mem_resize(NULL, g->count, sizeof(*w->queue));
	w->sorted = mem_resize(NULL, g->count, sizeof(*w->sorted));
	memset(w->queue, 0,
		g->count * sizeof(*w->queue)); // so that the first run need not page it in
	memset(w->sorted, 0, g->count * sizeof(*w->sorted));
	r->graph = g;
	r->route = mem_resize(NULL, g->count, sizeof(*r->route));
	r->work = w;
	clear(r);
	return r;
}

void plan_routes_free(struct plan_routes **r)
{
	struct plan_routes *old = take(*r);

	if (!old)
		return;
	struct work *w = old->work;
	free(w->flags);
	free(w->leaves);
	free(w->queue);
	free(w->sorted);
	free(w->seeds);
	free(w);
	free(old->route);
	free(old);
}

const uint8_t *plan_routes_flags(const struct plan_routes *r)
{
	return ((const struct work *)r->work)->flags;
}

// ---- Offers ----

static uint32_t from_of(const struct run *run, const struct plan_route *r)
{
	return r->next_hop == PLAN_NONE ? run->a->seeds[r->seed].from : run->g->asn[r->next_hop];
}

// The last tie-break: the lower AS number, then who announces itself, then the earlier seed.
static bool wins_tie(const struct run *run, const struct plan_route *x, const struct plan_route *y)
{
	uint32_t from_x = from_of(run, x), from_y = from_of(run, y);

	if (from_x != from_y)
		return from_x < from_y;
	if ((x->next_hop == PLAN_NONE) != (y->next_hop == PLAN_NONE))
		return x->next_hop == PLAN_NONE;
	return x->seed < y->seed;
}

// What the node may not take, whatever it is worth.
static bool is_barred(const struct run *run, uint32_t node, const struct plan_route *offer)
{
	unsigned flags = run->w->flags[node];

	if (flags & PLAN_NODE_DOWN)
		return true;
	if ((flags & PLAN_NODE_POISONED) && plan_seed_poisons(&run->a->seeds[offer->seed], node))
		return true;
	return (flags & PLAN_NODE_LINK) && offer->next_hop != PLAN_NONE &&
	       plan_link_is_down(run->mask, node, offer->next_hop);
}

// A node that gets its first route joins the queue.
static inline void offer(struct run *run, uint32_t node, const struct plan_route *offer)
{
	struct plan_route *has = &run->route[node];

	if (offer->class > has->class)
		return;
	if (offer->class == has->class) {
		if (offer->length > has->length)
			return;
		if (offer->length == has->length && !wins_tie(run, offer, has))
			return;
	}
	unsigned flags = run->w->flags[node];
	if ((flags & ~(unsigned)PLAN_NODE_LEAF) && is_barred(run, node, offer))
		return;
	if (has->class == PLAN_NO_ROUTE && !(flags & run->last))
		run->w->queue[run->w->count++] = node;
	*has = *offer;
}

static void offer_seed(struct run *run, uint32_t index)
{
	const struct plan_seed *s = &run->a->seeds[index];

	offer(run, s->node,
		&(struct plan_route){ PLAN_NONE, (uint16_t)index, s->length, (uint8_t)s->class });
}

// All neighbours of one kind hear of the node's route. kind: what they are to the node.
static void tell(struct run *run, uint32_t node, enum plan_relation kind)
{
	static const uint8_t heard_as[] = {
		[PLAN_CUSTOMER] = PLAN_FROM_PROVIDER,
		[PLAN_PEER] = PLAN_FROM_PEER,
		[PLAN_PROVIDER] = PLAN_FROM_CUSTOMER,
	};
	const struct plan_route *r = &run->route[node];
	struct plan_span to = plan_neighbours(run->g, node, kind);

	if (r->next_hop == PLAN_NONE && !(run->a->seeds[r->seed].scope & 1u << kind))
		return;
	const struct plan_route told = { node, r->seed, (uint16_t)(r->length + 1), heard_as[kind] };
	for (uint32_t i = 0; i < to.count; i++)
		offer(run, to.node[i], &told);
}

// ---- Phases ----

static int by_length(const void *x, const void *y, void *context)
{
	const struct plan_seed *seeds = context;
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	if (seeds[a].length != seeds[b].length)
		return seeds[a].length < seeds[b].length ? -1 : 1;
	return (a > b) - (a < b);
}

static void collect_seeds(struct run *run)
{
	struct work *w = run->w;
	union {
		const struct plan_seed *in;
		void *out;
	} seeds = { run->a->seeds };

	if (run->a->seed_count > w->seed_cap) {
		w->seed_cap = run->a->seed_count;
		w->seeds = mem_resize(w->seeds, w->seed_cap, sizeof(*w->seeds));
	}
	w->seed_count = 0;
	for (uint32_t i = 0; i < run->a->seed_count; i++)
		if (plan_seed_is_on(run->a, run->mask, i))
			w->seeds[w->seed_count++] = i;
	if (w->seed_count > 1)
		qsort_r(w->seeds, w->seed_count, sizeof(*w->seeds), by_length, seeds.out);
}

// Walks over the seeds of some classes in the order of their lengths.
struct seed_cursor {
	uint32_t at;
	unsigned classes; // bits 1 << enum plan_class
};

static const struct plan_seed *next_seed(const struct run *run, struct seed_cursor *c)
{
	const struct work *w = run->w;

	for (; c->at < w->seed_count; c->at++) {
		const struct plan_seed *s = &run->a->seeds[w->seeds[c->at]];
		if (c->classes & 1u << s->class)
			return s;
	}
	return NULL;
}

// Those of that length, which is not over that of the next one.
static void enter_seeds(struct run *run, struct seed_cursor *c, uint32_t length)
{
	for (const struct plan_seed *s; (s = next_seed(run, c)) && s->length == length; c->at++)
		offer_seed(run, run->w->seeds[c->at]);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

// Customers to providers. An AS that announces keeps its own route, so those come first; they
// join the queue when their length's turn comes, like all others.
static int up(struct run *run)
{
	struct work *w = run->w;
	struct seed_cursor seeds = { .classes = 1u << PLAN_FROM_CUSTOMER };
	uint32_t at = 0;

	for (uint32_t i = 0; i < w->seed_count; i++) {
		const struct plan_seed *s = &run->a->seeds[w->seeds[i]];
		if (s->class == PLAN_ORIGIN)
			offer_seed(run, w->seeds[i]);
	}
	uint32_t origins = w->count, done = 0;
	own(free_ptr) uint32_t *origin = mem_dup(w->queue, origins * sizeof(*w->queue));
	w->count = 0;
	for (;;) {
		const struct plan_seed *s = next_seed(run, &seeds);
		uint32_t length = at < w->count ? run->route[w->queue[at]].length : UINT32_MAX;

		if (done < origins) // collected in the order of length
			length = least(length, run->route[origin[done]].length);
		if (s)
			length = least(length, s->length);
		if (length == UINT32_MAX)
			return 0;
		if (length >= PLAN_LENGTH_MAX)
			return -EOVERFLOW;
		while (done < origins && run->route[origin[done]].length == length)
			w->queue[w->count++] = origin[done++];
		enter_seeds(run, &seeds, length);
		for (; at < w->count && run->route[w->queue[at]].length == length; at++)
			tell(run, w->queue[at], PLAN_PROVIDER);
	}
}

static void across(struct run *run)
{
	struct work *w = run->w;
	uint32_t end = w->count;

	for (uint32_t i = 0; i < w->seed_count; i++)
		if (run->a->seeds[w->seeds[i]].class == PLAN_FROM_PEER)
			offer_seed(run, w->seeds[i]);
	for (uint32_t i = 0; i < end; i++)
		tell(run, w->queue[i], PLAN_PEER);
}

// The queue of the first two phases into sorted, by length.
static void sort_by_length(struct run *run)
{
	struct work *w = run->w;
	uint32_t longest = 0;

	for (uint32_t i = 0; i < w->count; i++)
		if (run->route[w->queue[i]].length > longest)
			longest = run->route[w->queue[i]].length;
	own(free_ptr) uint32_t *first = mem_zalloc((longest + 2) * sizeof(uint32_t));
	for (uint32_t i = 0; i < w->count; i++)
		first[run->route[w->queue[i]].length + 1]++;
	for (uint32_t i = 0; i <= longest; i++)
		first[i + 1] += first[i];
	for (uint32_t i = 0; i < w->count; i++)
		w->sorted[first[run->route[w->queue[i]].length]++] = w->queue[i];
}

static int down(struct run *run)
{
	struct work *w = run->w;
	struct seed_cursor seeds = { .classes = 1u << PLAN_FROM_PROVIDER };
	uint32_t sorted = w->count, above = 0, at = w->count;

	sort_by_length(run);
	for (;;) {
		const struct plan_seed *s = next_seed(run, &seeds);
		uint32_t length = at < w->count ? run->route[w->queue[at]].length : UINT32_MAX;

		if (above < sorted)
			length = least(length, run->route[w->sorted[above]].length);
		if (s)
			length = least(length, s->length);
		if (length == UINT32_MAX)
			return 0;
		if (length >= PLAN_LENGTH_MAX)
			return -EOVERFLOW;
		enter_seeds(run, &seeds, length);
		for (; above < sorted && run->route[w->sorted[above]].length == length; above++)
			tell(run, w->sorted[above], PLAN_CUSTOMER);
		for (; at < w->count && run->route[w->queue[at]].length == length; at++)
			tell(run, w->queue[at], PLAN_CUSTOMER);
	}
}

int plan_propagate(
	struct plan_routes *r, const struct plan_announcement *a, const struct plan_mask *mask)
{
	struct work *w = r->work;
	struct run run = { r->graph, a, mask, r->route, w, 0 };

	memcpy(w->flags, w->leaves, r->graph->count);
	plan_flag_nodes(w->flags, a, mask);
	w->count = 0;
	clear(r);
	collect_seeds(&run);
	int rc = up(&run);
	run.last = PLAN_NODE_LEAF;
	if (rc == 0) {
		across(&run);
		rc = down(&run);
	}
	if (rc < 0)
		clear(r);
	return rc;
}
