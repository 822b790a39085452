// Two engines against each other: opening, collisions, loss, bytes in any portions.
#include <string.h>

#include "test/bgp/world.h"
#include "test/unit.h"

static struct ip_prefix nth_prefix(uint32_t n)
{
	struct ip_addr a = ip_from_u32(0x0a000000u + n * 256);

	return prefix_of(&a, 24);
}

static void announce(struct world *w, int side, uint32_t count)
{
	struct bgp_attrs *attrs;

	assert_int_equal(bgp_attrs_new(&attrs, &(struct bgp_attrs_spec){}), 0);
	for (uint32_t i = 0; i < count; i++) {
		struct ip_prefix p = nth_prefix(i);
		bgp_peer_announce(w->side[side].peer, w->now, &p, attrs);
	}
	bgp_attrs_unref(&attrs);
}

static unsigned count_lines(const struct strbuf *log, const char *line)
{
	unsigned n = 0;

	for (const char *at = sb_text(log); (at = strstr(at, line)); at += strlen(line))
		n++;
	return n;
}

// Whatever pieces the bytes come in, the two sides say the same.
static void any_portions(void **)
{
	static const size_t chunks[] = { SIZE_MAX, 1, 2, 7, 18, 19, 20, 4095, 4096, 4097 };
	own(sb_free) struct strbuf whole = {};

	for (size_t i = 0; i < countof(chunks); i++) {
		struct bgp_peer_config b = world_config(B);
		struct world w;

		b.passive = true;
		world_init(&w, NULL, &b);
		w.chunk = chunks[i];
		announce(&w, A, 3000);
		world_start(&w, B);
		world_start(&w, A);
		world_settle(&w);
		world_expect_established(&w);
		assert_int_equal(bgp_peer_counters(w.side[B].peer)->prefixes_received, 3000);
		assert_int_equal(w.side[A].routes, 3000);
		if (i == 0)
			sb_str(&whole, sb_text(&w.side[A].log));
		else
			assert_string_equal(sb_text(&w.side[A].log), sb_text(&whole));
		world_free(&w);
	}
}

// ---- Both open at once: RFC 4271 section 6.8 ----

static const struct {
	const char *what;
	uint32_t id_a, id_b;
	int winner; // whose connection stays
} collisions[] = {
	{ "higher identifier at A", 0xc0000209, 0xc0000201, A },
	{ "higher identifier at B", 0xc0000201, 0xc0000209, B },
	{ "as numbers, not as text", 0x80000001, 0x7fffffff, A },
	{ "equal: A has the higher AS, RFC 6286", 0xc0000201, 0xc0000201, A },
};

static void collide(struct world *w, const struct bgp_peer_config *a,
	const struct bgp_peer_config *b, size_t chunk)
{
	world_init(w, a, b);
	w->chunk = chunk;
	world_start(w, A);
	world_start(w, B);
	world_settle(w);
	world_expect_established(w);
}

// A collision is no failure: nobody is told of one. Only where the bytes of one
// connection overtake those of the other (whole chunks do) a session may be established that
// the neighbour has given up already.
static void check_collision_log(const struct side *s, size_t chunk)
{
	unsigned downs = count_lines(&s->log, "\ndown ");

	assert_int_equal(s->sent[BGP_MSG_OPEN], 2);
	if (chunk != SIZE_MAX)
		assert_int_equal(downs, 0);
	assert_int_equal(downs, count_lines(&s->log, "\ndown 6/7"));
	assert_int_equal(downs + 1, bgp_peer_counters(s->peer)->established);
}

static void collisions_leave_one(void **)
{
	static const size_t chunks[] = { SIZE_MAX, 1, 30 };

	for (size_t i = 0; i < countof(collisions) * countof(chunks); i++) {
		size_t row = i / countof(chunks);
		struct bgp_peer_config a = world_config(A), b = world_config(B);
		struct world w;

		a.router_id = collisions[row].id_a;
		b.router_id = collisions[row].id_b;
		collide(&w, &a, &b, chunks[i % countof(chunks)]);
		if (!w.link[collisions[row].winner].up || w.link[!collisions[row].winner].up)
			fail_msg("%s:\n%s", collisions[row].what, sb_text(&w.side[A].log));
		for (int s = 0; s < SIDES; s++)
			check_collision_log(&w.side[s], chunks[i % countof(chunks)]);
		// Cease, Connection Collision Resolution
		assert_int_not_equal(count_lines(&w.side[A].log, "NOTIFICATION 6/7") +
					     count_lines(&w.side[B].log, "NOTIFICATION 6/7"),
			0);
		world_free(&w);
	}
}

