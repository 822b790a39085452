// What a node chose from, asked after the fact: paths, offers, ties, the second best.
#include <stdlib.h>
#include <string.h>

#include "plan/inside.h"
#include "plan/propagate.h"

struct path {
	uint32_t *list;
	size_t count, cap;
};

static void put(struct path *p, uint32_t asn)
{
	if (p->count < p->cap)
		p->list[p->count] = asn;
	p->count++;
}

// What the announcer sent: itself, once more for each prepend; poisoned ASes stand between it and
// itself, so that what it sent begins and ends with it.
static void put_seed(struct path *p, const struct plan_graph *g, const struct plan_seed *s)
{
	uint32_t heard = s->class == PLAN_ORIGIN ? 0 : 1; // the node that hears it counts in length
	uint32_t behind = s->poisoned > 0 ? s->poisoned + 1 : 0;

	for (uint32_t i = heard; i + behind < s->length; i++)
		put(p, s->from);
	for (uint32_t i = 0; i < s->poisoned; i++)
		put(p, g->asn[s->poison[i]]);
	if (behind > 0)
		put(p, s->from);
}

size_t plan_seed_path(
	const struct plan_graph *g, const struct plan_seed *s, uint32_t *path, size_t cap)
{
	struct path p = { path, 0, cap };

	put_seed(&p, g, s);
	return p.count;
}

size_t plan_path(const struct plan_routes *r, const struct plan_announcement *a, uint32_t node,
	uint32_t *path, size_t cap)
{
	struct path p = { path, 0, cap };

	if (r->route[node].class == PLAN_NO_ROUTE)
		return 0;
	for (; r->route[node].next_hop != PLAN_NONE; node = r->route[node].next_hop)
		put(&p, r->graph->asn[node]);
	const struct plan_seed *s = &a->seeds[r->route[node].seed];
	if (s->class != PLAN_ORIGIN)
		put(&p, r->graph->asn[node]);
	put_seed(&p, r->graph, s);
	return p.count;
}

struct look {
	const struct plan_routes *r;
	const struct plan_announcement *a;
	const struct plan_mask *mask;
	uint32_t node;
	unsigned flags;
};

// What the neighbour would tell; false: nothing. is: what the neighbour is to the node.
static bool offer_of(
	const struct look *l, uint32_t neighbour, enum plan_relation is, struct plan_offer *ret)
{
	static const enum plan_relation seen_by_it[] = {
		[PLAN_CUSTOMER] = PLAN_PROVIDER,
		[PLAN_PEER] = PLAN_PEER,
		[PLAN_PROVIDER] = PLAN_CUSTOMER,
	};
	static const uint8_t heard_as[] = {
		[PLAN_CUSTOMER] = PLAN_FROM_CUSTOMER,
		[PLAN_PEER] = PLAN_FROM_PEER,
		[PLAN_PROVIDER] = PLAN_FROM_PROVIDER,
	};
	const struct plan_route *has = &l->r->route[neighbour];
	const struct plan_seed *s;

	if (has->class == PLAN_NO_ROUTE || (is != PLAN_PROVIDER && has->class > PLAN_FROM_CUSTOMER))
		return false;
	s = &l->a->seeds[has->seed];
	if (has->next_hop == PLAN_NONE && !(s->scope & 1u << seen_by_it[is]))
		return false;
	if ((l->flags & PLAN_NODE_LINK) && plan_link_is_down(l->mask, l->node, neighbour))
		return false;
	if ((l->flags & PLAN_NODE_POISONED) && plan_seed_poisons(s, l->node))
		return false;
	for (uint32_t at = has->next_hop; at != PLAN_NONE; at = l->r->route[at].next_hop)
		if (at == l->node)
			return false; // its own number is in the path
	*ret = (struct plan_offer){ neighbour, has->seed, (uint16_t)(has->length + 1),
		heard_as[is] };
	return true;
}

static bool seed_offer(const struct look *l, uint32_t index, struct plan_offer *ret)
{
	const struct plan_seed *s = &l->a->seeds[index];

	if (s->node != l->node || !plan_seed_is_on(l->a, l->mask, index))
		return false;
	if ((l->flags & PLAN_NODE_POISONED) && plan_seed_poisons(s, l->node))
		return false;
	*ret = (struct plan_offer){ PLAN_NONE, (uint16_t)index, s->length, (uint8_t)s->class };
	return true;
}

