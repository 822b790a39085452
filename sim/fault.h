// Faults and operators: what happens to a world, drawn from its seed.
#pragma once

#include "sim/world.h"

// Starts everything, at slightly different times.
void sim_begin(struct sim_world *w);
// The faults of a phase, as events from now on until the plan's burst is over.
void sim_burst(struct sim_world *w);
// Mends what was broken: all of it, or each thing by chance.
void sim_mend(struct sim_world *w, bool all);
