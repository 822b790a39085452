// Two speakers on one loop with TCP between them over 127.0.0.1, and a client that is none.
#include "test/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bgp/update.h"
#include "lib/port.h"
#include "lib/strbuf.h"
#include "speaker/speaker.h"

struct end {
	struct speaker *s;
	struct strbuf log; // its events but for states
	size_t updates;    // with routes
	int depth, deepest;
	bool answers; // announces and flushes in the event that its session is up
};

static struct {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct port *port;
	uint16_t number;
	struct end a, b; // a opens, b is opened
} w;

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static struct ip_addr address(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(&a, text), 0);
	return a;
}

static void announce(struct end *e, const char *text)
{
	const struct bgp_attrs_spec spec = {};
	const struct ip_prefix p = prefix(text);
	own(bgp_attrs_unref) struct bgp_attrs *attrs = NULL;

	assert_int_equal(bgp_attrs_new(&attrs, &spec), 0);
	speaker_announce(e->s, &p, attrs);
}

static void note(struct end *e, const struct bgp_action *what)
{
	char text[PREFIX_TEXT];

	if (what->event == BGP_EVENT_ESTABLISHED)
		sb_str(&e->log, "up; ");
	if (what->event == BGP_EVENT_DOWN)
		sb_printf(&e->log, "down %u/%u %s; ", what->error.code, what->error.subcode,
			what->error.text);
	if (what->event == BGP_EVENT_ANNOUNCED)
		sb_printf(&e->log, "told %s; ", prefix_print(&what->prefix, text));
}

static void on_event(void *ctx, const struct bgp_action *what)
{
	struct end *e = ctx;

	if (++e->depth > e->deepest)
		e->deepest = e->depth;
	note(e, what);
	if (e->answers && what->event == BGP_EVENT_ESTABLISHED) {
		announce(e, "192.0.2.0/24");
		speaker_flush(e->s);
		sb_str(&e->log, "flushed; ");
	}
	e->depth--;
}

static void on_routes(void *ctx, const struct bgp_update *update)
{
	struct end *e = ctx;
	size_t announced, withdrawn;

	bgp_update_count(update, &announced, &withdrawn);
	e->updates += announced > 0;
}

static void on_accept(void *, int fd, const struct ip_addr *)
{
	speaker_accept(w.b.s, fd);
}

static void on_watchdog(uv_timer_t *)
{
	fail_msg("nothing more happened; a: %s b: %s", sb_text(&w.a.log), sb_text(&w.b.log));
}

#define await(condition)     \
	while (!(condition)) \
	(void)uv_run(&w.loop, UV_RUN_ONCE)

static bool is_up(const struct end *e)
{
	return bgp_peer_state(speaker_peer(e->s)) == BGP_ESTABLISHED;
}

static struct conn_options socket_options(void)
{
	return (struct conn_options){ .remote = address("127.0.0.1"), .port = w.number };
}

static void make(struct end *e, uint32_t as, uint32_t peer_as, bool passive)
{
	const struct bgp_peer_config config = {
		.local_as = as,
		.peer_as = peer_as,
		.router_id = as,
		.hold_time = span_s(90),
		.connect_retry = span_ms(5),
		.connect_retry_max = span_ms(20),
		.passive = passive,
		.families = BGP_FAMILY_IP4,
		.next_hop4 = address("192.0.2.1"), // no route is taken with 127.0.0.1
		.seed = as,
		.routes = on_routes,
		.routes_ctx = e,
	};
	const struct conn_options socket = socket_options();

	*e = (struct end){};
	e->s = speaker_new(&w.loop, &config, &socket, on_event, e);
}

static int set_up(void **)
{
	const struct ip_addr here = address("127.0.0.1");
	struct sockaddr_in sin = {};
	socklen_t len = sizeof(sin);

	assert_int_equal(uv_loop_init(&w.loop), 0);
	uv_timer_init(&w.loop, &w.watchdog);
	uv_timer_start(&w.watchdog, on_watchdog, 20000, 0);
	assert_int_equal(port_new(&w.port, &w.loop, &here, 0, NULL, on_accept, NULL), 0);
	assert_int_equal(getsockname(port_fd(w.port), (struct sockaddr *)&sin, &len), 0);
	w.number = ntohs(sin.sin_port);
	make(&w.a, 65001, 65002, false);
	make(&w.b, 65002, 65001, true);
	return 0;
}

static void clear(struct end *e)
{
	if (e->s)
		speaker_stop(e->s, BGP_CEASE_ADMIN_SHUTDOWN, NULL);
	speaker_free(&e->s);
	assert_null(e->s);
	sb_free(&e->log);
}

// The loop ends by itself: no handle and no connection is left behind.
static int tear_down(void **)
{
	clear(&w.a);
	clear(&w.b);
	port_free(&w.port);
	uv_close((uv_handle_t *)&w.watchdog, NULL);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(conn_lingering(), 0);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	return 0;
}

static void start_both(void)
{
	speaker_start(w.b.s);
	speaker_start(w.a.s);
	await(is_up(&w.a) && is_up(&w.b));
}

