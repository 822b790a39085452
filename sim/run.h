// One seed, one run.
#pragma once

#include "sim/world.h"

struct sim_outcome {
	bool broken;
	char what[512];
	instant at; // of what broke, or of the end
	uint64_t digest;
	struct sim_plan plan;
	struct sim_measure measures[SIM_MEASURED];
	uint64_t deliveries, decisions, announcements, events;
};

struct sim_outcome sim_run(
	uint64_t seed, unsigned sites, const struct sim_mutant *mutant, bool tell);

const char *sim_measured_name(enum sim_measured m);
