#include "lab/run.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lab/event.h"
#include "lab/judge.h"
#include "lab/live.h"
#include "lab/netns.h"
#include "lab/page.h"
#include "lab/service.h"
#include "lab/sessions.h"
#include "lab/watch.h"
#include "lib/mem.h"

enum { POLL_MS = 20, ASK_MS = 100, KEPT_ASK_MS = 200, BREAKS_SAID = 10 };

enum phase {
	PHASE_SETTLING, // the last step is being watched
	PHASE_OPENING,  // the start is over, sessions are being opened
	PHASE_WAITING,  // for the time of the next one, while the step lasts
	PHASE_CLOSING,  // the last step is over but for the end of its sessions
	PHASE_KEEPING,  // the timeline is over, the world stays
};

struct run {
	const struct scenario *s;
	const struct run_options *o;
	struct run_result *r;
	struct strbuf *error;
	uv_loop_t loop;
	uv_timer_t poll;
	uv_signal_t signals[2];
	struct topology *topology;
	struct world *world;
	struct services *services;
	struct clients *clients;
	struct sessions *sessions; // NULL: the scenario has none
	size_t breaks;             // of the step
	struct census *census;
	struct judge judge;
	struct watch *watch;
	struct live live;
	struct page page;
	pid_t line;             // delay line, 0: none
	struct command command; // of the step that is watched
	struct turns turns;     // the same
	instant asked;          // when the nodes were asked last what they heard
	enum phase phase;
	size_t next;      // step of the timeline
	instant *decided; // one a node: when it last decided anew
	int failed;       // negative errno: the run cannot go on
	bool concluded;
};

#define SAY(run, style, at, ...)                                        \
	do {                                                            \
		if (!(run)->o->quiet)                                   \
			live_say(&(run)->live, style, at, __VA_ARGS__); \
	} while (0)

static struct step_result *current(struct run *run)
{
	return &run->r->steps[run->r->step_count - 1];
}

// A step's expectations rest on those of the step before it.
static void begin_step(struct run *run, const struct scn_step *step, instant at)
{
	struct run_result *r = run->r;
	size_t clients = run->s->clients.count;
	struct step_result *before = r->step_count ? &r->steps[r->step_count - 1] : NULL;
	struct expectation *e = mem_zalloc(clients * sizeof(*e));
	struct step_result *now = &r->steps[r->step_count++];

	*now = (struct step_result){ .step = step, .at = at };
	now->clients = mem_zalloc(clients * sizeof(*now->clients));
	if (r->sessions.count > 0)
		now->sessions = mem_zalloc(r->sessions.group_count * sizeof(*now->sessions));
	run->breaks = 0;
	for (size_t i = 0; i < clients && before; i++)
		e[i] = before->clients[i].expected;
	expect_resolve(run->s, step ? &step->expect : &run->s->start,
		step && step->has_others_max_lost ? &step->others_max_lost : NULL,
		before ? e : NULL, e);
	for (size_t i = 0; i < clients; i++)
		now->clients[i].expected = e[i];
	free(e);
	run->phase = PHASE_SETTLING;
}

// Once: the result is complete.
static void conclude(struct run *run)
{
	struct run_result *r = run->r;
	size_t planned = run->o->up ? 1 : run->s->timeline.count + 1;

	if (run->concluded || run->failed < 0)
		return;
	run->concluded = true;
	r->ended = lab_now();
	r->ok = r->ok && !r->interrupted && r->step_count == planned;
	r->ok &= !run->sessions || run->o->up || r->totals;
	if (run->clients)
		judge_run(&run->judge, r);
	if (run->world)
		keepers_ask(run->world, &r->keepers, &r->keeper_count);
	if (run->o->on_end && r->step_count > 0)
		run->o->on_end(run->o->ctx, r);
}

static void end_run(struct run *run)
{
	conclude(run);
	if (run->page.listener >= 0)
		fprintf(stderr, "The page: %s%s\n", run->page.url,
			run->o->keep || run->o->up ? ""
						   : " (it ends with the world; -k keeps both)");
	if (!run->o->keep || run->failed < 0) {
		uv_stop(&run->loop);
		return;
	}
	if (run->page.socket && run->clients)
		clients_slow(run->clients, span_ms(KEPT_ASK_MS));
	else
		clients_free(&run->clients);
	sessions_free(&run->sessions);
	run->phase = PHASE_KEEPING;
	fprintf(stderr,
		"\nThe world stays up. For example:\n"
		"  nearcast lab exec -w %s %s birdc -s bird.ctl show route\n"
		"Ctrl-C ends it.\n",
		run->world->name, run->topology->nodes[0].name);
}

