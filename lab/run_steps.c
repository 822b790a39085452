// The steps of a run, the start among them: begun, watched until they have settled or it is too late, and
// judged. Sessions are opened between the start and the first event, and closed after the last.
#include "lab/clock.h"
#include "lab/run_int.h"
#include "lib/mem.h"

enum { ASK_MS = 100 };

struct step_result *run_current(struct run *run)
{
	return &run->r->steps[run->r->step_count - 1];
}

// A step's expectations rest on those of the step before it.
void run_begin_step(struct run *run, const struct scn_step *step, instant at)
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
	struct step_result *step = run_current(run);

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
	if (run->o->on_step && !run->o->on_step(run->o->ctx, run->r, step))
		run_interrupt(run);
	else if (run->next == run->s->timeline.count || (!step->step && !step->ok) || run->o->up)
		run_end(run);
}

static bool ask_all(struct run *run, struct step_result *step)
{
	return heard_ask(
		run->world, run->s, step->step, run->decided, &step->heard, &step->heard_count);
}

// Everybody knows, if the scenario wants that known.
static bool is_heard(struct run *run, instant now)
{
	struct step_result *step = run_current(run);

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
	struct step_result *step = run_current(run);

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
	run_current(run)->failure = sb_take(why);
	SAY(run, LIVE_BAD, lab_now(), "%s", run_current(run)->failure);
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
	run_begin_step(run, step, now);
	clients_mark(run->clients, now);
	if (run->sessions)
		sessions_mark(run->sessions);
	if (!run->o->on_event) {
		SAY(run, LIVE_STRONG, now, "%s %s", step_event_name(step->event),
			sb_text(&targets));
	} else if (!run->o->on_event(run->o->ctx, run->r, run_current(run))) {
		run_interrupt(run);
		return;
	}
	run->turns = (struct turns){ 1, now };
	if (event_do(step, run->world, run->services, &run->command, &why) < 0)
		fail_step(run, &why);
}

// Nor is it before it has gone to and fro as often as it should.
static bool has_turned(struct run *run, instant now)
{
	const struct step_result *step = run_current(run);
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

static void watch_step(struct run *run, instant now)
{
	const struct step_result *step = run_current(run);
	span within = step->step ? step->step->within : run->s->within;
	bool late = instant_due(instant_add(step->at, within), now);

	bool settled = has_turned(run, now) && is_command_over(run, now, late) &&
		       judge_is_settled(&run->judge, step, now) && is_heard(run, now);
	if (settled || late)
		settle_step(run, now, settled);
}

void run_look(struct run *run, instant now)
{
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
		if (run_current(run)->step)
			finish_step(run, now);
		if (run->phase == PHASE_WAITING)
			fire(run, now);
	}
}
