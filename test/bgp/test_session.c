// One engine against a neighbour played by hand: what it says to each thing
// that the other side does, in each state.
#include <string.h>

#include "test/bgp/lone.h"
#include "test/bgp/transcript.h"

#define MARKER "ffffffffffffffffffffffffffffffff "

// ---- Coming up ----

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

	const struct bgp_negotiated *n = bgp_peer_negotiated(l.p);
	assert_int_equal(n->hold_time.us, 90000000);
	assert_int_equal(n->keepalive.us, 30000000);
	assert_int_equal(n->families, BGP_FAMILY_ALL);
	assert_true(n->as4);
	assert_true(n->refresh);
	assert_int_equal(n->peer_id, 0xc0000209);
	assert_null(bgp_peer_last_error(l.p));
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

// The least that a neighbour must say.
static void talks_to_old_speakers(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, OPEN_BARE);
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	const struct bgp_negotiated *n = bgp_peer_negotiated(l.p);
	assert_non_null(n);
	assert_int_equal(n->families, BGP_FAMILY_IP4);
	assert_false(n->as4);
	assert_false(n->refresh);
	lone_free(&l);
}

static void smaller_hold_time_wins(void **)
{
	static const struct {
		int64_t ours;
		const char *theirs;
		int64_t agreed;
	} rows[] = {
		{ 90, "04 fbf0 0009 c0000209 00", 9 },
		{ 9, "04 fbf0 005a c0000209 00", 9 },
		{ 90, "04 fbf0 0000 c0000209 00", 0 },
		{ 0, "04 fbf0 005a c0000209 00", 0 },
		{ 90, "04 fbf0 ffff c0000209 00", 90 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct bgp_peer_config config = lone_config();
		struct lone l;

		config.hold_time = span_s(rows[i].ours);
		lone_init(&l, &config);
		lone_reach(&l, BGP_OUT, BGP_OPENSENT);
		lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, rows[i].theirs);
		lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
		assert_int_equal(bgp_peer_negotiated(l.p)->hold_time.us, rows[i].agreed * 1000000);
		lone_free(&l);
	}
}

// ---- What is wrong with a message ----