static void session_after_collision_lives(void **)
{
	struct world w;

	collide(&w, NULL, NULL, SIZE_MAX);
	announce(&w, A, 10);
	announce(&w, B, 20);
	world_run(&w, span_s(3600));
	world_expect_established(&w);
	assert_int_equal(bgp_peer_counters(w.side[A].peer)->prefixes_received, 20);
	assert_int_equal(bgp_peer_counters(w.side[B].peer)->prefixes_received, 10);
	assert_int_equal(w.side[A].sent[BGP_MSG_OPEN], 2); // nobody tried again
	world_free(&w);
}

// One side is restarted while the other still believes in the session: the new
// connection is refused with Cease until the old one is known to be dead.
static void established_session_is_kept(void **)
{
	struct world w;
	struct bgp_peer_config a = world_config(A);

	a.passive = true;
	world_init(&w, &a, NULL);
	world_start(&w, A);
	world_start(&w, B);
	world_settle(&w);
	world_expect_established(&w);

	struct ip_addr local = w.side[A].local;
	assert_false(bgp_peer_accepted(w.side[A].peer, w.now, &local));
	world_run(&w, span_s(10));
	world_expect_established(&w);
	world_free(&w);
}

// The neighbour opens although a session that this side opened is up.
static void second_connection_beside_session(void **)
{
	struct world w;
	struct bgp_peer_config b = world_config(B);
	struct bgp_action action;

	b.passive = true;
	world_init(&w, NULL, &b);
	world_start(&w, B);
	world_start(&w, A);
	world_settle(&w);
	world_expect_established(&w);

	struct bgp_peer *peer = w.side[A].peer;
	struct ip_addr local = w.side[A].local;
	static const uint8_t open[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 29, 1, 4, 0xfb, 0xf0, 0, 90, 0xc0, 0, 2, 9,
		0 };

	assert_true(bgp_peer_accepted(peer, w.now, &local));
	assert_true(bgp_peer_next(peer, &action)); // OPEN
	bgp_peer_received(peer, w.now, BGP_IN, open, sizeof(open));
	assert_true(bgp_peer_next(peer, &action));
	assert_int_equal(action.kind, BGP_DO_SEND);
	assert_int_equal(action.dir, BGP_IN);
	assert_int_equal(action.data[18], BGP_MSG_NOTIFICATION);
	assert_int_equal(action.data[19], BGP_ERR_CEASE);
	assert_int_equal(action.data[20], BGP_CEASE_COLLISION);
	assert_true(bgp_peer_next(peer, &action));
	assert_int_equal(action.kind, BGP_DO_CLOSE);
	assert_false(bgp_peer_next(peer, &action));
	assert_int_equal(bgp_peer_state(peer), BGP_ESTABLISHED);
	assert_null(bgp_peer_last_error(peer));
	world_free(&w);
}

// ---- Loss ----

static void comes_back_after_a_cut(void **)
{
	struct world w;

	collide(&w, NULL, NULL, SIZE_MAX);
	announce(&w, A, 100);
	world_settle(&w);
	for (int i = 0; i < 5; i++) {
		world_cut(&w);
		world_settle(&w);
		assert_int_equal(bgp_peer_state(w.side[A].peer), BGP_ACTIVE);
		world_run(&w, span_s(130));
		world_expect_established(&w);
		assert_int_equal(bgp_peer_counters(w.side[B].peer)->prefixes_received, 100);
	}
	world_free(&w);
}

// Half open: one side hears nothing more. Both find out by their hold timers.
static void silence_is_noticed(void **)
{
	struct world w;

	collide(&w, NULL, NULL, SIZE_MAX);
	world_run(&w, span_s(100));
	world_expect_established(&w);
	w.quiet = true;
	world_run(&w, span_s(91));
	for (int i = 0; i < SIDES; i++) {
		assert_non_null(
			strstr(sb_text(&w.side[i].log), "down 4/0 sent: hold timer expired"));
		assert_int_not_equal(bgp_peer_state(w.side[i].peer), BGP_ESTABLISHED);
	}
	world_free(&w);
}

