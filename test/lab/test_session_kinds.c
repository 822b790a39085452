// The kinds of sessions by what their servers say, without a network: requests go nowhere, and answers are
// fed by hand.
#include "test/unit.h"

#include <string.h>

#include "lab/session_int.h"
#include "lab/stream.h"
#include "lib/mem.h"
#define SMALL_SERVERS ", web: nginx"
#include "test/lab/small.h"

#define TEXT                                                                  \
	SMALL_TOP SMALL_NEARCAST SMALL_START                                  \
		"sessions:\n"                                                 \
		"  - {name: talk, clients: oslo, kind: http, interval: 1h}\n" \
		"  - {name: fetch, clients: oslo, kind: download, size: 8}\n" \
		"  - {name: ask, clients: oslo, kind: dns-tcp, interval: 1h}\n"

enum { TALK, FETCH, ASK };

#define OK       "HTTP/1.1 200 OK\r\n"
#define NAME(n)  OK "Content-Length: 5\r\n\r\n" n "\n"
#define EIGHT    OK "Content-Length: 8\r\n\r\n"
#define STREAM   "\xaf\xcd\x1d\x7b\x39\xa8\x20\xe2"
#define SPOILT   "\xaf\xcd\x1d\x7b\x39\xa8\x20\xe3"
#define HEAD(id) "\x00\x2c\x00" id "\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00"
#define ANSWER \
	"\x02id\x06server\x00\x00\x10\x00\x03\xc0\x0c\x00\x10\x00\x03\x00\x00\x00\x00\x00\x05\x04"
#define TOLD(id, n) HEAD(id) ANSWER n

static const struct {
	const char *what;
	int entry;
	const char *bytes;
	size_t len;
	enum session_state state;
	enum session_break how;
} rows[] = {
#define ROW(what, entry, bytes, state, how)                       \
	{                                                         \
		what, entry, bytes, sizeof(bytes) - 1, state, how \
	}
	ROW("named", TALK, NAME("osl1"), SESSION_OPEN, BREAK_NONE),
	ROW("half", TALK, OK "Content-Le", SESSION_OPENING, BREAK_NONE),
	ROW("no node of that name", TALK, NAME("osl2"), SESSION_BROKEN, BREAK_ANSWER),
	ROW("an empty name", TALK, OK "Content-Length: 0\r\n\r\n", SESSION_BROKEN, BREAK_ANSWER),
	ROW("not found", TALK, "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nosl1\n",
		SESSION_BROKEN, BREAK_ANSWER),
	ROW("about to close", TALK, OK "Connection: close\r\nContent-Length: 5\r\n\r\nosl1\n",
		SESSION_BROKEN, BREAK_CLOSED),
	ROW("twice", TALK, NAME("osl1") NAME("osl1"), SESSION_BROKEN, BREAK_ANSWER),
	ROW("not HTTP", TALK, "SSH-2.0-OpenSSH\r\n\r\n", SESSION_BROKEN, BREAK_ANSWER),
	ROW("whole", FETCH, NAME("osl1") EIGHT STREAM NAME("osl1"), SESSION_DONE, BREAK_NONE),
	ROW("under way", FETCH, NAME("osl1") EIGHT "\xaf\xcd", SESSION_OPEN, BREAK_NONE),
	ROW("before the first byte", FETCH, NAME("osl1") EIGHT, SESSION_OPENING, BREAK_NONE),
	ROW("before the last word", FETCH, NAME("osl1") EIGHT STREAM, SESSION_OPEN, BREAK_NONE),
	ROW("a bit another", FETCH, NAME("osl1") EIGHT SPOILT, SESSION_BROKEN, BREAK_BYTES),
	ROW("too short", FETCH, NAME("osl1") OK "Content-Length: 7\r\n\r\n1234567", SESSION_BROKEN,
		BREAK_BYTES),
	ROW("no file", FETCH, NAME("osl1") "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		SESSION_BROKEN, BREAK_ANSWER),
	ROW("another node in the end", FETCH, NAME("osl1") EIGHT STREAM NAME("rom1"),
		SESSION_BROKEN, BREAK_OTHER_NODE),
	ROW("told", ASK, TOLD("\x01", "osl1"), SESSION_OPEN, BREAK_NONE),
	ROW("half told", ASK, "\x00\x2c\x00\x01\x84", SESSION_OPENING, BREAK_NONE),
	ROW("to another question", ASK, TOLD("\x02", "osl1"), SESSION_BROKEN, BREAK_ANSWER),
	ROW("nothing", ASK, "\x00\x00", SESSION_BROKEN, BREAK_ANSWER),
	ROW("told twice", ASK, TOLD("\x01", "osl1") TOLD("\x01", "osl1"), SESSION_BROKEN,
		BREAK_ANSWER),
};

static const struct session_ops *const kinds[] = {
	[TALK] = &session_http_ops,
	[FETCH] = &session_download_ops,
	[ASK] = &session_dns_ops,
};

struct stage {
	uv_loop_t loop;
	struct scenario *scenario;
	struct topology *topology;
	struct session_list list;
	struct sessions_ops ops;
	struct sessions all;
	struct peer peer;
	size_t breaks;
};

static void on_break(void *ctx, const struct session *)
{
	((struct stage *)ctx)->breaks++;
}

// A session whose connection has just come about; the kind's own memory is made by open(), which then
// finds no namespace to open a socket in.
static struct stage *stage_new(int entry)
{
	struct stage *t = mem_zalloc(sizeof(*t));
	struct faults *f = mem_zalloc(sizeof(*f));

	assert_int_equal(scenario_load_text(&t->scenario, "small.yaml", TEXT, strlen(TEXT), f), 0);
	free(f);
	assert_int_equal(uv_loop_init(&t->loop), 0);
	t->list = session_list_new(t->scenario);
	t->ops.on_break = on_break;
	t->all = (struct sessions){ .scenario = t->scenario,
		.loop = &t->loop,
		.list = &t->list,
		.ops = &t->ops,
		.ctx = t,
		.unsettled = 1 };
	t->all.digests = mem_zalloc(3 * sizeof(*t->all.digests));
	stream_digest(8, t->all.digests[FETCH]);
	assert_int_equal(topology_new(&t->topology, t->scenario), 0);
	t->all.topology = t->topology;
	t->peer = (struct peer){ .s = &t->list.all[entry],
		.all = &t->all,
		.ops = kinds[entry],
		.waiting = INSTANT_NEVER,
		.asked = INSTANT_NEVER };
	assert_true(t->peer.ops->open(&t->peer) < 0);
	assert_non_null(t->peer.kind);
	t->peer.ops->up(&t->peer);
	return t;
}

static void stage_free(struct stage **ret)
{
	struct stage *t = *ret;

	peer_close(&t->peer);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&t->loop), 0);
	topology_free(&t->topology);
	session_list_free(&t->list);
	scenario_free(&t->scenario);
	free(t->all.digests);
	free_ptr(ret);
}

