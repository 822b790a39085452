// The order of ranks: customers before their providers. Part of plan/graph.
#pragma once

#include "plan/graph.h"

// Fills order, cycles and cycle_count of a graph that has its links.
void plan_order(struct plan_graph *g);
