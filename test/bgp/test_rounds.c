// What goes around the routes: End-of-RIB, refreshes with a begin and an end,
// graceful restart, messages of more than 4096 octets, and what is added to every announcement.
#include <string.h>

#include "bgp/msg.h"
#include "bgp/update.h"
#include "test/bgp/lone.h"
#include "test/bgp/transcript.h"

// A neighbour with all of it: route refresh plain and enhanced, extended messages, graceful
// restart of 120 s without a family.
#define OPEN_NEW                                                    \
	"04 fbf0 005a c0000209 1e 02 1c 010400010001 010400020001 " \
	"0200 0600 40020078 41040000fbf0 4600"

#define WITH       " with ORIGIN igp, AS_PATH 64500, NEXT_HOP 192.0.2.1\n"
#define ROUTE(p)   "out UPDATE announce " p WITH "announced " p "\n"
#define END4       "out UPDATE end IPv4 unicast\n"
#define END6       "out UPDATE end IPv6 unicast\n"
#define BEGIN_NEW4 "out ROUTE-REFRESH begin IPv4 unicast\n"
#define END_NEW4   "out ROUTE-REFRESH end IPv4 unicast\n"
#define BEGIN_NEW6 "out ROUTE-REFRESH begin IPv6 unicast\n"
#define END_NEW6   "out ROUTE-REFRESH end IPv6 unicast\n"
#define ASK4       "0001 00 01"
#define ASK6       "0002 00 01"

struct fixture {
	struct lone l;
	struct bgp_attrs *attrs;
};

static void setup(struct fixture *f, const struct bgp_peer_config *config)
{
	lone_init(&f->l, config);
	assert_int_equal(bgp_attrs_new(&f->attrs, &(struct bgp_attrs_spec){}), 0);
}

static void teardown(struct fixture *f)
{
	lone_free(&f->l);
	assert_int_equal(f->attrs->refs, 1);
	bgp_attrs_unref(&f->attrs);
}

// The session comes up; what is sent then stays in the engine.
static void come_up(struct lone *l, const char *open)
{
	struct bytes k = message(BGP_MSG_KEEPALIVE, "");

	lone_reach(l, BGP_OUT, BGP_OPENSENT);
	lone_feed(l, BGP_OUT, BGP_MSG_OPEN, open);
	lone_forget(l);
	bgp_peer_received(l->p, l->now, BGP_OUT, k.b, k.len);
}

#define UP "state OpenConfirm -> Established\nestablished\n"

// ---- End-of-RIB, RFC 4724 section 2 ----

static void end_of_rib_follows_the_routes(void **)
{
	struct fixture f;

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.attrs);
	come_up(&f.l, OPEN_NEW);
	lone_expect(&f.l, UP ROUTE("198.51.100.0/24") END4 END6);
	lone_announce(&f.l, "203.0.113.0/24", f.attrs); // said once a session
	lone_expect(&f.l, ROUTE("203.0.113.0/24"));
	teardown(&f);
}

static void end_of_rib_without_routes(void **)
{
	struct fixture f;
	struct bgp_peer_config config = lone_config();

	config.families = BGP_FAMILY_IP6;
	setup(&f, &config);
	come_up(&f.l, OPEN_NEW);
	lone_expect(&f.l, UP END6);
	teardown(&f);
}

static void end_of_rib_is_not_for_others(void **)
{
	struct fixture f;

	setup(&f, NULL);
	come_up(&f.l, OPEN_FULL);
	lone_expect(&f.l, UP);
	teardown(&f);
}

// ---- Enhanced refresh, RFC 7313 section 4 ----

static void refresh_has_begin_and_end(void **)
{
	struct fixture f;

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.attrs);
	come_up(&f.l, OPEN_NEW);
	lone_forget(&f.l);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_ROUTE_REFRESH, ASK4);
	lone_expect(&f.l, BEGIN_NEW4 ROUTE("198.51.100.0/24") END_NEW4);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_ROUTE_REFRESH, ASK6); // nothing there
	lone_expect(&f.l, BEGIN_NEW6 END_NEW6);
	assert_int_equal(bgp_peer_counters(f.l.p)->refreshes_in, 2);
	assert_int_equal(bgp_peer_counters(f.l.p)->refreshes_out, 4);
	teardown(&f);
}

// Asked for before End-of-RIB was said: that comes first.
static void refresh_waits_for_end_of_rib(void **)
{
	struct fixture f;
	struct bytes ask = message(BGP_MSG_ROUTE_REFRESH, ASK4);

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.attrs);
	come_up(&f.l, OPEN_NEW);
	bgp_peer_received(f.l.p, f.l.now, BGP_OUT, ask.b, ask.len);
	lone_expect(&f.l,
		UP ROUTE("198.51.100.0/24") END4 BEGIN_NEW4 ROUTE("198.51.100.0/24") END6 END_NEW4);
	teardown(&f);
}

