// What clients, sessions, services and daemons say while a run goes on: noted for the verdicts, told on
// standard error.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lab/clock.h"
#include "lab/run_int.h"

enum { BREAKS_SAID = 10 };

static void on_change(void *ctx, const struct stream *s, const struct site_change *c)
{
	static const char *const families[] = { [IP4] = " (IPv4)", [IP6] = " (IPv6)" };
	struct run *run = ctx;
	const char *name = s->client->name, *to = site_name(run->s, c->to);
	const char *family = s->client->family == CLIENT_BOTH ? families[s->family] : "";

	if (c->from == SITE_NONE)
		SAY(run, LIVE_PLAIN, c->at, "%s%s: answered by %s", name, family, to);
	else if (c->unanswered == 0)
		SAY(run, LIVE_PLAIN, c->at, "%s%s: %s %s %s (nothing lost)", name, family,
			site_name(run->s, c->from), live_arrow(&run->live), to);
	else
		SAY(run, LIVE_PLAIN, c->at, "%s%s: %s %s %s (outage %" PRId64 " ms, %zu lost)",
			name, family, site_name(run->s, c->from), live_arrow(&run->live), to,
			span_to_ms(c->silence), c->unanswered);
}

static void on_break(void *ctx, const struct session *s)
{
	const struct scn_site *nodes;
	struct run *run = ctx;
	own(sb_free) struct strbuf b = {};

	nodes = run->s->sites.data;
	session_print(run->s, s, &b);
	if (s->node != NODE_NONE)
		sb_printf(&b, " with %s", nodes[s->node].name);
	if (++run->breaks <= BREAKS_SAID)
		SAY(run, LIVE_BAD, s->ended, "%s: %s (%s)", sb_text(&b), session_break_name(s->how),
			s->detail);
	else if (run->breaks == BREAKS_SAID + 1)
		SAY(run, LIVE_BAD, s->ended, "and more");
}

// By the keepers' account where there are some, else by the fleet's.
static void note_owner_lost(struct run *run, const struct daemon_event *e)
{
	const struct scn_site *nodes = run->s->sites.data;
	bool keeper = strcmp(e->type, "keeper_dead") == 0;
	bool fleet = !run->s->keeper && strcmp(e->type, "site_lost") == 0;

	for (size_t i = 0; i < run->s->sites.count && run->sessions; i++) {
		if ((keeper && strtoul(e->subject, NULL, 10) == i + 1) ||
			(fleet && strcmp(e->subject, nodes[i].site) == 0))
			sessions_owner_lost(run->sessions, i, e->at);
	}
}

static void on_exit_of(void *ctx, struct service *s, int status)
{
	struct run *run = ctx;
	own(sb_free) struct strbuf tail = {};

	if (!world_is_up(run->world))
		return; // all of them end with it
	// With the daemon go its sessions, and with those what it announced.
	if (strcmp(s->name, "nearcastd") == 0 && run->census)
		census_note(run->census, lab_now(), s->node->index, NULL, NULL, false);
	if (run->r->step_count > 1 || run->phase == PHASE_KEEPING) {
		SAY(run, LIVE_DIM, lab_now(), "%s/%s ended", s->node->name, s->name);
		return;
	}
	if (run->failed < 0)
		return;
	// Nothing may end before the first event.
	service_log_tail(s, &tail);
	sb_printf(run->error, "%s of %s ended at once (%s %d)\n%s", s->name, s->node->name,
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), sb_text(&tail));
	run_fail(run, -ECHILD);
}

static bool is_reaction(const struct daemon_event *e)
{
	return strcmp(e->type, "withdrawn") == 0 || strcmp(e->type, "announced") == 0;
}

// A service of the node is a target.
static bool is_about(const struct scn_step *step, const struct lab_node *node)
{
	size_t n = strlen(node->name);

	items_for_each(char *, target, step->targets)
	{
		if (strncmp(*target, node->name, n) == 0 && (*target)[n] == '/')
			return true;
	}
	return false;
}

static void note_reaction(struct step_result *step, const struct daemon_event *e)
{
	if (!step->step || step->has_reaction || !is_reaction(e) || instant_before(e->at, step->at))
		return;
	if (!is_about(step->step, e->node))
		return;
	step->has_reaction = true;
	step->reaction = instant_diff(e->at, step->at);
	snprintf(step->reaction_type, sizeof(step->reaction_type), "%s", e->type);
}

static void count_event(struct run *run, const struct daemon_event *e)
{
	struct ip_prefix prefix;
	bool on = strcmp(e->type, "announced") == 0;

	if (strcmp(e->type, "upstream_down") == 0)
		census_note(run->census, e->at, e->node->index, e->upstream, NULL, false);
	else if (is_reaction(e) && prefix_parse(&prefix, e->subject) == 0)
		census_note(run->census, e->at, e->node->index, e->upstream, &prefix, on);
}

// Without it the run would prove nothing.
static void check_keeper(struct run *run, const struct daemon_event *e)
{
	if (!e->node->keeper || strcmp(e->type, "keeper_failed") != 0 || run->failed < 0)
		return;
	sb_printf(run->error, "the keeper of %s does not work (%s): %s", e->node->name, e->subject,
		e->detail);
	run_fail(run, -EOPNOTSUPP);
}

void run_on_daemon_event(void *ctx, const struct daemon_event *e)
{
	struct run *run = ctx;
	char cause[32] = "";

	note_reaction(run_current(run), e);
	if (strcmp(e->type, "decided") == 0 && instant_before(run->decided[e->node->index], e->at))
		run->decided[e->node->index] = e->at;
	count_event(run, e);
	check_keeper(run, e);
	note_owner_lost(run, e);
	if (run->r->step_count < 2)
		return; // the start is long and dull
	if (e->cause_seq)
		snprintf(cause, sizeof(cause), " <- #%" PRIu64, e->cause_seq);
	SAY(run, LIVE_DIM, e->at, "  %s #%" PRIu64 " %s %s%s%s%s%s%s%s%s", e->node->name, e->seq,
		e->type, e->subject, e->upstream[0] ? " at " : "", e->upstream,
		e->reason[0] ? " " : "", e->reason, e->detail[0] ? ": " : "", e->detail, cause);
}

const struct clients_ops run_clients_ops = { on_change };
const struct sessions_ops run_sessions_ops = { on_break };
const struct services_ops run_services_ops = { on_exit_of };
