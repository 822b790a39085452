#include "health/check.h"

// What a result says, as the columns of the verdict table.
enum finding { FOUND_PASS, FOUND_SOFT, FOUND_HARD, FOUND_MAX };

// How many such results in a row lead to the cell's state.
enum settle {
	SETTLED, // it agrees with the verdict, which stands
	AT_ONCE,
	BY_RISE,
	BY_FALL,
};

static const struct cell {
	enum settle settle;
	enum check_state to;
} verdicts[CHECK_STATE_MAX][FOUND_MAX] = {
	[CHECK_STARTING] = {
		[FOUND_PASS] = { BY_RISE, CHECK_UP },
		[FOUND_SOFT] = { BY_FALL, CHECK_DOWN },
		[FOUND_HARD] = { AT_ONCE, CHECK_DOWN },
	},
	[CHECK_UP] = {
		[FOUND_PASS] = { SETTLED, CHECK_UP },
		[FOUND_SOFT] = { BY_FALL, CHECK_DOWN },
		[FOUND_HARD] = { AT_ONCE, CHECK_DOWN },
	},
	[CHECK_DOWN] = {
		[FOUND_PASS] = { BY_RISE, CHECK_UP },
		[FOUND_SOFT] = { SETTLED, CHECK_DOWN },
		[FOUND_HARD] = { SETTLED, CHECK_DOWN },
	},
};

static void ask(struct check *c, enum check_action_kind kind)
{
	c->pending |= 1u << kind;
}

static bool asked(const struct check *c, enum check_action_kind kind)
{
	return c->pending >> kind & 1;
}

static void unask(struct check *c, enum check_action_kind kind)
{
	c->pending &= ~(1u << kind);
}

static bool in_doubt(const struct check *c)
{
	return c->state == CHECK_STARTING || c->streak > 0;
}

// Only ever shorter than configured, so that a configured interval stays an
// upper bound of the time until a fault is noticed.
static span next_wait(struct check *c)
{
	bool fast = in_doubt(c) && !span_is_zero(c->timing.fast_interval);
	span wait = fast ? c->timing.fast_interval : c->timing.interval;

	return span_us(rng_range(&c->jitter, span_percent(wait, 95).us, wait.us));
}

static uint64_t needed(const struct check *c, enum settle settle)
{
	switch (settle) {
	case BY_RISE:
		return c->timing.rise;
	case BY_FALL:
		return c->timing.fall;
	default:
		return 1;
	}
}

static void settle(struct check *c, instant now, const struct health_result *r)
{
	enum finding found = r->pass                        ? FOUND_PASS
			     : r->evidence == EVIDENCE_HARD ? FOUND_HARD
							    : FOUND_SOFT;
	struct cell cell = verdicts[c->state][found];

	if (cell.settle == SETTLED) {
		c->streak = 0;
		c->evidence = r->evidence;
		c->why = r->reason;
		return;
	}
	if (c->streak_pass != r->pass)
		c->streak = 0;
	c->streak_pass = r->pass;
	c->streak++;
	if (c->streak < needed(c, cell.settle))
		return;
	c->streak = 0;
	c->state = cell.to;
	c->evidence = r->evidence;
	c->why = r->reason;
	c->changed = now;
}

static void record(struct check *c, instant now, const struct health_result *r)
{
	c->last = *r;
	settle(c, now, r);
	if (c->state != c->told || c->evidence != c->told_evidence)
		ask(c, CHECK_DO_VERDICT);
	else
		unask(c, CHECK_DO_VERDICT);
}

static void begin(struct check *c, instant now)
{
	c->running = true;
	c->again = false;
	c->started = now;
	ask(c, CHECK_DO_PROBE);
}

static instant later(instant a, instant b)
{
	return instant_before(a, b) ? b : a;
}

static void end(struct check *c, instant now)
{
	span wait = c->again ? CHECK_TRIGGER_GAP : next_wait(c);

	c->running = false;
	c->again = false;
	c->took = instant_diff(now, c->started);
	c->next = later(now, instant_add(c->started, wait));
}

