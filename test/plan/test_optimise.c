// The search on cases small enough to try everything: what it finds is what there is to find.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/strbuf.h"
#include "plan/genes.h"
#include "plan/summary.h"
#include "test/plan/world.h"
#include "test/unit.h"

static const struct plan_optimise_options all = {
	.objective = PLAN_MEAN,
	.method = PLAN_EXHAUSTIVE,
	.change = PLAN_CHANGE_SITES | PLAN_CHANGE_NEIGHBOURS | PLAN_CHANGE_PREPENDS,
	.max_prepend = 2,
	.seed = 1,
};

// Sites at random places with random neighbours.
static struct plan_plan *random_plan(struct rng *rng, const struct plan_graph *g)
{
	own(sb_free) struct strbuf b = {};
	own(plan_file_free) struct plan_file *f = NULL;
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));
	struct plan_plan *p = NULL;

	sb_str(&b, "as: 64500\nsites:\n");
	for (int site = 0; site < 3; site++) {
		long long low = (long long)rng_range(rng, 0, g->count / 2 - 1);
		sb_printf(&b,
			"  - {name: s%d, lat: %lld, lon: %lld, capacity: %lld, neighbours: [{as: "
			"%u}, "
			"{as: %u, prepend: 1}]}\n",
			site, (long long)rng_range(rng, -60, 60),
			(long long)rng_range(rng, -170, 170), (long long)rng_range(rng, 40, 90),
			g->asn[low], g->asn[low + g->count / 2]);
	}
	assert_int_equal(plan_file_load_text(&f, "test", sb_text(&b), b.len, faults), 0);
	assert_int_equal(plan_from_file(&p, f, g, faults), 0);
	faults_free(faults);
	return p;
}

static struct plan_clients *random_clients(struct rng *rng, const struct plan_graph *g)
{
	struct plan_clients *c = plan_clients_new(g);

	c->total = 0;
	for (uint32_t v = 0; v < g->count; v++) {
		c->of[v] = (struct plan_client){ (double)rng_range(rng, 0, 9),
			(float)rng_range(rng, -60, 60), (float)rng_range(rng, -170, 170), true };
		c->total += c->of[v].weight;
	}
	c->placed = c->weighted = true;
	return c;
}

struct world {
	struct plan_graph *g;
	struct plan_plan *p;
	struct plan_clients *c;
	struct plan_latency latency;
};

static void make(struct world *w, uint64_t seed)
{
	struct rng rng = { seed };

	w->g = random_graph(&rng, 40, false);
	w->p = random_plan(&rng, w->g);
	w->c = random_clients(&rng, w->g);
	w->latency = PLAN_LATENCY_DEFAULT;
}

static void unmake(struct world *w)
{
	plan_clients_free(&w->c);
	plan_plan_free(&w->p);
	plan_graph_free(&w->g);
}

static struct plan_search *search(const struct world *w, const struct plan_optimise_options *o)
{
	own(sb_free) struct strbuf why = {};
	struct plan_search *s = NULL;

	assert_int_equal(plan_search_new(&s, w->g, w->p, w->c, &w->latency, o, &why), 0);
	return s;
}

static void run(struct plan_search *s, int steps)
{
	int rc = 1;

	while (rc == 1 && steps-- > 0)
		rc = plan_search_step(s);
	assert_true(rc >= 0);
}

// The score of a state by the slow way: one announcement on the whole graph.
static void check_score(const struct world *w, const uint8_t *state, const struct plan_score *score)
{
	struct genes genes;
	genes_init(&genes, w->p, &all);
	own(free_ptr) struct plan_seed *seeds = mem_zalloc(genes.seeds * sizeof(*seeds));
	own(free_ptr) bool *off = mem_zalloc(genes.seeds * sizeof(*off));
	own(plan_routes_free) struct plan_routes *r = plan_routes_new(w->g);
	struct plan_plan p = *w->p;
	struct plan_mask mask = { .seeds_off = off };
	struct plan_summary sum;

	genes_apply(&genes, state, seeds, off);
	p.seeds = seeds;
	p.announcement.seeds = seeds;
	assert_int_equal(plan_propagate(r, &p.announcement, &mask), 0);
	plan_summarise(&sum, r, &p, NULL, w->c, &w->latency);
	double unreached = 1 - sum.weight;
	double mean = sum.mean_ms * sum.placed + PLAN_UNREACHED_MS * unreached;
	assert_true(fabs(mean - score->mean_ms) < 1e-3 * (1 + mean));
	assert_true(fabs(sum.overload - score->overload) < 1e-6);
	assert_true(fabs(unreached - score->unreached) < 1e-6);
	plan_summary_free(&sum);
	genes_free(&genes);
}