static void forget(void)
{
	sb_clear(&w.a.log);
	sb_clear(&w.b.log);
}

static void test_routes_go_when_the_session_is_up(void **)
{
	announce(&w.a, "198.51.100.0/24");
	start_both();
	await(w.b.updates == 1);
	assert_string_equal(sb_text(&w.a.log), "up; told 198.51.100.0/24; ");
	assert_string_equal(sb_text(&w.b.log), "up; ");
}

// What is called in an event is done after it: no event within an event.
static void test_calls_within_an_event(void **)
{
	w.a.answers = true;
	start_both();
	await(w.b.updates == 1);
	assert_string_equal(sb_text(&w.a.log), "up; flushed; told 192.0.2.0/24; ");
	assert_int_equal(w.a.deepest, 1);
}

static void test_changes_wait_for_the_flush(void **)
{
	start_both();
	announce(&w.a, "198.51.100.0/24");
	announce(&w.a, "203.0.113.0/24");
	assert_string_equal(sb_text(&w.a.log), "up; ");
	speaker_flush(w.a.s);
	await(w.b.updates == 1); // packed
	assert_string_equal(sb_text(&w.a.log), "up; told 198.51.100.0/24; told 203.0.113.0/24; ");
}

static void test_stop_says_why(void **)
{
	start_both();
	forget();
	speaker_stop(w.b.s, BGP_CEASE_ADMIN_SHUTDOWN, "new kernel");
	await(w.a.log.len > 0);
	assert_memory_equal(sb_text(&w.a.log), "down 6/2 ", 9);
	assert_non_null(strstr(sb_text(&w.a.log), "new kernel"));
	// Who is stopped takes no connection, and who was told comes again and is refused.
	sb_clear(&w.a.log);
	await(w.a.log.len > 0);
	assert_non_null(strstr(sb_text(&w.a.log), "down 0/0 closed by the neighbour"));
	assert_int_equal(bgp_peer_state(speaker_peer(w.b.s)), BGP_IDLE);
	speaker_start(w.b.s);
	await(is_up(&w.a) && is_up(&w.b));
}

static void test_reset_comes_back(void **)
{
	start_both();
	speaker_reset(w.a.s, BGP_CEASE_BFD_DOWN, "the path is gone");
	assert_false(is_up(&w.a));
	await(is_up(&w.a) && is_up(&w.b));
	assert_non_null(strstr(sb_text(&w.b.log), "up; down 6/10 "));
}

static void test_drop_sends_no_notification(void **)
{
	start_both();
	forget();
	speaker_drop(w.b.s, "it connected again");
	assert_string_equal(sb_text(&w.b.log), "down 0/0 it connected again; ");
	await(w.a.log.len > 0);
	assert_string_equal(sb_text(&w.a.log), "down 0/0 closed by the neighbour; ");
	await(is_up(&w.a) && is_up(&w.b));
}

static void test_ask_again(void **)
{
	announce(&w.a, "198.51.100.0/24");
	start_both();
	await(w.b.updates == 1);
	speaker_ask_again(w.b.s);
	await(w.b.updates == 2);
	assert_int_equal(bgp_peer_counters(speaker_peer(w.b.s))->established, 1);
}

static int refuse(const void *, int, const struct ip_addr *, bool accepted)
{
	return accepted ? -EACCES : 0;
}

// A client that only listens. Returns whether it was told anything before the end; -1: it goes on.
static int hear(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	return n < 0 && errno == EAGAIN ? -1 : n > 0;
}

static int call(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(w.number),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	own(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int heard;

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	await((heard = hear(fd)) >= 0);
	return heard;
}

static void test_keys_come_before_the_engine(void **)
{
	struct conn_options socket = socket_options();

	speaker_start(w.b.s);
	assert_int_equal(call(), 1); // an OPEN
	assert_int_equal(bgp_peer_counters(speaker_peer(w.b.s))->opens_out, 1);
	speaker_drop(w.b.s, "seen");
	socket.protect = refuse;
	speaker_set_socket(w.b.s, &socket);
	await(bgp_peer_state(speaker_peer(w.b.s)) == BGP_ACTIVE);
	assert_int_equal(call(), 0);
	assert_int_equal(bgp_peer_counters(speaker_peer(w.b.s))->opens_out, 1);
}

static void test_no_such_interface(void **)
{
	struct conn_options socket = socket_options();

	socket.remote = address("fe80::1");
	socket.interface = "none-such";
	speaker_set_socket(w.a.s, &socket);
	speaker_start(w.a.s);
	assert_non_null(strstr(sb_text(&w.a.log), strerror(ENODEV)));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_routes_go_when_the_session_is_up),
		CASE(test_calls_within_an_event),
		CASE(test_changes_wait_for_the_flush),
		CASE(test_stop_says_why),
		CASE(test_reset_comes_back),
		CASE(test_drop_sends_no_notification),
		CASE(test_ask_again),
		CASE(test_keys_come_before_the_engine),
		CASE(test_no_such_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
