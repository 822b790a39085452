// What the events of a scenario's timeline need and may have.
#include "lab/scenario_int.h"

bool scenario_has_daemon(const struct scenario *s, const char *node)
{
	int i = scenario_node(s, node);

	return i >= 0 && ((struct scn_site *)s->sites.data)[i].announcer == ANNOUNCER_NEARCASTD;
}

// News are of nodes that have some to tell.
static void check_has_daemons(struct checker *c, const struct scn_step *step)
{
	items_for_each(char *, target, step->targets)
	{
		char a[NODE_NAME_MAX + 1], b[SERVICE_NAME_MAX + 1];

		if (!scenario_has_daemon(c->s, target_split(*target, a, b) ? a : *target))
			FAULT(c, step->place, NULL,
				"`heard-within`: `%s` is no node with nearcastd", *target);
	}
}

static void check_turns(struct checker *c, const struct scn_step *step)
{
	if (!step->has_every && !step->has_times)
		return;
	if (step->event != STEP_RECONFIGURE)
		FAULT(c, step->place, NULL, "`every` and `times` are for `reconfigure` only");
	else if (!step->has_every || !step->has_times)
		FAULT(c, step->place, NULL, "`every` and `times` go together");
	else if ((uint64_t)step->every.us * step->times >= (uint64_t)step->within.us)
		FAULT(c, step->place, "expected `within` to be longer",
			"the turns of `reconfigure` take longer than the step may");
}

void check_event(struct checker *c, const struct scn_step *step)
{
	bool run = step->event == STEP_RUN, reconfigure = step->event == STEP_RECONFIGURE;

	items_for_each(char *, target, step->targets) check_target(c, step, *target);
	if (run && step->targets.count > 1)
		FAULT(c, step->place, NULL, "`run` takes one target");
	if (run != (step->command.count > 0))
		FAULT(c, step->place, NULL,
			run ? "`run` needs a command" : "`command` is for `run` only");
	if (!run && (step->retry || step->show))
		FAULT(c, step->place, NULL, "`retry` and `show` are for `run` only");
	if (reconfigure != (step->replace && step->with))
		FAULT(c, step->place, NULL,
			reconfigure ? "`reconfigure` needs `replace` and `with`"
				    : "`replace` and `with` are for `reconfigure` only");
	check_turns(c, step);
	if (step->has_heard_within)
		check_has_daemons(c, step);
	items_for_each(char *, site, step->announced)
		check_site_known(c, step->announced_place, *site);
}
