#include "test/unit.h"

#include <string.h>

#include "lab/expect.h"
#include "lab/outage.h"

// Queries are drawn as a row of letters, 10 ms from one to the next: a, b, c are
// answered by site 0, 1, 2 after 5 ms; A, B, C after 85 ms; x never. The timeout is 100 ms.
enum { STEP_US = 10000, NEAR_US = 5000, FAR_US = 85000, TIMEOUT_US = 100000, MAX = 100 };

static size_t draw(const char *picture, struct query_record *q)
{
	size_t n = strlen(picture);

	assert_true(n <= MAX);
	for (size_t i = 0; i < n; i++) {
		char c = picture[i];
		q[i] = (struct query_record){ { (int64_t)i * STEP_US }, INSTANT_NEVER, SITE_NONE };
		if (c == 'x')
			continue;
		bool far = c < 'a';
		q[i].site = (int16_t)(far ? c - 'A' : c - 'a');
		q[i].answered.us = q[i].sent.us + (far ? FAR_US : NEAR_US);
	}
	return n;
}

static const struct {
	const char *what, *picture;
	int event_ms, end_ms;
	struct outage is;
} rows[] = {
	{ "nothing lost", "aaaaaaaaaaaaaaaaaaaa", 50, 200,
		{ .sent = 15, .site_before = 0, .site_after = 0 } },
	{ "from one site to another", "aaaaaxxxxbbbbbbbbbbbbbbb", 50, 240,
		{ .sent = 19, .lost = 4, .longest.us = 40000, .site_before = 0, .site_after = 1 } },
	{ "a single query", "aaaaaxaaaaaaaaaaaaaaaaaa", 50, 240,
		{ .sent = 19, .lost = 1, .longest.us = 10000, .site_before = 0, .site_after = 0 } },
	{ "the longest of two", "aaaaaxxaxxxabbbbbbbbbbbbbbbbbb", 50, 300,
		{ .sent = 25, .lost = 5, .longest.us = 30000, .site_before = 0, .site_after = 1 } },
	{ "the longest came first", "aaaaaxxxaxxabbbbbbbbbbbbbbbbbb", 50, 300,
		{ .sent = 25, .lost = 5, .longest.us = 30000, .site_before = 0, .site_after = 1 } },
	{ "on its way when the event came", "aaaxxxxxbbbbbbbbbbbbbbbbb", 55, 250,
		{ .sent = 22, .lost = 5, .longest.us = 50000, .site_before = 0, .site_after = 1 } },
	{ "lost before the event does not count", "xxxaaaaaaaaaaaaaaaaaaaaaaa", 150, 260,
		{ .sent = 11, .site_before = 0, .site_after = 0 } },
	{ "answered before the event, and slow ones after", "AAAAAAAAAAaaaaaaaaaa", 100, 200,
		{ .sent = 18, .site_before = 0, .site_after = 0 } },
	{ "never ends", "aaaaaxxxxxxxxxxxxxxxxxxxx", 50, 250,
		{ .sent = 11,
			.lost = 11,
			.longest.us = 200000,
			.open = true,
			.site_before = 0,
			.site_after = SITE_NONE } },
	{ "too young to be lost", "aaaaaaaaaaaaaaaaxxxx", 50, 200,
		{ .sent = 11, .site_before = 0, .site_after = 0 } },
	{ "to a nearer site: answers cross", "AAAAAAAAAAAAbbbbbbbbbbbbbbb", 120, 270,
		{ .sent = 23, .site_before = 0, .site_after = 1 } },
	{ "nobody ever", "xxxxxxxxxxxxxxxxxxxxxxxxx", 0, 250,
		{ .sent = 16,
			.lost = 16,
			.longest.us = 250000,
			.open = true,
			.site_before = SITE_NONE,
			.site_after = SITE_NONE } },
};

static void test_pictures(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		struct query_record q[MAX];
		size_t n = draw(rows[i].picture, q);
		struct outage o = outage_measure(q, n, span_us(TIMEOUT_US),
			(instant){ rows[i].event_ms * 1000 }, (instant){ rows[i].end_ms * 1000 });
		const struct outage *is = &rows[i].is;

		if (o.sent != is->sent || o.lost != is->lost || o.longest.us != is->longest.us ||
			o.open != is->open || o.site_before != is->site_before ||
			o.site_after != is->site_after)
			fail_msg("%s: sent %zu lost %zu longest %jd open %d site %d -> %d",
				rows[i].what, o.sent, o.lost, (intmax_t)o.longest.us, o.open,
				o.site_before, o.site_after);
	}
}

static void test_rtt(void **)
{
	struct query_record q[MAX];
	size_t n = draw("AAAAAAAAAAAAAAAAAAAAaaaaaaaaaaaaaaaaaaaa", q);
	struct outage o =
		outage_measure(q, n, span_us(TIMEOUT_US), (instant){ 190000 }, (instant){ 400000 });

	assert_int_equal(o.rtt_before.us, FAR_US);
	assert_int_equal(o.rtt_after.us, NEAR_US);
}

static void test_worse(void **)
{
	const struct outage a = { .sent = 10, .lost = 2, .longest.us = 20, .site_after = 1 };
	const struct outage b = { .sent = 9, .lost = 3, .longest.us = 30, .site_after = 1 };
	const struct outage c = { .sent = 1, .site_after = 2 };

	struct outage o = outage_worse(a, b);
	assert_int_equal(o.sent, 19);
	assert_int_equal(o.lost, 5);
	assert_int_equal(o.longest.us, 30);
	assert_int_equal(o.site_after, 1);
	assert_int_equal(outage_worse(a, c).site_after, SITE_NONE);
}

static void test_verdicts(void **)
{
	const struct expectation e = { .site = 1,
		.has_max_outage = true,
		.max_outage.us = 50000,
		.has_max_lost = true,
		.max_lost = 3 };
	struct outage o = { .site_after = 1, .longest.us = 50000, .lost = 3 };

	assert_int_equal(expect_judge(&e, &o, true), VERDICT_OK);
	o.lost = 4;
	assert_int_equal(expect_judge(&e, &o, true), VERDICT_LOST);
	o.longest.us = 50001;
	assert_int_equal(expect_judge(&e, &o, true), VERDICT_LONG_OUTAGE);
	o.site_after = 0;
	assert_int_equal(expect_judge(&e, &o, true), VERDICT_WRONG_SITE);
	const struct expectation none = { .site = SITE_NONE };
	assert_int_equal(expect_judge(&none, &o, true), VERDICT_WRONG_SITE);
	o.site_after = SITE_NONE;
	assert_int_equal(expect_judge(&none, &o, true), VERDICT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_rtt),
		cmocka_unit_test(test_worse),
		cmocka_unit_test(test_verdicts),
	};

	return cmocka_run_group_tests_name("lab_outage", tests, NULL, NULL);
}
