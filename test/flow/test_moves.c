// What moves a client's prefix to this node, how often, and for how long that is remembered.
#include <string.h>

#include <arpa/inet.h>
#include <linux/bpf.h>

#include "lib/mem.h"
#include "test/flow/world.h"
#include "test/unit.h"

static struct world *w;

enum { SEQ = 0x11223344 };

static unsigned told;

static void on_event(void *, const struct flow_event *e)
{
	told += e->kind == FLOW_E_PREFIX;
}

static unsigned events(void)
{
	told = 0;
	while (keeper_events(w->k, on_event, NULL) > 0)
		;
	return told;
}

static void moved(const char *client, bool yes)
{
	assert_int_equal(world_slot(w, client) & FLOW_ID_MASK, yes ? US : THEM);
	assert_int_equal(world_count(w, FLOW_C_MOVED), yes);
	assert_int_equal(events(), yes);
}

// The prefix of both clients was another node's, for long.
static void begin(void)
{
	world_reset(w);
	events();
	world_set_slot(w, CLIENT4, THEM);
	world_set_slot(w, CLIENT6, THEM);
}

// The node's answer to the SYN goes out, with that number.
static void answer_syn(uint32_t seq)
{
	struct spec answer = { .from = SERVICE4,
		.to = HALF4,
		.from_port = 80,
		.to_port = HALF_PORT,
		.flags = TCP_SYN | TCP_ACK,
		.seq = seq };
	struct frame f = frame_make(&answer);

	world_out(w, &f);
}

static void end_handshake(uint32_t ack, uint8_t flags)
{
	struct spec s = { .from = HALF4,
		.to = SERVICE4,
		.from_port = HALF_PORT,
		.to_port = 80,
		.flags = flags,
		.ack = ack };
	struct frame f = frame_make(&s);

	assert_int_equal(world_in(w, &f), XDP_PASS);
}

// Half-open is what any SYN with a made-up source leaves behind. Only who read the answer can end it.
static void test_tcp(void **)
{
	struct spec syn = { .from = HALF4,
		.to = SERVICE4,
		.from_port = HALF_PORT,
		.to_port = 80,
		.flags = TCP_SYN };

	begin();
	struct frame f = frame_make(&syn);
	assert_int_equal(world_in(w, &f), XDP_PASS);
	moved(HALF4, false);
	end_handshake(SEQ + 1, TCP_ACK); // before there was an answer
	moved(HALF4, false);
	answer_syn(SEQ);
	end_handshake(SEQ, TCP_ACK);
	moved(HALF4, false);
	end_handshake(SEQ + 1, TCP_RST);
	moved(HALF4, false);
	end_handshake(SEQ + 1, TCP_ACK);
	moved(HALF4, true);
	assert_int_equal(world_slot(w, HALF4) >> 12 & FLOW_ID_MASK, THEM);
	// A session that stays is not news again.
	end_handshake(SEQ + 1, TCP_ACK);
	assert_int_equal(world_count(w, FLOW_C_MOVED), 1);
	assert_int_equal(events(), 0);
}

// ---- QUIC ----

static const uint8_t quic_client[] = { 0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 2, 9, 9, 0 };
static const uint8_t quic_server[] = { 0xc3, 0, 0, 0, 1, 2, 9, 9, 8, 11, 12, 13, 14, 15, 16, 17, 18,
	0 };
static const uint8_t quic_finished[] = { 0xe3, 0, 0, 0, 1, 8, 11, 12, 13, 14, 15, 16, 17, 18, 2, 9,
	9, 0 };
static const uint8_t quic_guess[] = { 0xe3, 0, 0, 0, 1, 8, 11, 12, 13, 14, 15, 16, 17, 19, 2, 9, 9,
	0 };

struct side {
	const char *client, *service;
};
static const struct side sides[] = { { CLIENT4, SERVICE4 }, { CLIENT6, SERVICE6 } };

static void udp_in(const struct side *s, uint16_t port, const void *payload, size_t n)
{
	struct spec p = { .from = s->client,
		.to = s->service,
		.proto = IPPROTO_UDP,
		.from_port = 40000,
		.to_port = port,
		.payload = payload,
		.payload_size = n };
	struct frame f = frame_make(&p);

	world_in(w, &f);
}