static void test_search_finds_what_there_is(void **)
{
	int greedy_missed = 0;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct world w;
		struct plan_optimise_options o = all;
		make(&w, seed);
		own(plan_search_free) struct plan_search *every = search(&w, &o);
		run(every, 1 << 20);
		assert_int_equal(plan_search_step(every), 0);
		assert_true(plan_search_evaluated(every) >= plan_search_total(every));
		o.method = PLAN_SEARCH;
		own(plan_search_free) struct plan_search *some = search(&w, &o);
		run(some, 150);
		const struct plan_score *best = &plan_search_best(every)->score;
		const struct plan_score *found = &plan_search_best(some)->score;
		assert_true(fabs(best->overload - found->overload) < 1e-6);
		assert_true(fabs(best->value - found->value) < 1e-6);
		check_score(&w, plan_search_best(every)->state, best);
		check_score(&w, plan_search_start(some)->state, &plan_search_start(some)->score);
		const struct plan_score *greedy = &plan_search_greedy(some)->score;
		greedy_missed += greedy->overload > best->overload + 1e-6 ||
				 greedy->value > best->value + 1e-6;
		unmake(&w);
	}
	assert_true(greedy_missed > 0); // else these cases would show nothing
}

// The 95th percentile of the lanes beside that of the summary, whose bins are finer.
static void test_percentiles(void **)
{
	for (uint64_t seed = 20; seed < 28; seed++) {
		struct world w;
		struct plan_score score;
		struct plan_summary sum;
		make(&w, seed);
		own(plan_search_free) struct plan_search *s = search(&w, &all);
		own(plan_routes_free) struct plan_routes *r = plan_routes_new(w.g);
		run(s, 1);
		assert_int_equal(plan_search_score(s, plan_search_start(s)->state, &score), 0);
		assert_int_equal(plan_propagate(r, &w.p->announcement, NULL), 0);
		plan_summarise(&sum, r, w.p, NULL, w.c, &w.latency);
		assert_true(score.unreached < 1e-9);
		assert_true(score.p95_ms > 10 && fabs(score.p95_ms - sum.p95_ms) < 1.1);
		plan_summary_free(&sum);
		unmake(&w);
	}
}

static void test_enumeration_is_whole(void **)
{
	struct world w;
	make(&w, 3);
	struct genes g;
	genes_init(&g, w.p, &all);
	own(free_ptr) uint8_t *state = mem_zalloc(g.count);
	own(free_ptr) uint64_t *seen = mem_zalloc(g.total * sizeof(*seen));

	// Each neighbour: off, or 0 to 2 prepends; each site: off, or on with its two.
	assert_int_equal(g.total, 17 * 17 * 17);
	for (uint64_t i = 0; i < g.total; i++) {
		genes_nth(&g, i, state);
		for (uint32_t k = 0; k < g.count; k++) {
			bool offered = false;
			for (uint8_t n = 0; n < g.list[k].count; n++)
				offered |= g.list[k].option[n] == state[k];
			assert_true(offered);
		}
		seen[i] = 0;
		for (uint32_t k = 0; k < g.count; k++)
			seen[i] = seen[i] * 8 + state[k];
	}
	for (uint64_t i = 0; i < 300; i++) // all against all takes long
		for (uint64_t k = 0; k < g.total; k++)
			assert_true(i == k || seen[i] != seen[k]);
	genes_start(&g, state);
	assert_int_equal(genes_changes(&g, state), 0);
	state[0] = 0;
	state[g.sites] = 0; // of the site that is off
	assert_int_equal(genes_changes(&g, state), 1);
	genes_free(&g);
	unmake(&w);
}

static void test_fixed_things_stay(void **)
{
	struct world w;
	struct plan_optimise_options o = all;
	make(&w, 2);
	w.p->sites[0].fixed = true;
	w.p->fixed[0] = w.p->fixed[1] = true;
	o.method = PLAN_SEARCH;
	own(plan_search_free) struct plan_search *s = search(&w, &o);
	run(s, 100);
	const uint8_t *state = plan_search_best(s)->state;
	assert_int_equal(state[0], 1);
	assert_int_equal(state[3], 1);
	assert_int_equal(state[4], 2);
	assert_true(plan_search_best(s)->score.changes > 0);
	for (uint32_t i = 1; i < PLAN_FRONTIER_MAX; i++)
		if (plan_search_frontier(s, i)->state)
			assert_int_equal(plan_search_frontier(s, i)->score.changes, i);
	unmake(&w);
}

static void test_refused(void **)
{
	struct world w;
	own(sb_free) struct strbuf why = {};
	struct plan_search *s = NULL;
	struct plan_optimise_options o = all;
	make(&w, 1);
	o.change = 0;
	assert_int_equal(plan_search_new(&s, w.g, w.p, w.c, &w.latency, &o, &why), -ENODATA);
	assert_string_equal(sb_text(&why), "there is nothing that may change");
	sb_clear(&why);
	assert_int_equal(plan_search_new(&s, w.g, w.p, NULL, &w.latency, &all, &why), -ENODATA);
	assert_non_null(strstr(sb_text(&why), "no distances"));
	o = all;
	o.objective = PLAN_BALANCE; // needs none
	assert_int_equal(plan_search_new(&s, w.g, w.p, NULL, &w.latency, &o, &why), 0);
	run(s, 5);
	plan_search_free(&s);
	unmake(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search_finds_what_there_is),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_enumeration_is_whole),
		cmocka_unit_test(test_fixed_things_stay),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
