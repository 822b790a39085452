// Where an announcement goes: the route of every AS.
//
// Each AS prefers routes from customers to those from peers to those from providers, then the shorter
// path, then the neighbour with the lowest AS number. It tells its customers everything, and its
// peers and providers only what came from customers (Gao and Rexford, 2001). Hence three phases:
//
//	1  up:     customers to providers, the shortest first
//	2  across: each peer link once, from ASes that have the route from a customer or announce it
//	3  down:   providers to customers, the shortest first
//
// No AS takes back in a later phase what it chose in an earlier one, so one pass each is enough.
#pragma once

#include "plan/announce.h"

enum { PLAN_NO_SEED = UINT16_MAX, PLAN_LENGTH_MAX = 60000 };

struct plan_route {
	uint32_t next_hop; // node; PLAN_NONE: a seed enters here, or there is no route
	uint16_t seed;     // by which the announcement came in; PLAN_NO_SEED: no route
	uint16_t length;   // ASes of the path, this one and prepends counted; 0: no route
	uint8_t class;     // enum plan_class
};

// The routes of one announcement, and the memory to compute others like it.
struct plan_routes {
	const struct plan_graph *graph; // borrowed
	struct plan_route *route;       // one a node
	void *work;
};

[[nodiscard]] struct plan_routes *plan_routes_new(const struct plan_graph *g);
void plan_routes_free(struct plan_routes **r); // NULL inside is fine

// Forgets what was there. mask: NULL, or what is out of order. -EOVERFLOW: a path is longer than
// PLAN_LENGTH_MAX; the routes are none then. Paths do not loop, in whatever graph.
[[nodiscard]] int plan_propagate(
	struct plan_routes *r, const struct plan_announcement *a, const struct plan_mask *mask);

// The site of a node, -1 without a route.
static inline int plan_site(
	const struct plan_routes *r, const struct plan_announcement *a, uint32_t node)
{
	uint16_t seed = r->route[node].seed;

	return seed == PLAN_NO_SEED ? -1 : a->seeds[seed].site;
}

// Fills path with AS numbers from the node on to who announces, as an AS_PATH with the node itself
// before it; prepends and poisoned ASes stand in it as in BGP. Returns their number, which is the
// route's length (0: no route); at most cap are written.
size_t plan_path(const struct plan_routes *r, const struct plan_announcement *a, uint32_t node,
	uint32_t *path, size_t cap);

// The same of what a seed's announcer sends: without the node that hears it.
size_t plan_seed_path(
	const struct plan_graph *g, const struct plan_seed *s, uint32_t *path, size_t cap);

// One offer that a node has, of all those its neighbours and seeds make.
struct plan_offer {
	uint32_t neighbour; // node; PLAN_NONE: the seed's own
	uint16_t seed, length;
	uint8_t class;
};

// What a node chose from. Offers are those that its neighbours would make knowing the final routes.
struct plan_choice {
	uint32_t tied;       // offers of the same class and length as the best, with it
	uint32_t tied_sites; // sites that they lead to
	struct plan_offer
		second; // the best offer that leads to another site; class PLAN_NO_ROUTE: none
};

// mask: that of the run. Only after a successful plan_propagate().
struct plan_choice plan_choice_at(const struct plan_routes *r, const struct plan_announcement *a,
	const struct plan_mask *mask, uint32_t node);

// All offers, best first; at most cap are written, the number that there are is returned. Ties
// stand in the order in which the node would take them.
size_t plan_offers_at(const struct plan_routes *r, const struct plan_announcement *a,
	const struct plan_mask *mask, uint32_t node, struct plan_offer *offers, size_t cap);
