// A plain three-phase loop over the graph: what the planner's engines are measured beside. One
// announcement of whole ASes, no policies, no failures; the same routes.
#pragma once

#include "plan/graph.h"

struct loop_route {
	uint32_t next_hop, origin;
	uint16_t length;
	uint8_t class; // enum plan_class
};

// queue: as many nodes as the graph has.
void plan_loop(const struct plan_graph *g, const uint32_t *origins, uint32_t count,
	struct loop_route *route, uint32_t *queue);
