// The router beside a node: what it holds is what upstreams were told.
#include "bgp/routes.h"
#include "sim/watch.h"

static const char *const names[] = {
	[ANNOUNCE_WITHDRAWN] = "withdrawn",
	[ANNOUNCE_DEMOTED] = "demoted",
	[ANNOUNCE_ANNOUNCED] = "announced",
};

static void holds(struct sim_router *r, enum announce announce)
{
	struct sim_node *n = r->node;
	struct sim_world *w = r->party.world;

	if (n->at_router == announce)
		return;
	sim_trace(&w->trace, w->now, "%s: router: %s -> %s", n->party.name, names[n->at_router],
		names[announce]);
	if ((n->at_router == ANNOUNCE_WITHDRAWN) != (announce == ANNOUNCE_WITHDRAWN))
		n->changes++;
	if (announce == ANNOUNCE_WITHDRAWN)
		sim_watch_gone(n);
	n->at_router = announce;
	n->router_since = w->last_change = w->now;
	w->announcements++;
}

// GSHUT (RFC 8326) or a prepended path: demoted.
static bool is_demoted(const struct bgp_update *u)
{
	struct rd plain = u->path.communities;

	while (rd_more(&plain))
		if (rd_u32(&plain) == UINT32_C(0xffff0000))
			return true;
	return (size_t)(u->path.as_path.end - u->path.as_path.p) > 2 + 4;
}

void sim_router_routes(void *ctx, const struct bgp_update *u)
{
	struct sim_end *e = ctx;
	struct bgp_routes walk;
	struct bgp_route route;

	bgp_routes_begin(&walk, u);
	while (bgp_routes_next(&walk, &route))
		holds((struct sim_router *)e->party, route.withdrawn ? ANNOUNCE_WITHDRAWN
						     : is_demoted(u) ? ANNOUNCE_DEMOTED
								     : ANNOUNCE_ANNOUNCED);
}

void sim_router_session(struct sim_end *e, bool up)
{
	if (!up)
		holds((struct sim_router *)e->party, ANNOUNCE_WITHDRAWN);
}

void sim_router_start(struct sim_router *r)
{
	r->party.host_up = r->party.running = true;
	sim_end_start(r->party.ends[0]);
}
