#include "test/unit.h"

#include "fleet/decide.h"
#include "fleet/holddown.h"

// The whole space of inputs against the rules, written the other way round:
// what must hold of each answer.
static void test_decide_all(void **)
{
	for (int bits = 0; bits < HEALTH_MAX * ADMIN_MAX * 3 * 8; bits++) {
		struct decide_input in = {
			.addresses_ready = bits & 1,
			.held_down = bits & 2,
			.drain_withdrawn = bits & 4,
			.stopping = (enum stopping)((bits >> 3) % 3),
			.health = (enum health)((bits >> 3) / 3 % HEALTH_MAX),
			.admin = (enum admin)((bits >> 3) / 3 / HEALTH_MAX),
		};
		struct decision d = decide(&in);
		bool able = in.health == HEALTH_UP || in.health == HEALTH_DEGRADED;
		bool wanted = in.admin == ADMIN_ACTIVE ||
			      (in.admin == ADMIN_DRAINING && !in.drain_withdrawn);
		bool free =
			in.addresses_ready && !in.held_down && in.stopping != STOPPING_WITHDRAWN;
		bool leaving = in.admin == ADMIN_DRAINING || in.stopping == STOPPING_DEMOTED;
		assert_int_equal(d.announce != ANNOUNCE_WITHDRAWN, able && wanted && free);
		assert_int_equal(d.announce == ANNOUNCE_ANNOUNCED,
			able && wanted && free && in.health == HEALTH_UP && !leaving);
		assert_int_equal(d.reason == REASON_HEALTHY, d.announce == ANNOUNCE_ANNOUNCED);
		if (d.announce == ANNOUNCE_DEMOTED)
			assert_int_equal(d.grade, leaving ? GRADE_DRAINING : GRADE_DEGRADED);
	}
}

static void test_decide_reasons(void **)
{
	static const struct {
		struct decide_input in;
		enum decide_reason reason;
	} rows[] = {
		{ { .health = HEALTH_UP, .admin = ADMIN_ACTIVE, .addresses_ready = true },
			REASON_HEALTHY },
		{ { .health = HEALTH_DEGRADED, .admin = ADMIN_ACTIVE, .addresses_ready = true },
			REASON_DEGRADED },
		{ { .health = HEALTH_DOWN, .admin = ADMIN_ACTIVE, .addresses_ready = true },
			REASON_CHECK_FAILED },
		{ { .health = HEALTH_STARTING, .admin = ADMIN_ACTIVE, .addresses_ready = true },
			REASON_STARTING },
		{ { .health = HEALTH_UP,
			  .admin = ADMIN_ACTIVE,
			  .addresses_ready = true,
			  .held_down = true },
			REASON_HOLD_DOWN },
		{ { .health = HEALTH_DOWN,
			  .admin = ADMIN_ACTIVE,
			  .addresses_ready = true,
			  .held_down = true },
			REASON_CHECK_FAILED },
		{ { .health = HEALTH_UP, .admin = ADMIN_ACTIVE, .addresses_ready = false },
			REASON_NO_ADDRESS },
		{ { .health = HEALTH_DOWN, .admin = ADMIN_OFF, .addresses_ready = true },
			REASON_OFF },
		{ { .health = HEALTH_UP, .admin = ADMIN_DRAINING, .addresses_ready = true },
			REASON_DRAINING },
		{ { .health = HEALTH_UP, .admin = ADMIN_DRAINED, .addresses_ready = true },
			REASON_DRAINED },
		{ { .health = HEALTH_UP,
			  .admin = ADMIN_OFF,
			  .addresses_ready = true,
			  .stopping = STOPPING_WITHDRAWN },
			REASON_STOPPING },
		{ { .health = HEALTH_UP, .addresses_ready = true, .stopping = STOPPING_DEMOTED },
			REASON_STOPPING },
		{ { .health = HEALTH_UP,
			  .admin = ADMIN_DRAINING,
			  .addresses_ready = true,
			  .drain_withdrawn = true },
			REASON_DRAINING },
	};

	for (size_t i = 0; i < countof(rows); i++)
		assert_int_equal(decide(&rows[i].in).reason, rows[i].reason);
	for (int r = 0; r < REASON_MAX; r++) {
		assert_non_null(decide_reason_name(r));
		assert_non_null(decide_reason_text(r));
	}
}

static instant at(int64_t s)
{
	return (instant){ s * 1000000 };
}

static void test_holddown_doubles(void **)
{
	struct holddown h;
	static const int64_t waits[] = { 10, 20, 40, 60, 60 };
	int64_t now = 100;

	holddown_init(&h, span_s(10), span_s(60));
	assert_false(holddown_active(&h, at(now)));
	assert_true(instant_is_never(holddown_deadline(&h, at(now))));
	for (size_t i = 0; i < countof(waits); i++) {
		holddown_failed(&h, at(now));
		assert_true(holddown_active(&h, at(now + waits[i] - 1)));
		assert_false(holddown_active(&h, at(now + waits[i])));
		assert_int_equal(holddown_deadline(&h, at(now)).us, at(now + waits[i]).us);
		now += waits[i] + 1; // fails again as soon as it is announced
	}
}

static void test_holddown_decays(void **)
{
	struct holddown h;

	holddown_init(&h, span_s(10), span_s(600));
	holddown_failed(&h, at(0));
	holddown_failed(&h, at(10));
	holddown_failed(&h, at(30)); // waits 40 s, until 70
	assert_int_equal(h.wait.us, span_s(40).us);
	holddown_tick(&h, at(109));
	assert_int_equal(h.wait.us, span_s(40).us);
	holddown_tick(&h, at(110)); // served, and 40 s of calm
	assert_int_equal(h.wait.us, span_s(20).us);
	holddown_tick(&h, at(140)); // 20 s, then 10 s more
	assert_int_equal(h.wait.us, 0);
	assert_true(instant_is_never(holddown_deadline(&h, at(140))));
	holddown_failed(&h, at(1000)); // forgotten: starts from the first wait
	assert_int_equal(h.wait.us, span_s(10).us);
}

static void test_holddown_off(void **)
{
	struct holddown h;

	holddown_init(&h, span_s(0), span_s(0));
	for (int64_t t = 0; t < 100; t++) {
		holddown_failed(&h, at(t));
		assert_false(holddown_active(&h, at(t)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide_all),
		cmocka_unit_test(test_decide_reasons),
		cmocka_unit_test(test_holddown_doubles),
		cmocka_unit_test(test_holddown_decays),
		cmocka_unit_test(test_holddown_off),
	};

	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