static void show_output(struct run *run, struct step_result *step)
{
	own(sb_free) struct strbuf b = {};

	if (step->step && step->step->show && command_output(&run->command, run->world, &b) == 0)
		step->output = sb_take(&b);
}

static bool sessions_are_over_too(const struct run *run)
{
	return run->sessions && sessions_are_over(run->sessions);
}

static void finish_step(struct run *run, instant now)
{
	struct step_result *step = current(run);

	step->end = now;
	if (run->sessions) {
		sessions_look(run->sessions);
		step->late = sessions_late_in_step(run->sessions);
		run->r->late = sessions_late(run->sessions);
	}
	show_output(run, step);
	judge_step(&run->judge, step);
	run->r->ok &= step->ok;
	if (!step->step) {
		SAY(run, LIVE_GOOD, now,
			step->settled ? "everybody is answered" : "not as expected");
		run->r->zero = run->live.zero = now;
	}
	if (sessions_are_over_too(run))
		judge_ending(&run->judge, run->r);
	if (run->o->on_step)
		run->o->on_step(run->o->ctx, run->r, step);
	if (run->next == run->s->timeline.count || (!step->step && !step->ok) || run->o->up)
		end_run(run);
}

static bool ask_all(struct run *run, struct step_result *step)
{
	return heard_ask(
		run->world, run->s, step->step, run->decided, &step->heard, &step->heard_count);
}

// Everybody knows, if the scenario wants that known.
static bool is_heard(struct run *run, instant now)
{
	struct step_result *step = current(run);

	if (!step->step || !step->step->has_heard_within)
		return true;
	if (!instant_due(instant_add(run->asked, span_ms(ASK_MS)), now))
		return false;
	run->asked = now;
	return ask_all(run, step);
}

// The last step is not over before its sessions are.
static void finish_last(struct run *run, instant now)
{
	if (!run->sessions || !sessions_are_open(run->sessions)) {
		finish_step(run, now);
		return;
	}
	SAY(run, LIVE_PLAIN, now, "sessions say their last words");
	sessions_close(run->sessions);
	run->phase = PHASE_CLOSING;
}

// The step is as it should be, or it is too late for that; it goes on until the next one.
static void settle_step(struct run *run, instant now, bool settled)
{
	struct step_result *step = current(run);

	step->settled = settled;
	step->settled_at = now;
	if (!settled && step->step && step->step->has_heard_within)
		(void)ask_all(run, step);
	run->phase = PHASE_WAITING;
	if (!step->step && settled && run->sessions && !run->o->up) {
		SAY(run, LIVE_PLAIN, now, "opening %zu sessions", run->r->sessions.count);
		sessions_open(run->sessions);
		run->phase = PHASE_OPENING;
	} else if (!step->step || run->next == run->s->timeline.count) {
		finish_last(run, now);
	}
}

static void fail_step(struct run *run, struct strbuf *why)
{
	current(run)->failure = sb_take(why);
	SAY(run, LIVE_BAD, lab_now(), "%s", current(run)->failure);
}

// They are not waited for any more; those that do not stand broke.
static void sessions_opened(struct run *run, instant now)
{
	run->phase = PHASE_WAITING;
	if (run->s->timeline.count == 0)
		finish_last(run, now);
	else
		finish_step(run, now);
}

static void fire(struct run *run, instant now)
{
	const struct scn_step *step = (struct scn_step *)run->s->timeline.data + run->next++;
	own(sb_free) struct strbuf why = {}, targets = {};

	step_print_targets(step, &targets);
	begin_step(run, step, now);
	clients_mark(run->clients, now);
	if (run->sessions)
		sessions_mark(run->sessions);
	if (run->o->on_event)
		run->o->on_event(run->o->ctx, run->r, current(run));
	else
		SAY(run, LIVE_STRONG, now, "%s %s", step_event_name(step->event),
			sb_text(&targets));
	run->turns = (struct turns){ 1, now };
	if (event_do(step, run->world, run->services, &run->command, &why) < 0)
		fail_step(run, &why);
}

