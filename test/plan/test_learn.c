// Preferences from measured catchments: votes, chains, the mixture of rankings, marks and scoring.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/own.h"
#include "lib/rng.h"
#include "plan/fill.h"
#include "plan/prefer.h"
#include "plan/score.h"
#include "test/plan/world.h"
#include "test/unit.h"

static uint8_t site(struct plan_votes *v, const char *name)
{
	int n = plan_votes_site(v, name);

	assert_true(n >= 0);
	return (uint8_t)n;
}

static int trial(struct plan_votes *v, const char *a, const char *b)
{
	int n = plan_votes_trial(v, (uint8_t[]){ site(v, a), site(v, b) }, 2);

	assert_true(n >= 0);
	return n;
}

static void vote(struct plan_votes *v, int t, uint8_t rank, uint32_t asn, const char *name)
{
	assert_int_equal(plan_votes_add(v, t, rank, asn, site(v, name)), 0);
}

// ---- Votes ----

static void test_lower_rank_and_majority_count(void **)
{
	own(plan_votes_free) struct plan_votes *v = plan_votes_new();
	int t = trial(v, "b", "a"), mirror = trial(v, "a", "b");

	assert_int_equal(t, mirror);
	vote(v, t, 1, 30, "a");
	vote(v, t, 0, 30, "b"); // rank 0 holds
	vote(v, t, 0, 10, "a");
	vote(v, t, 0, 10, "b");
	vote(v, t, 0, 10, "a"); // two of three
	vote(v, t, 0, 20, "a");
	vote(v, t, 0, 20, "b"); // divided
	assert_int_equal(plan_votes_finish(v), 0);
	assert_int_equal(v->as_count, 3);
	assert_int_equal(v->split, 1);
	assert_int_equal(v->trials[t].count, 2);
	assert_int_equal(plan_vote_of(&v->trials[t], plan_votes_as(v, 10)), site(v, "a"));
	assert_int_equal(plan_vote_of(&v->trials[t], plan_votes_as(v, 30)), site(v, "b"));
	assert_int_equal(plan_vote_of(&v->trials[t], plan_votes_as(v, 20)), PLAN_VOTE_NONE);
	assert_int_equal(plan_votes_as(v, 11), UINT32_MAX);
}

static void test_what_is_no_trial(void **)
{
	own(plan_votes_free) struct plan_votes *v = plan_votes_new();
	uint8_t a = site(v, "a"), b = site(v, "b"), c = site(v, "c");
	int t = plan_votes_trial(v, (uint8_t[]){ a, b }, 2);
	char name[16];

	assert_int_equal(plan_votes_trial(v, (uint8_t[]){ a }, 1), -EINVAL);
	assert_int_equal(plan_votes_trial(v, (uint8_t[]){ a, a }, 2), -EINVAL);
	assert_int_equal(plan_votes_trial(v, (uint8_t[]){ a, 9 }, 2), -EINVAL);
	assert_int_equal(plan_votes_add(v, t, 0, 1, c), -EINVAL);
	for (int i = 3; i < PLAN_VOTE_SITES_MAX; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		assert_int_equal(plan_votes_site(v, name), i);
	}
	assert_int_equal(plan_votes_site(v, "one too many"), -EFBIG);
	assert_int_equal(plan_votes_site(v, "a"), a);
}

// ---- Chains ----

