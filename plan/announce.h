// What is announced to the graph, and what of the graph is out of order.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "plan/graph.h"

enum {
	PLAN_SITES_MAX = 1024,
	PLAN_SEEDS_MAX = 16384,
	PLAN_PREPEND_MAX = 5,     // extra, of a neighbour in an announcement file
	PLAN_ORIGIN_PREPEND = 32, // extra, of --origin
	PLAN_POISON_MAX = 16,     // ASes that one neighbour's announcement poisons
};

// How a route came to an AS, in the order of preference.
enum plan_class {
	PLAN_ORIGIN, // the AS announces the prefix itself
	PLAN_FROM_CUSTOMER,
	PLAN_FROM_PEER,
	PLAN_FROM_PROVIDER,
	PLAN_NO_ROUTE,
	PLAN_CLASS_MAX,
};

const char *plan_class_name(enum plan_class c); // "origin", "customer", ..., "none"

// To which of its neighbours an AS passes on what it heard from a seed.
enum {
	PLAN_TO_CUSTOMERS = 1 << PLAN_CUSTOMER,
	PLAN_TO_PEERS = 1 << PLAN_PEER,
	PLAN_TO_PROVIDERS = 1 << PLAN_PROVIDER,
	PLAN_TO_ALL = PLAN_TO_CUSTOMERS | PLAN_TO_PEERS | PLAN_TO_PROVIDERS,
};

// One door by which an announcement enters the graph: a neighbour of a site, or an AS of the
// graph that announces the prefix itself.
struct plan_seed {
	uint32_t node; // that hears it, or announces it
	uint32_t from; // AS number of who announces
	uint16_t site;
	uint16_t length;        // of the path at that node, the node itself counted
	enum plan_class class;  // at that node
	unsigned scope;         // PLAN_TO_*: what the rules of transit allow is cut down to this
	uint32_t poisoned;      // number of ASes that will not take it
	const uint32_t *poison; // their nodes, ascending; borrowed
};

// Sites and their seeds; both are borrowed. Where class and length tie at a node, the seed with the
// lower `from` wins, then the earlier one.
struct plan_announcement {
	uint32_t seed_count;
	const struct plan_seed *seeds;
	uint32_t site_count;
	uint32_t
		origin; // node of an AS that announces from outside the graph though it is in it: it
			// takes no route and passes none on; PLAN_NONE: there is none
};

// What is out of order. All borrowed; sorted lists, so that looking is cheap.
struct plan_broken_link {
	uint32_t low, high; // nodes, low < high
};

struct plan_mask {
	const uint32_t *nodes; // ASes that are down, ascending
	uint32_t node_count;
	const struct plan_broken_link *links; // ascending by low, then high
	uint32_t link_count;
	const bool *sites_off; // one a site; NULL: all sites are on
	const bool *seeds_off; // one a seed; NULL: all are on
};

// NULL for mask: nothing is out of order.
static inline bool plan_seed_is_on(
	const struct plan_announcement *a, const struct plan_mask *mask, uint32_t seed)
{
	if (!mask)
		return true;
	if (mask->seeds_off && mask->seeds_off[seed])
		return false;
	return !mask->sites_off || !mask->sites_off[a->seeds[seed].site];
}