// Calls take() for each offer, in no order.
static void each_offer(const struct look *l,
	void (*take)(void *context, const struct plan_offer *o), void *context)
{
	struct plan_offer o;

	if (l->flags & PLAN_NODE_DOWN)
		return;
	for (uint32_t i = 0; (l->flags & PLAN_NODE_SEEDED) && i < l->a->seed_count; i++)
		if (seed_offer(l, i, &o))
			take(context, &o);
	for (enum plan_relation is = PLAN_CUSTOMER; is < PLAN_RELATION_MAX; is++) {
		struct plan_span s = plan_neighbours(l->r->graph, l->node, is);
		for (uint32_t i = 0; i < s.count; i++)
			if (offer_of(l, s.node[i], is, &o))
				take(context, &o);
	}
}

static struct look look_at(const struct plan_routes *r, const struct plan_announcement *a,
	const struct plan_mask *mask, uint32_t node)
{
	return (struct look){ r, a, mask, node, plan_routes_flags(r)[node] };
}

static uint32_t offer_from(const struct look *l, const struct plan_offer *o)
{
	return o->neighbour == PLAN_NONE ? l->a->seeds[o->seed].from
					 : l->r->graph->asn[o->neighbour];
}

static bool same_rank(const struct plan_offer *x, const struct plan_offer *y)
{
	return x->class == y->class && x->length == y->length;
}

static bool ranks_before(const struct plan_offer *x, const struct plan_offer *y)
{
	return x->class != y->class ? x->class < y->class : x->length < y->length;
}

static bool is_before(const struct look *l, const struct plan_offer *x, const struct plan_offer *y)
{
	if (!same_rank(x, y))
		return ranks_before(x, y);
	uint32_t from_x = offer_from(l, x), from_y = offer_from(l, y);
	if (from_x != from_y)
		return from_x < from_y;
	if ((x->neighbour == PLAN_NONE) != (y->neighbour == PLAN_NONE))
		return x->neighbour == PLAN_NONE;
	return x->seed < y->seed;
}

// ---- The choice in short ----

struct choosing {
	const struct look *l;
	struct plan_offer best; // of the route that was chosen
	uint32_t site;
	uint8_t seen[PLAN_SITES_MAX / 8]; // sites of tied offers
	struct plan_choice choice;
};

static void weigh(void *context, const struct plan_offer *o)
{
	struct choosing *c = context;
	uint32_t site = c->l->a->seeds[o->seed].site;

	if (same_rank(o, &c->best)) {
		uint8_t bit = (uint8_t)(1u << site % 8);
		c->choice.tied++;
		c->choice.tied_sites += !(c->seen[site / 8] & bit);
		c->seen[site / 8] |= bit;
	}
	if (site == c->site)
		return;
	if (c->choice.second.class == PLAN_NO_ROUTE || is_before(c->l, o, &c->choice.second))
		c->choice.second = *o;
}

struct plan_choice plan_choice_at(const struct plan_routes *r, const struct plan_announcement *a,
	const struct plan_mask *mask, uint32_t node)
{
	const struct plan_route *has = &r->route[node];
	struct look l = look_at(r, a, mask, node);
	struct choosing c = {
		.l = &l,
		.choice.second = { .neighbour = PLAN_NONE,
			.seed = PLAN_NO_SEED,
			.class = PLAN_NO_ROUTE },
	};

	if (has->class == PLAN_NO_ROUTE)
		return c.choice;
	c.best = (struct plan_offer){ has->next_hop, has->seed, has->length, has->class };
	c.site = a->seeds[has->seed].site;
	each_offer(&l, weigh, &c);
	return c.choice;
}

// ---- All of them ----

struct listing {
	const struct look *l;
	struct plan_offer *offers;
	size_t count, cap;
};

// Keeps the best cap offers, in order.
static void insert(void *context, const struct plan_offer *o)
{
	struct listing *s = context;
	size_t at = s->count < s->cap ? s->count : s->cap;

	s->count++;
	while (at > 0 && is_before(s->l, o, &s->offers[at - 1])) {
		if (at < s->cap)
			s->offers[at] = s->offers[at - 1];
		at--;
	}
	if (at < s->cap)
		s->offers[at] = *o;
}

size_t plan_offers_at(const struct plan_routes *r, const struct plan_announcement *a,
	const struct plan_mask *mask, uint32_t node, struct plan_offer *offers, size_t cap)
{
	struct look l = look_at(r, a, mask, node);
	struct listing s = { .l = &l, .offers = offers, .cap = cap };

	each_offer(&l, insert, &s);
	return s.count;
}
