// Whether a step is over, and what came of it.
#pragma once

#include "lab/census.h"
#include "lab/client.h"
#include "lab/run.h"

struct judge {
	const struct scenario *scenario;
	struct clients *clients;
	struct census *census;     // by what the daemons say
	const struct world *world; // whose routers are asked, too
	const struct session_list *sessions;
};

// Every client was answered as expected, and the sites announced that should, for the step's
// `settle`.
bool judge_is_settled(const struct judge *j, const struct step_result *step, instant now);

// Fills in what the clients saw and who announced from step->at to step->end, and step->ok.
void judge_step(const struct judge *j, struct step_result *step);

// Fills in what became of sessions in the end.
void judge_ending(const struct judge *j, struct run_result *r);

// The same of the whole timeline, up to r->ended.
void judge_run(const struct judge *j, struct run_result *r);