static void test_chains(void **)
{
	own(plan_votes_free) struct plan_votes *v = plan_votes_new();
	int ab = trial(v, "a", "b"), bc = trial(v, "b", "c"), cd = trial(v, "c", "d"),
	    da = trial(v, "d", "a");
	bool without[4] = {};

	vote(v, ab, 0, 1, "a");
	vote(v, bc, 0, 1, "b");
	vote(v, cd, 0, 1, "c");
	vote(v, ab, 0, 2, "a");
	vote(v, bc, 0, 2, "b");
	vote(v, cd, 0, 2, "c");
	vote(v, da, 0, 2, "d"); // round in a circle
	assert_int_equal(plan_votes_finish(v), 0);
	uint32_t one = plan_votes_as(v, 1), two = plan_votes_as(v, 2);
	uint8_t a = site(v, "a"), d = site(v, "d"), c = site(v, "c");
	assert_int_equal(plan_prefers(v, NULL, one, a, d), PLAN_PREFERS_FIRST);
	assert_int_equal(plan_prefers(v, NULL, one, d, a), PLAN_PREFERS_SECOND);
	assert_int_equal(plan_prefers(v, NULL, two, a, d), PLAN_PREFERS_BOTH);
	without[bc] = true;
	assert_int_equal(plan_prefers(v, without, one, a, d), PLAN_PREFERS_NOTHING);
	assert_int_equal(plan_prefers(v, without, one, c, d), PLAN_PREFERS_FIRST);
	assert_string_equal(plan_preference_name(PLAN_PREFERS_BOTH), "both");
}

// ---- A small world of two kinds of ASes: half rank a b c d, half d c b a ----

enum { ASES = 400, SITES = 4 };

static const char *const names[SITES] = { "a", "b", "c", "d" };

static struct plan_votes *world(unsigned noise_percent)
{
	struct plan_votes *v = plan_votes_new();
	struct rng rng = { 7 };

	for (size_t i = 0; i < SITES; i++)
		for (size_t j = i + 1; j < SITES; j++) {
			int t = trial(v, names[i], names[j]);
			for (uint32_t as = 1; as <= ASES; as++) {
				bool first = as % 3 != 0; // two of three
				if (rng_range(&rng, 0, 99) < noise_percent)
					first = !first;
				if (rng_range(&rng, 0, 9) > 0)
					vote(v, t, 0, as, names[first ? i : j]);
			}
		}
	assert_int_equal(plan_votes_finish(v), 0);
	return v;
}

static const struct plan_mixture_options small = {
	.kinds = 4, .starts = 3, .rounds = 20, .ridge = 1, .floor = 0.02, .group = 20, .seed = 1
};

static void test_mixture_finds_the_kinds(void **)
{
	own(plan_votes_free) struct plan_votes *v = world(5);
	bool without[SITES * SITES] = {};

	plan_scoring_hide(v, 2, without); // a and d
	own(plan_mixture_free) struct plan_mixture *m =
		plan_mixture_fit(v, without, NULL, 0, &small);
	uint8_t asked[2] = { site(v, "a"), site(v, "d") };
	double p[2], right = 0;
	for (uint32_t as = 1; as <= ASES; as++) {
		plan_mixture_choose(m, plan_votes_as(v, as), asked, 2, p);
		assert_float_equal(p[0] + p[1], 1, 1e-9);
		right += (p[0] > 0.5) == (as % 3 != 0);
	}
	assert_true(right > 0.97 * ASES);
	plan_mixture_choose(m, UINT32_MAX, asked, 2, p); // nobody in particular
	assert_true(p[0] > 0.55 && p[0] < 0.78);
	assert_true(plan_mixture_patterns(m) > 2 && plan_mixture_patterns(m) < ASES);
}

static void test_same_seed_same_answer(void **)
{
	own(plan_votes_free) struct plan_votes *v = world(20);
	own(plan_mixture_free) struct plan_mixture *m = plan_mixture_fit(v, NULL, NULL, 0, &small);
	own(plan_mixture_free) struct plan_mixture *n = plan_mixture_fit(v, NULL, NULL, 0, &small);
	const uint8_t all[SITES] = { 0, 1, 2, 3 };
	double p[SITES], q[SITES], sum = 0;

	plan_mixture_choose(m, 5, all, SITES, p);
	plan_mixture_choose(n, 5, all, SITES, q);
	for (size_t i = 0; i < SITES; i++) {
		assert_true(p[i] == q[i]);
		sum += p[i];
	}
	assert_float_equal(sum, 1, 1e-9);
}

