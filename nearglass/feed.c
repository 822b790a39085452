#include "nearglass/feed.h"

#include "bgp/routes.h"

// What RFC 7606 discards: attributes that are known and were there, but not taken.
static uint64_t dropped(const struct bgp_path *p)
{
	static uint64_t known;

	if (!known)
		for (const struct bgp_attr_row *row = bgp_attr_table; row->name; row++)
			known |= UINT64_C(1) << row->code;
	return known & ~p->seen;
}

struct sets {
	bool given[RIB_FAMILIES];
	uint32_t set[RIB_FAMILIES];
};

// IPv4 routes have the next hop of NEXT_HOP or, like the others, that of MP_REACH_NLRI.
static bool set_for(
	struct feed *f, const struct bgp_update *u, const struct bgp_route *r, struct sets *s)
{
	unsigned i = r->prefix.addr.family == IP6;
	struct rib_attrs_from from = {
		.as4 = u->path.as4,
		.drop = dropped(&u->path),
		.next_hop = r->next_hop,
	};
	struct rib_attrs a;

	if (s->given[i])
		return true;
	if (bgp_path_has(&u->path, BGP_ATTR_MP_REACH) &&
		ip_equal(&r->next_hop, &u->path.reach.next_hop))
		from.link_local = u->path.reach.link_local;
	if (rib_attrs_split(&a, f->room, u->path.raw, &from) < 0)
		return false;
	s->set[i] = rib_set_hold(f->rib, (enum ip_family)r->prefix.addr.family, &a);
	s->given[i] = true;
	return true;
}

static void withdraw(struct feed *f, const struct bgp_route *r)
{
	if (rib_withdraw(f->rib, f->neighbour, &r->prefix, r->path))
		f->withdrawn++;
}

static void announce(struct feed *f, const struct bgp_update *u, const struct bgp_route *r,
	struct sets *s, uint32_t time_s)
{
	unsigned i = r->prefix.addr.family == IP6;

	if (!set_for(f, u, r, s)) { // what cannot be kept must not stay as it was
		f->refused++;
		withdraw(f, r);
		return;
	}
	if (rib_announce(f->rib, f->neighbour, &r->prefix, r->path, s->set[i], time_s) == RIB_SAME)
		f->unchanged++;
	else
		f->announced++;
}

void feed_update(struct feed *f, const struct bgp_update *u, uint32_t time_s)
{
	struct bgp_routes walk;
	struct bgp_route r;
	struct sets s = {};

	bgp_routes_begin(&walk, u);
	while (bgp_routes_next(&walk, &r))
		if (r.withdrawn)
			withdraw(f, &r);
		else
			announce(f, u, &r, &s, time_s);
	unsigned gone = bgp_routes_disabled(u);
	if (gone & BGP_FAMILY_IP4)
		(void)rib_flush(f->rib, f->neighbour, IP4);
	if (gone & BGP_FAMILY_IP6)
		(void)rib_flush(f->rib, f->neighbour, IP6);
	for (unsigned i = 0; i < RIB_FAMILIES; i++)
		if (s.given[i])
			rib_set_release(f->rib, s.set[i]);
}
