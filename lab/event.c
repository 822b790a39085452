#include "lab/event.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lab/link.h"
#include "lab/programs.h"
#include "lab/rtnl.h"
#include "lib/mem.h"

struct context {
	const struct scn_step *step;
	const char *target;
	const struct world *world;
	struct services *services;
	struct command *command;
	bool back; // `reconfigure` the other way
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
		rc = replace_all(&new, sb_text(&old), c->back ? c->step->with : c->step->replace,
			c->back ? c->step->replace : c->step->with);
	if (rc == 0)
		rc = world_write(c->world, node, "nearcast.yaml", &new);
	return rc < 0 ? rc : service_signal(s, SIGHUP);
}

static int set_links_up(const struct context *c, const struct lab_node *node, bool up)
{
	const struct topology *t = c->world->topology;

	for (size_t i = 0; i < t->link_count; i++) {
		int rc = link_end_at(&t->links[i], node) ? link_set_up(&t->links[i], up) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

// What the kernel would go on with is gone with a machine, too: connections whose process ended, and the
// keeper's programs. Nobody waits for it: nothing comes to the node before it is on again.
static int forget(const struct context *c, const struct lab_node *node)
{
	static const char *const sockets[] = { "ss", "-K", "-a", "-t", NULL };
	own(sb_free) struct strbuf program = {}, conf = {};
	pid_t pid = world_spawn(c->world, node, "power-off.log", sockets);

	if (pid < 0 || !node->keeper)
		return pid < 0 ? pid : 0;
	int rc = program_find("nearcastd", &program);
	if (rc < 0)
		return rc;
	pid = world_spawn(c->world, node, "power-off.log",
		(const char *const[]){ sb_text(&program), "--detach", "-c",
			world_path(c->world, node, "nearcast.yaml", &conf), NULL });
	return pid < 0 ? pid : 0;
}

// First the links: no last word of a service may leave.
static int do_power_off(const struct context *c)
{
	const struct lab_node *node = topology_node(c->world->topology, c->target);
	int rc = set_links_up(c, node, false);

	for (size_t i = 0; rc == 0 && services_at(c->services, i); i++) {
		struct service *s = services_at(c->services, i);
		if (s->node == node && s->pid > 0)
			rc = service_signal(s, SIGKILL);
	}
	return rc < 0 ? rc : forget(c, node);
}

static int do_power_on(const struct context *c)
{
	const struct lab_node *node = topology_node(c->world->topology, c->target);
	int rc = set_links_up(c, node, true);

	for (size_t i = 0; rc == 0 && services_at(c->services, i); i++) {
		struct service *s = services_at(c->services, i);
		if (s->node == node && s->pid == 0)
			rc = service_start(s);
	}
	return rc;
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
	[STEP_POWER_OFF] = do_power_off,
	[STEP_POWER_ON] = do_power_on,
};

static int do_all(const struct scn_step *step, const struct world *w, struct services *services,
	struct command *command, bool back, struct strbuf *error)
{
	items_for_each(char *, target, step->targets)
	{
		const struct context c = { step, *target, w, services, command, back };
		int rc = actions[step->event](&c);

		if (rc < 0) {
			sb_printf(error, "cannot %s %s: %s", step_event_name(step->event), *target,
				rc == -ENOMSG ? "its nearcast.yaml has no text to replace"
					      : strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int event_do(const struct scn_step *step, const struct world *w, struct services *services,
	struct command *command, struct strbuf *error)
{
	*command = (struct command){};
	return do_all(step, w, services, command, false, error);
}

bool event_turn(struct turns *t, const struct scn_step *step, const struct world *w,
	struct services *services, instant now, struct strbuf *error)
{
	struct command none = {};

	while (t->done < step->times) {
		instant due = instant_add(t->begun, (span){ (int64_t)t->done * step->every.us });
		if (!instant_due(due, now))
			return false;
		if (do_all(step, w, services, &none, t->done % 2 == 1, error) < 0) {
			t->done = step->times;
			return true;
		}
		t->done++;
	}
	return true;
}