// Groups say something of ASes that were seen nowhere else.
static void test_groups(void **)
{
	own(plan_votes_free) struct plan_votes *v = plan_votes_new();
	int ab = trial(v, "a", "b"), bc = trial(v, "b", "c");
	uint16_t group[2 * ASES];
	const uint8_t asked[2] = { 0, 1 };
	double p[2], q[2];

	for (uint32_t as = 1; as <= ASES; as++)
		vote(v, ab, 0, as, as % 2 ? "a" : "b");
	vote(v, bc, 0, ASES + 1, "b");
	vote(v, bc, 0, ASES + 2, "b");
	assert_int_equal(plan_votes_finish(v), 0);
	for (uint32_t i = 0; i < v->as_count; i++)
		group[i] = v->asn[i] % 2;
	own(plan_mixture_free) struct plan_mixture *m = plan_mixture_fit(v, NULL, group, 2, &small);
	plan_mixture_choose(m, plan_votes_as(v, ASES + 1), asked, 2, p);
	plan_mixture_choose(m, plan_votes_as(v, ASES + 2), asked, 2, q);
	assert_true(p[0] > 0.7 && q[0] < 0.3);
}

// ---- Marks ----

static void test_marks(void **)
{
	struct plan_marks m = {};
	const double p[3] = { 0.95, 0.6, 0.1 };
	const uint8_t truth[4] = { 0, 0, 0, 1 }, said[4] = { 0, 1, 0, 1 };

	assert_true(plan_marks_accuracy(&m) == 0 && plan_marks_balanced(&m) == 0);
	for (size_t i = 0; i < 4; i++)
		plan_marks_add(
			&m, 2, truth[i], said[i], i < 3 ? (double[]){ p[i], 1 - p[i] } : NULL);
	assert_int_equal(plan_marks_count(&m), 4);
	assert_float_equal(plan_marks_accuracy(&m), 0.75, 1e-9);
	assert_float_equal(plan_marks_balanced(&m), (2.0 / 3 + 1) / 2, 1e-9);
	assert_float_equal(plan_marks_majority(&m), 0.75, 1e-9);
	assert_int_equal(m.bins[9].count, 1);
	assert_int_equal(m.bins[6].hits, 1);
	assert_float_equal(plan_marks_brier(&m), (0.05 * 0.05 + 0.4 * 0.4 + 0.9 * 0.9) / 3, 1e-9);
}

static void test_decide_leaves_no_site_out(void **)
{
	// Ten ASes go to the second site with 30 %, ten more with 10 %: 4 are expected.
	double p[40];
	uint8_t said[20];
	size_t to_second = 0;

	for (size_t i = 0; i < 20; i++) {
		p[2 * i + 1] = i < 10 ? 0.3 : 0.1;
		p[2 * i] = 1 - p[2 * i + 1];
	}
	plan_decide(said, p, 20, 2);
	for (size_t i = 0; i < 20; i++) {
		to_second += said[i];
		assert_true(said[i] == 0 || i < 10);
	}
	assert_int_equal(to_second, 2);
}

static void test_area(void **)
{
	const double p[] = { 0.9, 0.1, 0.6, 0.4, 0.6, 0.4, 0.2, 0.8 };

	assert_float_equal(plan_marks_area(p, (uint8_t[]){ 0, 0, 1, 1 }, 4), 0.875, 1e-9);
	assert_float_equal(plan_marks_area(p, (uint8_t[]){ 1, 1, 0, 0 }, 4), 0.125, 1e-9);
	assert_float_equal(plan_marks_area(p, (uint8_t[]){ 0, 0, 0, 0 }, 4), 0.5, 1e-9);
}

