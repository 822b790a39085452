#include "test/unit.h"

#include "lab/delayheap.h"
#include "lib/rng.h"

static void test_empty(void **)
{
	struct delayheap h = {};
	struct held_frame f;

	assert_true(instant_is_never(delayheap_next(&h)));
	assert_false(delayheap_pop(&h, INSTANT_NEVER, &f));
	delayheap_free(&h);
}

static void test_nothing_before_its_time(void **)
{
	struct delayheap h = {};
	struct held_frame f = { .due = { 100 }, .to = 7, .len = 60 };

	delayheap_push(&h, f);
	assert_int_equal(delayheap_next(&h).us, 100);
	assert_false(delayheap_pop(&h, (instant){ 99 }, &f));
	assert_true(delayheap_pop(&h, (instant){ 100 }, &f));
	assert_int_equal(f.to, 7);
	assert_int_equal(f.len, 60);
	assert_false(delayheap_pop(&h, (instant){ 1000 }, &f));
	delayheap_free(&h);
}

static void test_order(void **)
{
	struct delayheap h = {};
	struct rng rng = { 1 };
	struct held_frame f, last = {};
	uint32_t count = 0;

	// Few different times, so that many are due at once.
	for (uint32_t i = 0; i < 5000; i++)
		delayheap_push(
			&h, (struct held_frame){ .due = { rng_range(&rng, 0, 50) }, .to = i });
	for (; delayheap_pop(&h, (instant){ 50 }, &f); last = f, count++) {
		if (count == 0)
			continue;
		assert_true(last.due.us <= f.due.us);
		assert_true(last.due.us < f.due.us || last.to < f.to); // as they came
	}
	assert_int_equal(count, 5000);
	delayheap_free(&h);
}

static void test_mixed(void **)
{
	struct delayheap h = {};
	struct rng rng = { 2 };
	struct held_frame f;
	int64_t now = 0;

	// As in use: time goes on, frames come and go.
	for (int i = 0; i < 20000; i++) {
		now += rng_range(&rng, 0, 3);
		delayheap_push(&h, (struct held_frame){ .due = { now + rng_range(&rng, 1, 90) } });
		while (delayheap_pop(&h, (instant){ now }, &f))
			assert_true(f.due.us <= now);
		assert_true(delayheap_next(&h).us > now);
	}
	delayheap_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_nothing_before_its_time),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests_name("lab_delayheap", tests, NULL, NULL);
}