// Nor is it before it has gone to and fro as often as it should.
static bool has_turned(struct run *run, instant now)
{
	const struct step_result *step = current(run);
	own(sb_free) struct strbuf why = {};

	if (!step->step || step->failure)
		return true;
	bool over = event_turn(&run->turns, step->step, run->world, run->services, now, &why);
	if (why.len)
		fail_step(run, &why);
	return over;
}

// A step is not over before its command is, and fails with it.
static bool is_command_over(struct run *run, instant now, bool late)
{
	own(sb_free) struct strbuf why = {};
	bool over = command_poll(&run->command, run->world, now, late, &why);

	if (why.len)
		fail_step(run, &why);
	return over;
}

static void check_line(struct run *run)
{
	if (run->line <= 0 || waitpid(run->line, NULL, WNOHANG) != run->line)
		return;
	run->line = 0;
	run->failed = -EPIPE;
	sb_str(run->error, "the delay line ended: see delay-line.log (kept with --keep)");
	end_run(run);
}

static void watch_step(struct run *run, instant now)
{
	const struct step_result *step = current(run);
	span within = step->step ? step->step->within : run->s->within;
	bool late = instant_due(instant_add(step->at, within), now);

	bool settled = has_turned(run, now) && is_command_over(run, now, late) &&
		       judge_is_settled(&run->judge, step, now) && is_heard(run, now);
	if (settled || late)
		settle_step(run, now, settled);
}

static void on_poll(uv_timer_t *timer)
{
	struct run *run = timer->data;
	instant now = lab_now();

	check_line(run);
	if (run->clients)
		page_tell(&run->page, run->s, run->topology, run->clients, now);
	if (run->phase == PHASE_SETTLING) {
		watch_step(run, now);
	} else if (run->phase == PHASE_OPENING && sessions_are_open(run->sessions)) {
		sessions_opened(run, now);
	} else if (run->phase == PHASE_CLOSING && sessions_are_over(run->sessions)) {
		finish_step(run, now);
	} else if (run->phase == PHASE_WAITING && run->next < run->s->timeline.count) {
		const struct scn_step *step = (struct scn_step *)run->s->timeline.data + run->next;
		if (!instant_due(instant_add(run->r->zero, step->at), now))
			return;
		if (current(run)->step)
			finish_step(run, now);
		fire(run, now);
	}
}

static void on_signal(uv_signal_t *s, int)
{
	struct run *run = s->data;

	if (run->phase != PHASE_KEEPING)
		run->r->interrupted = true;
	uv_stop(&run->loop);
}

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
	run->failed = -ECHILD;
	uv_stop(&run->loop);
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
	run->failed = -EOPNOTSUPP;
	uv_stop(&run->loop);
}

static void on_daemon_event(void *ctx, const struct daemon_event *e)
{
	struct run *run = ctx;
	char cause[32] = "";

	note_reaction(current(run), e);
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

// What measures must not be late because what it measures, or somebody else, is busy: a real-time
// priority where that is allowed. Children do not inherit it.
static void ask_for_precision(void)
{
	const struct sched_param p = { .sched_priority = 1 };

	(void)sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p);
}

static int start_loop(struct run *run)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	int rc = uv_loop_init(&run->loop);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < countof(numbers); i++) {
		uv_signal_init(&run->loop, &run->signals[i]);
		run->signals[i].data = run;
		rc = uv_signal_start(&run->signals[i], on_signal, numbers[i]);
		if (rc < 0)
			return rc;
	}
	uv_timer_init(&run->loop, &run->poll);
	run->poll.data = run;
	return uv_timer_start(&run->poll, on_poll, POLL_MS, POLL_MS);
}

static int set_up_clients(const struct run *run)
{
	int rc = 0;

	items_for_each(struct scn_client, c, run->s->clients)
	{
		if (rc == 0 && !c->timestamps)
			rc = netns_no_timestamps(topology_node(run->topology, c->name)->netns);
	}
	return rc;
}

static int open_page(struct run *run)
{
	if (!run->o->web || !glass_of_page(run->s, run->topology))
		return 0;
	int rc = page_open(&run->page);
	if (rc < 0) {
		sb_printf(run->error,
			"cannot listen on loopback for the page (--no-web does without): %s",
			strerror(-rc));
		return rc;
	}
	page_begin(&run->page, run->s, run->world);
	fprintf(stderr, "The page of this world: %s\n", run->page.url);
	return 0;
}