// One trial of six has it the other way round: it is found. The control: none is where all agree.
static void test_contradicted_trial_is_found(void **)
{
	own(plan_votes_free) struct plan_votes *v = world(3);
	struct plan_scoring_options o = {
		.mixture = small, .calibration_starts = 2, .min_share = 0.02
	};
	bool flags[SITES * SITES] = {};

	plan_scoring_contradicted(v, NULL, &o, flags);
	for (size_t i = 0; i < v->trial_count; i++)
		assert_false(flags[i]);
	for (uint32_t i = 0; i < v->as_count; i++)
		if (v->trials[2].choice[i] != PLAN_VOTE_NONE)
			v->trials[2].choice[i] ^= 1;
	plan_scoring_contradicted(v, NULL, &o, flags);
	assert_true(flags[2]);
}

static void test_calibration(void **)
{
	// Said with 90 %, true in 70 %.
	enum { N = 1000 };
	static double p[2 * N], weight[N];
	static uint8_t truth[N];

	for (size_t i = 0; i < N; i++) {
		p[2 * i] = 0.9;
		p[2 * i + 1] = 0.1;
		weight[i] = 1;
		truth[i] = i % 10 >= 7;
	}
	double q[2] = { 0.9, 0.1 }, power = plan_calibrate(p, truth, weight, N, 2);
	plan_calibrated(power, q, 2);
	assert_float_equal(q[0], 0.7, 0.01);
	assert_float_equal(q[0] + q[1], 1, 1e-9);
}

// ---- ASes that no trial saw ----

//	1       2
//	|\\      |\\        3 and 5 are known to go to the first site, 4 to the second; 6 has two
//	3 4     5 6 7     providers, and 8 is below 7, of which nothing is known either
//	         \\  |
//	            8
static void test_fill(void **)
{
	own(plan_graph_free) struct plan_graph *g =
		graph_of("1|3|-1\n1|4|-1\n2|5|-1\n2|6|-1\n2|7|-1\n7|8|-1\n1|2|0\n9|10|0\n");
	double p[10 * 2] = {};
	bool known[10] = {};
	uint16_t group[10] = {};
	uint8_t routed[10];
	struct plan_fill f = { .graph = g, .sites = 2, .p = p, .known = known };
	const uint32_t first[] = { node_of(g, 3), node_of(g, 5) };
	uint32_t second = node_of(g, 4), eight = node_of(g, 8), ten = node_of(g, 10);

	for (size_t i = 0; i < 2; i++) {
		known[first[i]] = true;
		p[2 * first[i]] = 1;
	}
	known[second] = true;
	p[2 * second + 1] = 1;
	plan_fill(&f);
	for (uint32_t v = 0; v < g->count; v++)
		assert_float_equal(p[2 * v] + p[2 * v + 1], 1, 1e-9);
	assert_true(p[2 * eight] > 0.9 && p[2 * node_of(g, 6)] > 0.9); // as 5, by way of 2
	assert_float_equal(p[2 * ten], 2.0 / 3, 1e-9);                 // as all
	assert_true(p[2 * second] == 0);                               // what is known stays

	f.group = group;
	f.groups = 2;
	group[second] = group[ten] = 1;
	plan_fill(&f);
	assert_true(p[2 * ten] < 0.6); // a country speaks for it
	memset(routed, UINT8_MAX, sizeof(routed));
	routed[ten] = 0;
	f.routed = routed;
	plan_fill(&f);
	assert_true(p[2 * ten] > 0.7); // and the path
}

// ---- Scoring ----

static void score(struct plan_scoring *s, const struct plan_votes *v)
{
	struct plan_scoring_options o = {
		.mixture = small, .calibration_starts = 1, .min_share = 0.02
	};
	size_t done = 0;

	plan_scoring_open(s, v, &o);
	while (plan_scoring_step(s, v, &o, &done))
		;
	assert_int_equal(done, s->count);
}

