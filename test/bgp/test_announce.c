// Adj-RIB-Out as the neighbour sees it: what is sent, in which order, packed
// how, and what is not sent.
#include <malloc.h>
#include <string.h>

#include "bgp/update.h"
#include "test/bgp/lone.h"
#include "test/bgp/transcript.h"

static struct bgp_attrs *attrs_of(const struct bgp_attrs_spec *spec)
{
	struct bgp_attrs *a;

	assert_int_equal(bgp_attrs_new(&a, spec), 0);
	return a;
}

struct fixture {
	struct lone l;
	struct bgp_attrs *plain, *worse; // worse: two prepends
};

static void setup(struct fixture *f, const struct bgp_peer_config *config)
{
	lone_init(&f->l, config);
	f->plain = attrs_of(&(struct bgp_attrs_spec){});
	f->worse = attrs_of(&(struct bgp_attrs_spec){ .prepend = 2 });
}

static void teardown(struct fixture *f)
{
	lone_free(&f->l);
	assert_int_equal(f->plain->refs, 1); // every reference came back
	assert_int_equal(f->worse->refs, 1);
	bgp_attrs_unref(&f->plain);
	bgp_attrs_unref(&f->worse);
}

#define WITH_PLAIN " with ORIGIN igp, AS_PATH 64500, NEXT_HOP 192.0.2.1\n"
#define WITH_WORSE " with ORIGIN igp, AS_PATH 64500 64500 64500, NEXT_HOP 192.0.2.1\n"

static void told_when_the_session_comes_up(void **)
{
	struct fixture f;
	struct ip_prefix p = prefix("198.51.100.0/24");
	const struct bgp_attrs *told = NULL;

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_expect(&f.l, "");
	assert_false(bgp_peer_announced(f.l.p, &p, &told));
	lone_reach(&f.l, BGP_OUT, BGP_OPENCONFIRM);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_expect(&f.l,
		"state OpenConfirm -> Established\n"
		"established\n"
		"out UPDATE announce 198.51.100.0/24" WITH_PLAIN "announced 198.51.100.0/24\n");
	assert_true(bgp_peer_announced(f.l.p, &p, &told));
	assert_ptr_equal(told, f.plain);
	assert_int_equal(bgp_peer_counters(f.l.p)->prefixes_sent, 1);

	// Nothing of it outlives the session, and all is said again in the next one.
	bgp_peer_closed(f.l.p, f.l.now, BGP_OUT, "reset");
	lone_forget(&f.l);
	assert_false(bgp_peer_announced(f.l.p, &p, &told));
	assert_int_equal(bgp_peer_counters(f.l.p)->prefixes_sent, 0);
	lone_reach(&f.l, BGP_IN, BGP_OPENCONFIRM);
	lone_feed(&f.l, BGP_IN, BGP_MSG_KEEPALIVE, "");
	lone_expect(&f.l,
		"state OpenConfirm -> Established\n"
		"established\n"
		"in UPDATE announce 198.51.100.0/24" WITH_PLAIN "announced 198.51.100.0/24\n");
	teardown(&f);
}

static void withdrawn_before_announced(void **)
{
	struct fixture f;

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	lone_announce(&f.l, "203.0.113.0/24", f.worse);
	lone_announce(&f.l, "192.0.2.0/24", f.plain);
	lone_withdraw(&f.l, "198.51.100.0/24");
	lone_expect(&f.l,
		"out UPDATE withdraw 198.51.100.0/24\n"
		"withdrawn 198.51.100.0/24\n"
		"out UPDATE announce 203.0.113.0/24" WITH_WORSE "announced 203.0.113.0/24\n"
		"out UPDATE announce 192.0.2.0/24" WITH_PLAIN "announced 192.0.2.0/24\n");
	teardown(&f);
}

