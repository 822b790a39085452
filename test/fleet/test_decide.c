#include "test/unit.h"

#include "fleet/decide.h"

// The whole space of inputs against the rules, written the other way round:
// what must hold of each answer.
static void test_decide_all(void **)
{
	for (int bits = 0; bits < HEALTH_MAX * ADMIN_MAX * 3 * 32; bits++) {
		struct decide_input in = {
			.addresses_ready = bits & 1,
			.held_down = bits & 2,
			.drain_withdrawn = bits & 4,
			.recovering = bits & 8,
			.keeper_waits = bits & 16,
			.stopping = (enum stopping)((bits >> 5) % 3),
			.health = (enum health)((bits >> 5) / 3 % HEALTH_MAX),
			.admin = (enum admin)((bits >> 5) / 3 / HEALTH_MAX),
		};
		struct decision d = decide(&in);
		bool able = in.health == HEALTH_UP || in.health == HEALTH_DEGRADED;
		bool wanted = in.admin == ADMIN_ACTIVE ||
			      (in.admin == ADMIN_DRAINING && !in.drain_withdrawn);
		bool free = in.addresses_ready && !in.keeper_waits && !in.held_down &&
			    !in.recovering && in.stopping != STOPPING_WITHDRAWN;
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
		{ { .health = HEALTH_UP, .addresses_ready = true, .keeper_waits = true },
			REASON_KEEPER_WAITS },
		{ { .health = HEALTH_STARTING, .addresses_ready = true, .keeper_waits = true },
			REASON_STARTING },
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
		{ { .health = HEALTH_UP,
			  .admin = ADMIN_ACTIVE,
			  .addresses_ready = true,
			  .recovering = true },
			REASON_RECOVERING },
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

// The guard makes a withdrawal a demotion, and touches nothing else.
static void test_guard_only_holds(void **)
{
	unsigned held = 0;

	for (int bits = 0; bits < HEALTH_MAX * ADMIN_MAX * 3 * 32; bits++) {
		for (int g = GUARD_FREE + 1; g < GUARD_VERDICT_MAX; g++) {
			struct decide_input in = {
				.addresses_ready = bits & 1,
				.held_down = bits & 2,
				.drain_withdrawn = bits & 4,
				.recovering = bits & 8,
				.keeper_waits = bits & 16,
				.stopping = (enum stopping)((bits >> 5) % 3),
				.health = (enum health)((bits >> 5) / 3 % HEALTH_MAX),
				.admin = (enum admin)((bits >> 5) / 3 / HEALTH_MAX),
			};
			struct decision free = decide(&in), d;
			in.guard = (enum guard_verdict)g;
			d = decide(&in);
			bool may = in.addresses_ready && !in.keeper_waits &&
				   in.health != HEALTH_STARTING && in.admin < ADMIN_DRAINED &&
				   in.stopping != STOPPING_WITHDRAWN;
			bool holds = may && free.announce == ANNOUNCE_WITHDRAWN;
			assert_int_equal(d.announce, holds ? ANNOUNCE_DEMOTED : free.announce);
			assert_int_equal(d.reason == free.reason, !holds);
			held += holds;
		}
	}
	assert_true(held > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide_all),
		cmocka_unit_test(test_decide_reasons),
		cmocka_unit_test(test_guard_only_holds),
	};

	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
