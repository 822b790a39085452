// Up in the order of ranks, then down in the opposite one, where each node asks its peers and its
// providers. Neighbours ascend by AS number, so "strictly better" leaves the lowest in place.
//
// SWEEP_RUN is the name of this variant, set by the build.
#include "plan/sweep.h"

#include <errno.h>
#include <string.h>

#include "lib/own.h"

typedef uint8_t lanes __attribute__((vector_size(PLAN_LANES)));
typedef uint64_t words __attribute__((vector_size(PLAN_LANES)));

enum { UP_KEYS = 128, LENGTH_BITS = 63, AHEAD = 6 };

#define INLINE static inline __attribute__((always_inline))

struct best {
	lanes key, seed;
};

// What the key of a neighbour becomes one hop on, by what the neighbour is. From customers and peers
// only what they may tell upwards counts.
#define HEARD_FROM_CUSTOMER(k) ((((k)&LENGTH_BITS) + 65) | (lanes)((k) >= UP_KEYS))
#define HEARD_FROM_PEER(k)     ((((k)&LENGTH_BITS) + 129) | (lanes)((k) >= UP_KEYS))
// 255 stays 255: none.
#define HEARD_FROM_PROVIDER(k) (((k) | 192) - (lanes)((k) != 255))

#define MERGE(best, heard, from_seed)                                             \
	do {                                                                      \
		lanes heard_ = (heard), better_ = (lanes)(heard_ < (best)->key);  \
		(best)->key = (heard_ & better_) | ((best)->key & ~better_);      \
		(best)->seed = ((from_seed)&better_) | ((best)->seed & ~better_); \
	} while (0)

#define NONE(best)                                       \
	do {                                             \
		(best)->key = (best)->seed = ~(lanes){}; \
	} while (0)

#define LOAD(to, from)  memcpy(&(to), (from), sizeof(to))
#define STORE(to, from) memcpy((to), &(from), sizeof(from))

INLINE void merge_row(struct best *b, const struct plan_row *row, enum plan_relation neighbour_is)
{
	lanes key, seed;

	LOAD(key, row->key);
	LOAD(seed, row->seed);
	if (neighbour_is == PLAN_CUSTOMER)
		MERGE(b, HEARD_FROM_CUSTOMER(key), seed);
	else if (neighbour_is == PLAN_PEER)
		MERGE(b, HEARD_FROM_PEER(key), seed);
	else
		MERGE(b, HEARD_FROM_PROVIDER(key), seed);
}

// ---- Exceptions ----