static const struct {
	const char *what, *bytes, *log;
} wrong_in_opensent[] = {
	{ "garbage", "474554202f20485454502f312e310d0a",
		"out NOTIFICATION 1/1\nout close\nstate OpenSent -> Active\n"
		"down 1/1 sent: wrong marker\n" },
	{ "length 18", MARKER "0012 01",
		"out NOTIFICATION 1/2 0012\nout close\nstate OpenSent -> Active\n"
		"down 1/2 sent: wrong message length\n" },
	{ "length 4097", MARKER "1001 01",
		"out NOTIFICATION 1/2 1001\nout close\nstate OpenSent -> Active\n"
		"down 1/2 sent: wrong message length\n" },
	{ "type 9", MARKER "0013 09",
		"out NOTIFICATION 1/3 09\nout close\nstate OpenSent -> Active\n"
		"down 1/3 sent: unknown message type\n" },
	{ "version 3", MARKER "001d 01 03 fbf0 005a c0000209 00",
		"out NOTIFICATION 2/1 0004\nout close\nstate OpenSent -> Active\n"
		"down 2/1 sent: unsupported version\n" },
	{ "another AS", MARKER "001d 01 04 fbf1 005a c0000209 00",
		"out NOTIFICATION 2/2\nout close\nstate OpenSent -> Active\n"
		"down 2/2 sent: bad peer AS: 64497 came, 64496 is configured\n" },
	{ "AS 0", MARKER "001d 01 04 0000 005a c0000209 00",
		"out NOTIFICATION 2/2\nout close\nstate OpenSent -> Active\n"
		"down 2/2 sent: bad peer AS\n" },
	{ "identifier 0", MARKER "001d 01 04 fbf0 005a 00000000 00",
		"out NOTIFICATION 2/3\nout close\nstate OpenSent -> Active\n"
		"down 2/3 sent: bad BGP identifier\n" },
	{ "authentication", MARKER "0020 01 04 fbf0 005a c0000209 03 010100",
		"out NOTIFICATION 2/4\nout close\nstate OpenSent -> Active\n"
		"down 2/4 sent: unsupported optional parameter\n" },
	{ "hold time 2", MARKER "001d 01 04 fbf0 0002 c0000209 00",
		"out NOTIFICATION 2/6\nout close\nstate OpenSent -> Active\n"
		"down 2/6 sent: unacceptable hold time\n" },
	{ "no common family", MARKER "0025 01 04 fbf0 005a c0000209 08 02 06 010400190041",
		"out NOTIFICATION 2/7 010400010001010400020001\nout close\n"
		"state OpenSent -> Active\ndown 2/7 sent: no address family in common\n" },
	{ "malformed parameters", MARKER "001e 01 04 fbf0 005a c0000209 01 02",
		"out NOTIFICATION 2/0\nout close\nstate OpenSent -> Active\n"
		"down 2/0 sent: malformed OPEN\n" },
	{ "KEEPALIVE before OPEN", MARKER "0013 04",
		"out NOTIFICATION 5/1 04\nout close\nstate OpenSent -> Active\n"
		"down 5/1 sent: KeepAliveMsg in state OpenSent\n" },
	{ "UPDATE before OPEN", MARKER "0017 02 00000000",
		"out NOTIFICATION 5/1 02\nout close\nstate OpenSent -> Active\n"
		"down 5/1 sent: UpdateMsg in state OpenSent\n" },
	{ "ROUTE-REFRESH before OPEN", MARKER "0017 05 00010001",
		"out NOTIFICATION 5/1 05\nout close\nstate OpenSent -> Active\n"
		"down 5/1 sent: RouteRefreshMsg in state OpenSent\n" },
	{ "NOTIFICATION", MARKER "0015 03 0202",
		"out close\nstate OpenSent -> Active\ndown 2/2: OPEN Message Error, Bad Peer AS\n" },
	{ "NOTIFICATION of the version", MARKER "0017 03 0201 0003",
		"out close\nstate OpenSent -> Active\n"
		"down 2/1: OPEN Message Error, Unsupported Version Number\n" },
}, wrong_in_openconfirm[] = {
	{ "garbage", "00",
		"out NOTIFICATION 1/1\nout close\nstate OpenConfirm -> Active\n"
		"down 1/1 sent: wrong marker\n" },
	{ "second OPEN", MARKER "001d 01 04 fbf0 005a c0000209 00",
		"out NOTIFICATION 5/2 01\nout close\nstate OpenConfirm -> Active\n"
		"down 5/2 sent: BGPOpen in state OpenConfirm\n" },
	{ "malformed second OPEN", MARKER "001d 01 03 fbf0 005a c0000209 00",
		"out NOTIFICATION 5/2 01\nout close\nstate OpenConfirm -> Active\n"
		"down 5/2 sent: BGPOpen in state OpenConfirm\n" },
	{ "UPDATE", MARKER "0017 02 00000000",
		"out NOTIFICATION 5/2 02\nout close\nstate OpenConfirm -> Active\n"
		"down 5/2 sent: UpdateMsg in state OpenConfirm\n" },
	{ "ROUTE-REFRESH", MARKER "0017 05 00010001",
		"out NOTIFICATION 5/2 05\nout close\nstate OpenConfirm -> Active\n"
		"down 5/2 sent: RouteRefreshMsg in state OpenConfirm\n" },
	{ "NOTIFICATION", MARKER "0015 03 0400",
		"out close\nstate OpenConfirm -> Active\ndown 4/0: Hold Timer Expired\n" },
}, wrong_in_established[] = {
	{ "garbage", "00",
		"out NOTIFICATION 1/1\nout close\nstate Established -> Active\n"
		"down 1/1 sent: wrong marker\n" },
	{ "length of a KEEPALIVE", MARKER "0014 04 00",
		"out NOTIFICATION 1/2 0014\nout close\nstate Established -> Active\n"
		"down 1/2 sent: wrong message length\n" },
	{ "OPEN", MARKER "001d 01 04 fbf0 005a c0000209 00",
		"out NOTIFICATION 5/3 01\nout close\nstate Established -> Active\n"
		"down 5/3 sent: BGPOpen in state Established\n" },
	{ "contradicting lengths", MARKER "0017 02 00050000",
		"out NOTIFICATION 3/1\nout close\nstate Established -> Active\n"
		"down 3/1 sent: lengths inside UPDATE contradict\n" },
	{ "prefix of 33 bits", MARKER "001d 02 0000 0000 21 c633640000",
		"out NOTIFICATION 3/10\nout close\nstate Established -> Active\n"
		"down 3/10 sent: invalid network field\n" },
	{ "unknown well-known attribute", MARKER "001b 02 0000 0004 406301 00",
		"out NOTIFICATION 3/2 40630100\nout close\nstate Established -> Active\n"
		"down 3/2 sent: unknown: unknown well-known attribute\n" },
	{ "MP_REACH_NLRI without its family", MARKER "001c 02 0000 0005 800e02 0002",
		"out NOTIFICATION 3/5 800e020002\nout close\nstate Established -> Active\n"
		"down 3/5 sent: MP_REACH_NLRI: wrong attribute length\n" },
	{ "malformed attribute and no route", MARKER "001b 02 0000 0004 400101 03",
		"out NOTIFICATION 3/6 40010103\nout close\nstate Established -> Active\n"
		"down 3/6 sent: ORIGIN: invalid origin\n" },
	{ "length of a begin-of-refresh", MARKER "0018 05 00010101 00",
		"out NOTIFICATION 7/1 "
		"ffffffffffffffffffffffffffffffff0018050001010100\nout close\n"
		"state Established -> Active\ndown 7/1 sent: wrong ROUTE-REFRESH length\n" },
	{ "Cease with text", MARKER "0019 03 0602 03627965",
		"out close\nstate Established -> Active\ndown 6/2: bye\n" },
	{ "Cease without text", MARKER "0015 03 0606",
		"out close\nstate Established -> Active\n"
		"down 6/6: Cease, Other Configuration Change\n" },
	{ "NOTIFICATION of an unknown code", MARKER "0015 03 6363",
		"out close\nstate Established -> Active\ndown 99/99: unknown, unknown\n" },
};

