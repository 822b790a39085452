#include "lab/command.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/mem.h"

enum { RETRY_MS = 200 };

static const char log_file[] = "run.log";

static pid_t spawn(const struct command *c, const struct world *w)
{
	enum { PREFIX = 3 }; // env(1) changes to the node's directory
	size_t n = c->step->command.count;
	own(free_ptr) const char **argv = mem_zalloc((PREFIX + n + 1) * sizeof(*argv));
	own(sb_free) struct strbuf dir = {};

	argv[0] = "env";
	argv[1] = "-C";
	argv[2] = world_path(w, c->node, "", &dir);
	memcpy(argv + PREFIX, c->step->command.data, n * sizeof(*argv));
	return world_spawn(w, c->node, log_file, argv);
}

int command_start(struct command *c, const struct world *w, const struct scn_step *step)
{
	const char *name = *(char *const *)step->targets.data;
	own(sb_free) struct strbuf before = {};
	struct command new = { .step = step, .node = topology_node(w->topology, name) };

	if (world_read(w, new.node, log_file, 0, &before) == 0)
		new.output = (long)before.len;
	new.pid = spawn(&new, w);
	if (new.pid < 0)
		return new.pid;
	*c = new;
	return 0;
}

static void print_end(const struct command *c, int status, struct strbuf *why)
{
	sb_printf(why, "the command ended with %s %d: see %s/%s (kept with --keep)",
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), c->node->name,
		log_file);
}

// True when it is over.
static bool reap(struct command *c, instant now, bool give_up, struct strbuf *why)
{
	int status;

	if (waitpid(c->pid, &status, WNOHANG) != c->pid) {
		if (!give_up)
			return false;
		kill(-c->pid, SIGKILL); // it leads its own session
		waitpid(c->pid, &status, 0);
		sb_printf(why, "the command still ran: see %s/%s (kept with --keep)", c->node->name,
			log_file);
		return true;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (!c->step->retry || give_up) {
		print_end(c, status, why);
		return true;
	}
	c->pid = 0;
	c->again = instant_add(now, span_ms(RETRY_MS));
	return false;
}

bool command_poll(
	struct command *c, const struct world *w, instant now, bool give_up, struct strbuf *why)
{
	if (!c->step)
		return true;
	if (c->pid > 0) {
		if (!reap(c, now, give_up, why))
			return false;
		c->step = NULL;
		return true;
	}
	if (give_up)
		sb_printf(why, "the command failed to the end: see %s/%s (kept with --keep)",
			c->node->name, log_file);
	else if (!instant_due(c->again, now))
		return false;
	else if (command_start(c, w, c->step) < 0)
		sb_str(why, "the command could not be started again");
	if (why->len)
		c->step = NULL;
	return !c->step;
}

int command_output(const struct command *c, const struct world *w, struct strbuf *b)
{
	return c->node ? world_read(w, c->node, log_file, c->output, b) : -ENOENT;
}
