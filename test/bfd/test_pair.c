// Two sessions back to back over a wire that loses, delays and is cut.
#include "test/unit.h"

#include <string.h>

#include "bfd/session.h"
#include "lib/rng.h"

enum { FLYING_MAX = 256 };

struct flying {
	instant arrives;
	int to;
	uint8_t bytes[BFD_PACKET_BYTES];
};

struct end {
	struct bfd_session *s;
	size_t failures, ups;
	instant failed_at;
};

static struct wire {
	struct end ends[2];
	struct flying flying[FLYING_MAX];
	size_t count;
	instant now;
	struct rng rng;
	int loss_percent;
	bool cut[2]; // what that end sends is lost
	int64_t delay_us, jitter_us;
} w;

static void begin(struct bfd_timing a, struct bfd_timing b, uint64_t seed)
{
	struct bfd_config config[2] = { { 11, a, seed }, { 22, b, seed + 1 } };

	w = (struct wire){ .rng = { seed }, .delay_us = 100 };
	for (int i = 0; i < 2; i++)
		w.ends[i].s = bfd_session_new(&config[i], w.now);
}

static void finish(void)
{
	bfd_session_free(&w.ends[0].s);
	bfd_session_free(&w.ends[1].s);
}

static void post(int from, const uint8_t *bytes)
{
	if (w.cut[from] || rng_range(&w.rng, 1, 100) <= w.loss_percent)
		return;
	assert_true(w.count < FLYING_MAX);
	struct flying *f = &w.flying[w.count++];
	f->arrives = instant_add(w.now, span_us(w.delay_us + rng_range(&w.rng, 0, w.jitter_us)));
	f->to = !from;
	memcpy(f->bytes, bytes, BFD_PACKET_BYTES);
}

static void drain(int i)
{
	struct bfd_action a;

	while (bfd_session_next(w.ends[i].s, &a)) {
		if (a.kind == BFD_DO_SEND) {
			post(i, a.data);
			continue;
		}
		w.ends[i].ups += a.to == BFD_UP;
		if (a.failed) {
			w.ends[i].failures++;
			w.ends[i].failed_at = w.now;
		}
	}
}

static instant next_time(void)
{
	instant t =
		instant_min(bfd_session_deadline(w.ends[0].s), bfd_session_deadline(w.ends[1].s));

	for (size_t i = 0; i < w.count; i++)
		t = instant_min(t, w.flying[i].arrives);
	return t;
}

static void deliver(void)
{
	for (size_t i = 0; i < w.count;) {
		struct flying f = w.flying[i];
		struct bfd_packet p;
		if (!instant_due(f.arrives, w.now)) {
			i++;
			continue;
		}
		w.flying[i] = w.flying[--w.count];
		assert_int_equal(bfd_packet_parse(&p, f.bytes, sizeof(f.bytes)), BFD_OK);
		enum bfd_verdict v = bfd_session_received(w.ends[f.to].s, w.now, &p);
		assert_true(v == BFD_OK || v == BFD_DISABLED);
		drain(f.to);
	}
}

static void run(span d)
{
	instant until = instant_add(w.now, d);

	drain(0);
	drain(1);
	for (instant t = next_time(); instant_before(t, until); t = next_time()) {
		w.now = t;
		deliver();
		for (int i = 0; i < 2; i++) {
			bfd_session_tick(w.ends[i].s, w.now);
			drain(i);
		}
	}
	w.now = until;
}

static const struct bfd_vars *vars(int i)
{
	return bfd_session_vars(w.ends[i].s);
}

static bool both_in(enum bfd_state state)
{
	return vars(0)->state == state && vars(1)->state == state;
}

static struct bfd_timing timing(int64_t tx_ms, int64_t rx_ms, uint8_t multiplier)
{
	return (struct bfd_timing){ span_ms(tx_ms), span_ms(rx_ms), multiplier };
}

static void test_comes_up_and_settles(void **)
{
	begin(timing(50, 50, 3), timing(20, 100, 5), 1);
	run(span_s(5));
	assert_true(both_in(BFD_UP));
	assert_int_equal(vars(0)->tx_interval.us, 100000);
	assert_int_equal(vars(0)->detection_time.us, 5 * 50000);
	assert_int_equal(vars(1)->tx_interval.us, 50000);
	assert_int_equal(vars(1)->detection_time.us, 3 * 100000);
	assert_int_equal(vars(0)->remote_disc, 22);
	assert_int_equal(vars(1)->remote_disc, 11);
	finish();
}

// Lossless and jittered, for hours: not one false failure.
static void test_stays_up(void **)
{
	begin(timing(50, 50, 3), timing(50, 50, 3), 2);
	w.jitter_us = 30000;
	run(span_s(3600));
	assert_true(both_in(BFD_UP));
	assert_int_equal(w.ends[0].failures + w.ends[1].failures, 0);
	assert_int_equal(w.ends[0].ups + w.ends[1].ups, 2);
	finish();
}

