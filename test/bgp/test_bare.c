// A neighbour that takes no capabilities (RFC 5492 section 3).
#include <string.h>

#include "test/bgp/lone.h"

#define REFUSED "02 04" // Unsupported Optional Parameter
#define BARE    "OPEN as 64500 hold 90 id 192.0.2.1 ()\n"

static void connect_again(struct lone *l)
{
	struct ip_addr local = address("192.0.2.1");

	lone_pass(l, span_s(10));
	assert_int_equal(bgp_peer_state(l->p), BGP_CONNECT);
	lone_forget(l);
	bgp_peer_connected(l->p, l->now, &local);
}

static void refuse(struct lone *l, const char *notification)
{
	lone_reach(l, BGP_OUT, BGP_OPENSENT);
	lone_feed(l, BGP_OUT, BGP_MSG_NOTIFICATION, notification);
}

static void without_them_once(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	refuse(&l, REFUSED);
	lone_expect(&l, "out close\n"
			"state OpenSent -> Active\n"
			"down 2/4: tried again without capabilities\n");
	connect_again(&l);
	lone_expect(&l, "out " BARE "state Connect -> OpenSent\n");
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, OPEN_BARE);
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_forget(&l);
	const struct bgp_negotiated *n = bgp_peer_negotiated(l.p);
	assert_non_null(n);
	assert_int_equal(n->families, BGP_FAMILY_IP4);
	assert_false(n->as4 || n->refresh || n->enhanced_refresh || n->graceful_restart);
	// When that session ends, the neighbour may be another.
	bgp_peer_closed(l.p, l.now, BGP_OUT, "reset");
	lone_drain(&l);
	connect_again(&l);
	lone_expect(&l, "out " OUR_OPEN "state Connect -> OpenSent\n");
	lone_free(&l);
}

// What is agreed on is what both offered: a neighbour that offers all the same gets none of it.
static void what_was_not_offered(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	refuse(&l, REFUSED);
	connect_again(&l);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, OPEN_FULL);
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_forget(&l);
	const struct bgp_negotiated *n = bgp_peer_negotiated(l.p);
	assert_non_null(n);
	assert_int_equal(n->families, BGP_FAMILY_IP4);
	assert_false(n->as4 || n->refresh || n->enhanced_refresh || n->graceful_restart);
	lone_free(&l);
}

static void refused_without_too(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	refuse(&l, REFUSED);
	connect_again(&l);
	lone_forget(&l);
	lone_feed(&l, BGP_OUT, BGP_MSG_NOTIFICATION, REFUSED);
	lone_forget(&l);
	lone_pass(&l, span_s(10));
	connect_again(&l);
	lone_expect(&l, "out " OUR_OPEN "state Connect -> OpenSent\n");
	lone_free(&l);
}

// Each leaves the next OPEN as it was.
static void with_them(void **)
{
	static const struct {
		const char *what, *notification;
		unsigned families;
		bool strict;
	} rows[] = {
		{ "another error", "02 02", BGP_FAMILY_ALL, false },
		{ "unsupported capability", "02 07", BGP_FAMILY_ALL, false },
		{ "the subcode of another error", "06 04", BGP_FAMILY_ALL, false },
		{ "IPv6 alone would be lost", REFUSED, BGP_FAMILY_IP6, false },
		{ "a role is demanded", REFUSED, BGP_FAMILY_ALL, true },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct bgp_peer_config config = lone_config();
		struct lone l;
		struct strbuf first = {};

		config.families = rows[i].families;
		config.has_role = config.strict_role = rows[i].strict;
		lone_init(&l, &config);
		bgp_peer_start(l.p, l.now);
		lone_pass(&l, span_s(0));
		struct ip_addr local = address("192.0.2.1");
		lone_forget(&l);
		bgp_peer_connected(l.p, l.now, &local);
		lone_drain(&l);
		sb_str(&first, sb_text(&l.log));
		sb_clear(&l.log);
		lone_feed(&l, BGP_OUT, BGP_MSG_NOTIFICATION, rows[i].notification);
		connect_again(&l);
		lone_drain(&l);
		if (strcmp(sb_text(&first), sb_text(&l.log)) != 0)
			fail_msg("%s: %s", rows[i].what, sb_text(&l.log));
		sb_free(&first);
		lone_free(&l);
	}
}

// The neighbour opens as well: its connection is the one without.
static void accepted(void **)
{
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	lone_init(&l, NULL);
	refuse(&l, REFUSED);
	lone_forget(&l);
	assert_true(bgp_peer_accepted(l.p, l.now, &local));
	lone_expect(&l, "in " BARE "state Active -> OpenSent\n");
	lone_free(&l);
}

static void the_operator_begins_anew(void **)
{
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	lone_init(&l, NULL);
	refuse(&l, REFUSED);
	bgp_peer_stop(l.p, l.now, BGP_CEASE_ADMIN_SHUTDOWN, NULL);
	bgp_peer_start(l.p, l.now);
	lone_forget(&l);
	bgp_peer_connected(l.p, l.now, &local);
	lone_expect(&l, "out " OUR_OPEN "state Connect -> OpenSent\n");
	lone_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_them_once),
		cmocka_unit_test(what_was_not_offered),
		cmocka_unit_test(refused_without_too),
		cmocka_unit_test(with_them),
		cmocka_unit_test(accepted),
		cmocka_unit_test(the_operator_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
