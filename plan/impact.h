// What changes for clients when something fails: many failures at once, beside how it was before.
#pragma once

#include "plan/batch.h"
#include "plan/summary.h"

// Shares are of the weight of all clients.
struct plan_impact {
	double moved;        // to another site
	double lost, gained; // had a route and has none; the other way round
	double mean_ms;      // of the clients that have a place and a route; 0 without
	double overload;     // beyond what sites can carry
	double fullest;      // share of the site with the largest one
	uint32_t fullest_site;
};

// The ground that impacts are measured on. All borrowed.
struct plan_ground {
	const struct plan_graph *graph;
	const struct plan_plan *plan;
	const struct plan_clients *clients; // NULL: every AS weighs 1
	const struct plan_latency *latency;
	const struct plan_routes *before;
};

struct plan_impacts;

// Reads the routes before; they may change afterwards.
[[nodiscard]] struct plan_impacts *plan_impacts_new(const struct plan_ground *ground);
void plan_impacts_free(struct plan_impacts **x); // NULL inside is fine

// The impact of each mask, at most PLAN_LANES of them. -EOVERFLOW: a path is too long, whichever
// way it is computed.
[[nodiscard]] int plan_impacts_of(struct plan_impacts *x, const struct plan_mask *const *masks,
	uint32_t count, struct plan_impact *ret);

// How much weight crosses each node on its way, its own included: carried[node]. The part of it
// that goes on to the next hop is all of it.
void plan_carried(const struct plan_routes *r, const struct plan_clients *clients, double *carried);
