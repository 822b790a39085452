// A reduced graph sends every AS to the same site as the whole one, and carries the same load.
#include <errno.h>
#include <math.h>

#include "lib/mem.h"
#include "plan/reduce.h"
#include "test/plan/world.h"
#include "test/unit.h"

enum { GRAPHS = 80, NODES = 90 };

// The announcement on the reduced graph.
static void move(struct announced *to, const struct announced *from, const struct plan_reduced *r)
{
	*to = *from;
	to->announcement.seeds = to->seeds;
	if (from->announcement.origin != PLAN_NONE)
		to->announcement.origin = r->of[from->announcement.origin];
	for (uint32_t i = 0; i < from->announcement.seed_count; i++) {
		to->seeds[i].node = r->of[from->seeds[i].node];
		for (uint32_t k = 0; k < from->seeds[i].poisoned; k++)
			to->poison[i][k] = r->of[from->poison[i][k]];
		to->seeds[i].poison = to->poison[i];
	}
}

static void compare(const struct plan_graph *g, const struct plan_reduced *r,
	const struct plan_clients *c, const struct announced *x)
{
	static struct announced small;
	own(plan_routes_free) struct plan_routes *whole = plan_routes_new(g);
	own(plan_routes_free) struct plan_routes *part = plan_routes_new(r->graph);

	move(&small, x, r);
	assert_int_equal(plan_propagate(whole, &x->announcement, NULL), 0);
	assert_int_equal(plan_propagate(part, &small.announcement, NULL), 0);
	for (uint32_t v = 0; v < g->count; v++) {
		int site = plan_site(whole, &x->announcement, v);
		if (r->of[v] == PLAN_NONE) // left out: weighs nothing, or nothing reaches it
			assert_true(c->of[v].weight <= 0 || site < 0);
		else
			assert_int_equal(plan_site(part, &small.announcement, r->of[v]), site);
	}
}

static void test_same_sites(void **)
{
	struct rng rng = { 5 };
	static struct announced x;
	size_t smaller = 0;

	for (int i = 0; i < GRAPHS; i++) {
		own(plan_graph_free) struct plan_graph *g =
			random_graph(&rng, 3 + (uint32_t)rng_range(&rng, 0, NODES), i % 2);
		own(plan_clients_free) struct plan_clients *c = plan_clients_new(g);
		for (uint32_t v = 0; v < g->count; v++) {
			c->total -= c->of[v].weight;
			c->of[v].weight = (double)rng_range(&rng, 0, 3);
			c->total += c->of[v].weight;
		}
		random_announced(&x, &rng, g);
		own(plan_reduced_free) struct plan_reduced *r = plan_reduce(g, &x.announcement, c);
		smaller += r->graph->count < g->count;
		compare(g, r, c, &x);
	}
	assert_true(smaller > GRAPHS / 2);
}

static void test_load_is_kept(void **)
{
	// 3 and 4 have the same providers; 5 and 6 follow 2; 7 weighs nothing.
	own(plan_graph_free) struct plan_graph *g =
		graph_of("1|2|-1\n1|3|-1\n2|3|-1\n1|4|-1\n2|4|-1\n"
			 "2|5|-1\n2|6|-1\n1|7|-1\n");
	own(plan_clients_free) struct plan_clients *c = plan_clients_new(g);
	struct plan_seed seed = origin_seed(g, 1, 0, 0);
	struct plan_announcement a = { 1, &seed, 1, PLAN_NONE };
	double sum = 0;

	c->of[node_of(g, 7)].weight = 0;
	c->total -= 1;
	c->of[node_of(g, 6)] = (struct plan_client){ 5, 10, 20, true };
	c->total += 4;
	own(plan_reduced_free) struct plan_reduced *r = plan_reduce(g, &a, c);
	assert_int_equal(r->graph->count, 3);
	assert_int_equal(r->of[node_of(g, 3)], r->of[node_of(g, 4)]);
	assert_int_equal(r->of[node_of(g, 5)], r->of[node_of(g, 2)]);
	assert_int_equal(r->of[node_of(g, 7)], PLAN_NONE);
	assert_int_equal(r->place_count, 1);
	for (uint32_t i = 0; i < r->part_count; i++)
		sum += r->parts[i].weight;
	assert_true(fabs(sum - c->total) < 1e-9);
	assert_int_equal(r->part_count, 4); // AS 2's load in two parts: with a place and without
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_sites),
		cmocka_unit_test(test_load_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
