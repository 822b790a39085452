// What the events of a scenario's timeline may name.
#include <stdlib.h>
#include <string.h>

#include "lab/scenario_int.h"
#include "lib/mem.h"

bool scn_link_is_same(const struct scn_link *x, const struct scn_link *y)
{
	return (strcmp(x->a, y->a) == 0 && strcmp(x->b, y->b) == 0) ||
	       (strcmp(x->a, y->b) == 0 && strcmp(x->b, y->a) == 0);
}

bool scenario_has_daemon(const struct scenario *s, const char *node)
{
	int i = scenario_node(s, node);

	return i >= 0 && ((struct scn_site *)s->sites.data)[i].announcer == ANNOUNCER_NEARCASTD;
}

static bool linked(const struct scenario *s, const char *a, const char *b)
{
	const struct scn_link pair = { .a = mem_strdup(a), .b = mem_strdup(b) };
	bool found = false;

	items_for_each(struct scn_link, l, s->links) found |= scn_link_is_same(l, &pair);
	items_for_each(struct scn_site, site, s->sites)
	{
		items_for_each(struct scn_upstream, u, site->upstreams)
		{
			const struct scn_link edge = { .a = site->name, .b = u->network };
			found |= scn_link_is_same(&edge, &pair);
		}
	}
	free(pair.a);
	free(pair.b);
	return found;
}

// Services of a node, by who runs them.
static bool has_service(const struct scenario *s, const char *node, const char *service)
{
	static const char *const announcers[] = {
		[ANNOUNCER_NEARCASTD] = "nearcastd",
		[ANNOUNCER_BIRD] = "bird",
		[ANNOUNCER_NONE] = "dns",
	};
	static const char *const reflectors[] = {
		[REFLECTOR_BIRD] = "bird",
		[REFLECTOR_FRR] = "bgpd",
	};
	int site = scenario_node(s, node), reflector = scenario_reflector(s, node);

	if (scenario_network(s, node) >= 0)
		return strcmp(service, "bird") == 0;
	if (reflector >= 0) {
		const struct scn_reflector *r = s->reflectors.data;
		return strcmp(service, reflectors[r[reflector].kind]) == 0;
	}
	if (site < 0)
		return false;
	const struct scn_site *at = (struct scn_site *)s->sites.data + site;
	return strcmp(service, "dns") == 0 || strcmp(service, announcers[at->announcer]) == 0 ||
	       (at->web != WEB_NONE && strcmp(service, "web") == 0) ||
	       (at->quic != QUIC_NONE && strcmp(service, "quic") == 0);
}

// Hosts have one address that others reach them by.
static bool is_host(const struct scenario *s, const char *name)
{
	return scenario_node(s, name) >= 0 || scenario_reflector(s, name) >= 0 ||
	       scenario_client(s, name) >= 0;
}

static bool is_pair_of_hosts(const struct scenario *s, const char *a, const char *b)
{
	return is_host(s, a) && is_host(s, b) && strcmp(a, b) != 0;
}

static void check_target(struct checker *c, const struct scn_step *step, const char *target)
{
	char a[NODE_NAME_MAX + 1], b[SERVICE_NAME_MAX + 1];
	bool pair = target_split(target, a, b);

	switch (step_event_target(step->event)) {
	case TARGET_SERVICE:
		if (!pair || !has_service(c->s, a, b))
			FAULT(c, step->place, "expected site/dns, site/nearcastd or network/bird",
				"there is no service `%s`", target);
		break;
	case TARGET_LINK:
		if (!pair || !linked(c->s, a, b))
			FAULT(c, step->place, "expected two linked nodes: one/other",
				"there is no link `%s`", target);
		break;
	case TARGET_PAIR:
		if (!pair || !is_pair_of_hosts(c->s, a, b))
			FAULT(c, step->place, "expected sites, reflectors or clients: one/other",
				"there are no such hosts: `%s`", target);
		break;
	case TARGET_DAEMON:
		if (!scenario_has_daemon(c->s, target))
			FAULT(c, step->place, NULL, "`%s` has no nearcastd", target);
		break;
	case TARGET_NODE:
		if (scenario_network(c->s, target) < 0 && !is_host(c->s, target))
			FAULT(c, step->place, NULL, "there is no node `%s`", target);
		break;
	}
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
	items_for_each(char *, site, step->announced) check_site_known(c, step->place, *site);
}
