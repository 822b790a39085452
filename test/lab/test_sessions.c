#include "test/unit.h"

#include <string.h>

#include "lab/scenario.h"
#include "lib/mem.h"
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
		"small.yaml:23:5: no client is called `paris`" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_no_sessions),
	};

	return cmocka_run_group_tests_name("lab_sessions", tests, NULL, NULL);
}