static void check_wrong(enum bgp_state state, const char *what, const char *digits, const char *log)
{
	struct lone l;
	struct bytes b = hex(digits);

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, state);
	// Octet by octet, and with more behind it: a session that is over hears nothing.
	for (size_t i = 0; i < b.len; i++)
		bgp_peer_received(l.p, l.now, BGP_OUT, &b.b[i], 1);
	lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	if (strcmp(sb_text(&l.log), log) != 0)
		fail_msg("%s: %s", what, sb_text(&l.log));
	lone_free(&l);
}

static void wrong_messages(void **)
{
	for (size_t i = 0; i < countof(wrong_in_opensent); i++)
		check_wrong(BGP_OPENSENT, wrong_in_opensent[i].what, wrong_in_opensent[i].bytes,
			wrong_in_opensent[i].log);
	for (size_t i = 0; i < countof(wrong_in_openconfirm); i++)
		check_wrong(BGP_OPENCONFIRM, wrong_in_openconfirm[i].what,
			wrong_in_openconfirm[i].bytes, wrong_in_openconfirm[i].log);
	for (size_t i = 0; i < countof(wrong_in_established); i++)
		check_wrong(BGP_ESTABLISHED, wrong_in_established[i].what,
			wrong_in_established[i].bytes, wrong_in_established[i].log);
}