// A cut, at any phase, is noticed by both within the detection time of the last packet.
static void test_cut(void **)
{
	for (uint64_t seed = 0; seed < 300; seed++) {
		begin(timing(50, 50, 3), timing(50, 50, 3), seed);
		run(span_us(5000000 + (int64_t)seed * 977));
		assert_true(both_in(BFD_UP));
		instant cut = w.now;
		w.cut[0] = w.cut[1] = true;
		run(span_ms(500));
		for (int i = 0; i < 2; i++) {
			assert_int_equal(w.ends[i].failures, 1);
			int64_t took = instant_diff(w.ends[i].failed_at, cut).us;
			assert_in_range(took, 100000, 150100); // the delay of the wire is 100 us
		}
		w.cut[0] = w.cut[1] = false;
		run(span_s(5));
		assert_true(both_in(BFD_UP));
		finish();
	}
}

// One direction alone: the side that still hears learns it from the other.
static void test_one_way_cut(void **)
{
	begin(timing(50, 50, 3), timing(50, 50, 3), 3);
	run(span_s(5));
	w.cut[0] = true;
	run(span_s(60));
	assert_int_equal(w.ends[0].failures, 1);
	assert_int_equal(w.ends[1].failures, 1);
	assert_true(instant_diff(w.ends[0].failed_at, w.ends[1].failed_at).us >= 100);
	assert_int_not_equal(vars(0)->state, BFD_UP);
	assert_int_not_equal(vars(1)->state, BFD_UP);
	finish();
}

static void test_loss(void **)
{
	static const struct {
		int percent;
		uint8_t multiplier;
	} rows[] = { { 1, 3 }, { 10, 5 }, { 30, 20 }, { 60, 50 } };

	for (size_t i = 0; i < countof(rows); i++) {
		for (uint64_t seed = 0; seed < 20; seed++) {
			uint8_t n = rows[i].multiplier;
			begin(timing(50, 50, n), timing(50, 50, n), seed);
			w.loss_percent = rows[i].percent;
			run(span_s(60));
			assert_true(vars(0)->sent > 60 && vars(1)->sent > 60);
			w.loss_percent = 0; // whatever happened, it ends well
			run(span_s(10));
			assert_true(both_in(BFD_UP));
			assert_int_equal(vars(0)->tx_interval.us, 50000);
			assert_int_equal(vars(1)->detection_time.us, n * 50000);
			finish();
		}
	}
}

// New timing under loss and reordering: never a failure, and both agree in the end.
static void test_timing_changes(void **)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		begin(timing(50, 50, 10), timing(50, 50, 10), seed);
		run(span_s(10));
		w.loss_percent = 10;
		w.jitter_us = 5000;
		for (int i = 0; i < 30; i++) {
			struct bfd_timing change =
				timing(rng_range(&w.rng, 10, 300), rng_range(&w.rng, 10, 300), 10);
			bfd_session_set_timing(w.ends[i % 2].s, w.now, &change);
			run(span_ms(rng_range(&w.rng, 1, 700)));
		}
		w.loss_percent = 0;
		bfd_session_set_timing(
			w.ends[0].s, w.now, &(struct bfd_timing){ span_ms(70), span_ms(90), 10 });
		bfd_session_set_timing(
			w.ends[1].s, w.now, &(struct bfd_timing){ span_ms(80), span_ms(60), 10 });
		run(span_s(10));
		assert_true(both_in(BFD_UP));
		assert_int_equal(w.ends[0].failures + w.ends[1].failures, 0);
		assert_int_equal(vars(0)->tx_interval.us, 70000);
		assert_int_equal(vars(1)->tx_interval.us, 90000);
		assert_int_equal(vars(0)->detection_time.us, 900000);
		assert_int_equal(vars(1)->detection_time.us, 700000);
		finish();
	}
}

static void test_admin_down(void **)
{
	begin(timing(50, 50, 3), timing(50, 50, 3), 4);
	run(span_s(5));
	bfd_session_disable(w.ends[0].s, w.now);
	run(span_s(30));
	assert_int_equal(vars(0)->state, BFD_ADMIN_DOWN);
	assert_int_equal(vars(1)->state, BFD_DOWN);
	assert_int_equal(w.ends[1].failures, 0);
	bfd_session_enable(w.ends[0].s, w.now);
	run(span_s(5));
	assert_true(both_in(BFD_UP));
	finish();
}

// One side restarts with another discriminator: the other takes it for what it is.
static void test_restart(void **)
{
	begin(timing(50, 50, 3), timing(50, 50, 3), 5);
	run(span_s(5));
	bfd_session_free(&w.ends[1].s);
	w.ends[1].s = bfd_session_new(&(struct bfd_config){ 33, timing(50, 50, 3), 9 }, w.now);
	w.count = 0; // what was under way names a discriminator that is gone
	struct bfd_action a;
	assert_true(bfd_session_next(w.ends[1].s, &a));
	post(1, a.data);
	w.now = instant_add(w.now, span_us(200));
	deliver();
	assert_int_equal(w.ends[0].failures, 1);
	run(span_s(5));
	assert_true(both_in(BFD_UP));
	assert_int_equal(vars(0)->remote_disc, 33);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_up_and_settles),
		cmocka_unit_test(test_stays_up),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_one_way_cut),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_timing_changes),
		cmocka_unit_test(test_admin_down),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests_name("bfd pair", tests, NULL, NULL);
}
