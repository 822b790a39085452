// The check engine under virtual time. A row is a transcript: what the program
// tells the engine, and what the engine then asks for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "health/check.h"
#include "lib/own.h"

static const struct health_timing usual = {
	.interval = { 1000000 },
	.fast_interval = { 200000 },
	.timeout = { 500000 },
	.rise = 3,
	.fall = 2,
};

static struct health_result pass(void)
{
	return health_result_of(HEALTH_REASON_OK, "%s", "");
}

static struct health_result failure(enum health_reason r)
{
	return health_result_of(r, "%s", "");
}

// Drains the queue into words: "cancel", "up>down/hard", "probe".
static void drain(struct check *c, char *text, size_t size)
{
	struct check_action a;
	size_t n = 0;

	text[0] = '\0';
	while (check_next(c, &a)) {
		const char *gap = n > 0 ? " " : "";

		if (a.kind == CHECK_DO_PROBE)
			n += (size_t)snprintf(text + n, size - n, "%sprobe", gap);
		else if (a.kind == CHECK_DO_CANCEL)
			n += (size_t)snprintf(text + n, size - n, "%scancel", gap);
		else
			n += (size_t)snprintf(text + n, size - n, "%s%s>%s/%s", gap,
				check_state_name(a.from), check_state_name(a.to),
				health_evidence_name(check_evidence(c)));
	}
}

enum input {
	END,
	RUN,       // time passes until the deadline
	PASS,      // the probe reports after 1 ms
	SOFT,      // the same: wrong answer
	HARD,      // the same: refused
	TRIGGER,   // 1 ms later
	NO_SOCKET, // a report from the kernel, 1 ms later
	LATER,     // 20 ms pass, nothing else
};

struct step {
	enum input input;
	const char *expect;
};

enum { STEPS = 32 };

struct transcript {
	const char *name;
	uint64_t rise, fall;
	struct step steps[STEPS];
};

// clang-format off
static const struct transcript transcripts[] = {
	{ "rises after three passes", 3, 2, {
		{ RUN, "probe" }, { PASS, "" }, { RUN, "probe" }, { PASS, "" },
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { RUN, "probe" }, { PASS, "" } } },
	{ "a failure restarts the count of rise", 2, 2, {
		{ RUN, "probe" }, { PASS, "" }, { RUN, "probe" }, { SOFT, "" },
		{ RUN, "probe" }, { PASS, "" }, { RUN, "probe" }, { PASS, "starting>up/none" } } },
	{ "falls after two soft failures", 1, 2, {
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { RUN, "probe" }, { SOFT, "" },
		{ RUN, "probe" }, { SOFT, "up>down/soft" }, { RUN, "probe" }, { SOFT, "" } } },
	{ "one pass forgives one soft failure", 1, 2, {
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { RUN, "probe" }, { SOFT, "" },
		{ RUN, "probe" }, { PASS, "" }, { RUN, "probe" }, { SOFT, "" },
		{ RUN, "probe" }, { SOFT, "up>down/soft" } } },
	{ "hard evidence needs no count", 1, 5, {
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { RUN, "probe" }, { HARD, "up>down/hard" } } },
	{ "hard evidence at the start", 3, 5, {
		{ RUN, "probe" }, { HARD, "starting>down/hard" } } },
	{ "soft failures at the start", 3, 2, {
		{ RUN, "probe" }, { SOFT, "" }, { RUN, "probe" }, { SOFT, "starting>down/soft" } } },
	{ "evidence follows what is found while down", 2, 1, {
		{ RUN, "probe" }, { SOFT, "starting>down/soft" }, { RUN, "probe" }, { HARD, "down>down/hard" },
		{ RUN, "probe" }, { HARD, "" }, { RUN, "probe" }, { SOFT, "down>down/soft" },
		{ RUN, "probe" }, { PASS, "" }, { RUN, "probe" }, { PASS, "down>up/none" } } },
	{ "a failure while rising starts again", 2, 1, {
		{ RUN, "probe" }, { HARD, "starting>down/hard" }, { RUN, "probe" }, { PASS, "" },
		{ RUN, "probe" }, { HARD, "" }, { RUN, "probe" }, { PASS, "" },
		{ RUN, "probe" }, { PASS, "down>up/none" } } },
	{ "a probe that hangs has failed", 1, 2, {
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { RUN, "probe" },
		{ RUN, "cancel probe" }, { RUN, "cancel up>down/soft" }, { RUN, "probe" } } },
	{ "a result after the deadline is ignored", 1, 1, {
		{ RUN, "probe" }, { RUN, "cancel starting>down/soft" }, { PASS, "" } } },
	{ "a trigger runs at once", 1, 2, {
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { LATER, "" }, { TRIGGER, "probe" },
		{ HARD, "up>down/hard" } } },
	{ "triggers while in flight run once, right after", 1, 2, {
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { RUN, "probe" }, { TRIGGER, "" },
		{ TRIGGER, "" }, { LATER, "" }, { PASS, "" }, { RUN, "probe" }, { PASS, "" } } },
	{ "a report needs no probe", 1, 2, {
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { NO_SOCKET, "up>down/hard" } } },
	{ "a report takes the place of the probe in flight", 1, 2, {
		{ RUN, "probe" }, { PASS, "starting>up/none" }, { RUN, "probe" },
		{ NO_SOCKET, "cancel up>down/hard" }, { PASS, "" }, { RUN, "probe" } } },
	{ "a report before the first run", 1, 2, {
		{ NO_SOCKET, "starting>down/hard" } } },
};
// clang-format on

