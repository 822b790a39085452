#pragma once

#include "sim/watch.h"
#include "sim/world.h"

// An orderly end: withdrawn, told, Cease.
void sim_node_stop(struct sim_node *n);