static void changes_of_a_batch_are_one(void **)
{
	struct fixture f;
	struct bgp_attrs *same = attrs_of(&(struct bgp_attrs_spec){});

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);

	lone_withdraw(&f.l, "198.51.100.0/24"); // and back, but worse: one UPDATE replaces it
	lone_announce(&f.l, "198.51.100.0/24", f.worse);
	lone_expect(&f.l,
		"out UPDATE announce 198.51.100.0/24" WITH_WORSE "announced 198.51.100.0/24\n");

	lone_withdraw(&f.l, "198.51.100.0/24"); // and back as it was: nothing
	lone_announce(&f.l, "198.51.100.0/24", f.worse);
	lone_expect(&f.l, "");

	lone_announce(&f.l, "198.51.100.0/24", f.plain); // the last one counts
	lone_withdraw(&f.l, "198.51.100.0/24");
	lone_expect(&f.l, "out UPDATE withdraw 198.51.100.0/24\n"
			  "withdrawn 198.51.100.0/24\n");

	lone_announce(&f.l, "198.51.100.0/24", f.plain); // come and gone
	lone_withdraw(&f.l, "198.51.100.0/24");
	lone_withdraw(&f.l, "198.51.100.0/24");
	lone_withdraw(&f.l, "203.0.113.0/24"); // never was
	lone_expect(&f.l, "");

	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_forget(&f.l);
	lone_announce(&f.l, "198.51.100.0/24", same); // equal, if not the same
	lone_expect(&f.l, "");
	teardown(&f);
	assert_int_equal(same->refs, 1);
	bgp_attrs_unref(&same);
}

static void one_set_one_message(void **)
{
	struct fixture f;
	struct bgp_attrs *same = attrs_of(&(struct bgp_attrs_spec){ .prepend = 2 });

	setup(&f, NULL);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_announce(&f.l, "198.51.101.0/24", f.worse);
	lone_announce(&f.l, "198.51.102.0/24", f.plain);
	lone_announce(&f.l, "198.51.103.0/24", same);
	lone_expect(&f.l, "out UPDATE announce 198.51.100.0/24 198.51.102.0/24" WITH_PLAIN
			  "announced 198.51.100.0/24\n"
			  "announced 198.51.102.0/24\n"
			  "out UPDATE announce 198.51.101.0/24 198.51.103.0/24" WITH_WORSE
			  "announced 198.51.101.0/24\n"
			  "announced 198.51.103.0/24\n");
	teardown(&f);
	bgp_attrs_unref(&same);
}

static void everything_an_announcement_carries(void **)
{
	struct fixture f;
	struct bgp_community list[] = { { .a = 64500, .b = 100 }, { .a = 65535, .b = 0 },
		{ .large = true, .a = 64500, .b = 1, .c = 2 } };
	struct bgp_attrs *rich = attrs_of(&(struct bgp_attrs_spec){
		.origin = BGP_ORIGIN_INCOMPLETE,
		.prepend = 1,
		.has_med = true,
		.med = 50,
		.communities = list,
		.community_count = countof(list),
	});

	setup(&f, NULL);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	lone_announce(&f.l, "198.51.100.0/24", rich);
	lone_expect(&f.l, "out UPDATE announce 198.51.100.0/24 with ORIGIN incomplete, "
			  "AS_PATH 64500 64500, NEXT_HOP 192.0.2.1, MULTI_EXIT_DISC 50, "
			  "COMMUNITIES 64500:100 graceful-shutdown, LARGE_COMMUNITY 64500:1:2\n"
			  "announced 198.51.100.0/24\n");
	teardown(&f);
	bgp_attrs_unref(&rich);
}

static void internal_neighbour(void **)
{
	struct bgp_peer_config config = lone_config();
	struct fixture f;
	struct bgp_attrs *low =
		attrs_of(&(struct bgp_attrs_spec){ .has_local_pref = true, .local_pref = 10 });

	config.peer_as = config.local_as;
	setup(&f, &config);
	lone_reach(&f.l, BGP_OUT, BGP_OPENSENT);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_OPEN, "04 fbf4 005a c0000209 08 02 06 4104 0000fbf4");
	lone_feed(&f.l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_forget(&f.l);
	lone_announce(&f.l, "198.51.100.0/24", f.worse);
	lone_announce(&f.l, "203.0.113.0/24", low);
	lone_expect(&f.l, "out UPDATE announce 198.51.100.0/24 with ORIGIN igp, AS_PATH, "
			  "NEXT_HOP 192.0.2.1, LOCAL_PREF 100\n"
			  "announced 198.51.100.0/24\n"
			  "out UPDATE announce 203.0.113.0/24 with ORIGIN igp, AS_PATH, "
			  "NEXT_HOP 192.0.2.1, LOCAL_PREF 10\n"
			  "announced 203.0.113.0/24\n");
	teardown(&f);
	bgp_attrs_unref(&low);
}