static void own_identifier_from_inside(void **)
{
	struct bgp_peer_config config = lone_config();
	struct lone l;

	config.peer_as = config.local_as;
	lone_init(&l, &config);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, "04 fbf4 005a c0000201 00");
	lone_expect(&l, "out NOTIFICATION 2/3\n"
			"out close\n"
			"state OpenSent -> Active\n"
			"down 2/3 sent: bad BGP identifier: it is our own\n");
	lone_free(&l);
}

// What was queued before the fault in the same read still counts.
static void fault_after_good_messages(void **)
{
	struct lone l;
	struct bytes b = message(BGP_MSG_OPEN, OPEN_FULL), k = message(BGP_MSG_KEEPALIVE, "");
	struct bytes junk = hex("0000");

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	bytes_add(&b, &k);
	bytes_add(&b, &junk);
	bytes_add(&b, &k);
	lone_feed_bytes(&l, BGP_OUT, &b);
	lone_expect(&l, "out KEEPALIVE\n"
			"state OpenSent -> OpenConfirm\n"
			"state OpenConfirm -> Established\n"
			"established\n"
			"out NOTIFICATION 1/1\n"
			"out close\n"
			"state Established -> Active\n"
			"down 1/1 sent: wrong marker\n");
	lone_free(&l);
}

// ---- UPDATEs that do not end the session ----

static const struct {
	const char *what, *body, *log;
	uint64_t prefixes;
} updates[] = {
	{ "route", "0000 0014 400101 00 400206 0201 0000fbf0 400304 c0000209 18 c63364",
		"received\n", 1 },
	{ "treat as withdraw", "0000 0014 400101 03 400206 0201 0000fbf0 400304 c0000209 18 c63364",
		"received: ORIGIN: invalid origin: treat as withdraw\n", 0 },
	{ "discard", "0000 0018 400101 00 400206 0201 0000fbf0 400304 c0000209 400601 00 18 c63364",
		"received: ATOMIC_AGGREGATE: wrong attribute length: discard attribute\n", 1 },
	{ "end of RIB", "0000 0000", "received\n", 0 },
	{ "family disabled", "0000 000c 800f09 0002 01 81 0000000000",
		"received: MP_UNREACH_NLRI: malformed optional attribute: disable address family\n",
		0 },
};

static void updates_are_counted(void **)
{
	for (size_t i = 0; i < countof(updates); i++) {
		struct lone l;

		lone_init(&l, NULL);
		lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
		lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, updates[i].body);
		if (strcmp(sb_text(&l.log), updates[i].log) != 0)
			fail_msg("%s: %s", updates[i].what, sb_text(&l.log));
		assert_int_equal(bgp_peer_counters(l.p)->prefixes_received, updates[i].prefixes);
		assert_int_equal(bgp_peer_counters(l.p)->updates_in, 1);
		assert_int_equal(bgp_peer_state(l.p), BGP_ESTABLISHED);
		lone_free(&l);
	}
}

// RFC 4760 section 7: after such a fault the family's routes are not looked at.
static void disabled_family_stays_disabled(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, "0000 000c 800f09 0002 01 81 0000000000");
	lone_forget(&l);
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, "0000 000c 800f09 0002 01 81 0000000000");
	lone_expect(&l, "received\n");
	lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, "0000 000a 800f07 0001 01 18 c63364");
	lone_expect(&l, "received\n");
	lone_free(&l);
}

// Many UPDATEs in one read are told once: a full table would fill the memory.
static void updates_are_told_together(void **)
{
	struct lone l;
	struct bytes b = {}, one = message(BGP_MSG_UPDATE, "0004 18 c63364 0000");

	for (int i = 0; i < 100; i++)
		bytes_add(&b, &one);
	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	lone_feed_bytes(&l, BGP_OUT, &b);
	lone_expect(&l, "received\n");
	assert_int_equal(bgp_peer_counters(l.p)->updates_in, 100);
	lone_free(&l);
}

// ---- Connections that end ----