static void test_scores_a_world_with_an_order(void **)
{
	own(plan_votes_free) struct plan_votes *v = world(3);
	own(plan_scoring_free) struct plan_scoring s = {};

	score(&s, v);
	assert_int_equal(s.count, 6);
	// a-c, a-d and b-d: sites with another one between them; nothing tells neighbours apart.
	for (size_t i = 1; i < 5; i += i == 2 ? 2 : 1) {
		assert_true(plan_marks_majority(&s.trials[i].all) < 0.75);
		assert_true(plan_marks_accuracy(&s.trials[i].all) > 0.93);
		assert_true(plan_marks_balanced(&s.trials[i].all) > 0.93);
		assert_int_equal(plan_marks_count(&s.trials[i].all), s.trials[i].trial->count);
	}
	assert_true(plan_marks_count(&s.trials[2].chain) > ASES / 2);
	assert_true(plan_marks_accuracy(&s.trials[2].chain) > 0.85);
}

// The control: were the scored trial's own results to leak, this would score high.
static void test_shuffled_results_score_as_chance(void **)
{
	own(plan_votes_free) struct plan_votes *v = world(3);
	own(plan_scoring_free) struct plan_scoring s = {};

	plan_votes_shuffle(v, 3);
	score(&s, v);
	assert_int_equal(s.count, 6);
	for (size_t i = 0; i < s.count; i++) {
		const struct plan_marks *m = &s.trials[i].all;
		assert_true(plan_marks_accuracy(m) < plan_marks_majority(m) + 0.03);
		assert_true(plan_marks_balanced(m) > 0.4 && plan_marks_balanced(m) < 0.6);
	}
}

// Turning the scored trial's results round must not change what is predicted for it.
static void test_the_scored_trial_teaches_nothing(void **)
{
	own(plan_votes_free) struct plan_votes *v = world(3);
	own(plan_votes_free) struct plan_votes *w = world(3);
	own(plan_scoring_free) struct plan_scoring s = {}, t = {};

	for (uint32_t i = 0; i < w->as_count; i++)
		if (w->trials[2].choice[i] != PLAN_VOTE_NONE)
			w->trials[2].choice[i] ^= 1;
	score(&s, v);
	score(&t, w);
	for (uint8_t k = 0; k < 2; k++) {
		uint64_t said = s.trials[2].all.right[k] + s.trials[2].all.of[1 - k] -
				s.trials[2].all.right[1 - k];
		uint64_t now = t.trials[2].all.right[k] + t.trials[2].all.of[1 - k] -
			       t.trials[2].all.right[1 - k];
		assert_int_equal(t.trials[2].all.of[k] > 0, true);
		assert_int_equal(said, now);
	}
	assert_true(plan_marks_accuracy(&s.trials[2].all) > 0.9);
	assert_true(plan_marks_accuracy(&t.trials[2].all) < 0.1);
}

static void test_hides_every_trial_with_the_pair(void **)
{
	own(plan_votes_free) struct plan_votes *v = plan_votes_new();
	int ab = trial(v, "a", "b"), bc = trial(v, "b", "c");
	int abc = plan_votes_trial(v, (uint8_t[]){ 2, 0, 1 }, 3);
	bool without[3] = {};

	plan_scoring_hide(v, (size_t)ab, without);
	assert_true(without[ab] && without[abc] && !without[bc]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lower_rank_and_majority_count),
		cmocka_unit_test(test_what_is_no_trial),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_mixture_finds_the_kinds),
		cmocka_unit_test(test_same_seed_same_answer),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_decide_leaves_no_site_out),
		cmocka_unit_test(test_area),
		cmocka_unit_test(test_contradicted_trial_is_found),
		cmocka_unit_test(test_calibration),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_scores_a_world_with_an_order),
		cmocka_unit_test(test_shuffled_results_score_as_chance),
		cmocka_unit_test(test_the_scored_trial_teaches_nothing),
		cmocka_unit_test(test_hides_every_trial_with_the_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
