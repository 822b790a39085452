// Begin, settle, look; then phase by phase: mend by chance, break, settle, look; in the end
// everything is mended, and everything must be as in the beginning.
#include "sim/run.h"

#include <assert.h>
#include <string.h>

#include "lib/own.h"
#include "sim/check.h"
#include "sim/fault.h"
#include "sim/watch.h"

static const char *const measured[] = {
	[SIM_NEWS] = "news",
	[SIM_HARD] = "crashed beside able",
	[SIM_FLOOR] = "below the floor",
	[SIM_SETTLING] = "settling",
};
static_assert(countof(measured) == SIM_MEASURED);

const char *sim_measured_name(enum sim_measured m)
{
	return measured[m];
}

static void settle(struct sim_world *w)
{
	instant end;

	do {
		end = instant_add(w->last_fault, sim_allowed(&w->plan, SIM_SETTLING));
		sim_run_until(w, instant_add(end, span_s(5)));
	} while (!w->broken && instant_before(end, instant_add(w->last_fault,
							   sim_allowed(&w->plan, SIM_SETTLING))));
	if (!w->broken)
		sim_check_quiet(w);
}

static void phases(struct sim_world *w)
{
	sim_begin(w);
	settle(w);
	for (w->phase = 1; w->phase <= w->plan.phases && !w->broken; w->phase++) {
		if (w->phase > 1)
			sim_mend(w, false);
		sim_burst(w);
		sim_run_until(w, instant_add(w->now, w->plan.burst));
		settle(w);
	}
	if (w->broken)
		return;
	sim_mend(w, true);
	settle(w);
}

struct sim_outcome sim_run(
	uint64_t seed, unsigned sites, const struct sim_mutant *mutant, bool tell)
{
	struct sim_world *w = sim_world_new(seed, sites, mutant, tell);
	struct sim_outcome o;

	phases(w);
	o = (struct sim_outcome){
		.broken = w->broken,
		.at = w->now,
		.digest = w->trace.digest,
		.plan = w->plan,
		.deliveries = w->deliveries,
		.decisions = w->decisions,
		.announcements = w->announcements,
		.events = w->events_run,
	};
	memcpy(o.what, w->what, sizeof(o.what));
	memcpy(o.measures, w->measures, sizeof(o.measures));
	sim_world_free(&w);
	return o;
}