static void stop_says_why(void **)
{
	struct world w;

	collide(&w, NULL, NULL, SIZE_MAX);
	bgp_peer_stop(w.side[A].peer, w.now, BGP_CEASE_ADMIN_SHUTDOWN, "maintenance until 04:00");
	world_settle(&w);
	const struct bgp_error *e = bgp_peer_last_error(w.side[B].peer);
	assert_int_equal(e->code, BGP_ERR_CEASE);
	assert_int_equal(e->subcode, BGP_CEASE_ADMIN_SHUTDOWN);
	assert_false(e->sent);
	assert_string_equal(e->text, "maintenance until 04:00");
	assert_int_equal(bgp_peer_state(w.side[A].peer), BGP_IDLE);

	// While it is stopped, B tries ever less often and A refuses.
	sb_clear(&w.side[B].log);
	world_run(&w, span_s(3600));
	assert_in_range(count_lines(&w.side[B].log, "connect\n"), 30, 55);
	bgp_peer_start(w.side[A].peer, w.now);
	world_settle(&w);
	world_expect_established(&w);
	world_free(&w);
}

static void wrong_configuration_is_told_to_both(void **)
{
	struct bgp_peer_config b = world_config(B);
	struct world w;

	b.peer_as = 64777; // B expects somebody else
	b.passive = true;
	world_init(&w, NULL, &b);
	world_start(&w, B);
	world_start(&w, A);
	world_settle(&w);
	const struct bgp_error *at_a = bgp_peer_last_error(w.side[A].peer);
	const struct bgp_error *at_b = bgp_peer_last_error(w.side[B].peer);
	assert_int_equal(at_b->code, BGP_ERR_OPEN);
	assert_int_equal(at_b->subcode, BGP_OPEN_BAD_PEER_AS);
	assert_true(at_b->sent);
	assert_int_equal(at_a->code, BGP_ERR_OPEN);
	assert_int_equal(at_a->subcode, BGP_OPEN_BAD_PEER_AS);
	assert_false(at_a->sent);
	world_free(&w);
}

// ---- Everything at once ----

// Cuts, silence, restarts and changes in any order, from a seed: whenever the line was good for
// long enough, the session is up, and the neighbour has exactly what is announced.
static void any_weather(void **)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct rng rng = { seed };
		struct world w;
		struct bgp_attrs *attrs[3];
		bool wanted[200] = {};
		unsigned count = 0;

		for (unsigned i = 0; i < countof(attrs); i++)
			assert_int_equal(
				bgp_attrs_new(&attrs[i], &(struct bgp_attrs_spec){ .prepend = i }),
				0);
		world_init(&w, NULL, NULL);
		w.chunk = (size_t)rng_range(&rng, 1, 100);
		world_start(&w, A);
		world_start(&w, B);
		for (int step = 0; step < 100; step++) {
			struct bgp_peer *a = w.side[A].peer;
			uint32_t n = (uint32_t)rng_range(&rng, 0, countof(wanted) - 1);
			struct ip_prefix p = nth_prefix(n);

			switch (rng_range(&rng, 0, 9)) {
			case 0:
				world_cut(&w);
				break;
			case 1:
				w.quiet = !w.quiet;
				break;
			case 2:
				bgp_peer_stop(w.side[B].peer, w.now, BGP_CEASE_ADMIN_RESET, "x");
				world_settle(&w);
				bgp_peer_start(w.side[B].peer, w.now);
				break;
			case 3:
			case 4:
				bgp_peer_withdraw(a, w.now, &p);
				wanted[n] = false;
				break;
			case 5:
				world_run(&w, span_ms(rng_range(&rng, 0, 100000)));
				break;
			default:
				bgp_peer_announce(a, w.now, &p, attrs[rng_range(&rng, 0, 2)]);
				wanted[n] = true;
				break;
			}
		}
		w.quiet = false;
		world_run(&w, span_s(600));
		world_expect_established(&w);
		for (uint32_t i = 0; i < countof(wanted); i++) {
			struct ip_prefix p = nth_prefix(i);
			count += wanted[i];
			assert_int_equal(bgp_peer_announced(w.side[A].peer, &p, NULL), wanted[i]);
		}
		assert_int_equal(bgp_peer_counters(w.side[A].peer)->prefixes_sent, count);
		world_free(&w);
		for (unsigned i = 0; i < countof(attrs); i++) {
			assert_int_equal(attrs[i]->refs, 1);
			bgp_attrs_unref(&attrs[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_portions),
		cmocka_unit_test(collisions_leave_one),
		cmocka_unit_test(session_after_collision_lives),
		cmocka_unit_test(established_session_is_kept),
		cmocka_unit_test(second_connection_beside_session),
		cmocka_unit_test(comes_back_after_a_cut),
		cmocka_unit_test(silence_is_noticed),
		cmocka_unit_test(stop_says_why),
		cmocka_unit_test(wrong_configuration_is_told_to_both),
		cmocka_unit_test(any_weather),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
