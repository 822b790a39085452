// Routes with path identifiers (ADD-PATH, RFC 7911), and routes of IPv4 with next
// hops of IPv6 (RFC 8950): agreed on, sent, received, and malformed.
#include <stdio.h>
#include <string.h>

#include "bgp/update.h"
#include "test/bgp/lone.h"

// With both families, four-octet AS and more capabilities of n octets, n in hex.
static void feed_open(struct lone *l, size_t n, const char *more)
{
	char body[256];

	snprintf(body, sizeof(body),
		"04 fbf0 005a c0000209 %02zx 02 %02zx 010400010001 010400020001 41040000fbf0 %s",
		20 + n, 18 + n, more);
	lone_feed(l, BGP_OUT, BGP_MSG_OPEN, body);
}

static void come_up(struct lone *l, const struct bgp_peer_config *config, const char *local,
	size_t n, const char *more)
{
	struct ip_addr a = address(local);

	lone_init(l, config);
	bgp_peer_start(l->p, l->now);
	bgp_peer_connected(l->p, l->now, &a);
	feed_open(l, n, more);
	lone_feed(l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	assert_int_equal(bgp_peer_state(l->p), BGP_ESTABLISHED);
	lone_forget(l);
}

static struct bgp_attrs *plain(void)
{
	struct bgp_attrs *attrs;

	assert_int_equal(bgp_attrs_new(&attrs, &(struct bgp_attrs_spec){}), 0);
	return attrs;
}

// ---- ADD-PATH ----

enum { IP4_ONLY = BGP_FAMILY_IP4, BOTH = BGP_FAMILY_ALL };

// Section 4: a direction is used where one side sends and the other receives.
static const struct {
	unsigned receive, send; // of this side
	const char *theirs;     // the capability's value: 4 octets
	unsigned in, out;       // what comes of it
} agreements[] = {
	{ BOTH, BOTH, "00010103", IP4_ONLY, IP4_ONLY }, { BOTH, BOTH, "00010101", 0, IP4_ONLY },
	{ BOTH, BOTH, "00010102", IP4_ONLY, 0 }, { BOTH, 0, "00010103", IP4_ONLY, 0 },
	{ 0, BOTH, "00010103", 0, IP4_ONLY }, { 0, 0, "00010103", 0, 0 },
	{ BOTH, BOTH, "00010203", 0, 0 }, // multicast
	{ BOTH, BOTH, "00010100", 0, 0 }, // section 4: ignored as not understood
};

static void directions_are_agreed_on(void **)
{
	for (size_t i = 0; i < countof(agreements); i++) {
		struct bgp_peer_config config = lone_config();
		struct lone l;
		char more[32];

		config.paths_receive = agreements[i].receive;
		config.paths_send = agreements[i].send;
		snprintf(more, sizeof(more), "4504%s", agreements[i].theirs);
		come_up(&l, &config, "192.0.2.1", 6, more);
		assert_int_equal(bgp_peer_negotiated(l.p)->paths_receive, agreements[i].in);
		assert_int_equal(bgp_peer_negotiated(l.p)->paths_send, agreements[i].out);
		lone_free(&l);
	}
}

static void offers_the_families_it_has(void **)
{
	struct bgp_peer_config config = lone_config();
	struct ip_addr local = address("192.0.2.1");
	struct lone l;

	config.families = BGP_FAMILY_IP4;
	config.paths_receive = config.paths_send = BGP_FAMILY_ALL;
	lone_init(&l, &config);
	bgp_peer_start(l.p, l.now);
	bgp_peer_connected(l.p, l.now, &local);
	lone_drain(&l);
	assert_non_null(strstr(sb_text(&l.log),
		"add-path receive IPv4 unicast send IPv4 unicast, enhanced-refresh)"));
	lone_free(&l);
}

static void routes_are_sent_with_path_1(void **)
{
	struct bgp_peer_config config = lone_config();
	struct bgp_attrs *attrs = plain();
	struct lone l;

	config.paths_send = BGP_FAMILY_ALL;
	config.next_hop6 = address("2001:db8::1");
	come_up(&l, &config, "192.0.2.1", 10, "4508 00010103 00020103");
	l.codec.paths_in = BGP_FAMILY_ALL;
	lone_announce(&l, "198.51.100.0/24", attrs);
	lone_announce(&l, "203.0.113.0/24", attrs);
	lone_expect(&l, "out UPDATE announce 198.51.100.0/24 path 1 203.0.113.0/24 path 1 with "
			"ORIGIN igp, AS_PATH 64500, NEXT_HOP 192.0.2.1\n"
			"announced 198.51.100.0/24\nannounced 203.0.113.0/24\n");
	lone_announce(&l, "2001:db8:53::/48", attrs);
	lone_expect(&l, "out UPDATE with ORIGIN igp, AS_PATH 64500, MP_REACH_NLRI 2/1 next-hop "
			"2001:db8::1 2001:db8:53::/48 path 1\n"
			"announced 2001:db8:53::/48\n");
	lone_withdraw(&l, "198.51.100.0/24");
	lone_withdraw(&l, "2001:db8:53::/48");
	lone_expect(&l, "out UPDATE withdraw 198.51.100.0/24 path 1\n"
			"withdrawn 198.51.100.0/24\n"
			"out UPDATE with MP_UNREACH_NLRI 2/1 2001:db8:53::/48 path 1\n"
			"withdrawn 2001:db8:53::/48\n");
	lone_free(&l);
	bgp_attrs_unref(&attrs);
}

// Messages are filled to their end with identifiers too.
static void messages_are_filled(void **)
{
	struct bgp_peer_config config = lone_config();
	struct bgp_attrs *attrs = plain();
	struct bgp_action a = {};
	struct lone l;
	size_t routes = 0, greatest = 0;

	config.paths_send = BGP_FAMILY_ALL;
	come_up(&l, &config, "192.0.2.1", 6, "4504 00010103");
	for (uint32_t i = 0; i < 2000; i++) {
		struct ip_addr net = ip_from_u32(0x0a000000u + i * 256);
		struct ip_prefix p = prefix_of(&net, 24);
		bgp_peer_announce(l.p, l.now, &p, attrs);
	}
	while (bgp_peer_next(l.p, &a)) {
		routes += a.kind == BGP_DO_EVENT && a.event == BGP_EVENT_ANNOUNCED;
		if (a.kind == BGP_DO_SEND && a.len > greatest)
			greatest = a.len;
	}
	assert_int_equal(routes, 2000);
	assert_in_range(greatest, 4096 - 7, 4096);
	lone_free(&l);
	bgp_attrs_unref(&attrs);
}

#define ATTRS "400101 00 400206 0201 0000fbf0 "
#define HOP   "400304 c0000209 "
#define HOP6  "20010db8000000000000000000000001 "

static const struct row {
	const char *what, *body, *log;
	uint64_t routes;
} received[] = {
	{ "two paths to one prefix", "0000 0014" ATTRS HOP "00000001 18 c63364 00000002 18 c63364",
		"received\n", 2 },
	{ "path 0", "0000 0014" ATTRS HOP "00000000 18 c63364", "received\n", 1 },
	{ "withdrawn path", "0008 00000001 18 c63364 0000", "received\n", 0 },
	{ "no identifier", "0000 0014" ATTRS HOP "18 c63364", "out NOTIFICATION 3/10\n", 0 },
	{ "identifier alone", "0000 0014" ATTRS HOP "00000001", "out NOTIFICATION 3/10\n", 0 },
	{ "identifier cut short", "0000 0014" ATTRS HOP "00000001 18 c63364 0000",
		"out NOTIFICATION 3/10\n", 0 },
	{ "withdrawn without identifier", "0004 18 c63364 0000", "out NOTIFICATION 3/10\n", 0 },
	{ "33 bits", "0000 0014" ATTRS HOP "00000001 21 c633640000", "out NOTIFICATION 3/10\n", 0 },
	{ "IPv6", "0000 002e 800e1e 0002 01 10" HOP6 "00 00000007 20 20010db8" ATTRS, "received\n",
		1 },
	{ "IPv6 without identifier", "0000 002a 800e1a 0002 01 10" HOP6 "00 20 20010db8" ATTRS,
		"received: MP_REACH_NLRI: malformed optional attribute: disable address family\n",
		0 },
	{ "IPv6, withdrawn without identifier", "0000 000b 800f08 0002 01 20 20010db8",
		"received: MP_UNREACH_NLRI: malformed optional attribute: disable address family\n",
		0 },
};

static void check_row(struct lone *l, const struct row *row)
{
	lone_feed(l, BGP_OUT, BGP_MSG_UPDATE, row->body);
	if (strncmp(sb_text(&l->log), row->log, strlen(row->log)) != 0)
		fail_msg("%s: %s", row->what, sb_text(&l->log));
	assert_int_equal(bgp_peer_counters(l->p)->prefixes_received, row->routes);
	lone_free(l);
}

static void routes_are_received(void **)
{
	for (size_t i = 0; i < countof(received); i++) {
		struct bgp_peer_config config = lone_config();
		struct lone l;

		config.paths_receive = BGP_FAMILY_ALL;
		come_up(&l, &config, "192.0.2.1", 10, "4508 00010103 00020103");
		check_row(&l, &received[i]);
	}
}

// ---- IPv4 routes with IPv6 next hops ----

#define CAP "0506 0001 0001 0002"
#define VIA4                                                                            \
	"out UPDATE announce 198.51.100.0/24 with ORIGIN igp, AS_PATH 64500, NEXT_HOP " \
	"192.0.2.1\nannounced 198.51.100.0/24\n"                                        \
	"out UPDATE withdraw 198.51.100.0/24\nwithdrawn 198.51.100.0/24\n"
#define VIA(hop)                                                                     \
	"out UPDATE with ORIGIN igp, AS_PATH 64500, MP_REACH_NLRI 1/1 next-hop " hop \
	" 198.51.100.0/24\nannounced 198.51.100.0/24\n"                              \
	"out UPDATE with MP_UNREACH_NLRI 1/1 198.51.100.0/24\nwithdrawn 198.51.100.0/24\n"
#define VIA6   VIA("2001:db8::1")
#define UNSENT "unsendable 198.51.100.0/24\n"

static const struct {
	const char *what;
	bool ours, theirs;
	const char *local, *hop4, *hop6, *log;
} hops[] = {
	{ "agreed on", true, true, "2001:db8::1", NULL, NULL, VIA6 },
	{ "agreed on, although there is one of IPv4", true, true, "2001:db8::1", "192.0.2.1", NULL,
		VIA6 },
	{ "agreed on, over IPv4", true, true, "192.0.2.1", NULL, "2001:db8::1", VIA4 },
	{ "agreed on, nothing but link-local addresses", true, true, "fe80::1", NULL, NULL,
		VIA("fe80::1") },
	{ "agreed on, a link with a global address", true, true, "fe80::1", NULL, "2001:db8::1",
		VIA("2001:db8::1 fe80::1") },
	{ "agreed on, no next hop at all", true, true, "::", NULL, NULL, UNSENT },
	{ "offered alone", true, false, "2001:db8::1", NULL, NULL, UNSENT },
	{ "offered alone, one of IPv4", true, false, "2001:db8::1", "192.0.2.1", NULL, VIA4 },
	{ "not offered", false, true, "2001:db8::1", NULL, NULL, UNSENT },
};

static void next_hops(void **)
{
	for (size_t i = 0; i < countof(hops); i++) {
		struct bgp_peer_config config = lone_config();
		struct bgp_attrs *attrs = plain();
		struct lone l;

		config.extended_next_hop = hops[i].ours;
		if (hops[i].hop4)
			config.next_hop4 = address(hops[i].hop4);
		if (hops[i].hop6)
			config.next_hop6 = address(hops[i].hop6);
		come_up(&l, &config, hops[i].local, hops[i].theirs ? 8 : 0,
			hops[i].theirs ? CAP : "");
		l.codec.extended_next_hop = true;
		lone_announce(&l, "198.51.100.0/24", attrs);
		lone_drain(&l);
		lone_withdraw(&l, "198.51.100.0/24");
		lone_drain(&l);
		if (strcmp(sb_text(&l.log), hops[i].log) != 0)
			fail_msg("%s: %s", hops[i].what, sb_text(&l.log));
		lone_free(&l);
		bgp_attrs_unref(&attrs);
	}
}

#define REACH4 "0000 0029 800e19 0001 01 10" HOP6 "00 18 c63364" ATTRS

static const struct row received_hops[] = {
	{ "next hop of 16", REACH4, "received\n", 1 },
	{ "next hop of 32",
		"0000 0039 800e29 0001 01 20" HOP6
		"fe800000000000000000000000000001 00 18 c63364" ATTRS,
		"received\n", 1 },
	{ "next hop of 4", "0000 001d 800e0d 0001 01 04 c0000209 00 18 c63364" ATTRS, "received\n",
		1 },
	{ "next hop of 8", "0000 0021 800e11 0001 01 08 c0000209c0000209 00 18 c63364" ATTRS,
		"received: MP_REACH_NLRI: malformed optional attribute: disable address family\n",
		0 },
	{ "next hop ::",
		"0000 0029 800e19 0001 01 10 00000000000000000000000000000000 00 18 c63364" ATTRS,
		"received: MP_REACH_NLRI: invalid next hop: treat as withdraw\n", 0 },
};

static void next_hops_are_received(void **)
{
	static const struct row refused = { "not agreed on", REACH4,
		"received: MP_REACH_NLRI: malformed optional attribute: disable address family\n",
		0 };
	struct bgp_peer_config config = lone_config();
	struct lone l;

	come_up(&l, &config, "2001:db8::1", 8, CAP);
	check_row(&l, &refused);
	config.extended_next_hop = true;
	for (size_t i = 0; i < countof(received_hops); i++) {
		come_up(&l, &config, "2001:db8::1", 8, CAP);
		check_row(&l, &received_hops[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directions_are_agreed_on),
		cmocka_unit_test(offers_the_families_it_has),
		cmocka_unit_test(routes_are_sent_with_path_1),
		cmocka_unit_test(messages_are_filled),
		cmocka_unit_test(routes_are_received),
		cmocka_unit_test(next_hops),
		cmocka_unit_test(next_hops_are_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
