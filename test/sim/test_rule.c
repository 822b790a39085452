// The rule as sim/mutant.c spells it out says what fleet/guard.c says, for random fleets; and
// each of its mutants says something else for some.
#include <string.h>

#include "lib/rng.h"
#include "sim/mutant.h"
#include "test/unit.h"

enum { SITES = 6, ROWS = 9, FLEETS = 200000 };

static const char *const names[SITES] = { "eze", "ams", "gru", "bog", "dub", "cdg" };

struct fleet {
	struct guard_row rows[ROWS];
	struct guard_site scratch[SITES];
	struct guard_input in;
};

static struct guard_row draw_row(struct rng *r)
{
	return (struct guard_row){
		.site = (uint16_t)rng_range(r, 0, SITES - 1),
		.standing = (uint8_t)rng_range(r, STANDING_ABLE, STANDING_OUT),
		.announcing = rng_range(r, 0, 3) > 0,
		.priority = (uint16_t)rng_range(r, 0, 1),
	};
}

static void draw(struct fleet *f, struct rng *r)
{
	f->in = (struct guard_input){
		.rows = f->rows,
		.count = (size_t)rng_range(r, 0, ROWS),
		.own = draw_row(r),
		.site_names = names,
		.site_count = SITES,
		.min_sites = { rng_range(r, 0, 1), (uint32_t)rng_range(r, 1, 6) },
		.isolated_hold = rng_range(r, 0, 1),
		.scratch = f->scratch,
	};
	if (f->in.min_sites.share)
		f->in.min_sites.value = (uint32_t)rng_range(r, 1, 100);
	for (size_t i = 0; i < f->in.count; i++)
		f->rows[i] = draw_row(r);
	f->in.isolated = f->in.count == 0;
}

static bool same(struct guard_result a, struct guard_result b)
{
	return a.verdict == b.verdict && a.known == b.known && a.m == b.m && a.able == b.able &&
	       a.rank == b.rank;
}

static void test_agrees_with_the_engine(void **)
{
	struct rng r = { 1 };
	unsigned verdicts[GUARD_VERDICT_MAX] = {};

	for (unsigned i = 0; i < FLEETS; i++) {
		struct fleet f;
		draw(&f, &r);
		struct guard_result engine = __real_guard_judge(&f.in);
		struct guard_result rule = sim_rule(&f.in, SIM_NO_MUTATION);
		if (!same(engine, rule))
			fail_msg(
				"fleet %u: verdict %s, known %u, m %u, able %u, rank %u; spelt out "
				"%s, %u, %u, %u, %u",
				i, guard_verdict_name(engine.verdict), engine.known, engine.m,
				engine.able, engine.rank, guard_verdict_name(rule.verdict),
				rule.known, rule.m, rule.able, rule.rank);
		verdicts[engine.verdict]++;
	}
	assert_true(verdicts[GUARD_FREE] && verdicts[GUARD_HOLD] && verdicts[GUARD_WAITS] &&
		    verdicts[GUARD_ISOLATED]);
}

static void test_each_mutant_differs(void **)
{
	for (size_t m = 0; m < SIM_MUTATION_MAX; m++) {
		struct rng r = { 2 };
		bool differs = false;
		for (unsigned i = 0; i < FLEETS && !differs; i++) {
			struct fleet f;
			draw(&f, &r);
			differs = !same(sim_rule(&f.in, sim_mutants[m].mutation),
				__real_guard_judge(&f.in));
		}
		// This one waits for nothing: a matter of the configuration.
		bool plain = sim_mutants[m].mutation == SIM_NO_MUTATION ||
			     sim_mutants[m].mutation == SIM_NO_WAIT;
		if (differs == plain)
			fail_msg("%s", sim_mutants[m].name);
	}
}

static void test_what_is_linked(void **)
{
	struct rng r = { 3 };
	struct fleet f;

	sim_mutant_set(sim_mutant_find("no-guard"));
	do
		draw(&f, &r);
	while (__real_guard_judge(&f.in).verdict != GUARD_HOLD);
	assert_int_equal(guard_judge(&f.in).verdict, GUARD_FREE);
	sim_mutant_set(NULL);
	assert_int_equal(guard_judge(&f.in).verdict, GUARD_HOLD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_the_engine),
		cmocka_unit_test(test_each_mutant_differs),
		cmocka_unit_test(test_what_is_linked),
	};

	return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