static const struct {
	enum bgp_state state;
	const char *log;
} closes[] = {
	{ BGP_CONNECT, "state Connect -> Active\ndown 0/0: reset\n" },
	{ BGP_OPENSENT, "state OpenSent -> Active\ndown 0/0: reset\n" },
	{ BGP_OPENCONFIRM, "state OpenConfirm -> Active\ndown 0/0: reset\n" },
	{ BGP_ESTABLISHED, "state Established -> Active\ndown 0/0: reset\n" },
};

static void closed_in_each_state(void **)
{
	for (size_t i = 0; i < countof(closes); i++) {
		struct lone l;

		lone_init(&l, NULL);
		lone_reach(&l, BGP_OUT, closes[i].state);
		bgp_peer_closed(l.p, l.now, BGP_OUT, "reset");
		lone_expect(&l, closes[i].log);
		assert_int_equal(bgp_peer_last_error(l.p)->code, 0);
		bgp_peer_closed(l.p, l.now, BGP_OUT, "again"); // it is gone already
		bgp_peer_closed(l.p, l.now, BGP_IN, "never was");
		lone_expect(&l, "");

		// It tries again after the first wait, 5 s less up to a quarter.
		span wait = instant_diff(bgp_peer_deadline(l.p), l.now);
		assert_in_range(wait.us, 3750000, 5000000);
		lone_pass(&l, wait);
		lone_expect(&l, "connect\nstate Active -> Connect\n");
		lone_free(&l);
	}
}

static void accepted_one_closed(void **)
{
	for (enum bgp_state s = BGP_OPENSENT; s < BGP_STATE_MAX; s++) {
		struct bgp_peer_config config = lone_config();
		struct lone l;
		struct ip_addr local = address("192.0.2.1");

		config.passive = true;
		lone_init(&l, &config);
		lone_reach(&l, BGP_IN, s);
		bgp_peer_closed(l.p, l.now, BGP_IN, "reset");
		lone_drain(&l);
		assert_non_null(strstr(sb_text(&l.log), "-> Active\ndown 0/0: reset\n"));
		assert_true(instant_is_never(bgp_peer_deadline(l.p)));
		assert_true(bgp_peer_accepted(l.p, l.now, &local)); // the next one is welcome
		lone_free(&l);
	}
}

static const struct {
	enum bgp_state state;
	const char *log;
} stops[] = {
	{ BGP_IDLE, "" },
	{ BGP_CONNECT, "out close\nstate Connect -> Idle\n" },
	{ BGP_OPENSENT, "out NOTIFICATION 6/2 03627965\nout close\nstate OpenSent -> Idle\n"
			"down 6/2 sent: bye\n" },
	{ BGP_OPENCONFIRM, "out NOTIFICATION 6/2 03627965\nout close\nstate OpenConfirm -> Idle\n"
			   "down 6/2 sent: bye\n" },
	{ BGP_ESTABLISHED, "out NOTIFICATION 6/2 03627965\nout close\nstate Established -> Idle\n"
			   "down 6/2 sent: bye\n" },
};

static void stopped_in_each_state(void **)
{
	for (size_t i = 0; i < countof(stops); i++) {
		struct lone l;
		struct ip_addr local = address("192.0.2.1");

		lone_init(&l, NULL);
		lone_reach(&l, BGP_OUT, stops[i].state);
		bgp_peer_stop(l.p, l.now, BGP_CEASE_ADMIN_SHUTDOWN, "bye");
		lone_expect(&l, stops[i].log);
		assert_true(instant_is_never(bgp_peer_deadline(l.p)));
		assert_int_equal(bgp_peer_state(l.p), BGP_IDLE);
		assert_false(bgp_peer_accepted(l.p, l.now, &local));

		bgp_peer_start(l.p, l.now);
		lone_expect(&l, "connect\nstate Idle -> Connect\n");
		lone_free(&l);
	}
}

