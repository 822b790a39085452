#include "lab/event.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lab/link.h"
#include "lib/mem.h"

struct context {
	const struct scn_step *step;
	const struct world *world;
	struct services *services;
	pid_t *command;
};

static int send_signal(const struct context *c, int signal)
{
	struct service *s = services_find(c->services, c->step->target);

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
	struct service *s = services_find(c->services, c->step->target);

	return s ? service_start(s) : -ENOENT;
}

static int set_link(const struct context *c, bool up)
{
	char a[NODE_NAME_MAX + 1], b[SERVICE_NAME_MAX + 1];

	if (!target_split(c->step->target, a, b))
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
	enum { PREFIX = 3 }; // env(1) changes to the node's directory
	const struct lab_node *node = topology_node(c->world->topology, c->step->target);
	size_t n = c->step->command.count;
	own(free_ptr) const char **argv = mem_zalloc((PREFIX + n + 1) * sizeof(*argv));
	own(sb_free) struct strbuf dir = {};

	argv[0] = "env";
	argv[1] = "-C";
	argv[2] = world_path(c->world, node, "", &dir);
	memcpy(argv + PREFIX, c->step->command.data, n * sizeof(*argv));
	pid_t pid = world_spawn(c->world, node, "run.log", argv);
	if (pid < 0)
		return pid;
	*c->command = pid;
	return 0;
}

static int (*const actions[STEP_MAX])(const struct context *c) = {
	[STEP_KILL] = do_kill,
	[STEP_TERM] = do_term,
	[STEP_STOP] = do_stop,
	[STEP_CONT] = do_cont,
	[STEP_START] = do_start,
	[STEP_LINK_DOWN] = do_link_down,
	[STEP_LINK_UP] = do_link_up,
	[STEP_RUN] = do_run,
};

int event_do(const struct scn_step *step, const struct world *w, struct services *services,
	pid_t *command, struct strbuf *error)
{
	const struct context c = { step, w, services, command };

	*command = 0;
	int rc = actions[step->event](&c);

	if (rc < 0)
		sb_printf(error, "cannot %s %s: %s", step_event_name(step->event), step->target,
			strerror(-rc));
	return rc;
}
