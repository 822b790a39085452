#include "lab/event.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lab/link.h"
#include "lab/rtnl.h"
#include "lib/mem.h"

struct context {
	const struct scn_step *step;
	const char *target;
	const struct world *world;
	struct services *services;
	struct command *command;
};

static int send_signal(const struct context *c, int signal)
{
	struct service *s = services_find(c->services, c->target);

	return s ? service_signal(s, signal) : -ENOENT;
}

static int do_kill(const struct context *c)
{
	return send_signal(c, SIGKILL);
}

static int do_term(const struct context *c)
{
	return send_signal(c, SIGTERM);
}

static int do_stop(const struct context *c)
{
	return send_signal(c, SIGSTOP);
}

static int do_cont(const struct context *c)
{
	return send_signal(c, SIGCONT);
}

static int do_start(const struct context *c)
{
	struct service *s = services_find(c->services, c->target);

	return s ? service_start(s) : -ENOENT;
}

static int set_link(const struct context *c, bool up)
{
	char a[NODE_NAME_MAX + 1], b[SERVICE_NAME_MAX + 1];

	if (!target_split(c->target, a, b))
		return -EINVAL;
	const struct lab_link *l = topology_link(c->world->topology, a, b);
	return l ? link_set_up(l, up) : -ENOENT;
}

static int do_link_down(const struct context *c)
{
	return set_link(c, false);
}

static int do_link_up(const struct context *c)
{
	return set_link(c, true);
}

static int do_run(const struct context *c)
{
	return command_start(c->command, c->world, c->step);
}

// Packets stop at the one that would send them, before they reach the network: paths
// of clients stay as they are.
static int set_blocked(const struct context *c, bool blocked)
{
	char a[NODE_NAME_MAX + 1], b[SERVICE_NAME_MAX + 1];

	if (!target_split(c->target, a, b))
		return -EINVAL;
	const struct lab_node *ends[] = { topology_node(c->world->topology, a),
		topology_node(c->world->topology, b) };
	for (size_t i = 0; i < countof(ends); i++) {
		const struct lab_node *from = ends[i], *to = ends[1 - i];
		int rc = rtnl_blackhole(from->netns, &to->address4, blocked);
		if (rc == 0)
			rc = rtnl_blackhole(from->netns, &to->address6, blocked);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int do_block(const struct context *c)
{
	return set_blocked(c, true);
}

static int do_unblock(const struct context *c)
{
	return set_blocked(c, false);
}

static int replace_all(struct strbuf *b, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (!at)
		return -ENOMSG;
	for (; at; at = strstr(text, from)) {
		sb_add(b, text, (size_t)(at - text));
		sb_str(b, to);
		text = at + strlen(from);
	}
	sb_str(b, text);
	return 0;
}

static int do_reconfigure(const struct context *c)
{
	const struct lab_node *node = topology_node(c->world->topology, c->target);
	own(sb_free) struct strbuf service = {}, old = {}, new = {};

	sb_printf(&service, "%s/nearcastd", c->target);
	struct service *s = services_find(c->services, sb_text(&service));
	if (!s)
		return -ENOENT;
	int rc = world_read(c->world, node, "nearcast.yaml", 0, &old);
	if (rc == 0)
		rc = replace_all(&new, sb_text(&old), c->step->replace, c->step->with);
	if (rc == 0)
		rc = world_write(c->world, node, "nearcast.yaml", &new);
	return rc < 0 ? rc : service_signal(s, SIGHUP);
}

static int (*const actions[STEP_MAX])(const struct context *c) = {
	[STEP_KILL] = do_kill,
	[STEP_TERM] = do_term,
	[STEP_STOP] = do_stop,
	[STEP_CONT] = do_cont,
	[STEP_START] = do_start,
	[STEP_LINK_DOWN] = do_link_down,
	[STEP_LINK_UP] = do_link_up,
	[STEP_BLOCK] = do_block,
	[STEP_UNBLOCK] = do_unblock,
	[STEP_RECONFIGURE] = do_reconfigure,
	[STEP_RUN] = do_run,
};

int event_do(const struct scn_step *step, const struct world *w, struct services *services,
	struct command *command, struct strbuf *error)
{
	*command = (struct command){};
	items_for_each(char *, target, step->targets)
	{
		const struct context c = { step, *target, w, services, command };
		int rc = actions[step->event](&c);

		if (rc < 0) {
			sb_printf(error, "cannot %s %s: %s", step_event_name(step->event), *target,
				strerror(-rc));
			return rc;
		}
	}
	return 0;
}
