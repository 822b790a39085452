#include "test/unit.h"

#include <string.h>

#include "lab/session_judge.h"
#include "lib/mem.h"
#define SMALL_SERVERS ", web: nginx, quic: ngtcp2"
#include "test/lab/small.h"

#define SESSIONS                                                                                  \
	"sessions:\n"                                                                             \
	"  - {name: idle, clients: [rome, oslo], kind: http, count: 200, interval: 1h}\n"         \
	"  - {name: queries, clients: rome, kind: dns-tcp, count: 20, interval: 200ms}\n"         \
	"  - {name: fetch, clients: oslo, kind: download, size: 500M, rate: 30M, family: both}\n" \
	"  - {name: store, clients: rome, kind: upload, size: 3000, duration: 20s, stall: 1s}\n"  \
	"  - {name: quic, clients: oslo, kind: quic, size: 1025K, may-end: yes, family: ipv6}\n"  \
	"timeline:\n"                                                                             \
	"  - {at: 0s, event: kill, target: rom1/dns,\n"                                           \
	"     sessions: {broken-of: rom1, max-stall: 500ms, reset-within: 50ms}}\n"               \
	"  - {at: 0s, event: start, target: rom1/dns, sessions: {broken-at-least: 7}}\n"          \
	"  - {at: 0s, event: kill, target: osl1/dns}\n"

#define TEXT SMALL_TOP SMALL_NEARCAST SMALL_START SESSIONS

static int load(const char *text, struct scenario **s, struct strbuf *faults)
{
	struct faults *f = mem_zalloc(sizeof(*f));
	int rc = scenario_load_text(s, "small.yaml", text, strlen(text), f);

	faults_print(f, faults);
	faults_free(f);
	free(f);
	return rc;
}

static void test_keys(void **)
{
	own(scenario_free) struct scenario *s = NULL;
	own(sb_free) struct strbuf faults = {};

	if (load(TEXT, &s, &faults) < 0)
		fail_msg("%s", sb_text(&faults));
	const struct scn_session *e = s->sessions.data;
	const struct scn_client *clients = s->clients.data;
	const struct scn_step *steps = s->timeline.data;
	assert_int_equal(s->sessions.count, 5);
	assert_true(e[0].count == 200 && e[0].interval.us == INT64_C(3600000000));
	assert_int_equal(e[0].stall.us, 15000000);
	assert_int_equal(scenario_session_family(&e[0], &clients[0]), CLIENT_IP4);
	assert_int_equal(scenario_session_family(&e[0], &clients[1]), CLIENT_BOTH);
	assert_int_equal(scenario_session_family(&e[2], &clients[0]), CLIENT_BOTH);
	assert_true(e[2].size == 500 << 20 && e[2].rate == 30 << 20);
	assert_true(e[3].size == 3000 && e[3].duration.us == 20000000);
	assert_true(e[4].size == 1025 << 10 && e[4].may_end && !e[3].may_end);
	assert_true(steps[0].sessions.has_reset_within && steps[0].sessions.broken_of.count == 1);
	assert_int_equal(steps[1].sessions.broken_at_least, 7);
	assert_false(steps[2].sessions.given);
	assert_true(clients[0].timestamps);
}