static void feed(struct check *c, instant *now, enum input input)
{
	struct health_result r;

	switch (input) {
	case RUN:
		*now = check_deadline(c);
		check_tick(c, *now);
		return;
	case LATER:
		*now = instant_add(*now, span_ms(20));
		return;
	case TRIGGER:
		*now = instant_add(*now, span_ms(1));
		check_trigger(c, *now);
		return;
	case NO_SOCKET:
		*now = instant_add(*now, span_ms(1));
		r = failure(HEALTH_REASON_NO_SOCKET);
		check_report(c, *now, &r);
		return;
	case PASS:
		r = pass();
		break;
	case SOFT:
		r = failure(HEALTH_REASON_WRONG_ANSWER);
		break;
	default:
		r = failure(HEALTH_REASON_REFUSED);
		break;
	}
	*now = instant_add(*now, span_ms(1));
	check_result(c, *now, &r);
}

static void test_transcripts(void **)
{
	for (size_t i = 0; i < countof(transcripts); i++) {
		const struct transcript *t = &transcripts[i];
		struct health_timing timing = usual;
		struct check c;
		instant now = { 5000000 };

		timing.rise = t->rise;
		timing.fall = t->fall;
		check_init(&c, &timing, i, now);
		for (const struct step *s = t->steps; s->input != END; s++) {
			char got[128];

			feed(&c, &now, s->input);
			drain(&c, got, sizeof(got));
			if (strcmp(got, s->expect) != 0)
				fail_msg("%s, step %td: \"%s\", expected \"%s\"", t->name,
					s - t->steps, got, s->expect);
		}
	}
}

// Runs up to the next probe and answers it; returns the wait before it.
static span next_probe(struct check *c, instant *now, const struct health_result *r)
{
	instant before = check_next_run(c);
	char text[128];

	instant started = *now;
	*now = check_deadline(c);
	check_tick(c, *now);
	drain(c, text, sizeof(text));
	assert_string_equal(text, "probe");
	span waited = instant_diff(*now, started);
	assert_true(before.us == now->us);
	check_result(c, *now, r);
	drain(c, text, sizeof(text));
	return waited;
}

static void assert_between(span s, int64_t low_ms, int64_t high_ms)
{
	assert_in_range(s.us, low_ms * 1000, high_ms * 1000);
}

static void test_fast_interval_only_in_doubt(void **)
{
	struct health_result ok = pass();
	struct health_result wrong = failure(HEALTH_REASON_WRONG_RCODE);
	struct check c;
	instant now = { 0 };

	check_init(&c, &usual, 7, now);
	next_probe(&c, &now, &ok); // starting: in doubt
	assert_between(next_probe(&c, &now, &ok), 190, 200);
	assert_between(next_probe(&c, &now, &ok), 190, 200);
	assert_int_equal(check_state(&c), CHECK_UP);
	assert_between(next_probe(&c, &now, &wrong), 950, 1000); // settled
	assert_between(next_probe(&c, &now, &wrong), 190, 200);  // deviated
	assert_int_equal(check_state(&c), CHECK_DOWN);
	assert_between(next_probe(&c, &now, &ok), 950, 1000);
	assert_between(next_probe(&c, &now, &wrong), 190, 200);
	assert_between(next_probe(&c, &now, &wrong), 950, 1000);
}

