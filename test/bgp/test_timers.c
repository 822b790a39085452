// Timers: hold, keepalive, the wait before the next attempt, a neighbour that
// does not read.
#include <string.h>

#include "test/bgp/lone.h"

static int64_t wait_us(const struct lone *l)
{
	return instant_diff(bgp_peer_deadline(l->p), l->now).us;
}

// ---- Hold ----

static void nobody_says_open(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	lone_pass(&l, span_us(239999999));
	lone_expect(&l, "");
	lone_pass(&l, span_us(1));
	lone_expect(&l, "out NOTIFICATION 4/0\n"
			"out close\n"
			"state OpenSent -> Active\n"
			"down 4/0 sent: hold timer expired\n");
	lone_free(&l);
}

static void hold_expires(void **)
{
	for (enum bgp_state s = BGP_OPENCONFIRM; s <= BGP_ESTABLISHED; s++) {
		struct lone l;

		lone_init(&l, NULL);
		lone_reach(&l, BGP_OUT, s);
		lone_pass(&l, span_us(89999999));
		assert_int_equal(bgp_peer_state(l.p), s);
		lone_forget(&l); // its KEEPALIVEs
		lone_pass(&l, span_us(1));
		lone_expect(&l, s == BGP_OPENCONFIRM ? "out NOTIFICATION 4/0\n"
						       "out close\n"
						       "state OpenConfirm -> Active\n"
						       "down 4/0 sent: hold timer expired\n"
						     : "out NOTIFICATION 4/0\n"
						       "out close\n"
						       "state Established -> Active\n"
						       "down 4/0 sent: hold timer expired\n");
		lone_free(&l);
	}
}

static void each_message_holds(void **)
{
	static const struct {
		uint8_t type;
		const char *body;
	} rows[] = {
		{ BGP_MSG_KEEPALIVE, "" },
		{ BGP_MSG_UPDATE, "00000000" },
		{ BGP_MSG_ROUTE_REFRESH, "00010001" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct lone l;

		lone_init(&l, NULL);
		lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
		lone_pass(&l, span_s(89));
		lone_feed(&l, BGP_OUT, rows[i].type, rows[i].body);
		lone_pass(&l, span_us(89999999));
		assert_int_equal(bgp_peer_state(l.p), BGP_ESTABLISHED);
		lone_pass(&l, span_us(1));
		assert_int_equal(bgp_peer_state(l.p), BGP_ACTIVE);
		lone_free(&l);
	}
}

// Bytes of a message that is not whole yet hold nothing.
static void half_a_message_does_not_hold(void **)
{
	struct lone l;
	struct bytes m = message(BGP_MSG_UPDATE, "00000000");

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	for (size_t i = 0; i + 1 < m.len; i++) {
		lone_pass(&l, span_s(4));
		bgp_peer_received(l.p, l.now, BGP_OUT, &m.b[i], 1);
	}
	lone_pass(&l, span_s(2));
	assert_int_equal(bgp_peer_state(l.p), BGP_ACTIVE);
	assert_int_equal(bgp_peer_last_error(l.p)->code, BGP_ERR_HOLD_TIMER);
	lone_free(&l);
}

static void no_hold_time_no_timers(void **)
{
	struct bgp_peer_config config = lone_config();
	struct lone l;

	config.hold_time = span_s(0);
	lone_init(&l, &config);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	assert_true(instant_is_never(bgp_peer_deadline(l.p)));
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	assert_true(instant_is_never(bgp_peer_deadline(l.p)));
	lone_free(&l);
}

// ---- Keepalive ----

static void keepalives_are_jittered(void **)
{
	struct lone l;
	int64_t least = INT64_MAX, most = 0;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	for (int i = 0; i < 500; i++) {
		int64_t wait = wait_us(&l);

		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
		lone_pass(&l, span_us(wait));
		lone_expect(&l, "out KEEPALIVE\n");
		lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	}
	assert_in_range(least, 22500000, 23000000); // 0.75 to 1 of 30 s, and all of that
	assert_in_range(most, 29500000, 30000000);
	lone_free(&l);
}

static void not_more_than_one_a_second(void **)
{
	struct bgp_peer_config config = lone_config();
	struct lone l;

	config.hold_time = span_s(3);
	lone_init(&l, &config);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(wait_us(&l), 1000000);
		lone_pass(&l, span_s(1));
		lone_expect(&l, "out KEEPALIVE\n");
		lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	}
	lone_free(&l);
}

