// What routes mean for sites and clients: who lands where, how far away, and how full that makes it.
#pragma once

#include "plan/clients.h"
#include "plan/load.h"
#include "plan/propagate.h"

struct plan_site_sum {
	uint32_t ases;
	double weight;          // share of all
	double mean_ms, p95_ms; // of the clients that have a place; 0 without
};

struct plan_summary {
	uint32_t ases, reached;
	uint32_t by_class[PLAN_CLASS_MAX];
	double weight;                     // share of all that is reached
	double placed;                     // share of all that is reached and has a place
	double mean_ms, median_ms, p95_ms; // of those; 0 without
	double overload;                   // share of all beyond what sites can carry
	struct plan_site_sum *sites;       // one a site
};

// said: where nodes that have a route are known to go, whatever it is; -1: not known; NULL: of none.
// clients: NULL: every AS weighs 1. latency is used where sites and clients have places.
void plan_summarise(struct plan_summary *ret, const struct plan_routes *r,
	const struct plan_plan *p, const int16_t *said, const struct plan_clients *clients,
	const struct plan_latency *latency);
void plan_summary_free(struct plan_summary *s);

// Round-trip time of a node to a site; negative: one of them has no place.
double plan_node_ms(const struct plan_clients *clients, const struct plan_latency *latency,
	uint32_t node, const struct plan_site *site);