// RFC 6793: a neighbour with two octets gets AS_TRANS, and the truth beside it.
static void old_speaker(void **)
{
	struct bgp_peer_config config = lone_config();
	struct fixture f;

	config.local_as = 4200000001;
	setup(&f, &config);
	f.l.codec.as4 = false;
	lone_reach(&f.l, BGP_OUT, BGP_OPENSENT);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_OPEN, OPEN_BARE);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_forget(&f.l);
	lone_announce(&f.l, "198.51.100.0/24", f.worse);
	lone_expect(&f.l, "out UPDATE announce 198.51.100.0/24 with ORIGIN igp, "
			  "AS_PATH 23456 23456 23456, NEXT_HOP 192.0.2.1, "
			  "AS4_PATH 4200000001 4200000001 4200000001\n"
			  "announced 198.51.100.0/24\n");
	teardown(&f);
}

// ---- Next hops ----

static void announce_both(struct fixture *f, const char *local)
{
	struct ip_addr a = address(local);

	bgp_peer_start(f->l.p, f->l.now);
	bgp_peer_connected(f->l.p, f->l.now, &a);
	lone_feed(&f->l, BGP_OUT, BGP_MSG_OPEN, OPEN_FULL);
	lone_feed(&f->l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_forget(&f->l);
	lone_announce(&f->l, "198.51.100.0/24", f->plain);
	lone_announce(&f->l, "2001:db8:53::/48", f->plain);
	lone_drain(&f->l);
}

#define SENT4(hop)                                                                               \
	"out UPDATE announce 198.51.100.0/24 with ORIGIN igp, AS_PATH 64500, NEXT_HOP " hop "\n" \
	"announced 198.51.100.0/24\n"
#define SENT6(hop)                                                                   \
	"out UPDATE with ORIGIN igp, AS_PATH 64500, MP_REACH_NLRI 2/1 next-hop " hop \
	" 2001:db8:53::/48\n"                                                        \
	"announced 2001:db8:53::/48\n"
#define UNSENT4 "unsendable 198.51.100.0/24\n"
#define UNSENT6 "unsendable 2001:db8:53::/48\n"

static const struct {
	const char *local, *hop4, *hop6, *log;
} hops[] = {
	{ "192.0.2.1", NULL, NULL, SENT4("192.0.2.1") UNSENT6 },
	{ "192.0.2.1", NULL, "2001:db8::1", SENT4("192.0.2.1") SENT6("2001:db8::1") },
	{ "192.0.2.1", "192.0.2.77", NULL, SENT4("192.0.2.77") UNSENT6 },
	{ "2001:db8::1", NULL, NULL, SENT6("2001:db8::1") UNSENT4 },
	{ "2001:db8::1", "192.0.2.1", NULL, SENT4("192.0.2.1") SENT6("2001:db8::1") },
	{ "fe80::1", "192.0.2.1", NULL, SENT4("192.0.2.1") SENT6("fe80::1") },
	{ "fe80::1", NULL, "2001:db8::1", SENT6("2001:db8::1 fe80::1") UNSENT4 },
	{ "0.0.0.0", NULL, NULL, UNSENT4 UNSENT6 },
};

static void next_hops(void **)
{
	for (size_t i = 0; i < countof(hops); i++) {
		struct bgp_peer_config config = lone_config();
		struct fixture f;

		if (hops[i].hop4)
			config.next_hop4 = address(hops[i].hop4);
		if (hops[i].hop6)
			config.next_hop6 = address(hops[i].hop6);
		setup(&f, &config);
		announce_both(&f, hops[i].local);
		assert_string_equal(sb_text(&f.l.log), hops[i].log);
		teardown(&f);
	}
}

static void unsendable_says_why(void **)
{
	struct fixture f;
	struct bgp_action a;

	setup(&f, NULL);
	lone_reach(&f.l, BGP_OUT, BGP_OPENSENT);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_OPEN, OPEN_BARE); // IPv4 only
	lone_feed(&f.l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	lone_forget(&f.l);
	lone_announce(&f.l, "2001:db8:53::/48", f.plain);
	assert_true(bgp_peer_next(f.l.p, &a));
	assert_int_equal(a.event, BGP_EVENT_UNSENDABLE);
	assert_string_equal(a.error.text, "IPv6 unicast was not agreed on with this neighbour");
	assert_false(bgp_peer_next(f.l.p, &a)); // once
	lone_announce(&f.l, "2001:db8:53::/48", f.plain);
	assert_false(bgp_peer_next(f.l.p, &a));
	lone_withdraw(&f.l, "2001:db8:53::/48"); // nobody was told: nothing to take back
	assert_false(bgp_peer_next(f.l.p, &a));
	teardown(&f);
}

// What was never offered to this neighbour is not meant for it.
static void families_not_offered_are_left_out(void **)
{
	struct bgp_peer_config config = lone_config();
	struct fixture f;

	config.families = BGP_FAMILY_IP4;
	setup(&f, &config);
	announce_both(&f, "192.0.2.1");
	assert_string_equal(sb_text(&f.l.log), SENT4("192.0.2.1"));
	struct ip_prefix six = prefix("2001:db8:53::/48");
	assert_false(bgp_peer_announced(f.l.p, &six, NULL));
	teardown(&f);
}

// ---- Refresh, RFC 2918 ----

static void refresh_sends_a_family_again(void **)
{
	struct bgp_peer_config config = lone_config();
	struct fixture f;

	config.next_hop6 = address("2001:db8::1");
	setup(&f, &config);
	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_announce(&f.l, "203.0.113.0/24", f.plain);
	lone_announce(&f.l, "2001:db8:53::/48", f.plain);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	lone_withdraw(&f.l, "203.0.113.0/24"); // still to be said
	lone_feed(&f.l, BGP_OUT, BGP_MSG_ROUTE_REFRESH, "0001 00 01");
	lone_expect(&f.l,
		"out UPDATE withdraw 203.0.113.0/24\n"
		"withdrawn 203.0.113.0/24\n"
		"out UPDATE announce 198.51.100.0/24" WITH_PLAIN "announced 198.51.100.0/24\n");
	assert_int_equal(bgp_peer_counters(f.l.p)->prefixes_sent, 2);
	lone_feed(&f.l, BGP_OUT, BGP_MSG_ROUTE_REFRESH, "0002 00 01");
	lone_expect(&f.l, SENT6("2001:db8::1"));
	lone_feed(&f.l, BGP_OUT, BGP_MSG_ROUTE_REFRESH, "0001 00 02"); // multicast: not ours
	lone_feed(&f.l, BGP_OUT, BGP_MSG_ROUTE_REFRESH, "0001 01 01"); // begin of its own refresh
	lone_feed(&f.l, BGP_OUT, BGP_MSG_ROUTE_REFRESH, "0001 02 01");
	lone_expect(&f.l, "");
	assert_int_equal(bgp_peer_counters(f.l.p)->refreshes_in, 5);
	teardown(&f);
}

static void withdrawn_while_refreshed(void **)
{
	struct fixture f;
	struct bytes ask = message(BGP_MSG_ROUTE_REFRESH, "0001 00 01");

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	bgp_peer_received(f.l.p, f.l.now, BGP_OUT, ask.b, ask.len);
	lone_withdraw(&f.l, "198.51.100.0/24");
	lone_expect(&f.l, "out UPDATE withdraw 198.51.100.0/24\n"
			  "withdrawn 198.51.100.0/24\n");
	teardown(&f);
}

static void asks_for_routes_again(void **)
{
	struct fixture f;

	setup(&f, NULL);
	assert_false(bgp_peer_ask_again(f.l.p, f.l.now)); // no session yet
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	assert_true(bgp_peer_ask_again(f.l.p, f.l.now));
	lone_expect(&f.l, "out ROUTE-REFRESH please IPv4 unicast\n"
			  "out ROUTE-REFRESH please IPv6 unicast\n");
	teardown(&f);
}

// ---- A fleet and all others ----

// What the fleet tells itself is never told to an upstream, nor what upstreams are told to the
// fleet, whatever the program asks for; and what stood there before is withdrawn.
static void never_mixed(void **)
{
	for (int fleet = 0; fleet < 2; fleet++) {
		struct fixture f;
		struct bgp_peer_config config = lone_config();
		struct ip_prefix p = prefix("198.51.100.0/24");
		struct bgp_attrs *own = attrs_of(&(struct bgp_attrs_spec){ .fleet = fleet });
		struct bgp_attrs *other = attrs_of(&(struct bgp_attrs_spec){ .fleet = !fleet });

		config.fleet = fleet;
		setup(&f, &config);
		assert_false(bgp_attrs_equal(own, other));    // else they would share a message
		lone_announce(&f.l, "203.0.113.0/24", other); // before the session
		lone_reach(&f.l, BGP_OUT, BGP_OPENCONFIRM);
		lone_feed(&f.l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
		lone_expect(&f.l, "state OpenConfirm -> Established\nestablished\n");
		lone_announce(&f.l, "198.51.100.0/24", other); // and in it
		lone_expect(&f.l, "");
		lone_announce(&f.l, "198.51.100.0/24", own); // control: its own goes out
		lone_expect(&f.l, "out UPDATE announce 198.51.100.0/24" WITH_PLAIN
				  "announced 198.51.100.0/24\n");
		lone_announce(&f.l, "198.51.100.0/24", other);
		lone_expect(&f.l, "out UPDATE withdraw 198.51.100.0/24\n"
				  "withdrawn 198.51.100.0/24\n");
		assert_false(bgp_peer_announced(f.l.p, &p, NULL));
		bgp_attrs_unref(&own);
		bgp_attrs_unref(&other);
		teardown(&f);
	}
}

// ---- A neighbour that reads slowly ----

static void announce_many(struct lone *l, int count, struct bgp_attrs *attrs)
{
	for (int i = 0; i < count; i++) {
		struct ip_addr a = ip_from_u32(0x0a000000u + (uint32_t)i * 256);
		struct ip_prefix p = prefix_of(&a, 24);

		bgp_peer_announce(l->p, l->now, &p, attrs);
	}
}

static void backlog_holds_updates_back(void **)
{
	struct fixture f;

	setup(&f, NULL);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	bgp_peer_set_backlog(f.l.p, f.l.now, BGP_OUT, 65537);
	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_expect(&f.l, "");
	lone_withdraw(&f.l, "198.51.100.0/24"); // what happens meanwhile is packed
	lone_announce(&f.l, "203.0.113.0/24", f.plain);
	lone_announce(&f.l, "203.0.113.0/24", f.worse);
	bgp_peer_set_backlog(f.l.p, f.l.now, BGP_OUT, 65536);
	lone_expect(
		&f.l, "out UPDATE announce 203.0.113.0/24" WITH_WORSE "announced 203.0.113.0/24\n");
	teardown(&f);
}

// Withdrawals overtake announcements that wait.
static void withdrawals_overtake(void **)
{
	struct fixture f;
	struct bgp_action a;

	setup(&f, NULL);
	lone_announce(&f.l, "198.51.100.0/24", f.plain);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	announce_many(&f.l, 3000, f.worse);
	assert_true(bgp_peer_next(f.l.p, &a));
	assert_int_equal(a.kind, BGP_DO_SEND);
	bgp_peer_set_backlog(f.l.p, f.l.now, BGP_OUT, 100000);
	lone_forget(&f.l); // what that message announced
	lone_withdraw(&f.l, "198.51.100.0/24");
	bgp_peer_set_backlog(f.l.p, f.l.now, BGP_OUT, 0);
	assert_true(bgp_peer_next(f.l.p, &a));
	transcribe(&f.l.log, &a, &f.l.codec);
	assert_string_equal(sb_text(&f.l.log), "out UPDATE withdraw 198.51.100.0/24\n");
	teardown(&f);
}

// The session ends between a message and the events that tell of it.
static void session_ends_in_mid_report(void **)
{
	struct fixture f;
	struct bgp_action a;
	int told = 0;

	setup(&f, NULL);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	announce_many(&f.l, 10, f.plain);
	assert_true(bgp_peer_next(f.l.p, &a));
	assert_int_equal(a.kind, BGP_DO_SEND);
	bgp_peer_closed(f.l.p, f.l.now, BGP_OUT, "reset");
	while (bgp_peer_next(f.l.p, &a)) {
		assert_int_equal(a.kind, BGP_DO_EVENT);
		told += a.event == BGP_EVENT_ANNOUNCED;
	}
	assert_int_equal(told, 10);
	teardown(&f);
}

// ---- Many ----

struct tally {
	size_t messages, bytes, sent, events;
};

static void count_action(struct tally *t, const struct bgp_action *a, const struct bgp_codec *codec)
{
	struct bgp_update u;
	size_t announced, withdrawn;

	if (a->kind == BGP_DO_EVENT) {
		t->events += a->event == BGP_EVENT_ANNOUNCED || a->event == BGP_EVENT_WITHDRAWN;
		return;
	}
	struct rd body = rd_init(a->data + BGP_HEADER_BYTES, a->len - BGP_HEADER_BYTES);
	bgp_update_decode(&u, body, codec);
	assert_int_equal(u.fault.kind, BGP_FAULT_NONE);
	bgp_update_count(&u, &announced, &withdrawn);
	t->messages++;
	t->bytes += a->len;
	t->sent += announced + withdrawn;
}

static struct tally tally_all(struct lone *l)
{
	struct tally t = {};
	struct bgp_action a;

	while (bgp_peer_next(l->p, &a))
		count_action(&t, &a, &l->codec);
	return t;
}

static void ten_thousand_are_packed(void **)
{
	struct fixture f;

	setup(&f, NULL);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	announce_many(&f.l, 10000, f.plain);
	struct tally t = tally_all(&f.l);
	assert_int_equal(t.sent, 10000);
	assert_int_equal(t.events, 10000);
	// 4 octets a /24; 43 of header and attributes: 1013 in a message
	assert_int_equal(t.messages, 10);
	assert_int_equal(t.bytes, 10 * 43 + 10000 * 4);
	assert_int_equal(bgp_peer_counters(f.l.p)->prefixes_sent, 10000);
	assert_int_equal(bgp_peer_counters(f.l.p)->updates_out, 10);

	announce_many(&f.l, 5000, f.worse);
	t = tally_all(&f.l);
	assert_int_equal(t.sent, 5000);
	assert_int_equal(t.messages, 5);
	assert_int_equal(bgp_peer_counters(f.l.p)->prefixes_sent, 10000);

	for (int i = 0; i < 10000; i++) {
		struct ip_addr a = ip_from_u32(0x0a000000u + (uint32_t)i * 256);
		struct ip_prefix p = prefix_of(&a, 24);
		bgp_peer_withdraw(f.l.p, f.l.now, &p);
	}
	t = tally_all(&f.l);
	assert_int_equal(t.sent, 10000);
	assert_int_equal(t.messages, 10);
	assert_int_equal(bgp_peer_counters(f.l.p)->prefixes_sent, 0);
	teardown(&f);
}

// As many sets of attributes as there are: each its own message, none lost.
static void sets_of_their_own(void **)
{
	struct fixture f;
	enum { SETS = 2000 };

	setup(&f, NULL);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	for (uint32_t i = 0; i < SETS; i++) {
		struct ip_addr a = ip_from_u32(0x0a000000u + i * 256);
		struct ip_prefix p = prefix_of(&a, 24);
		struct bgp_attrs *own_set =
			attrs_of(&(struct bgp_attrs_spec){ .has_med = true, .med = i });

		bgp_peer_announce(f.l.p, f.l.now, &p, own_set);
		bgp_attrs_unref(&own_set);
	}
	struct tally t = tally_all(&f.l);
	assert_int_equal(t.sent, SETS);
	assert_int_equal(t.messages, SETS);
	teardown(&f);
}

static void routes_are_small(void **)
{
	struct fixture f;
	size_t before = mallinfo2().uordblks;

	setup(&f, NULL);
	lone_reach(&f.l, BGP_OUT, BGP_ESTABLISHED);
	announce_many(&f.l, 10000, f.plain);
	tally_all(&f.l);
	// 48 bytes a route and 4 to 8 a place in the map
	assert_true(mallinfo2().uordblks - before < 640 * 1024);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_when_the_session_comes_up),
		cmocka_unit_test(withdrawn_before_announced),
		cmocka_unit_test(changes_of_a_batch_are_one),
		cmocka_unit_test(one_set_one_message),
		cmocka_unit_test(everything_an_announcement_carries),
		cmocka_unit_test(internal_neighbour),
		cmocka_unit_test(old_speaker),
		cmocka_unit_test(next_hops),
		cmocka_unit_test(unsendable_says_why),
		cmocka_unit_test(families_not_offered_are_left_out),
		cmocka_unit_test(refresh_sends_a_family_again),
		cmocka_unit_test(withdrawn_while_refreshed),
		cmocka_unit_test(asks_for_routes_again),
		cmocka_unit_test(never_mixed),
		cmocka_unit_test(backlog_holds_updates_back),
		cmocka_unit_test(withdrawals_overtake),
		cmocka_unit_test(session_ends_in_mid_report),
		cmocka_unit_test(ten_thousand_are_packed),
		cmocka_unit_test(sets_of_their_own),
		cmocka_unit_test(routes_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