// What replaces a piece of it, and the fault that leads to.
static const struct {
	const char *old, *new, *fault;
} bad[] = {
	{ "[rome, oslo], kind", "[rome, paris], kind",
		"small.yaml:23:27: no client is called `paris`" },
	{ "[rome, oslo], kind", "[rome, rome], kind", "`rome` is named twice" },
	{ "name: queries", "name: idle", "the name `idle` is given twice" },
	{ "name: queries", "name: a/b", "`a/b` cannot name sessions" },
	{ "kind: http", "kind: https", "`kind` cannot be `https`" },
	{ "count: 20,", "count: 0,", "small.yaml:24:" },
	{ "count: 20,", "size: 3M,", "`size` does not go with `kind: dns-tcp`" },
	{ "size: 500M, ", "", "`size`" },
	{ "size: 500M", "size: 500MB", "a number of bytes from 1 to 1T" },
	{ "size: 500M", "size: 2T", "a number of bytes from 1 to 1T" },
	{ "size: 500M", "size: 0", "a number of bytes from 1 to 1T" },
	{ "duration: 20s, ", "", "`duration`" },
	{ ", web: nginx", "", "small.yaml:23:5: no site serves sessions of kind `http`" },
	{ ", quic: ngtcp2", "", "no site serves sessions of kind `quic`" },
	{ "broken-of: rom1", "broken-of: rom2", "no node is called `rom2`" },
	{ "broken-of: rom1, ", "", "small.yaml:30:16: `reset-within` needs `broken-of`" },
	{ "max-stall", "max-stal", "did you mean `max-stall`?" },
};

static char *replaced(const char *old, const char *new)
{
	const char *at = strstr(TEXT, old);
	struct strbuf b = {};

	assert_non_null(at);
	sb_add(&b, TEXT, (size_t)(at - TEXT));
	sb_str(&b, new);
	sb_str(&b, at + strlen(old));
	return sb_take(&b);
}

static void test_faults(void **)
{
	for (size_t i = 0; i < countof(bad); i++) {
		own(free_ptr) char *text = replaced(bad[i].old, bad[i].new);
		own(scenario_free) struct scenario *s = NULL;
		own(sb_free) struct strbuf faults = {};
		int rc = load(text, &s, &faults);

		if (rc == 0 || !strstr(sb_text(&faults), bad[i].fault))
			fail_msg("wanted: %s\ngot %d: %s", bad[i].fault, rc, sb_text(&faults));
	}
}

// A step that speaks of sessions, where there are none.
static void test_no_sessions(void **)
{
	static const char text[] = SMALL_TOP SMALL_NEARCAST SMALL_START
		"timeline:\n"
		"  - {at: 0s, event: kill, target: rom1/dns, sessions: {max-stall: 1s}}\n";
	own(scenario_free) struct scenario *s = NULL;
	own(sb_free) struct strbuf faults = {};

	assert_true(load(text, &s, &faults) < 0);
	assert_non_null(strstr(sb_text(&faults), "there are no `sessions` in the scenario"));
}

// ---- What became of them ----

static struct scenario *load_good(void)
{
	own(sb_free) struct strbuf faults = {};
	struct scenario *s = NULL;

	if (load(TEXT, &s, &faults) < 0)
		fail_msg("%s", sb_text(&faults));
	return s;
}

static instant at_ms(int64_t ms)
{
	return (instant){ ms * 1000 };
}

static void test_list(void **)
{
	own(scenario_free) struct scenario *s = load_good();
	own(session_list_free) struct session_list l = session_list_new(s);
	own(sb_free) struct strbuf b = {};

	// idle: rome over both, oslo over one; queries: rome over both; fetch, store, quic.
	assert_int_equal(l.group_count, 3 + 2 + 2 + 2 + 1);
	assert_int_equal(l.count, 600 + 40 + 2 + 2 + 1);
	assert_int_equal(l.groups[3].first, 600);
	assert_int_equal(l.groups[3].count, 20);
	session_print(s, &l.all[l.groups[4].first + 6], &b);
	assert_string_equal(sb_text(&b), "rome queries 7 (IPv6)");
	assert_true(l.all[0].node == NODE_NONE && l.all[0].state == SESSION_OPENING);
	assert_int_equal(l.all[599].number, 200);
}

// All of them stand, at node 1 (rom1), from 0 on.
static struct session_list standing(const struct scenario *s)
{
	struct session_list l = session_list_new(s);

	for (size_t i = 0; i < l.count; i++) {
		l.all[i].state = SESSION_OPEN;
		l.all[i].opened = at_ms(0);
		l.all[i].node = 1;
	}
	return l;
}

static void break_at(struct session *s, enum session_break how, int64_t ms)
{
	s->state = SESSION_BROKEN;
	s->how = how;
	s->ended = at_ms(ms);
}