// In pieces of n bytes at most.
static void feed(struct stage *t, const char *bytes, size_t len, size_t n)
{
	for (size_t at = 0; at < len && !peer_is_over(&t->peer); at += n)
		t->peer.ops->data(
			&t->peer, (const uint8_t *)bytes + at, len - at < n ? len - at : n);
}

static void test_rows(void **)
{
	for (size_t i = 0; i < countof(rows); i++)
		for (size_t n = 1; n < rows[i].len + 7; n += 7) {
			own(stage_free) struct stage *t = stage_new(rows[i].entry);
			const struct session *s = t->peer.s;

			feed(t, rows[i].bytes, rows[i].len, n);
			if (s->state != rows[i].state || s->how != rows[i].how ||
				t->breaks != (rows[i].state == SESSION_BROKEN))
				fail_msg("%s, %zu at once: %s, %s (%s)", rows[i].what, n,
					session_state_name(s->state), session_break_name(s->how),
					s->detail);
		}
}

// Who answered first owns it; the same connection answered by another node is a defect of its own.
static void test_other_node(void **)
{
	own(stage_free) struct stage *t = stage_new(TALK);
	const struct session *s = t->peer.s;

	feed(t, NAME("osl1"), sizeof(NAME("osl1")) - 1, 1000);
	assert_int_equal(s->node, scenario_node(t->scenario, "osl1"));
	assert_int_equal(s->answers, 1);
	assert_false(s->awaits);
	t->peer.ops->talk(&t->peer);
	assert_true(s->awaits);
	feed(t, NAME("rom1"), sizeof(NAME("rom1")) - 1, 1000);
	assert_int_equal(s->how, BREAK_OTHER_NODE);
	assert_string_equal(s->detail, "answered by rom1, opened by osl1");
	assert_int_equal(s->node, scenario_node(t->scenario, "osl1"));
}

// What is said once it was asked for its last word ends it.
static void test_last_word(void **)
{
	own(stage_free) struct stage *t = stage_new(TALK);

	feed(t, NAME("osl1"), sizeof(NAME("osl1")) - 1, 1000);
	t->peer.last = true;
	t->peer.ops->talk(&t->peer);
	feed(t, NAME("osl1"), sizeof(NAME("osl1")) - 1, 1000);
	assert_int_equal(t->peer.s->state, SESSION_DONE);
	assert_int_equal(t->breaks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_other_node),
		cmocka_unit_test(test_last_word),
	};

	return cmocka_run_group_tests_name("lab_session_kinds", tests, NULL, NULL);
}
