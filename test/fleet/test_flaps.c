// Hold-down and recovery in virtual time, alone and as the daemon uses them.
#include "test/unit.h"

#include "fleet/decide.h"
#include "fleet/holddown.h"
#include "fleet/recovery.h"
#include "lib/rng.h"

static instant at(int64_t s)
{
	return (instant){ s * 1000000 };
}

static instant at_ms(int64_t ms)
{
	return (instant){ ms * 1000 };
}

static void test_first_failure_is_free(void **)
{
	struct holddown h;

	holddown_init(&h, span_s(10), span_s(60));
	assert_true(instant_is_never(holddown_deadline(&h, at(5))));
	holddown_failed(&h, at(5));
	assert_false(holddown_active(&h, at(5)));
	assert_true(instant_is_never(holddown_deadline(&h, at(5))));
	holddown_failed(&h, at(65)); // as long as max ago: again the first
	assert_false(holddown_active(&h, at(65)));
	holddown_failed(&h, at(124)); // not as long
	assert_true(holddown_active(&h, at(124)));
}

static void test_doubles(void **)
{
	struct holddown h;
	static const int64_t waits[] = { 10, 20, 40, 60, 60 };
	int64_t now = 100;

	holddown_init(&h, span_s(10), span_s(60));
	holddown_failed(&h, at(now));
	for (size_t i = 0; i < countof(waits); i++) {
		holddown_failed(&h, at(now));
		assert_true(holddown_active(&h, at(now + waits[i] - 1)));
		assert_false(holddown_active(&h, at(now + waits[i])));
		assert_int_equal(holddown_deadline(&h, at(now)).us, at(now + waits[i]).us);
		now += waits[i] + 1; // fails again as soon as it is announced
	}
}

static void test_decays(void **)
{
	struct holddown h;

	holddown_init(&h, span_s(10), span_s(600));
	holddown_failed(&h, at(0));
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
	holddown_failed(&h, at(600)); // decayed, but remembered
	assert_int_equal(h.wait.us, span_s(10).us);
	holddown_failed(&h, at(2000)); // forgotten
	assert_false(holddown_active(&h, at(2000)));
}

// After a reload: with the third failure the wait is four times `first`, or `max`.
static void test_configured_anew(void **)
{
	static const struct {
		int64_t first, max, until;
	} rows[] = {
		{ 10, 600, 140 }, // as it was
		{ 5, 600, 120 },  // shorter
		{ 10, 15, 115 }, { 5, 7, 107 }, { 1, 600, 104 },
		{ 20, 600, 140 },                 // longer: not for the wait that runs
		{ 10, 30, 130 }, { 0, 600, 100 }, // none
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct holddown h;
		holddown_init(&h, span_s(10), span_s(600));
		for (int n = 0; n < 4; n++)
			holddown_failed(&h, at(100)); // waits 40 s
		assert_int_equal(h.until.us, at(140).us);
		holddown_configure(&h, span_s(rows[i].first), span_s(rows[i].max));
		assert_false(holddown_active(&h, at(rows[i].until)));
		assert_int_equal(holddown_active(&h, at(rows[i].until - 1)), rows[i].first != 0);
		if (rows[i].first)
			assert_int_equal(holddown_deadline(&h, at(100)).us, at(rows[i].until).us);
		while (!instant_is_never(h.calm))
			holddown_tick(&h, h.calm); // ends
	}
}

// Settings count for the next failure, and what is remembered is forgotten by them.
static void test_failures_after_that(void **)
{
	struct holddown h;

	holddown_init(&h, span_s(10), span_s(600));
	holddown_configure(&h, span_s(20), span_s(600)); // nothing has happened yet
	holddown_failed(&h, at(0));
	assert_false(holddown_active(&h, at(0)));
	holddown_configure(&h, span_s(20), span_s(60));
	holddown_failed(&h, at(60)); // as long as max ago
	assert_false(holddown_active(&h, at(60)));
	holddown_failed(&h, at(61));
	assert_int_equal(h.until.us, at(81).us);
	holddown_configure(&h, span_s(50), span_s(600));
	holddown_failed(&h, at(81));
	assert_int_equal(h.until.us, at(131).us);
	holddown_configure(&h, span_s(0), span_s(600));
	holddown_configure(&h, span_s(10), span_s(600));
	holddown_failed(&h, at(132));
	assert_false(holddown_active(&h, at(132)));
}

static void test_off(void **)
{
	struct holddown h;

	holddown_init(&h, span_s(0), span_s(600));
	for (int64_t t = 0; t < 100; t++) {
		holddown_failed(&h, at(t));
		assert_false(holddown_active(&h, at(t)));
	}
}