static void test_without_fast_interval(void **)
{
	struct health_timing timing = usual;
	struct health_result ok = pass();
	struct check c;
	instant now = { 0 };

	timing.fast_interval = span_ms(0);
	check_init(&c, &timing, 7, now);
	next_probe(&c, &now, &ok);
	assert_between(next_probe(&c, &now, &ok), 950, 1000);
}

static void test_slow_probe_does_not_overlap(void **)
{
	struct health_timing timing = usual;
	struct check c;
	instant now = { 0 };
	char text[128];

	timing.timeout = span_ms(3000);
	check_init(&c, &timing, 1, now);
	now = check_deadline(&c);
	check_tick(&c, now);
	drain(&c, text, sizeof(text));
	now = instant_add(now, span_ms(2500));
	check_tick(&c, now);
	drain(&c, text, sizeof(text));
	assert_string_equal(text, ""); // still running
	struct health_result ok = pass();
	check_result(&c, now, &ok);
	assert_int_equal(check_took(&c).us, 2500000);
	assert_true(check_deadline(&c).us == now.us); // overdue: next run at once
}

static void test_trigger_gap(void **)
{
	struct health_result ok = pass();
	struct check c;
	instant now = { 0 };
	char text[128];

	check_init(&c, &usual, 1, now);
	next_probe(&c, &now, &ok);
	instant first = now;
	now = instant_add(now, span_ms(1));
	check_trigger(&c, now);
	drain(&c, text, sizeof(text));
	assert_string_equal(text, "");
	assert_int_equal(instant_diff(check_deadline(&c), first).us, CHECK_TRIGGER_GAP.us);
}

static void test_start_phases_are_spread(void **)
{
	enum { CHECKS = 100, SLOTS = 10 };
	unsigned slots[SLOTS] = {};
	int64_t spread_us = CHECK_START_SPREAD.us;

	for (uint64_t seed = 0; seed < CHECKS; seed++) {
		struct check c;

		check_init(&c, &usual, seed, (instant){ 0 });
		int64_t at = check_deadline(&c).us;
		assert_in_range(at, 0, spread_us);
		slots[at * SLOTS / (spread_us + 1)]++;
	}
	for (size_t i = 0; i < SLOTS; i++)
		assert_in_range(slots[i], 2, 25);
}

static void test_short_interval_starts_within_a_quarter(void **)
{
	struct health_timing timing = usual;
	struct check c;

	timing.interval = span_ms(100);
	for (uint64_t seed = 0; seed < 50; seed++) {
		check_init(&c, &timing, seed, (instant){ 0 });
		assert_in_range(check_deadline(&c).us, 0, 25000);
	}
}

static void test_equal_seeds_give_equal_schedules(void **)
{
	struct health_result ok = pass();
	struct check a;
	struct check b;
	instant now_a = { 0 };
	instant now_b = { 0 };

	check_init(&a, &usual, 42, now_a);
	check_init(&b, &usual, 42, now_b);
	for (int i = 0; i < 100; i++) {
		next_probe(&a, &now_a, &ok);
		next_probe(&b, &now_b, &ok);
		assert_true(now_a.us == now_b.us);
	}
}

static void test_adopt(void **)
{
	struct health_timing timing = usual;
	struct health_result ok = pass();
	struct health_result refused = failure(HEALTH_REASON_REFUSED);
	struct check old;
	struct check new;
	instant now = { 0 };
	char text[128];

	timing.rise = 1;
	check_init(&old, &timing, 1, now);
	next_probe(&old, &now, &ok);
	next_probe(&old, &now, &refused);
	check_init(&new, &timing, 2, now);
	check_adopt(&new, &old);
	assert_int_equal(check_state(&new), CHECK_DOWN);
	assert_int_equal(check_evidence(&new), EVIDENCE_HARD);
	assert_int_equal(check_why(&new), HEALTH_REASON_REFUSED);
	assert_true(check_next_run(&new).us == check_next_run(&old).us);
	drain(&new, text, sizeof(text));
	assert_string_equal(text, ""); // what is adopted is no news
	now = check_deadline(&new);
	check_tick(&new, now);
	drain(&new, text, sizeof(text));
	assert_string_equal(text, "probe");
	check_result(&new, now, &ok);
	drain(&new, text, sizeof(text));
	assert_string_equal(text, "down>up/none");
}