// A second request during a refresh begins it anew, and it ends once.
static void refresh_begins_anew(void **)
{
	struct fixture f;
	struct bytes ask = message(BGP_MSG_ROUTE_REFRESH, ASK4);
	struct bgp_action a;

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.attrs);
	come_up(&f.l, OPEN_NEW);
	lone_forget(&f.l);
	bgp_peer_received(f.l.p, f.l.now, BGP_OUT, ask.b, ask.len);
	assert_true(bgp_peer_next(f.l.p, &a));
	transcribe(&f.l.log, &a, &f.l.codec);
	bgp_peer_received(f.l.p, f.l.now, BGP_OUT, ask.b, ask.len);
	lone_expect(&f.l, BEGIN_NEW4 BEGIN_NEW4 ROUTE("198.51.100.0/24") END_NEW4);
	teardown(&f);
}

// What changes meanwhile is in it, and what goes is withdrawn.
static void changes_during_refresh(void **)
{
	struct fixture f;
	struct bytes ask = message(BGP_MSG_ROUTE_REFRESH, ASK4);

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.attrs);
	come_up(&f.l, OPEN_NEW);
	lone_forget(&f.l);
	bgp_peer_received(f.l.p, f.l.now, BGP_OUT, ask.b, ask.len);
	lone_withdraw(&f.l, "198.51.100.0/24");
	lone_announce(&f.l, "203.0.113.0/24", f.attrs);
	lone_expect(&f.l,
		BEGIN_NEW4 "out UPDATE withdraw 198.51.100.0/24\n"
			   "withdrawn 198.51.100.0/24\n" ROUTE("203.0.113.0/24") END_NEW4);
	teardown(&f);
}

// A session that ends takes its refresh with it.
static void refresh_ends_with_the_session(void **)
{
	struct fixture f;
	struct bytes ask = message(BGP_MSG_ROUTE_REFRESH, ASK4);

	setup(&f, NULL);
	come_up(&f.l, OPEN_NEW);
	lone_forget(&f.l);
	bgp_peer_received(f.l.p, f.l.now, BGP_OUT, ask.b, ask.len);
	bgp_peer_closed(f.l.p, f.l.now, BGP_OUT, "reset");
	lone_expect(&f.l, "state Established -> Active\ndown 0/0: reset\n");
	lone_pass(&f.l, span_s(5));
	lone_forget(&f.l);
	struct ip_addr local = address("192.0.2.1");
	bgp_peer_connected(f.l.p, f.l.now, &local);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_OPEN, OPEN_FULL);
	lone_forget(&f.l);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_expect(&f.l, UP);
	teardown(&f);
}

// ---- Graceful restart, RFC 4724 section 3 ----

// The capabilities of the next OPEN.
static void expect_open(struct lone *l, const char *part)
{
	struct ip_addr local = address("192.0.2.1");

	sb_clear(&l->log);
	bgp_peer_connected(l->p, l->now, &local);
	lone_drain(l);
	if (!strstr(sb_text(&l->log), part))
		fail_msg("no %s in %s", part, sb_text(&l->log));
	sb_clear(&l->log);
}

static void restarting_side(void **)
{
	struct bgp_peer_config config = lone_config();
	struct fixture f;

	config.restart_time = span_s(90);
	config.restarted = true;
	setup(&f, &config);
	bgp_peer_start(f.l.p, f.l.now);
	lone_forget(&f.l);
	expect_open(&f.l, " graceful-restart 90 IPv4 unicast IPv6 unicast restarted,");
	lone_feed(&f.l, BGP_OUT, BGP_MSG_OPEN, OPEN_NEW);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	bgp_peer_closed(f.l.p, f.l.now, BGP_OUT, "reset");
	lone_forget(&f.l);
	lone_pass(&f.l, span_s(5)); // the second time it was here all along
	expect_open(&f.l, " graceful-restart 90 IPv4 unicast IPv6 unicast, as4");
	teardown(&f);
}

static void helper_only(void **)
{
	struct bgp_peer_config config = lone_config();
	struct fixture f;

	config.restarted = true; // means nothing without a time
	setup(&f, &config);
	bgp_peer_start(f.l.p, f.l.now);
	lone_forget(&f.l);
	expect_open(&f.l, " graceful-restart, as4");
	teardown(&f);
}

static void tells_what_was_agreed(void **)
{
	struct fixture f;

	setup(&f, NULL);
	come_up(&f.l, OPEN_NEW);
	const struct bgp_negotiated *n = bgp_peer_negotiated(f.l.p);
	assert_true(n->enhanced_refresh);
	assert_true(n->graceful_restart);
	assert_int_equal(n->restart_time.us, 120000000);
	assert_int_equal(n->restart_families, 0);
	assert_false(n->extended_messages); // offered by the neighbour alone
	teardown(&f);
}

// ---- Extended messages, RFC 8654 ----

static void announce_many(struct lone *l, int count, struct bgp_attrs *attrs)
{
	for (int i = 0; i < count; i++) {
		struct ip_addr a = ip_from_u32(0x0a000000u + (uint32_t)i * 256);
		struct ip_prefix p = prefix_of(&a, 24);

		bgp_peer_announce(l->p, l->now, &p, attrs);
	}
}

static const struct {
	bool ours;
	const char *open;
	size_t least, most; // octets of the first UPDATE for 20000 routes
} sizes[] = {
	{ true, OPEN_NEW, 65530, 65535 },
	{ true, OPEN_FULL, 4090, 4096 },
	{ false, OPEN_NEW, 4090, 4096 },
};

