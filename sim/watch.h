// What is true, apart from what the nodes believe; and what must hold at each instant.
//
//	hears(a, b)   both run, and a live session or a live reflector joins them
//	part          nodes that hear each other, directly or by others in between
//	floor(part)   min(m, sites that are able or could be held): so many sites announce
//
// At each instant, once the time allowed has passed (sim_allowed()):
//	- as many sites of a part as its floor announce
//	- a node with a crashed service does not announce beside an able site that it hears
// and without any time allowed: when a node goes by the guard's leave, m sites of its part
// announce in truth. What nobody could know yet is excused: a crash, a killed daemon, an
// operator's force, a cut that no timer has found, news that are late.
#pragma once

#include "sim/world.h"

enum sim_class {
	SIM_OUT,      // could not be held: off, drained, starting, not there
	SIM_HARD_OUT, // its service crashed
	SIM_HOLDABLE, // soft, draining, damped
	SIM_ABLE,
};

struct sim_watch *sim_watch_new(struct sim_world *w);
void sim_watch_free(struct sim_watch **watch);

enum sim_class sim_class_of(const struct sim_node *n);
static inline bool sim_announces(const struct sim_node *n)
{
	return n->party.running && n->at_router != ANNOUNCE_WITHDRAWN;
}

bool sim_hears(struct sim_world *w, const struct sim_node *a, const struct sim_node *b);
// The smallest node of the part that the node is in.
unsigned sim_part_of(struct sim_world *w, const struct sim_node *n);

// How many sites must announce as far as this node can know: of those it was in sight of.
unsigned sim_min_sites(const struct sim_node *n);

struct sim_count {
	unsigned nodes, sites, able, holdable, hard, announcing;
	unsigned m; // the least that a node of the part knows of
	unsigned floor;
};
struct sim_count sim_count_part(struct sim_world *w, unsigned part);

span sim_allowed(const struct sim_plan *p, enum sim_measured what);
void sim_measure(struct sim_world *w, enum sim_measured what, span took);

// Every node that hears another from now on has known it.
void sim_watch_known(struct sim_world *w);
// Begins to look at each instant.
void sim_watch_start(struct sim_world *w);
// The node is about to withdraw.
void sim_watch_withdrawal(struct sim_world *w, struct sim_node *n);
// Its router took the route out.
void sim_watch_gone(struct sim_node *n);