static const struct {
	enum bgp_state state;
	const char *log;
} resets[] = {
	{ BGP_IDLE, "" },
	{ BGP_CONNECT, "" }, // the attempt goes on
	{ BGP_OPENSENT, "out NOTIFICATION 6/10\nout close\nstate OpenSent -> Active\n"
			"down 6/10 sent: BFD is down\n" },
	{ BGP_OPENCONFIRM, "out NOTIFICATION 6/10\nout close\nstate OpenConfirm -> Active\n"
			   "down 6/10 sent: BFD is down\n" },
	{ BGP_ESTABLISHED, "out NOTIFICATION 6/10\nout close\nstate Established -> Active\n"
			   "down 6/10 sent: BFD is down\n" },
};

// Unlike one that was stopped, a session that was reset comes back by itself.
static void reset_in_each_state(void **)
{
	for (size_t i = 0; i < countof(resets); i++) {
		struct lone l;

		lone_init(&l, NULL);
		lone_reach(&l, BGP_OUT, resets[i].state);
		bgp_peer_reset(l.p, l.now, BGP_CEASE_BFD_DOWN, "BFD is down");
		lone_expect(&l, resets[i].log);
		if (resets[i].state >= BGP_OPENSENT) {
			lone_pass(&l, span_s(5));
			lone_expect(&l, "connect\nstate Active -> Connect\n");
		}
		lone_free(&l);
	}
}

static void reset_while_accepted(void **)
{
	struct bgp_peer_config config = lone_config();
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	config.passive = true;
	lone_init(&l, &config);
	lone_reach(&l, BGP_IN, BGP_ESTABLISHED);
	bgp_peer_reset(l.p, l.now, BGP_CEASE_ADMIN_RESET, "reread");
	lone_expect(&l, "in NOTIFICATION 6/4 06726572656164\n"
			"in close\n"
			"state Established -> Active\n"
			"down 6/4 sent: reread\n");
	assert_true(bgp_peer_accepted(l.p, l.now, &local)); // the neighbour may come back at once
	lone_free(&l);
}

static void other_ceases_have_no_text(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	bgp_peer_stop(l.p, l.now, BGP_CEASE_DECONFIGURED, "gone");
	lone_expect(&l, "out NOTIFICATION 6/3\n"
			"out close\n"
			"state Established -> Idle\n"
			"down 6/3 sent: gone\n");
	lone_free(&l);
}

static void stop_while_waiting(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_CONNECT);
	bgp_peer_closed(l.p, l.now, BGP_OUT, "refused");
	lone_forget(&l);
	bgp_peer_stop(l.p, l.now, BGP_CEASE_ADMIN_SHUTDOWN, NULL);
	lone_expect(&l, "state Active -> Idle\n");
	assert_true(instant_is_never(bgp_peer_deadline(l.p)));
	lone_free(&l);
}

// The program's report crossed the engine's change of mind.
static void connected_too_late(void **)
{
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_CONNECT);
	bgp_peer_stop(l.p, l.now, BGP_CEASE_ADMIN_SHUTDOWN, NULL);
	lone_forget(&l);
	bgp_peer_connected(l.p, l.now, &local);
	lone_expect(&l, "out close\n");
	lone_free(&l);
}

static void bytes_without_connection(void **)
{
	struct lone l;

	lone_init(&l, NULL);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, OPEN_FULL);
	bgp_peer_start(l.p, l.now);
	lone_forget(&l);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, OPEN_FULL);
	lone_feed(&l, BGP_IN, BGP_MSG_OPEN, OPEN_FULL);
	lone_expect(&l, "");
	assert_int_equal(bgp_peer_counters(l.p)->opens_in, 0);
	lone_free(&l);
}

