// One engine against a neighbour played by hand: what it says to each thing
// that the other side does, in each state.
#include <string.h>

#include "test/bgp/lone.h"

static void opens(void **)
{
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	lone_init(&l, NULL);
	bgp_peer_start(l.p, l.now);
	lone_expect(&l, "connect\n"
			"state Idle -> Connect\n");
	bgp_peer_connected(l.p, l.now, &local);
	lone_expect(&l, "out " OUR_OPEN "state Connect -> OpenSent\n");
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, OPEN_FULL);
	lone_expect(&l, "out KEEPALIVE\n"
			"state OpenSent -> OpenConfirm\n");
	assert_null(bgp_peer_negotiated(l.p));
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_expect(&l, "state OpenConfirm -> Established\n"
			"established\n");
	assert_non_null(bgp_peer_negotiated(l.p));
	lone_free(&l);
}

static void accepts(void **)
{
	struct bgp_peer_config config = lone_config();
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	config.passive = true;
	lone_init(&l, &config);
	assert_false(bgp_peer_accepted(l.p, l.now, &local)); // not started
	bgp_peer_start(l.p, l.now);
	lone_expect(&l, "state Idle -> Active\n");
	assert_true(instant_is_never(bgp_peer_deadline(l.p)));
	assert_true(bgp_peer_accepted(l.p, l.now, &local));
	lone_expect(&l, "in " OUR_OPEN "state Active -> OpenSent\n");
	lone_feed(&l, BGP_IN, BGP_MSG_OPEN, OPEN_FULL);
	lone_feed(&l, BGP_IN, BGP_MSG_KEEPALIVE, "");
	lone_expect(&l, "in KEEPALIVE\n"
			"state OpenSent -> OpenConfirm\n"
			"state OpenConfirm -> Established\n"
			"established\n");
	lone_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens),
		cmocka_unit_test(accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