static int make_world(struct run *run)
{
	static const struct services_ops ops = { on_exit_of };
	const struct scenario *s = run->s;

	int rc = sessions_check(s, run->error);
	if (rc < 0)
		return rc;
	rc = topology_new(&run->topology, s);
	if (rc < 0) {
		sb_str(run->error, "the scenario is larger than the lab's address plan");
		return rc;
	}
	rc = world_new(&run->world, s->name, run->topology, run->error);
	if (rc == 0)
		rc = links_make(run->world, &run->r->method, &run->line, run->error);
	if (rc == 0)
		rc = set_up_clients(run);
	if (rc < 0)
		return rc;
	SAY(run, LIVE_PLAIN, lab_now(),
		"%zu networks, %zu links (%s), %zu sites and %zu clients in %s", s->networks.count,
		run->topology->link_count, link_method_name(run->r->method), s->sites.count,
		s->clients.count, run->world->dir);
	rc = open_page(run);
	if (rc == 0)
		rc = services_new(&run->services, s, run->world, run->page.listener, run->error);
	if (rc < 0)
		return rc;
	services_watch(run->services, &run->loop, &ops, run);
	return services_start_all(run->services, run->error);
}

static int start_measuring(struct run *run)
{
	static const struct clients_ops ops = { on_change };
	static const struct sessions_ops session_ops = { on_break };

	run->census = census_new(run->s);
	run->decided = mem_zalloc(run->s->sites.count * sizeof(*run->decided));
	begin_step(run, NULL, lab_now());
	run->watch = watch_new(&run->loop, run->s, run->world, on_daemon_event, run);
	int rc = clients_new(
		&run->clients, &run->loop, run->s, run->topology, &ops, run, run->error);
	run->judge =
		(struct judge){ run->s, run->clients, run->census, run->world, &run->r->sessions };
	if (rc == 0 && run->r->sessions.count > 0)
		run->sessions = sessions_new(
			&run->loop, run->s, run->world, &run->r->sessions, &session_ops, run);
	ask_for_precision();
	return rc;
}

static void close_handle(uv_handle_t *h, void *)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void clean_up(struct run *run)
{
	clients_free(&run->clients);
	sessions_free(&run->sessions);
	watch_free(&run->watch);
	services_free(&run->services);
	census_free(&run->census);
	free_ptr(&run->decided);
	uv_walk(&run->loop, close_handle, NULL);
	uv_run(&run->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&run->loop);
	if (run->world && run->o->up && run->r->ok && run->failed == 0 && !run->r->interrupted)
		run->failed = world_detach(&run->world);
	page_close(&run->page);
	world_end(&run->world);
	topology_free(&run->topology);
}

int run_scenario(struct run_result *ret, const struct scenario *s,
	const struct run_options *options, struct strbuf *error)
{
	struct run *run = mem_zalloc(sizeof(*run));
	struct run_result r = { .scenario = s, .began = lab_now(), .ok = true };
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	r.started_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000;
	r.sessions = session_list_new(s);
	r.steps = mem_zalloc((s->timeline.count + 1) * sizeof(*r.steps));
	*run = (struct run){
		.s = s,
		.o = options,
		.r = &r,
		.error = error,
		.live = live_new(r.began),
		.page = { .listener = -1, .feed = -1 },
	};
	run->failed = start_loop(run);
	if (run->failed == 0)
		run->failed = make_world(run);
	if (run->failed == 0)
		run->failed = start_measuring(run);
	if (run->failed == 0)
		uv_run(&run->loop, UV_RUN_DEFAULT);
	conclude(run);
	clean_up(run);
	int rc = run->failed;
	free(run);
	if (rc < 0)
		run_result_free(&r);
	else
		*ret = r;
	return rc;
}

void run_result_free(struct run_result *r)
{
	for (size_t i = 0; i < r->step_count; i++) {
		free(r->steps[i].failure);
		free(r->steps[i].output);
		free(r->steps[i].announced);
		free(r->steps[i].heard);
		free(r->steps[i].clients);
		free(r->steps[i].sessions);
	}
	free(r->keepers);
	session_list_free(&r->sessions);
	free(r->totals);
	free(r->resets);
	free(r->steps);
	*r = (struct run_result){};
}
