// On random graphs with random policies and failures: every node has the best of what is offered to
// it, paths are what they say, and the lanes of a batch choose as one announcement alone does.
#include <errno.h>

#include "lib/mem.h"
#include "plan/inside.h"
#include "plan/sweep.h"
#include "test/plan/world.h"
#include "test/unit.h"

enum { GRAPHS = 60, NODES = 70 };

static void check_path(const struct plan_routes *r, const struct plan_announcement *a, uint32_t v)
{
	uint32_t path[256];
	size_t n = plan_path(r, a, v, path, countof(path));

	assert_int_equal(n, r->route[v].length);
	if (n > 0)
		assert_int_equal(path[0], r->graph->asn[v]);
	for (uint32_t at = v, hops = 0; at != PLAN_NONE; at = r->route[at].next_hop, hops++) {
		assert_true(hops < r->graph->count);
		assert_int_equal(r->route[at].seed, r->route[v].seed);
	}
}

static void check_node(const struct plan_routes *r, const struct announced *x, uint32_t v)
{
	const struct plan_route *has = &r->route[v];
	struct plan_offer best;
	size_t n = plan_offers_at(r, &x->announcement, &x->mask, v, &best, 1);
	struct plan_choice c = plan_choice_at(r, &x->announcement, &x->mask, v);

	assert_int_equal(n == 0, has->class == PLAN_NO_ROUTE);
	assert_int_equal(c.tied == 0, n == 0);
	assert_true(c.tied_sites <= c.tied);
	check_path(r, &x->announcement, v);
	if (n == 0)
		return;
	assert_int_equal(best.class, has->class);
	assert_int_equal(best.length, has->length);
	assert_int_equal(best.seed, has->seed);
	assert_int_equal(best.neighbour, has->next_hop);
}

static void check_lane(const struct plan_batch *b, const struct plan_routes *r, unsigned lane)
{
	for (uint32_t v = 0; v < r->graph->count; v++) {
		const struct plan_route *has = &r->route[v];
		unsigned key = has->class == PLAN_NO_ROUTE
				       ? PLAN_LANE_NO_ROUTE
				       : (unsigned)has->class << 6 | has->length;
		assert_int_equal(b->row[v].key[lane], key);
		if (key != PLAN_LANE_NO_ROUTE)
			assert_int_equal(b->row[v].seed[lane], has->seed);
	}
}

// Every width of vectors that this processor has; NULL: the one that a batch takes itself.
static int (*const *widths(void))(struct sweep *)
{
	static int (*list[4])(struct sweep *) = { NULL, sweep_run_base };

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		list[2] = sweep_run_avx2;
	if (__builtin_cpu_supports("avx512bw"))
		list[3] = sweep_run_avx512;
#endif
	return list;
}

static void agree(bool loops)
{
	struct rng rng = { loops ? 7 : 3 };
	static struct announced x[PLAN_LANES];

	for (int i = 0; i < GRAPHS; i++) {
		own(plan_graph_free) struct plan_graph *g =
			random_graph(&rng, 2 + (uint32_t)rng_range(&rng, 0, NODES), loops);
		own(plan_routes_free) struct plan_routes *r = plan_routes_new(g);
		own(plan_batch_free) struct plan_batch *b = plan_batch_new(g);
		if (widths()[i % 4])
			((struct sweep *)b->work)->run = widths()[i % 4];
		struct plan_variant variants[PLAN_LANES];
		uint32_t lanes = 1 + (uint32_t)rng_range(&rng, 0, PLAN_LANES - 1);
		for (int round = 0; round < 2; round++) { // the second finds the first one's rows
			for (uint32_t lane = 0; lane < lanes; lane++) {
				random_announced(&x[lane], &rng, g);
				variants[lane] = (struct plan_variant){ &x[lane].announcement,
					&x[lane].mask };
			}
			assert_int_equal(plan_batch_run(b, variants, lanes), 0);
			for (uint32_t lane = 0; lane < lanes; lane++) {
				assert_int_equal(
					plan_propagate(r, &x[lane].announcement, &x[lane].mask), 0);
				check_lane(b, r, lane);
				for (uint32_t v = 0; v < g->count; v++)
					check_node(r, &x[lane], v);
			}
		}
	}
}

static void test_without_circles(void **)
{
	agree(false);
}

static void test_with_circles_and_siblings(void **)
{
	agree(true);
}

// The control: one changed route must not pass.
static void test_a_wrong_route_is_seen(void **)
{
	own(plan_graph_free) struct plan_graph *g = graph_of("1|2|-1\n1|3|-1\n2|4|-1\n3|4|-1\n");
	own(plan_routes_free) struct plan_routes *r = plan_routes_new(g);
	struct plan_seed seed = origin_seed(g, 4, 0, 0);
	struct plan_announcement a = { 1, &seed, 1, PLAN_NONE };
	struct plan_offer best;

	assert_int_equal(plan_propagate(r, &a, NULL), 0);
	assert_int_equal(r->route[node_of(g, 1)].next_hop, node_of(g, 2));
	r->route[node_of(g, 1)].next_hop = node_of(g, 3);
	assert_int_equal(plan_offers_at(r, &a, NULL, node_of(g, 1), &best, 1), 2);
	assert_int_not_equal(best.neighbour, r->route[node_of(g, 1)].next_hop);
}

// A chain that no lane can count.
static void test_long_paths(void **)
{
	struct plan_builder *b = plan_builder_new();
	struct plan_fault fault = {};
	own(plan_graph_free) struct plan_graph *g = NULL;

	for (uint32_t as = 1; as < 100; as++)
		assert_int_equal(plan_builder_add(b, as, as + 1, PLAN_CUSTOMER), 0);
	assert_int_equal(plan_builder_finish(&g, &b, &fault), 0);
	own(plan_routes_free) struct plan_routes *r = plan_routes_new(g);
	own(plan_batch_free) struct plan_batch *batch = plan_batch_new(g);
	struct plan_seed seeds[] = { origin_seed(g, 100, 0, 0), origin_seed(g, 1, 0, 0) };
	for (size_t i = 0; i < countof(seeds); i++) {
		struct plan_announcement a = { 1, &seeds[i], 1, PLAN_NONE };
		struct plan_variant v = { &a, NULL };
		assert_int_equal(plan_batch_run(batch, &v, 1), -EOVERFLOW);
		assert_int_equal(plan_propagate(r, &a, NULL), 0);
		assert_int_equal(r->route[node_of(g, i == 0 ? 1 : 100)].length, 100);
	}
	struct plan_seed middle = origin_seed(g, 50, 0, 0);
	struct plan_announcement a = { 1, &middle, 1, PLAN_NONE };
	struct plan_variant v = { &a, NULL };
	assert_int_equal(plan_batch_run(batch, &v, 1), 0);
	assert_int_equal(plan_propagate(r, &a, NULL), 0);
	check_lane(batch, r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_circles),
		cmocka_unit_test(test_with_circles_and_siblings),
		cmocka_unit_test(test_a_wrong_route_is_seen),
		cmocka_unit_test(test_long_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
