// A smaller graph that gives the same catchments, for searches that try thousands of announcements.
//
// An AS without customers passes nothing on. So such ASes with the same neighbours have the same
// site, and one of them stands for all; with a single provider, that one does. Those that weigh
// nothing are left out.
#pragma once

#include "plan/clients.h"
#include "plan/load.h"

// A part of the load of a node: clients of one place.
struct plan_load_part {
	uint32_t node;  // of the reduced graph
	uint32_t place; // index into places; PLAN_NONE: unknown
	double weight;
};

struct plan_place {
	float lat, lon;
};

struct plan_reduced {
	struct plan_graph *graph;
	uint32_t *of; // node of the whole graph -> of the reduced one; PLAN_NONE: left out
	struct plan_load_part *parts; // by node
	uint32_t part_count;
	struct plan_place *places;
	uint32_t place_count;
	double total; // weight, also of what is left out
};

// Keeps every AS that the announcement names. clients: NULL: every AS weighs 1.
[[nodiscard]] struct plan_reduced *plan_reduce(const struct plan_graph *g,
	const struct plan_announcement *a, const struct plan_clients *clients);
void plan_reduced_free(struct plan_reduced **r); // NULL inside is fine