static void great_messages_are_sent_where_taken(void **)
{
	for (size_t i = 0; i < countof(sizes); i++) {
		struct bgp_peer_config config = lone_config();
		struct fixture f;
		struct bgp_action a = {};
		int routes = 0;

		config.extended_messages = sizes[i].ours;
		setup(&f, &config);
		announce_many(&f.l, 20000, f.attrs);
		come_up(&f.l, sizes[i].open);
		while (a.kind != BGP_DO_SEND)
			assert_true(bgp_peer_next(f.l.p, &a));
		assert_in_range(a.len, sizes[i].least, sizes[i].most);
		while (bgp_peer_next(f.l.p, &a))
			routes += a.kind == BGP_DO_EVENT && a.event == BGP_EVENT_ANNOUNCED;
		assert_int_equal(routes, 20000);
		teardown(&f);
	}
}

// An UPDATE that withdraws as many routes as it has room for.
static size_t great_update(uint8_t *buf, size_t size)
{
	struct wr w = wr_init(buf, size);
	size_t routes = (size - BGP_HEADER_BYTES - 4) / 4;

	bgp_msg_begin(&w, BGP_MSG_UPDATE);
	size_t at = wr_len16_open(&w);
	for (size_t i = 0; i < routes; i++)
		wr_u32(&w, 0x180a0000 + (uint32_t)i);
	wr_len16_close(&w, at);
	wr_u16(&w, 0);
	return bgp_msg_end(&w);
}

static void great_messages_are_taken_where_offered(void **)
{
	static uint8_t buf[BGP_MSG_EXTENDED_MAX];
	size_t n = great_update(buf, sizeof(buf));

	for (int offered = 0; offered < 2; offered++) {
		struct bgp_peer_config config = lone_config();
		struct fixture f;

		config.extended_messages = offered;
		setup(&f, &config);
		come_up(&f.l, OPEN_NEW);
		lone_forget(&f.l);
		for (size_t at = 0; at < n; at += 1000) // in pieces, and the next one behind it
			bgp_peer_received(
				f.l.p, f.l.now, BGP_OUT, buf + at, n - at < 1000 ? n - at : 1000);
		lone_feed(&f.l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
		if (offered)
			lone_expect(&f.l, "received\n");
		else
			lone_expect(&f.l, "out NOTIFICATION 1/2 ffff\nout close\n"
					  "state Established -> Active\n"
					  "down 1/2 sent: wrong message length\n");
		teardown(&f);
	}
}

// ---- NO_LLGR, RFC 9494 section 4.3 ----

static const struct {
	uint32_t plain[3];
	size_t count;
	const char *communities;
} llgr[] = {
	{ {}, 0, "no-llgr" },
	{ { 0xfbf40001 }, 1, "64500:1 no-llgr" },
	{ { 0xffffff01 }, 1, "no-llgr no-export" },
	{ { 0xfbf40001, 0xffff0000, 0xffffff01 }, 3,
		"64500:1 graceful-shutdown no-llgr no-export" },
	{ { 0xffff0007 }, 1, "no-llgr" },
};

static void no_llgr_is_added(void **)
{
	for (size_t i = 0; i < countof(llgr); i++) {
		struct bgp_peer_config config = lone_config();
		struct bgp_community list[3];
		struct bgp_attrs *attrs;
		struct fixture f;
		char want[256];

		for (size_t k = 0; k < llgr[i].count; k++)
			list[k] = bgp_community_from_u32(llgr[i].plain[k]);
		const struct bgp_attrs_spec spec = { .communities = list,
			.community_count = llgr[i].count };
		assert_int_equal(bgp_attrs_new(&attrs, &spec), 0);
		config.no_llgr = true;
		setup(&f, &config);
		lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
		lone_announce(&f.l, "198.51.100.0/24", attrs);
		snprintf(want, sizeof(want),
			"out UPDATE announce 198.51.100.0/24 with ORIGIN igp, AS_PATH 64500, "
			"NEXT_HOP 192.0.2.1, COMMUNITIES %s\nannounced 198.51.100.0/24\n",
			llgr[i].communities);
		lone_expect(&f.l, want);
		teardown(&f);
		bgp_attrs_unref(&attrs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_of_rib_follows_the_routes),
		cmocka_unit_test(end_of_rib_without_routes),
		cmocka_unit_test(end_of_rib_is_not_for_others),
		cmocka_unit_test(refresh_has_begin_and_end),
		cmocka_unit_test(refresh_waits_for_end_of_rib),
		cmocka_unit_test(refresh_begins_anew),
		cmocka_unit_test(changes_during_refresh),
		cmocka_unit_test(refresh_ends_with_the_session),
		cmocka_unit_test(restarting_side),
		cmocka_unit_test(helper_only),
		cmocka_unit_test(tells_what_was_agreed),
		cmocka_unit_test(great_messages_are_sent_where_taken),
		cmocka_unit_test(great_messages_are_taken_where_offered),
		cmocka_unit_test(no_llgr_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