// A probe that was asked for but not yet handed out needs no cancelling.
static void stop_probe(struct check *c)
{
	if (asked(c, CHECK_DO_PROBE))
		unask(c, CHECK_DO_PROBE);
	else
		ask(c, CHECK_DO_CANCEL);
}

void check_init(struct check *c, const struct health_timing *timing, uint64_t seed, instant now)
{
	*c = (struct check){
		.timing = *timing,
		.jitter = { seed },
		.started = INSTANT_NEVER,
		.changed = now,
		.why = HEALTH_REASON_NOT_RUN,
		.last = health_result_of(HEALTH_REASON_NOT_RUN, "%s", ""),
	};
	span spread = span_min(CHECK_START_SPREAD, span_percent(timing->interval, 25));
	c->next = instant_add(now, span_us(rng_range(&c->jitter, 0, spread.us)));
}

void check_result(struct check *c, instant now, const struct health_result *r)
{
	if (!c->running)
		return;
	record(c, now, r);
	end(c, now);
}

void check_report(struct check *c, instant now, const struct health_result *r)
{
	record(c, now, r);
	if (c->running) {
		stop_probe(c);
		end(c, now);
	} else if (in_doubt(c)) {
		c->next = instant_min(c->next, instant_add(now, next_wait(c)));
	}
}

void check_explain(struct check *c, const char *text)
{
	const char *gap = c->last.detail[0] ? "; " : "";
	struct health_result more =
		health_result_of(c->last.reason, "%s%s%s", c->last.detail, gap, text);

	c->last = more;
}

void check_trigger(struct check *c, instant now)
{
	if (c->running) {
		c->again = true;
		return;
	}
	instant at = now;
	if (!instant_is_never(c->started))
		at = later(now, instant_add(c->started, CHECK_TRIGGER_GAP));
	c->next = instant_min(c->next, at);
	check_tick(c, now);
}

instant check_deadline(const struct check *c)
{
	return c->running ? instant_add(c->started, c->timing.timeout) : c->next;
}

static void time_out(struct check *c, instant now)
{
	struct health_result r = health_result_of(HEALTH_REASON_TIMEOUT, "no result in %lld ms",
		(long long)span_to_ms(c->timing.timeout));

	record(c, now, &r);
	stop_probe(c);
	end(c, now);
}

void check_tick(struct check *c, instant now)
{
	if (c->running && instant_due(check_deadline(c), now))
		time_out(c, now);
	if (!c->running && instant_due(c->next, now))
		begin(c, now);
}

bool check_next(struct check *c, struct check_action *ret)
{
	for (unsigned kind = 0; kind < CHECK_ACTION_MAX; kind++) {
		if (!asked(c, kind))
			continue;
		unask(c, kind);
		*ret = (struct check_action){ .kind = kind, .from = c->told, .to = c->state };
		if (kind == CHECK_DO_VERDICT) {
			c->told = c->state;
			c->told_evidence = c->evidence;
		}
		return true;
	}
	return false;
}

void check_adopt(struct check *c, const struct check *old)
{
	c->state = c->told = old->state;
	c->evidence = c->told_evidence = old->evidence;
	c->why = old->why;
	c->streak = old->streak;
	c->streak_pass = old->streak_pass;
	c->changed = old->changed;
	c->took = old->took;
	c->last = old->last;
	if (!old->running)
		c->next = old->next;
}

enum check_state check_state(const struct check *c)
{
	return c->state;
}

enum health_evidence check_evidence(const struct check *c)
{
	return c->evidence;
}

enum health_reason check_why(const struct check *c)
{
	return c->why;
}

instant check_changed(const struct check *c)
{
	return c->changed;
}

const struct health_result *check_last(const struct check *c)
{
	return &c->last;
}

span check_took(const struct check *c)
{
	return c->took;
}

instant check_next_run(const struct check *c)
{
	return c->running ? c->started : c->next;
}

bool check_running(const struct check *c)
{
	return c->running;
}