static void udp_out(const struct side *s, uint16_t port, const void *payload, size_t n)
{
	struct spec p = { .from = s->service,
		.to = s->client,
		.proto = IPPROTO_UDP,
		.from_port = port,
		.to_port = 40000,
		.payload = payload,
		.payload_size = n };
	struct frame f = frame_make(&p), same = f;

	world_out(w, &f);
	assert_memory_equal(f.b, same.b, same.n);
}

static void test_quic(void **)
{
	for (size_t i = 0; i < countof(sides); i++) {
		const struct side *s = &sides[i];
		begin();
		udp_in(s, 443, quic_client, sizeof(quic_client));
		udp_in(s, 443, quic_client, sizeof(quic_client));
		udp_in(s, 443, quic_finished, sizeof(quic_finished)); // nobody chose that id yet
		udp_out(s, 443, quic_server, sizeof(quic_server));
		udp_in(s, 443, quic_client, sizeof(quic_client));
		udp_in(s, 443, quic_guess, sizeof(quic_guess));
		moved(s->client, false);
		udp_in(s, 443, quic_finished, sizeof(quic_finished));
		moved(s->client, true);
	}
}

// ---- Other UDP ----

static void test_udp_session(void **)
{
	static const uint8_t some[20];

	for (size_t i = 0; i < countof(sides); i++) {
		const struct side *s = &sides[i];
		begin();
		world_set_slot(w, s->client, DEAD); // so that it is served here
		udp_in(s, 5000, some, sizeof(some));
		udp_in(s, 5000, some, sizeof(some));
		assert_int_equal(world_count(w, FLOW_C_MOVED), 0);
		udp_out(s, 5000, some, sizeof(some));
		assert_int_equal(world_count(w, FLOW_C_MOVED), 0);
		udp_in(s, 5000, some, sizeof(some));
		moved(s->client, true);
		// Request and response teach nothing, answered or not.
		begin();
		udp_in(s, 53, some, sizeof(some));
		udp_out(s, 53, some, sizeof(some));
		udp_in(s, 53, some, sizeof(some));
		moved(s->client, false);
	}
}

// ---- Budget ----

// However many prefixes strangers name, the fleet hears of so many a second.
static void test_budget(void **)
{
	enum { MANY = 400 };
	static const uint8_t some[20];
	uint64_t before = world_ns() >> FLOW_WINDOW_SHIFT;

	begin();
	for (unsigned i = 0; i < MANY; i++) {
		char from[IP_TEXT];
		snprintf(from, sizeof(from), "10.7.%u.1", i % 250);
		struct side s = { from, SERVICE4 };
		world_set_slot(w, from, DEAD);
		udp_in(&s, 5000, some, sizeof(some));
		udp_out(&s, 5000, some, sizeof(some));
		udp_in(&s, 5000, some, sizeof(some));
	}
	uint64_t windows = (world_ns() >> FLOW_WINDOW_SHIFT) - before + 1;
	uint64_t count = world_count(w, FLOW_C_MOVED);
	assert_true(count >= FLOW_MOVES_GUESSED && count <= windows * FLOW_MOVES_GUESSED);
	assert_true(world_count(w, FLOW_C_OVER_MOVES) >= MANY - count - MANY / 4);
	assert_int_equal(events(), count);
	// The client that proves itself has a budget of its own.
	answer_syn(SEQ);
	end_handshake(SEQ + 1, TCP_ACK);
	assert_int_equal(world_slot(w, HALF4) & FLOW_ID_MASK, US);
}

// ---- Time ----

static uint32_t slot_of_age(unsigned units, uint16_t before, uint16_t now)
{
	uint32_t time = ((world_ns() >> FLOW_MOVED_SHIFT) - units) & 0xff;

	return time << 24 | (uint32_t)before << 12 | now;
}

static bool asks_before(const char *client)
{
	static uint16_t port = 10000; // another flow each time: they are remembered
	bool v6 = strchr(client, ':') != NULL;
	struct spec s = { .from = client,
		.to = v6 ? SERVICE6 : SERVICE4,
		.from_port = port++,
		.to_port = 80,
		.flags = TCP_ACK };
	struct frame f = frame_make(&s);

	return world_in(w, &f) == XDP_TX;
}

