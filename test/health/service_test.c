// What the checks of a service say together: one row a combination.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/service.h"
#include "lib/own.h"

struct input {
	enum health_scope scope;
	enum check_state state;
	enum health_reason reason; // of being down
};

enum { CHECKS = 3 };

struct row {
	const char *name;
	size_t n;
	struct input checks[CHECKS];
	enum health health;
	enum health_evidence evidence;
	enum health_reason reason;
	size_t check;
};

#define SVC HEALTH_SCOPE_SERVICE
#define DEP HEALTH_SCOPE_DEPENDENCY

// clang-format off
static const struct row rows[] = {
	{ "no checks", 0, {}, HEALTH_UP, EVIDENCE_NONE, HEALTH_REASON_OK, SERVICE_NO_CHECK },
	{ "all up", 2, { { SVC, CHECK_UP }, { DEP, CHECK_UP } },
		HEALTH_UP, EVIDENCE_NONE, HEALTH_REASON_OK, SERVICE_NO_CHECK },
	{ "one without a verdict", 2, { { SVC, CHECK_UP }, { SVC, CHECK_STARTING } },
		HEALTH_STARTING, EVIDENCE_NONE, HEALTH_REASON_NOT_RUN, 1 },
	{ "a dependency without a verdict", 2, { { SVC, CHECK_UP }, { DEP, CHECK_STARTING } },
		HEALTH_UP, EVIDENCE_NONE, HEALTH_REASON_OK, SERVICE_NO_CHECK },
	{ "soft", 2, { { SVC, CHECK_UP }, { SVC, CHECK_DOWN, HEALTH_REASON_TIMEOUT } },
		HEALTH_DOWN, EVIDENCE_SOFT, HEALTH_REASON_TIMEOUT, 1 },
	{ "hard before soft", 3, { { SVC, CHECK_DOWN, HEALTH_REASON_TIMEOUT }, { SVC, CHECK_UP },
		{ SVC, CHECK_DOWN, HEALTH_REASON_REFUSED } },
		HEALTH_DOWN, EVIDENCE_HARD, HEALTH_REASON_REFUSED, 2 },
	{ "the first of equals", 2, { { SVC, CHECK_DOWN, HEALTH_REASON_NO_SOCKET },
		{ SVC, CHECK_DOWN, HEALTH_REASON_REFUSED } },
		HEALTH_DOWN, EVIDENCE_HARD, HEALTH_REASON_NO_SOCKET, 0 },
	{ "down before starting", 2, { { SVC, CHECK_STARTING }, { SVC, CHECK_DOWN, HEALTH_REASON_TIMEOUT } },
		HEALTH_DOWN, EVIDENCE_SOFT, HEALTH_REASON_TIMEOUT, 1 },
	{ "a dependency only degrades", 2, { { SVC, CHECK_UP }, { DEP, CHECK_DOWN, HEALTH_REASON_BAD_STATUS } },
		HEALTH_DEGRADED, EVIDENCE_SOFT, HEALTH_REASON_BAD_STATUS, 1 },
	{ "a refused dependency is soft", 1, { { DEP, CHECK_DOWN, HEALTH_REASON_REFUSED } },
		HEALTH_DEGRADED, EVIDENCE_SOFT, HEALTH_REASON_REFUSED, 0 },
	{ "starting before degraded", 2, { { DEP, CHECK_DOWN, HEALTH_REASON_REFUSED }, { SVC, CHECK_STARTING } },
		HEALTH_STARTING, EVIDENCE_NONE, HEALTH_REASON_NOT_RUN, 1 },
	{ "service before dependency", 2, { { DEP, CHECK_DOWN, HEALTH_REASON_REFUSED },
		{ SVC, CHECK_DOWN, HEALTH_REASON_TIMEOUT } },
		HEALTH_DOWN, EVIDENCE_SOFT, HEALTH_REASON_TIMEOUT, 1 },
};
// clang-format on

// Brings a check into the state by results, as a program would.
static void bring(struct check *c, const struct input *in)
{
	struct health_timing timing = {
		.interval = span_s(1),
		.timeout = span_s(1),
		.rise = 1,
		.fall = 1,
		.scope = in->scope,
	};
	bool up = in->state == CHECK_UP;
	struct health_result r = health_result_of(up ? HEALTH_REASON_OK : in->reason, "%s", "");

	check_init(c, &timing, 0, (instant){ 0 });
	if (in->state != CHECK_STARTING)
		check_report(c, (instant){ 0 }, &r);
	assert_int_equal(check_state(c), in->state);
}

static void test_combinations(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		const struct row *row = &rows[i];
		struct check checks[CHECKS];
		const struct check *list[CHECKS];

		for (size_t k = 0; k < row->n; k++) {
			bring(&checks[k], &row->checks[k]);
			list[k] = &checks[k];
		}
		struct service_health got = service_combine(list, row->n);
		if (got.health != row->health || got.evidence != row->evidence ||
			got.reason != row->reason || got.check != row->check)
			fail_msg("%s: %s, %s, %s, check %zd", row->name, health_name(got.health),
				health_evidence_name(got.evidence), health_reason_name(got.reason),
				(ssize_t)got.check);
	}
}

// While the count of rise runs, the service is down for the old reason.
static void test_reason_while_rising(void **)
{
	struct health_result ok = health_result_of(HEALTH_REASON_OK, "%s", "");
	struct health_timing timing = {
		.interval = span_s(1), .timeout = span_s(1), .rise = 2, .fall = 1
	};
	struct health_result refused = health_result_of(HEALTH_REASON_REFUSED, "%s", "");
	struct check c;

	check_init(&c, &timing, 0, (instant){ 0 });
	check_report(&c, (instant){ 0 }, &refused);
	check_report(&c, (instant){ 1 }, &ok);
	struct service_health got = service_combine((const struct check *[]){ &c }, 1);
	assert_int_equal(got.health, HEALTH_DOWN);
	assert_int_equal(got.evidence, EVIDENCE_HARD);
	assert_int_equal(got.reason, HEALTH_REASON_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_combinations),
		cmocka_unit_test(test_reason_while_rising),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
