#include "plan/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "plan/sweep.h"

// Memory for rows.
static void *aligned(size_t bytes)
{
	void *memory;

	if (posix_memalign(&memory, PLAN_LANES, bytes) != 0)
		mem_abort("batch");
	return memory;
}

// The widest vectors that the processor has.
static int (*widest(void))(struct sweep *)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512bw"))
		return sweep_run_avx512;
	if (__builtin_cpu_supports("avx2"))
		return sweep_run_avx2;
#endif
	return sweep_run_base;
}

struct plan_batch *plan_batch_new(const struct plan_graph *g)
{
	struct plan_batch *b = mem_zalloc(sizeof(*b));
	struct sweep *s = mem_zalloc(sizeof(*s));
	void *rows = aligned(g->count * sizeof(*b->row));

	memset(rows, PLAN_LANE_NO_ROUTE, g->count * sizeof(*b->row));
	s->g = b->graph = g;
	s->run = widest();
	s->row = b->row = rows;
	s->status = mem_zalloc(g->count);
	b->work = s;
	return b;
}

void plan_batch_free(struct plan_batch **b)
{
	struct plan_batch *old = take(*b);

	if (!old)
		return;
	struct sweep *s = old->work;
	free(s->status);
	free(s->seeds);
	free(s->poisons);
	free(s->downs);
	free(s->links);
	free(s->scopes);
	free(s);
	free(old->row);
	free(old);
}

// ---- Exceptions ----

// Room for one more element at the end of a list of s.
#define ADD(s, list, count, cap)                                                         \
	({                                                                               \
		if ((s)->count == (s)->cap) {                                            \
			(s)->cap = (s)->cap ? (s)->cap * 2 : 64;                         \
			(s)->list = mem_resize((s)->list, (s)->cap, sizeof(*(s)->list)); \
		}                                                                        \
		&(s)->list[(s)->count++];                                                \
	})

static int add_seed(struct sweep *s, const struct plan_variant *v, uint8_t lane, uint32_t index)
{
	const struct plan_seed *seed = &v->announcement->seeds[index];

	if (!plan_seed_is_on(v->announcement, v->mask, index))
		return 0;
	if (seed->length > PLAN_LANE_LENGTH_MAX)
		return -EOVERFLOW;
	*ADD(s, seeds, seed_count, seed_cap) = (struct lane_seed){ seed->node, seed->from, lane,
		(uint8_t)index, (uint8_t)(seed->class << 6 | seed->length) };
	s->status[seed->node] |= STATUS_SEEDED;
	if (seed->scope != PLAN_TO_ALL)
		s->status[seed->node] |= STATUS_SCOPED;
	for (uint32_t i = 0; i < seed->poisoned; i++) {
		*ADD(s, poisons, poison_count, poison_cap) =
			(struct lane_poison){ seed->poison[i], lane, (uint8_t)index };
		s->status[seed->poison[i]] |= STATUS_POISONED;
	}
	return 0;
}

static void add_down(struct sweep *s, uint32_t node, uint8_t lane)
{
	*ADD(s, downs, down_count, down_cap) =
		(struct lane_mask){ node, PLAN_NONE, UINT64_C(1) << lane };
	s->status[node] |= STATUS_DOWN;
}

static void add_link(struct sweep *s, uint32_t node, uint32_t other, uint8_t lane)
{
	*ADD(s, links, link_count, link_cap) =
		(struct lane_mask){ node, other, UINT64_C(1) << lane };
	s->status[node] |= STATUS_LINK;
}

static int add_variant(struct sweep *s, const struct plan_variant *v, uint8_t lane)
{
	const struct plan_announcement *a = v->announcement;
	int rc = 0;

	if (a->seed_count > PLAN_LANE_SEEDS_MAX)
		return -E2BIG;
	for (uint32_t i = 0; rc == 0 && i < a->seed_count; i++)
		rc = add_seed(s, v, lane, i);
	if (a->origin != PLAN_NONE)
		add_down(s, a->origin, lane);
	for (uint32_t i = 0; v->mask && i < v->mask->node_count; i++)
		add_down(s, v->mask->nodes[i], lane);
	for (uint32_t i = 0; v->mask && i < v->mask->link_count; i++) {
		add_link(s, v->mask->links[i].low, v->mask->links[i].high, lane);
		add_link(s, v->mask->links[i].high, v->mask->links[i].low, lane);
	}
	return rc;
}

#define COMPARE(a, b)                              \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

static int by_node_and_from(const void *x, const void *y)
{
	const struct lane_seed *a = x, *b = y;

	COMPARE(a->node, b->node);
	COMPARE(a->from, b->from);
	COMPARE(a->seed, b->seed);
	return a->lane - b->lane;
}

// Those that begin with a node and need no other order.
static int by_node(const void *x, const void *y)
{
	uint32_t a, b;

	memcpy(&a, x, sizeof(a));
	memcpy(&b, y, sizeof(b));
	COMPARE(a, b);
	return 0;
}

#define SORT(s, list, count, by)                                              \
	do {                                                                  \
		if ((s)->count > 1)                                           \
			qsort((s)->list, (s)->count, sizeof(*(s)->list), by); \
	} while (0)

static bool begins_scope(const struct sweep *s, uint32_t i)
{
	uint32_t node = s->seeds[i].node;

	return (i == 0 || s->seeds[i - 1].node != node) && (s->status[node] & STATUS_SCOPED);
}

static void add_scopes(struct sweep *s)
{
	uint32_t need = 0;

	for (uint32_t i = 0; i < s->seed_count; i++)
		need += begins_scope(s, i);
	if (need > s->scope_cap) {
		free(s->scopes);
		s->scopes = aligned(need * sizeof(*s->scopes));
		s->scope_cap = need;
	}
	for (uint32_t i = 0; i < s->seed_count; i++)
		if (begins_scope(s, i))
			s->scopes[s->scope_count++].node = s->seeds[i].node;
}

int plan_batch_run(struct plan_batch *b, const struct plan_variant *variants, uint32_t count)
{
	struct sweep *s = b->work;
	int rc = 0;

	memset(s->status, 0, b->graph->count);
	s->seed_count = s->poison_count = s->down_count = s->link_count = s->scope_count = 0;
	s->variants = variants;
	s->lanes = count;
	for (uint32_t lane = 0; rc == 0 && lane < count; lane++)
		rc = add_variant(s, &variants[lane], (uint8_t)lane);
	if (rc < 0)
		return rc;
	SORT(s, seeds, seed_count, by_node_and_from);
	SORT(s, poisons, poison_count, by_node);
	SORT(s, downs, down_count, by_node);
	SORT(s, links, link_count, by_node);
	add_scopes(s);
	return s->run(s);
}