static void test_recovery(void **)
{
	struct recovery r;

	recovery_init(&r, span_s(5));
	recovery_health(&r, HEALTH_STARTING, at(0));
	recovery_health(&r, HEALTH_UP, at(1)); // was never down: no proof
	assert_false(recovery_waits(&r, at(1)));
	recovery_health(&r, HEALTH_DOWN, at(10));
	assert_false(recovery_waits(&r, at(10)));
	assert_true(instant_is_never(recovery_deadline(&r, at(10))));
	recovery_health(&r, HEALTH_UP, at(20));
	assert_true(recovery_waits(&r, at(24)));
	assert_int_equal(recovery_deadline(&r, at(24)).us, at(25).us);
	recovery_health(&r, HEALTH_DOWN, at(24)); // a break: from the start
	recovery_health(&r, HEALTH_DEGRADED, at(30));
	recovery_health(&r, HEALTH_UP, at(32)); // both can serve
	assert_true(recovery_waits(&r, at(34)));
	assert_false(recovery_waits(&r, at(35)));
	recovery_health(&r, HEALTH_UP, at(36));
	assert_true(instant_is_never(recovery_deadline(&r, at(36))));
}

static void test_recovery_off(void **)
{
	struct recovery r;

	recovery_init(&r, span_s(0));
	recovery_health(&r, HEALTH_DOWN, at(1));
	recovery_health(&r, HEALTH_UP, at(2));
	assert_false(recovery_waits(&r, at(2)));
}

// A service in virtual time, put together as nearcastd/service.c does.
struct flapping {
	struct holddown holddown;
	struct recovery recovery;
	enum health health;
	bool announced;
	unsigned withdrawals;
};

static void tell(struct flapping *f, enum health health, instant now)
{
	if (f->health == HEALTH_UP && health == HEALTH_DOWN)
		holddown_failed(&f->holddown, now);
	f->health = health;
	recovery_health(&f->recovery, health, now);
	holddown_tick(&f->holddown, now);
	struct decide_input in = {
		.health = health,
		.admin = ADMIN_ACTIVE,
		.addresses_ready = true,
		.held_down = holddown_active(&f->holddown, now),
		.recovering = recovery_waits(&f->recovery, now),
	};
	bool announced = decide(&in).announce != ANNOUNCE_WITHDRAWN;
	f->withdrawals += f->announced && !announced;
	f->announced = announced;
}

enum { FAILURES = 15, MINUTE_MS = 60000 };

// Fails at these times, each for the given time, and is looked at each 10 ms.
static unsigned withdrawals(span first, const int64_t *fails_ms, int64_t down_ms)
{
	struct flapping f = { .health = HEALTH_UP, .announced = true };
	size_t next = 0;

	holddown_init(&f.holddown, first, span_s(600));
	recovery_init(&f.recovery, span_s(0));
	for (int64_t now = 0; now < MINUTE_MS; now += 10) {
		while (next < FAILURES && fails_ms[next] <= now)
			next++;
		bool down = next > 0 && now < fails_ms[next - 1] + down_ms;
		tell(&f, down ? HEALTH_DOWN : HEALTH_UP, at_ms(now));
	}
	assert_int_equal(next, FAILURES);
	return f.withdrawals;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

// At regular times, at random ones, and where they do the most harm: right after
// each announcement.
static void test_fifteen_failures_in_a_minute(void **)
{
	int64_t even[FAILURES], worst[FAILURES] = { 0, 500, 21000, 41000 };
	struct rng rng = { 7 };

	for (int64_t i = 0; i < FAILURES; i++)
		even[i] = i * 4000;
	for (int64_t i = 4; i < FAILURES; i++)
		worst[i] = 55000 + i * 300;
	assert_in_range(withdrawals(span_s(20), even, 300), 1, 3);
	assert_in_range(withdrawals(span_s(20), worst, 300), 1, 3);
	// The control: without hold-down each of them is seen.
	assert_int_equal(withdrawals(span_s(0), even, 300), FAILURES);
	for (int run = 0; run < 500; run++) {
		int64_t some[FAILURES];
		for (size_t i = 0; i < FAILURES; i++)
			some[i] = (int64_t)rng_range(&rng, 0, MINUTE_MS - 10);
		qsort(some, FAILURES, sizeof(*some), compare);
		assert_in_range(withdrawals(span_s(20), some, 100), 1, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_failure_is_free),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_decays),
		cmocka_unit_test(test_configured_anew),
		cmocka_unit_test(test_failures_after_that),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_recovery_off),
		cmocka_unit_test(test_fifteen_failures_in_a_minute),
	};

	return cmocka_run_group_tests_name("flaps", tests, NULL, NULL);
}