// The steps of the scenario: one that gives rom1 up, one that wants 7 broken, one that says nothing.
static void test_step(void **)
{
	own(scenario_free) struct scenario *s = load_good();
	own(session_list_free) struct session_list l = standing(s);
	const struct scn_step *steps = s->timeline.data;
	struct session_result r[10];

	// Nothing happened.
	assert_int_equal(session_judge_step(s, &l, &steps[2], at_ms(100), at_ms(200), r), 0);
	assert_true(r[0].standing == 200 && r[0].broken == 0 && r[0].verdict == SESSIONS_OK);

	// One breaks that belongs to osl1: nobody excused that.
	l.all[3].node = 0;
	break_at(&l.all[3], BREAK_RESET, 150);
	break_at(&l.all[4], BREAK_RESET, 150);
	assert_int_equal(session_judge_step(s, &l, &steps[0], at_ms(100), at_ms(200), r), 2);
	assert_true(r[0].broken == 2 && r[0].excused == 1);
	assert_int_equal(r[0].verdict, SESSIONS_BROKE);

	// With that at rom1 as well, all is well, also in the steps behind it.
	l.all[3].node = 1;
	for (int i = 0; i < 3; i++) {
		session_judge_step(s, &l, &steps[i], at_ms(100), at_ms(200), r);
		assert_int_equal(r[0].verdict, SESSIONS_OK);
	}
	// What broke before the step does not count for it, nor what breaks behind it.
	assert_int_equal(session_judge_step(s, &l, &steps[2], at_ms(151), at_ms(200), r), 0);
	assert_int_equal(r[0].standing, 198);
	assert_int_equal(session_judge_step(s, &l, &steps[2], at_ms(50), at_ms(149), r), 0);

	// The start: none may break.
	assert_int_equal(session_judge_step(s, &l, NULL, at_ms(100), at_ms(200), r), 2);
	assert_int_equal(r[0].verdict, SESSIONS_BROKE);
}

static void test_enough(void **)
{
	own(scenario_free) struct scenario *s = load_good();
	own(session_list_free) struct session_list l = standing(s);
	const struct scn_step *steps = s->timeline.data;
	struct session_result r[10];

	for (size_t i = 0; i < 7; i++) {
		l.all[i].node = 0;
		assert_false(session_enough_broke(&steps[1],
			session_judge_step(s, &l, &steps[1], at_ms(100), at_ms(200), r)));
		break_at(&l.all[i], BREAK_CLOSED, 150);
	}
	assert_true(session_enough_broke(
		&steps[1], session_judge_step(s, &l, &steps[1], at_ms(100), at_ms(200), r)));
	assert_int_equal(r[0].verdict, SESSIONS_OK);
	assert_true(session_enough_broke(&steps[2], 0));
}

static void test_stall(void **)
{
	own(scenario_free) struct scenario *s = load_good();
	own(session_list_free) struct session_list l = standing(s);
	const struct scn_step *steps = s->timeline.data;
	struct session_result r[10];

	l.all[8].node = l.all[9].node = 0;
	// One of the node that is given up: who has nothing to say to the dead hears nothing.
	session_waited(&l.all[7], at_ms(110), at_ms(890));
	session_waited(&l.all[8], at_ms(110), at_ms(610));
	session_waited(&l.all[8], at_ms(700), at_ms(710));
	session_judge_step(s, &l, &steps[0], at_ms(100), at_ms(900), r);
	assert_int_equal(r[0].verdict, SESSIONS_OK); // 500 ms, to the millisecond
	assert_int_equal(r[0].longest.from.us, 110000);
	session_waited(&l.all[9], at_ms(120), at_ms(621));
	session_judge_step(s, &l, &steps[0], at_ms(100), at_ms(900), r);
	assert_int_equal(r[0].verdict, SESSIONS_STALLED);
	// Whoever is broken waits no more; and a step that promises nothing takes any wait.
	break_at(&l.all[9], BREAK_STALLED, 800);
	session_judge_step(s, &l, &steps[0], at_ms(100), at_ms(900), r);
	assert_int_equal(r[0].verdict, SESSIONS_BROKE);
	assert_int_equal(r[0].longest.length.us, 500000);
	l.all[9].state = SESSION_OPEN;
	session_judge_step(s, &l, &steps[2], at_ms(100), at_ms(900), r);
	assert_int_equal(r[0].verdict, SESSIONS_OK);
}