static void test_detail(void **)
{
	struct health_result r = health_result_of(HEALTH_REASON_WRONG_ANSWER, "a\nb\x1b[31m\xc3");
	struct check c;

	assert_string_equal(r.detail, "a?b?[31m?");
	check_init(&c, &usual, 1, (instant){ 0 });
	check_report(&c, (instant){ 0 }, &r);
	check_explain(&c, "and more");
	assert_string_equal(check_last(&c)->detail, "a?b?[31m?; and more");
	for (int i = 0; i < 50; i++)
		check_explain(&c, "and more");
	assert_int_equal(strlen(check_last(&c)->detail), HEALTH_DETAIL - 1);
}

static void test_names(void **)
{
	for (int i = 0; i < HEALTH_REASON_MAX; i++)
		assert_non_null(health_reason_name(i));
	assert_string_equal(health_reason_name(HEALTH_REASON_WRONG_RCODE), "wrong-rcode");
	assert_string_equal(health_kind_name(HEALTH_KIND_FILE), "file");
	assert_string_equal(health_scope_name(HEALTH_SCOPE_DEPENDENCY), "dependency");
	assert_string_equal(health_evidence_name(EVIDENCE_HARD), "hard");
}

enum {
	CROWD = 100,
	CROWD_RUN_MS = 120000,
	WINDOW_MS = 10,
	WINDOW_STARTS = 15, // one is the mean of 100 checks a second
};

// Lets a hundred checks of 1 s run for two minutes, each probe for 1 ms; counts what
// starts in each millisecond.
static void run_crowd(unsigned starts[CROWD_RUN_MS], enum health_reason reason)
{
	static const struct health_timing timing = {
		.interval = { 1000000 }, .timeout = { 500000 }, .rise = 3, .fall = 2
	};
	struct check crowd[CROWD];
	struct health_result r = failure(reason);
	struct rng seeds = { 42 }; // as the daemon draws them
	char text[200];

	for (size_t i = 0; i < CROWD; i++)
		check_init(&crowd[i], &timing, rng_next(&seeds), (instant){ 0 });
	for (int64_t ms = 0; ms < CROWD_RUN_MS; ms++) {
		for (size_t i = 0; i < CROWD; i++) {
			instant now = { ms * 1000 };

			if (check_running(&crowd[i]))
				check_result(&crowd[i], now, &r);
			check_tick(&crowd[i], now);
			drain(&crowd[i], text, sizeof(text));
			starts[ms] += strstr(text, "probe") != NULL;
		}
	}
}

static void test_a_crowd_does_not_fire_together(void **)
{
	static const enum health_reason reasons[] = { HEALTH_REASON_OK, HEALTH_REASON_REFUSED };

	for (size_t n = 0; n < countof(reasons); n++) {
		static unsigned starts[CROWD_RUN_MS];
		unsigned window = 0, most = 0, all = 0;

		memset(starts, 0, sizeof(starts));
		run_crowd(starts, reasons[n]);
		for (size_t ms = 0; ms < CROWD_RUN_MS; ms++) {
			all += starts[ms];
			window += starts[ms] - (ms >= WINDOW_MS ? starts[ms - WINDOW_MS] : 0);
			most = window > most ? window : most;
		}
		assert_in_range(all, CROWD * 120, CROWD * 120 * 106 / 100);
		printf("# most starts in %d ms: %u\n", WINDOW_MS, most);
		assert_in_range(most, 1, WINDOW_STARTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transcripts),
		cmocka_unit_test(test_fast_interval_only_in_doubt),
		cmocka_unit_test(test_without_fast_interval),
		cmocka_unit_test(test_slow_probe_does_not_overlap),
		cmocka_unit_test(test_trigger_gap),
		cmocka_unit_test(test_start_phases_are_spread),
		cmocka_unit_test(test_short_interval_starts_within_a_quarter),
		cmocka_unit_test(test_a_crowd_does_not_fire_together),
		cmocka_unit_test(test_equal_seeds_give_equal_schedules),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_detail),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