// The first element of that node in a list that ascends by its first member.
static uint32_t first_of(const void *list, size_t size, uint32_t count, uint32_t node)
{
	uint32_t low = 0;

	while (count > 0) {
		uint32_t half = count / 2, at;
		memcpy(&at, (const char *)list + (low + half) * size, sizeof(at));
		if (at < node) {
			low += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	return low;
}

#define FIRST_OF(s, list, count, node) first_of((s)->list, sizeof(*(s)->list), (s)->count, node)

static const enum plan_relation seen_by_it[] = {
	[PLAN_CUSTOMER] = PLAN_PROVIDER,
	[PLAN_PEER] = PLAN_PEER,
	[PLAN_PROVIDER] = PLAN_CUSTOMER,
};

static const struct plan_row *told_by(
	const struct sweep *s, uint32_t neighbour, enum plan_relation is)
{
	if (!(s->status[neighbour] & STATUS_SCOPED))
		return &s->row[neighbour];
	uint32_t at = FIRST_OF(s, scopes, scope_count, neighbour);
	return &s->scopes[at].to[seen_by_it[is]];
}

// After the row of a scoped node is known: what it tells each kind of neighbour.
static void apply_scope(struct sweep *s, uint32_t node)
{
	struct lane_scope *scope = &s->scopes[FIRST_OF(s, scopes, scope_count, node)];
	const struct plan_row *row = &s->row[node];

	for (size_t r = 0; r < PLAN_RELATION_MAX; r++)
		scope->to[r] = *row;
	for (uint32_t lane = 0; lane < s->lanes; lane++) {
		if (row->key[lane] == PLAN_LANE_NO_ROUTE)
			continue;
		const struct plan_announcement *a = s->variants[lane].announcement;
		const struct plan_seed *seed = &a->seeds[row->seed[lane]];
		for (size_t r = 0; r < PLAN_RELATION_MAX && seed->node == node; r++)
			if (!(seed->scope & 1u << r))
				scope->to[r].key[lane] = PLAN_LANE_NO_ROUTE;
	}
}

static void clear_lanes(struct plan_row *row, uint64_t which)
{
	for (; which; which &= which - 1)
		row->key[__builtin_ctzll(which)] = PLAN_LANE_NO_ROUTE;
}

// The neighbour's row without what this node must not take.
static void allow(const struct sweep *s, uint32_t node, uint32_t neighbour, struct plan_row *row)
{
	if (s->status[node] & STATUS_LINK)
		for (uint32_t i = FIRST_OF(s, links, link_count, node);
			i < s->link_count && s->links[i].node == node; i++)
			if (s->links[i].other == neighbour)
				clear_lanes(row, s->links[i].lanes);
	if (s->status[node] & STATUS_POISONED)
		for (uint32_t i = FIRST_OF(s, poisons, poison_count, node);
			i < s->poison_count && s->poisons[i].node == node; i++)
			if (row->seed[s->poisons[i].lane] == s->poisons[i].seed)
				row->key[s->poisons[i].lane] = PLAN_LANE_NO_ROUTE;
}

// A seed's own offer, unless the node refuses it.
static void merge_seed(const struct sweep *s, struct best *b, const struct lane_seed *seed)
{
	if (s->status[seed->node] & STATUS_POISONED)
		for (uint32_t i = FIRST_OF(s, poisons, poison_count, seed->node);
			i < s->poison_count && s->poisons[i].node == seed->node; i++)
			if (s->poisons[i].lane == seed->lane && s->poisons[i].seed == seed->seed)
				return;
	if (seed->key >= b->key[seed->lane])
		return;
	b->key[seed->lane] = seed->key;
	b->seed[seed->lane] = seed->seed;
}

// Offers of neighbours of one kind and of seeds of that class, in the order of AS numbers.
static void pull_special(
	const struct sweep *s, struct best *b, uint32_t node, enum plan_relation is)
{
	static const unsigned classes[] = {
		[PLAN_CUSTOMER] = 1u << PLAN_ORIGIN | 1u << PLAN_FROM_CUSTOMER,
		[PLAN_PEER] = 1u << PLAN_FROM_PEER,
		[PLAN_PROVIDER] = 1u << PLAN_FROM_PROVIDER,
	};
	struct plan_span n = plan_neighbours(s->g, node, is);
	uint32_t seed = FIRST_OF(s, seeds, seed_count, node);

	for (uint32_t i = 0; i <= n.count; i++) {
		uint32_t asn = i < n.count ? s->g->asn[n.node[i]] : UINT32_MAX;
		for (; seed < s->seed_count && s->seeds[seed].node == node &&
			s->seeds[seed].from <= asn;
			seed++)
			if (classes[is] & 1u << (s->seeds[seed].key >> 6))
				merge_seed(s, b, &s->seeds[seed]);
		if (i == n.count || (is != PLAN_PROVIDER && !(s->status[n.node[i]] & STATUS_UP)))
			continue;
		struct plan_row row = *told_by(s, n.node[i], is);
		allow(s, node, n.node[i], &row);
		merge_row(b, &row, is);
	}
}

static void put_down(const struct sweep *s, struct best *b, uint32_t node)
{
	struct plan_row row;

	if (!(s->status[node] & STATUS_DOWN))
		return;
	STORE(row.key, b->key);
	for (uint32_t i = FIRST_OF(s, downs, down_count, node);
		i < s->down_count && s->downs[i].node == node; i++)
		clear_lanes(&row, s->downs[i].lanes);
	LOAD(b->key, row.key);
}

// ---- Visits ----

INLINE bool any(lanes mask)
{
	words w = (words)mask;

	return (w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) != 0;
}

INLINE bool store(struct sweep *s, uint32_t node, const struct best *b)
{
	struct plan_row *row = &s->row[node];
	lanes key, seed;

	LOAD(key, row->key);
	LOAD(seed, row->seed);
	STORE(row->key, b->key);
	STORE(row->seed, b->seed);
	if (s->status[node] & STATUS_SCOPED)
		apply_scope(s, node);
	return any((key ^ b->key) | (seed ^ b->seed));
}

// What the node has of its own and from customers. Returns whether that is new.
INLINE bool visit_up(struct sweep *s, uint32_t node)
{
	struct plan_span from = plan_neighbours(s->g, node, PLAN_CUSTOMER);
	unsigned was = s->status[node];
	struct best b;

	NONE(&b);
	if (was & STATUS_SPECIAL) {
		pull_special(s, &b, node, PLAN_CUSTOMER);
		put_down(s, &b, node);
	} else {
		for (uint32_t i = 0; i < from.count; i++)
			if (s->status[from.node[i]] & STATUS_UP)
				merge_row(
					&b, told_by(s, from.node[i], PLAN_CUSTOMER), PLAN_CUSTOMER);
	}
	bool up = any((lanes)(b.key != 255));
	if (!up && !(was & STATUS_UP))
		return false;
	s->status[node] = (uint8_t)(up ? was | STATUS_UP : was & ~(unsigned)STATUS_UP);
	return store(s, node, &b) || !(was & STATUS_UP);
}

INLINE void pull_peers(const struct sweep *s, struct best *b, uint32_t node)
{
	struct plan_span from = plan_neighbours(s->g, node, PLAN_PEER);

	for (uint32_t i = 0; i < from.count; i++)
		if (s->status[from.node[i]] & STATUS_UP)
			merge_row(b, told_by(s, from.node[i], PLAN_PEER), PLAN_PEER);
}

INLINE void pull_providers(const struct sweep *s, struct best *b, uint32_t node)
{
	struct plan_span from = plan_neighbours(s->g, node, PLAN_PROVIDER);

	for (uint32_t i = 0; i < from.count; i++)
		merge_row(b, told_by(s, from.node[i], PLAN_PROVIDER), PLAN_PROVIDER);
}

INLINE void own_routes(const struct sweep *s, struct best *b, uint32_t node)
{
	NONE(b);
	if (!(s->status[node] & STATUS_UP))
		return;
	LOAD(b->key, s->row[node].key);
	LOAD(b->seed, s->row[node].seed);
	lanes other = (lanes)(b->key >= UP_KEYS); // of an earlier round in a circle
	b->key |= other;
	b->seed |= other;
}

INLINE bool visit_down(struct sweep *s, uint32_t node, lanes *longest)
{
	struct best b;

	own_routes(s, &b, node);
	if (s->status[node] & STATUS_SPECIAL) {
		pull_special(s, &b, node, PLAN_PEER);
		pull_special(s, &b, node, PLAN_PROVIDER);
		put_down(s, &b, node);
	} else {
		pull_peers(s, &b, node);
		pull_providers(s, &b, node);
	}
	lanes length = b.key & LENGTH_BITS & (lanes)(b.key != 255);
	lanes more = (lanes)(length > *longest);
	*longest = (length & more) | (*longest & ~more);
	return store(s, node, &b);
}

// ---- Sweeps ----

// Lengths only grow around a circle, so it settles; where routes that one refuses chase each other
// it may take as many rounds as a length has steps.
INLINE int circle_up(struct sweep *s, const struct plan_cycle *c)
{
	bool changed = true;

	for (uint64_t round = 0; changed; round++) {
		changed = false;
		if (round > (uint64_t)c->count + 4 * PLAN_LANES)
			return -EOVERFLOW;
		for (uint32_t i = 0; i < c->count; i++)
			changed |= visit_up(s, s->g->order[c->first + i]);
	}
	return 0;
}

INLINE int circle_down(struct sweep *s, const struct plan_cycle *c, lanes *longest)
{
	bool changed = true;
	lanes seen = *longest;

	for (uint32_t i = 0; i < c->count; i++) {
		uint32_t node = s->g->order[c->first + i];
		struct best b;
		own_routes(s, &b, node);
		(void)store(s, node, &b);
	}
	for (uint64_t round = 0; changed; round++) {
		changed = false;
		*longest = seen;
		if (round > (uint64_t)c->count + 4 * PLAN_LANES)
			return -EOVERFLOW;
		for (uint32_t i = c->count; i-- > 0;)
			changed |= visit_down(s, s->g->order[c->first + i], longest);
	}
	return 0;
}

static int sweep_up(struct sweep *s)
{
	const struct plan_graph *g = s->g;
	uint32_t circle = 0;

	for (uint32_t i = 0; i < g->count;) {
		const struct plan_cycle *c = circle < g->cycle_count ? &g->cycles[circle] : NULL;
		if (c && c->first == i) {
			if (circle_up(s, c) < 0)
				return -EOVERFLOW;
			i += c->count;
			circle++;
		} else {
			(void)visit_up(s, g->order[i++]);
		}
	}
	return 0;
}

static int sweep_down(struct sweep *s)
{
	const struct plan_graph *g = s->g;
	uint32_t circles = g->cycle_count;
	lanes longest = {};

	for (uint32_t i = g->count; i > 0;) {
		const struct plan_cycle *c = circles > 0 ? &g->cycles[circles - 1] : NULL;
		if (c && c->first + c->count == i) {
			if (circle_down(s, c, &longest) < 0)
				return -EOVERFLOW;
			i -= c->count;
			circles--;
		} else {
			(void)visit_down(s, g->order[--i], &longest);
		}
	}
	return any((lanes)(longest > PLAN_LANE_LENGTH_MAX)) ? -EOVERFLOW : 0;
}

int SWEEP_RUN(struct sweep *s)
{
	int rc = sweep_up(s);

	return rc < 0 ? rc : sweep_down(s);
}