static void test_early(void **)
{
	own(scenario_free) struct scenario *s = load_good();
	own(session_list_free) struct session_list l = standing(s);
	struct session_total t[10];
	size_t fetch = 5, quic = 9; // groups

	l.all[l.groups[fetch].first].state = l.all[l.groups[quic].first].state = SESSION_DONE;
	l.all[l.groups[fetch].first].ended = l.all[l.groups[quic].first].ended = at_ms(499);
	session_judge_end(&l, at_ms(500), t);
	assert_true(t[fetch].early == 1 && t[fetch].verdict == SESSIONS_EARLY);
	assert_true(t[quic].early == 1 && t[quic].verdict == SESSIONS_OK); // it may
	session_judge_end(&l, at_ms(499), t);
	assert_true(t[fetch].early == 0 && t[fetch].done == 1 && t[fetch].verdict == SESSIONS_OK);
	session_judge_end(&l, INSTANT_NEVER, t);
	assert_int_equal(t[fetch].verdict, SESSIONS_OK);
}

// One session alone is of rom1; what becomes of it, and what that is taken for.
static const struct {
	enum session_break how;
	bool lost, spoke;
	int64_t took_ms; // to an RST
	bool ok;
	size_t offset; // of what counts it
} ends[] = {
#define COUNTED(member) __builtin_offsetof(struct session_resets, member)
	{ BREAK_RESET, true, true, 50, true, COUNTED(reset) },
	{ BREAK_RESET, true, true, 51, false, COUNTED(late) },
	{ BREAK_RESET, false, true, 4, true, COUNTED(reset) }, // before all knew
	{ BREAK_STALLED, true, true, 0, false, COUNTED(late) },
	{ BREAK_STALLED, true, false, 0, true, COUNTED(silent) },
	{ BREAK_STALLED, false, false, 0, false, COUNTED(late) }, // nobody knew
	{ BREAK_NONE, true, true, 0, false, COUNTED(alive) },
};

static void test_resets(void **)
{
	for (size_t i = 0; i < countof(ends); i++) {
		own(scenario_free) struct scenario *s = load_good();
		own(session_list_free) struct session_list l = standing(s);
		const struct scn_step *steps = s->timeline.data;

		for (size_t k = 1; k < l.count; k++)
			l.all[k].node = 0;
		l.all[0].owner_lost = ends[i].lost;
		l.all[0].spoke_since = ends[i].spoke;
		l.all[0].has_reset_took = ends[i].how == BREAK_RESET;
		l.all[0].reset_took = span_ms(ends[i].took_ms);
		l.all[0].awaits = true;
		assert_false(session_resets_came(s, &l, &steps[0]));
		if (ends[i].how != BREAK_NONE)
			break_at(&l.all[0], ends[i].how, 300);
		assert_int_equal(session_resets_came(s, &l, &steps[0]), ends[i].how != BREAK_NONE);
		struct session_resets r = session_judge_resets(s, &l, &steps[0], at_ms(100));
		if (r.ok != ends[i].ok || r.sessions != 1 ||
			*(size_t *)(void *)((char *)&r + ends[i].offset) != 1)
			fail_msg("row %zu: ok %d, %zu sessions", i, r.ok, r.sessions);
		// Nobody to be told is no proof.
		l.all[0].node = 0;
		assert_false(session_judge_resets(s, &l, &steps[0], at_ms(100)).ok);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_no_sessions),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_enough),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_resets),
	};

	return cmocka_run_group_tests_name("lab_sessions", tests, NULL, NULL);
}