static void updates_stand_in_for_keepalives(void **)
{
	struct lone l;
	struct bgp_attrs *attrs;

	assert_int_equal(bgp_attrs_new(&attrs, &(struct bgp_attrs_spec){}), 0);
	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	for (int i = 0; i < 40; i++) {
		lone_pass(&l, span_s(20));
		lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
		if (i & 1)
			lone_withdraw(&l, "198.51.100.0/24");
		else
			lone_announce(&l, "198.51.100.0/24", attrs);
		lone_forget(&l);
	}
	assert_int_equal(bgp_peer_counters(l.p)->updates_out, 40);
	assert_int_equal(bgp_peer_counters(l.p)->keepalives_out, 1); // the one that confirmed
	lone_free(&l);
	bgp_attrs_unref(&attrs);
}

// ---- The wait before the next attempt ----

static void check_wait(const struct lone *l, int64_t seconds)
{
	assert_in_range(wait_us(l), seconds * 750000, seconds * 1000000);
}

static void refusals_are_met_ever_less_often(void **)
{
	static const int64_t waits[] = { 5, 10, 20, 40, 80, 120, 120, 120 };
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_CONNECT);
	for (size_t i = 0; i < countof(waits); i++) {
		bgp_peer_closed(l.p, l.now, BGP_OUT, "connection refused");
		lone_expect(&l, "state Connect -> Active\n"
				"down 0/0: connection refused\n");
		check_wait(&l, waits[i]);
		lone_pass(&l, span_us(wait_us(&l)));
		lone_expect(&l, "connect\n"
				"state Active -> Connect\n");
	}
	bgp_peer_stop(l.p, l.now, BGP_CEASE_ADMIN_SHUTDOWN, NULL);
	bgp_peer_start(l.p, l.now); // the operator begins anew
	bgp_peer_closed(l.p, l.now, BGP_OUT, "connection refused");
	check_wait(&l, 5);
	lone_free(&l);
}

// Up to Established once more, from waiting.
static void come_back(struct lone *l)
{
	struct ip_addr local = address("192.0.2.1");

	lone_pass(l, span_us(wait_us(l)));
	assert_int_equal(bgp_peer_state(l->p), BGP_CONNECT);
	bgp_peer_connected(l->p, l->now, &local);
	lone_feed(l, BGP_OUT, BGP_MSG_OPEN, OPEN_FULL);
	lone_feed(l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	assert_int_equal(bgp_peer_state(l->p), BGP_ESTABLISHED);
	lone_forget(l);
}

static void flapping_is_met_ever_less_often(void **)
{
	static const int64_t waits[] = { 5, 10, 20, 40, 80, 120 };
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	for (size_t i = 0; i < countof(waits); i++) {
		struct bytes junk = hex("00");

		lone_pass(&l, span_s(5));
		if (i & 1)
			bgp_peer_closed(l.p, l.now, BGP_OUT, "reset");
		else
			lone_feed_bytes(&l, BGP_OUT, &junk);
		check_wait(&l, waits[i]);
		come_back(&l);
	}

	// A session that lives as long as the greatest wait clears the record.
	for (int i = 0; i < 3; i++) {
		lone_pass(&l, span_s(50));
		lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	}
	bgp_peer_closed(l.p, l.now, BGP_OUT, "reset");
	check_wait(&l, 5);
	lone_free(&l);
}

static void seeds_make_waits(void **)
{
	int64_t waits[3];
	const uint64_t seeds[] = { 1, 1, 2 };

	for (size_t i = 0; i < countof(seeds); i++) {
		struct bgp_peer_config config = lone_config();
		struct lone l;

		config.seed = seeds[i];
		lone_init(&l, &config);
		lone_reach(&l, BGP_OUT, BGP_CONNECT);
		bgp_peer_closed(l.p, l.now, BGP_OUT, "");
		waits[i] = wait_us(&l);
		lone_free(&l);
	}
	assert_int_equal(waits[0], waits[1]);
	assert_int_not_equal(waits[0], waits[2]);
}

// TCP that neither comes up nor fails.
static void no_answer_to_the_attempt(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_CONNECT);
	for (int i = 0; i < 3; i++) {
		assert_in_range(wait_us(&l), 10000000, 120000000);
		lone_pass(&l, span_us(wait_us(&l)));
		lone_expect(&l, "out close\n"
				"connect\n"
				"down 0/0: no answer to the connection attempt\n");
	}
	lone_free(&l);
}