static void sweep_once(uint64_t now)
{
	for (unsigned i = 0; i < KEEPER_SLICES; i++)
		assert_int_equal(keeper_sweep(w->k, i, now, w->config.moved_s), 0);
}

// A move of 73 minutes ago has the time of one that was just now. The sweep was there before.
static void test_sweep(void **)
{
	enum { LIMIT = 600 / 16 + 1 };
	const uint64_t unit = 1ull << FLOW_MOVED_SHIFT;

	for (size_t i = 0; i < countof(sides); i++) {
		const char *client = sides[i].client;
		uint64_t now = world_ns();
		begin();
		world_set_slot(w, client, slot_of_age(0, THIRD, US));
		assert_true(asks_before(client)); // the control: nobody swept
		sweep_once(now + (LIMIT - 2) * unit);
		assert_true(asks_before(client)); // what matters stays
		sweep_once(now + (LIMIT + 1) * unit);
		assert_false(asks_before(client));
		assert_int_equal(world_slot(w, client), US); // whose they are is known still
		world_set_slot(w, client, THEM);
		sweep_once(now + 300 * unit);
		assert_int_equal(world_slot(w, client), THEM);
	}
}

// As nearcastd sweeps, a slice each second, no `moved-for` is too long; three turns after a restart in
// the midst of one, which begins another.
static void test_turns(void **)
{
	static const uint16_t moved_for[] = { 16, 600, 3600 };
	const uint64_t turn = KEEPER_SLICES * 1000000000ull, begin_at = world_ns();

	for (size_t i = 0; i < countof(moved_for); i++) {
		struct flow_config c = { .moved_s = moved_for[i],
			.swept = keeper_sweep_time(begin_at) };
		assert_false(keeper_sweep_late(&c, begin_at + 3 * turn));
		assert_true(keeper_sweep_late(&c, begin_at + (255ull << FLOW_MOVED_SHIFT)));
	}
}

// Where nobody sweeps, no time is believed, and at the next start all are taken out.
static void test_not_swept(void **)
{
	struct flow_config late = w->config;

	late.swept -= FLOW_MOVED_TURN;
	assert_true(keeper_sweep_late(&late, world_ns()));
	assert_false(keeper_sweep_late(&w->config, world_ns()));
	for (size_t i = 0; i < countof(sides); i++) {
		const char *client = sides[i].client;
		begin();
		world_set_slot(w, client, slot_of_age(1, THIRD, US));
		assert_true(asks_before(client)); // the control
		world_reset(w);
		world_set_slot(w, client, slot_of_age(1, THIRD, US));
		assert_int_equal(keeper_configure(w->k, &late), 0);
		assert_false(asks_before(client));
		assert_int_equal(keeper_sweep_all(w->k, world_ns()), 0);
		assert_int_equal(world_slot(w, client), US);
		assert_int_equal(keeper_configure(w->k, &w->config), 0);
	}
}

// ---- Places of IPv6 ----

// Two /48 that share a place under this key, for any client who knows it.
static void find_pair(char one[IP_TEXT], char two[IP_TEXT])
{
	enum { TRIES = 1 << 22 };

	snprintf(one, IP_TEXT, "%s", CLIENT6);
	for (unsigned i = 1; i < TRIES; i++) {
		snprintf(two, IP_TEXT, "2001:%x:%x::1", i >> 16 | 0x1000, i & 0xffff);
		if (world_place6(w, two) == world_place6(w, one))
			return;
	}
	fail_msg("no pair");
}

static void test_places_are_seeded(void **)
{
	struct flow_config was = w->config;
	char one[IP_TEXT], two[IP_TEXT];

	find_pair(one, two);
	for (int i = 0; i < 2; i++) {
		begin();
		world_set_slot(w, one, THIRD);
		assert_true(asks_before(one));
		assert_int_equal(asks_before(two), i == 0);
		world_set_slot(w, one, 0);
		w->config.hash_key[1] ^= 0x9e3779b97f4a7c15; // of another host
		assert_int_equal(keeper_configure(w->k, &w->config), 0);
	}
	w->config = was;
	assert_int_equal(keeper_configure(w->k, &w->config), 0);
}

int main(void)
{
	const char *why;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_quic),
		cmocka_unit_test(test_udp_session),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_not_swept),
		cmocka_unit_test(test_places_are_seeded),
	};

	w = world_make(&why);
	if (!w) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
