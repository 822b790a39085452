// What a neighbour may send: routes that passed it, and not too many of them.
#include <stdio.h>
#include <string.h>

#include "test/bgp/lone.h"

#define HOP "400304 c0000209 "

// ---- The first AS of AS_PATH, RFC 4271 section 6.3 ----

#define FIRST_AS \
	"received: AS_PATH: AS_PATH does not begin with the neighbour's AS: treat as withdraw\n"

static const struct {
	const char *what, *body, *log;
} paths[] = {
	{ "the neighbour's", "0000 0014 400101 00 400206 0201 0000fbf0" HOP "18 c63364",
		"received\n" },
	{ "the neighbour's, and others",
		"0000 0018 400101 00 40020a 0202 0000fbf0 0000fbf1" HOP "18 c63364", "received\n" },
	{ "another", "0000 0014 400101 00 400206 0201 0000fbf1" HOP "18 c63364", FIRST_AS },
	{ "later only", "0000 0018 400101 00 40020a 0202 0000fbf1 0000fbf0" HOP "18 c63364",
		FIRST_AS },
	{ "in a set", "0000 0014 400101 00 400206 0101 0000fbf0" HOP "18 c63364", FIRST_AS },
	{ "none", "0000 000e 400101 00 400200" HOP "18 c63364", FIRST_AS },
};

static void first_as(void **)
{
	for (size_t i = 0; i < countof(paths) * 2; i++) {
		struct bgp_peer_config config = lone_config();
		bool checked = i % 2;
		struct lone l;

		config.first_as = checked;
		lone_init(&l, &config);
		lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
		lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, paths[i / 2].body);
		lone_expect(&l, checked ? paths[i / 2].log : "received\n");
		lone_free(&l);
	}
}

// A neighbour without four-octet numbers stands in its own path as AS_TRANS.
static void first_as_of_an_old_speaker(void **)
{
	struct bgp_peer_config config = lone_config();
	struct lone l;

	config.first_as = true;
	lone_init(&l, &config);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, OPEN_BARE);
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_forget(&l);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE,
		"0000 0012 400101 00 400204 0201 fbf0" HOP "18 c63364");
	lone_expect(&l, "received\n");
	lone_free(&l);
}

static void first_as_is_not_for_internal_neighbours(void **)
{
	struct bgp_peer_config config = lone_config();
	struct lone l;

	config.first_as = true;
	config.peer_as = config.local_as;
	lone_init(&l, &config);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, "04 fbf4 005a c0000209 08 02 06 41040000fbf4");
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_forget(&l);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE,
		"0000 0015 400101 00 400200" HOP "400504 00000064 18 c63364");
	lone_expect(&l, "received\n");
	lone_free(&l);
}

// ---- How many, RFC 4486 section 4 ----

#define ATTRS "0000 0014 400101 00 400206 0201 0000fbf0" HOP
#define ONE   "18 c63301 "
#define TWO   "18 c63302 "
#define THREE "18 c63303 "
#define OVER                                \
	"out NOTIFICATION 6/1\nout close\n" \
	"state Established -> Idle\n"       \
	"down 6/1 sent: more than 2 prefixes\n"

static void limited(struct lone *l, bool passive)
{
	struct bgp_peer_config config = lone_config();

	config.max_prefixes = 2;
	config.max_prefixes_wait = span_s(600);
	config.passive = passive;
	lone_init(l, &config);
	lone_reach(l, passive ? BGP_IN : BGP_OUT, BGP_ESTABLISHED);
}

static void routes_are_counted_once(void **)
{
	struct lone l;

	limited(&l, false);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS ONE TWO);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS ONE TWO); // again
	assert_int_equal(bgp_peer_counters(l.p)->prefixes_received, 2);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, "0004" ONE "0000"); // one goes, another comes
	assert_int_equal(bgp_peer_counters(l.p)->prefixes_received, 1);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS THREE);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, "0004" ONE "0000"); // it was gone
	assert_int_equal(bgp_peer_counters(l.p)->prefixes_received, 2);
	// Treated as withdrawn: RFC 7606.
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, "0000 0014 400101 09 400206 0201 0000fbf0" HOP TWO);
	assert_int_equal(bgp_peer_counters(l.p)->prefixes_received, 1);
	assert_int_equal(bgp_peer_state(l.p), BGP_ESTABLISHED);
	lone_free(&l);
}

static void too_many_routes_end_the_session(void **)
{
	struct lone l;

	limited(&l, false);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS ONE TWO);
	lone_forget(&l);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS THREE);
	lone_expect(&l, "received\n" OVER);

	struct ip_addr local = address("192.0.2.1");
	assert_false(bgp_peer_accepted(l.p, l.now, &local)); // the neighbour waits too
	lone_pass(&l, span_ms(599999));
	assert_false(bgp_peer_accepted(l.p, l.now, &local));
	lone_expect(&l, "");
	lone_pass(&l, span_ms(1));
	lone_expect(&l, "connect\nstate Idle -> Connect\n");
	assert_true(bgp_peer_accepted(l.p, l.now, &local));
	lone_free(&l);
}

static void passive_side_waits_and_listens_again(void **)
{
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	limited(&l, true);
	lone_feed(&l, BGP_IN, BGP_MSG_UPDATE, ATTRS ONE TWO THREE);
	lone_expect(&l, "received\n"
			"in NOTIFICATION 6/1\nin close\n"
			"state Established -> Idle\n"
			"down 6/1 sent: more than 2 prefixes\n");
	assert_false(bgp_peer_accepted(l.p, l.now, &local));
	lone_pass(&l, span_s(600));
	lone_expect(&l, "state Idle -> Active\n");
	assert_true(bgp_peer_accepted(l.p, l.now, &local));
	lone_free(&l);
}

static void operator_ends_the_wait(void **)
{
	struct lone l;

	limited(&l, false);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS ONE TWO THREE);
	lone_forget(&l);
	bgp_peer_start(l.p, l.now);
	lone_expect(&l, "connect\nstate Idle -> Connect\n");
	lone_free(&l);

	limited(&l, false);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS ONE TWO THREE);
	lone_forget(&l);
	bgp_peer_stop(l.p, l.now, BGP_CEASE_ADMIN_SHUTDOWN, NULL);
	assert_true(instant_is_never(bgp_peer_deadline(l.p)));
	lone_expect(&l, "");
	lone_free(&l);
}

static void limit_counts_from_the_session(void **)
{
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	limited(&l, false);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS ONE TWO);
	bgp_peer_closed(l.p, l.now, BGP_OUT, "reset");
	lone_pass(&l, span_s(5));
	bgp_peer_connected(l.p, l.now, &local);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, OPEN_FULL);
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, ATTRS THREE);
	assert_int_equal(bgp_peer_counters(l.p)->prefixes_received, 1);
	assert_int_equal(bgp_peer_state(l.p), BGP_ESTABLISHED);
	lone_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_as),
		cmocka_unit_test(first_as_of_an_old_speaker),
		cmocka_unit_test(first_as_is_not_for_internal_neighbours),
		cmocka_unit_test(routes_are_counted_once),
		cmocka_unit_test(too_many_routes_end_the_session),
		cmocka_unit_test(passive_side_waits_and_listens_again),
		cmocka_unit_test(operator_ends_the_wait),
		cmocka_unit_test(limit_counts_from_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