// While the neighbour's own connection is up there is nothing to open; when it
// ends there is.
static void neighbour_came_first(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_CONNECT);
	bgp_peer_closed(l.p, l.now, BGP_OUT, "refused");
	lone_reach(&l, BGP_IN, BGP_ESTABLISHED);
	for (int i = 0; i < 10; i++) {
		lone_pass(&l, span_s(60));
		lone_feed(&l, BGP_IN, BGP_MSG_KEEPALIVE, "");
	}
	assert_null(strstr(sb_text(&l.log), "connect"));
	lone_forget(&l);
	bgp_peer_closed(l.p, l.now, BGP_IN, "reset");
	lone_expect(&l, "state Established -> Active\n"
			"down 0/0: reset\n");
	check_wait(&l, 5);
	lone_pass(&l, span_us(wait_us(&l)));
	lone_expect(&l, "connect\n"
			"state Active -> Connect\n");
	lone_free(&l);
}

// The same when the connection was lost in OpenSent, from where the RFC goes to Active.
static void neighbour_came_after_opensent(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	bgp_peer_closed(l.p, l.now, BGP_OUT, "reset");
	lone_reach(&l, BGP_IN, BGP_ESTABLISHED);
	lone_pass(&l, span_s(60));
	bgp_peer_closed(l.p, l.now, BGP_IN, "reset");
	lone_forget(&l);
	check_wait(&l, 10);
	lone_pass(&l, span_us(wait_us(&l)));
	lone_expect(&l, "connect\n"
			"state Active -> Connect\n");
	lone_free(&l);
}

// ---- A neighbour that does not read: RFC 9687 ----

static void keep_hearing(struct lone *l, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i += 10) {
		lone_pass(l, span_s(10));
		lone_feed(l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	}
}

static void neighbour_does_not_read(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	bgp_peer_set_backlog(l.p, l.now, BGP_OUT, 1000);
	keep_hearing(&l, 400);
	bgp_peer_set_backlog(l.p, l.now, BGP_OUT, 999); // it took one octet
	keep_hearing(&l, 400);
	bgp_peer_set_backlog(l.p, l.now, BGP_OUT, 2000); // and none of the later ones
	keep_hearing(&l, 70);
	assert_int_equal(bgp_peer_state(l.p), BGP_ESTABLISHED);
	lone_pass(&l, span_s(10));
	assert_non_null(strstr(sb_text(&l.log), "out NOTIFICATION 8/0\n"
						"out close\n"
						"state Established -> Active\n"
						"down 8/0 sent: send hold timer expired\n"));
	lone_free(&l);
}

static void neighbour_reads_at_last(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	bgp_peer_set_backlog(l.p, l.now, BGP_OUT, 1000);
	keep_hearing(&l, 400);
	bgp_peer_set_backlog(l.p, l.now, BGP_OUT, 0);
	keep_hearing(&l, 1000);
	assert_int_equal(bgp_peer_state(l.p), BGP_ESTABLISHED);
	lone_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_says_open),
		cmocka_unit_test(hold_expires),
		cmocka_unit_test(each_message_holds),
		cmocka_unit_test(half_a_message_does_not_hold),
		cmocka_unit_test(no_hold_time_no_timers),
		cmocka_unit_test(keepalives_are_jittered),
		cmocka_unit_test(not_more_than_one_a_second),
		cmocka_unit_test(updates_stand_in_for_keepalives),
		cmocka_unit_test(refusals_are_met_ever_less_often),
		cmocka_unit_test(flapping_is_met_ever_less_often),
		cmocka_unit_test(seeds_make_waits),
		cmocka_unit_test(no_answer_to_the_attempt),
		cmocka_unit_test(neighbour_came_first),
		cmocka_unit_test(neighbour_came_after_opensent),
		cmocka_unit_test(neighbour_does_not_read),
		cmocka_unit_test(neighbour_reads_at_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
