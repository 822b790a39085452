#include "test/unit.h"

#include "fleet/drain.h"

static instant at(int64_t s)
{
	return (instant){ s * 1000000 };
}

static void test_walks_through(void **)
{
	struct drain d;

	drain_init(&d);
	assert_true(instant_is_never(drain_deadline(&d)));
	assert_false(drain_tick(&d, at(1000)));
	drain_begin(&d, at(0), span_s(30), span_s(600), span_s(0));
	assert_int_equal(d.stage, DRAIN_DEMOTED);
	assert_int_equal(drain_deadline(&d).us, at(30).us);
	assert_false(drain_tick(&d, at(29)));
	assert_true(drain_tick(&d, at(30)));
	assert_int_equal(d.stage, DRAIN_WITHDRAWN);
	assert_false(drain_tick(&d, at(629)));
	assert_true(drain_tick(&d, at(630)));
	assert_int_equal(d.stage, DRAIN_DRAINED);
	assert_true(instant_is_never(drain_deadline(&d)));
	assert_false(drain_tick(&d, at(100000)));
}

static void test_cancel_in_each_stage(void **)
{
	for (int ticks = 0; ticks < 3; ticks++) {
		struct drain d;
		drain_init(&d);
		drain_begin(&d, at(0), span_s(1), span_s(1), span_s(0));
		for (int i = 0; i < ticks; i++)
			assert_true(drain_tick(&d, at(1 + i)));
		assert_int_equal(d.stage, DRAIN_DEMOTED + ticks);
		drain_cancel(&d);
		assert_int_equal(d.stage, DRAIN_NONE);
		assert_true(instant_is_never(drain_deadline(&d)));
	}
}

static void test_comes_back_by_itself(void **)
{
	struct drain d;

	drain_init(&d);
	drain_begin(&d, at(0), span_s(30), span_s(600), span_s(60));
	assert_true(drain_tick(&d, at(30)));
	assert_int_equal(drain_deadline(&d).us, at(60).us); // before hard is over
	assert_true(drain_tick(&d, at(60)));
	assert_int_equal(d.stage, DRAIN_NONE);
}

static void test_no_stage_is_skipped(void **)
{
	struct drain d;

	drain_init(&d);
	drain_begin(&d, at(0), span_s(0), span_s(0), span_s(0));
	assert_int_equal(d.stage, DRAIN_DEMOTED);
	assert_true(drain_tick(&d, at(0)));
	assert_int_equal(d.stage, DRAIN_WITHDRAWN);
	assert_true(drain_tick(&d, at(0)));
	assert_int_equal(d.stage, DRAIN_DRAINED);
}

static void test_begun_again(void **)
{
	struct drain d;

	drain_init(&d);
	drain_begin(&d, at(0), span_s(30), span_s(600), span_s(0));
	assert_true(drain_tick(&d, at(30)));
	drain_begin(&d, at(40), span_s(30), span_s(600), span_s(100));
	assert_int_equal(d.stage, DRAIN_WITHDRAWN); // does not announce again
	assert_int_equal(drain_deadline(&d).us, at(140).us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks_through),
		cmocka_unit_test(test_cancel_in_each_stage),
		cmocka_unit_test(test_comes_back_by_itself),
		cmocka_unit_test(test_no_stage_is_skipped),
		cmocka_unit_test(test_begun_again),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