// A second accepted connection takes the place of one that said nothing yet;
// later it is refused, and the first one goes on.
static void accepted_twice(void **)
{
	struct bgp_peer_config config = lone_config();
	struct lone l;
	struct ip_addr local = address("192.0.2.1");

	config.passive = true;
	lone_init(&l, &config);
	lone_reach(&l, BGP_IN, BGP_OPENSENT);
	struct bytes half = message(BGP_MSG_OPEN, OPEN_FULL);
	half.len /= 2;
	lone_feed_bytes(&l, BGP_IN, &half);
	assert_true(bgp_peer_accepted(l.p, l.now, &local));
	lone_expect(&l, "in " OUR_OPEN);
	lone_feed(&l, BGP_IN, BGP_MSG_OPEN, OPEN_FULL); // nothing is left of the first one
	lone_expect(&l, "in KEEPALIVE\n"
			"state OpenSent -> OpenConfirm\n");
	assert_false(bgp_peer_accepted(l.p, l.now, &local));
	lone_feed(&l, BGP_IN, BGP_MSG_KEEPALIVE, "");
	assert_false(bgp_peer_accepted(l.p, l.now, &local));
	lone_expect(&l, "state OpenConfirm -> Established\n"
			"established\n");
	lone_free(&l);
}

struct order {
	bool told_up; // ESTABLISHED was handed out
	int updates;
};

static void on_routes(void *ctx, const struct bgp_update *)
{
	struct order *o = ctx;

	assert_true(o->told_up);
	o->updates++;
}

// A neighbour's first routes, and its end, may come in one segment with the KEEPALIVE: whoever
// listens has heard of the session, and can ask on what terms, before any of that happens.
static void what_comes_with_the_keepalive(void **)
{
	struct bytes update = message(BGP_MSG_UPDATE, "0000 0000");
	struct bytes end = message(BGP_MSG_NOTIFICATION, "0606");
	struct bgp_peer_config config = lone_config();
	struct lone l;
	struct order o = {};
	struct bytes all = message(BGP_MSG_KEEPALIVE, "");

	config.routes = on_routes;
	config.routes_ctx = &o;
	lone_init(&l, &config);
	lone_reach(&l, BGP_OUT, BGP_OPENCONFIRM);
	for (int i = 0; i < 300; i++) // more than the room for one message
		bytes_add(&all, &update);
	bgp_peer_received(l.p, l.now, BGP_OUT, all.b, all.len);
	bgp_peer_received(l.p, l.now, BGP_OUT, end.b, end.len);

	for (struct bgp_action a; bgp_peer_next(l.p, &a); transcribe(&l.log, &a, &l.codec)) {
		if (a.kind != BGP_DO_EVENT || a.event != BGP_EVENT_ESTABLISHED)
			continue;
		o.told_up = true;
		assert_non_null(bgp_peer_negotiated(l.p));
		assert_int_equal(bgp_peer_negotiated(l.p)->peer_id, 0xc0000209);
	}
	assert_int_equal(o.updates, 300);
	lone_expect(&l, "state OpenConfirm -> Established\n"
			"established\n"
			"received\n"
			"out close\n"
			"state Established -> Active\n"
			"down 6/6: Cease, Other Configuration Change\n");
	lone_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens),
		cmocka_unit_test(accepts),
		cmocka_unit_test(talks_to_old_speakers),
		cmocka_unit_test(smaller_hold_time_wins),
		cmocka_unit_test(wrong_messages),
		cmocka_unit_test(own_identifier_from_inside),
		cmocka_unit_test(fault_after_good_messages),
		cmocka_unit_test(updates_are_counted),
		cmocka_unit_test(disabled_family_stays_disabled),
		cmocka_unit_test(updates_are_told_together),
		cmocka_unit_test(closed_in_each_state),
		cmocka_unit_test(accepted_one_closed),
		cmocka_unit_test(stopped_in_each_state),
		cmocka_unit_test(reset_in_each_state),
		cmocka_unit_test(reset_while_accepted),
		cmocka_unit_test(other_ceases_have_no_text),
		cmocka_unit_test(stop_while_waiting),
		cmocka_unit_test(connected_too_late),
		cmocka_unit_test(bytes_without_connection),
		cmocka_unit_test(accepted_twice),
		cmocka_unit_test(what_comes_with_the_keepalive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
