#include "bgp/routes.h"

// The lists of an UPDATE in the order of the walk.
enum { WITHDRAWN, UNREACH, NLRI, REACH, LISTS };

static struct rd list_of(const struct bgp_update *u, unsigned list)
{
	switch (list) {
	case WITHDRAWN:
		return u->withdrawn;
	case UNREACH:
		return u->path.unreach.nlri;
	case NLRI:
		return u->nlri;
	default:
		return u->path.reach.nlri;
	}
}

// Nothing is taken from the attribute that disables its family.
static struct rd usable(const struct bgp_update *u, unsigned list)
{
	unsigned disabled = bgp_routes_disabled(u);
	unsigned family = list == UNREACH ? u->path.unreach.family
			  : list == REACH ? u->path.reach.family
					  : BGP_FAMILY_IP4;

	return family & ~disabled ? list_of(u, list) : (struct rd){};
}

void bgp_routes_begin(struct bgp_routes *r, const struct bgp_update *update)
{
	*r = (struct bgp_routes){ .update = update };
	if (update->fault.verb == BGP_VERB_RESET)
		r->list = LISTS;
	else
		r->left = usable(update, WITHDRAWN);
}

static bool next_of_list(struct bgp_routes *r, struct bgp_route *ret)
{
	const struct bgp_update *u = r->update;
	const struct bgp_mp *mp = r->list == UNREACH ? &u->path.unreach
				  : r->list == REACH ? &u->path.reach
						     : NULL;

	*ret = (struct bgp_route){};
	return bgp_nlri_next_path(&r->left, mp ? mp->family : BGP_FAMILY_IP4,
		mp ? mp->paths : u->paths, &ret->prefix, &ret->path);
}

bool bgp_routes_next(struct bgp_routes *r, struct bgp_route *ret)
{
	const struct bgp_update *u = r->update;

	while (r->list < LISTS) {
		if (next_of_list(r, ret)) {
			ret->withdrawn = r->list < NLRI || u->fault.verb == BGP_VERB_WITHDRAW;
			ret->next_hop = r->list == NLRI    ? u->path.next_hop
					: r->list == REACH ? u->path.reach.next_hop
							   : (struct ip_addr){};
			return true;
		}
		if (++r->list < LISTS)
			r->left = usable(u, r->list);
	}
	return false;
}

unsigned bgp_routes_disabled(const struct bgp_update *update)
{
	if (update->fault.verb != BGP_VERB_RESET_AFI)
		return 0;
	if (update->fault.attr == BGP_ATTR_MP_REACH)
		return update->path.reach.family;
	return update->fault.attr == BGP_ATTR_MP_UNREACH ? update->path.unreach.family : 0;
}
