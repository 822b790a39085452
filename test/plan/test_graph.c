// as-rel files: what is read, what is refused and where, in pieces of any size.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"
#include "test/plan/world.h"
#include "test/unit.h"

static int feed(struct plan_graph **g, const char *text, size_t piece, struct plan_fault *fault)
{
	own(plan_builder_free) struct plan_builder *b = plan_builder_new();
	size_t n = strlen(text);

	for (size_t at = 0; at < n; at += piece) {
		size_t some = n - at < piece ? n - at : piece;
		int rc = plan_builder_feed(b, text + at, some, fault);
		if (rc < 0)
			return rc;
	}
	return plan_builder_finish(g, &b, fault);
}

static void test_both_serials(void **)
{
	static const char text[] = "# a comment|with|bars\n"
				   "1|2|-1\n"
				   "1|3|-1|bgp\r\n"
				   "\n"
				   "2|3|0|bgp,mlp\n"
				   "3|4294967295|1\n"
				   "2|3|0|mlp\n"
				   "5|3|-1"; // no newline at the end

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		own(plan_graph_free) struct plan_graph *g = NULL;
		struct plan_fault fault = {};
		enum plan_relation is = PLAN_RELATION_MAX;
		assert_int_equal(feed(&g, text, piece, &fault), 0);
		assert_int_equal(g->count, 5);
		assert_int_equal(g->transit_links, 3);
		assert_int_equal(g->peer_links, 1);
		assert_int_equal(g->sibling_links, 1);
		assert_int_equal(g->repeated, 1);
		assert_int_equal(g->cycle_count, 1);
		assert_int_equal(g->cycles[0].count, 2);
		assert_true(plan_relation_of(g, node_of(g, 3), node_of(g, 1), &is));
		assert_int_equal(is, PLAN_PROVIDER);
		assert_true(plan_relation_of(g, node_of(g, 3), node_of(g, 2), &is));
		assert_int_equal(is, PLAN_PEER);
		assert_false(plan_relation_of(g, node_of(g, 2), node_of(g, 5), &is));
		assert_int_equal(plan_neighbours(g, node_of(g, 3), PLAN_PROVIDER).count, 3);
		assert_int_equal(plan_node(g, 6), PLAN_NONE);
		assert_true(plan_graph_bytes(g) > sizeof(*g));
	}
}

static void test_refused_with_their_line(void **)
{
	static const struct {
		const char *text;
		uint64_t line;
		const char *why;
	} rows[] = {
		{ "", 0, "no link between ASes in it" },
		{ "# only\n# comments\n", 0, "no link between ASes in it" },
		{ "1|2|-1\n1|3\n", 2, "not <AS>|<AS>|-1, 0 or 1" },
		{ "1|2|-1\n\n1|3|x\n", 3, "not <AS>|<AS>|-1, 0 or 1" },
		{ "1|2|-1\n1|3|3", 2, "not <AS>|<AS>|-1, 0 or 1" },
		{ "1|2|-\n", 1, "not <AS>|<AS>|-1, 0 or 1" },
		{ "1|2|-1 \n", 1, "not <AS>|<AS>|-1, 0 or 1" },
		{ "-1|2|0\n", 1, "not <AS>|<AS>|-1, 0 or 1" },
		{ " 1|2|0\n", 1, "not <AS>|<AS>|-1, 0 or 1" },
		{ "|2|0\n", 1, "not <AS>|<AS>|-1, 0 or 1" },
		{ "4294967296|2|0\n", 1, "not <AS>|<AS>|-1, 0 or 1" },
		{ "99999999999999999999999|2|0\n", 1, "not <AS>|<AS>|-1, 0 or 1" },
		{ "0|2|0\n", 1, "AS 0 has no neighbours (RFC 7607)" },
		{ "7|7|-1\n", 1, "AS 7 cannot be its own neighbour" },
		{ "1|2|-1\n3|4|0\n2|1|0\n", 3,
			"AS 2 and AS 1 are peers here, and customer and provider in line 1" },
		{ "1|2|0\n1|2|0\n1|2|1\n", 3,
			"AS 1 and AS 2 are customer and provider here, and peers in line 1" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		own(plan_graph_free) struct plan_graph *g = NULL;
		own(plan_fault_free) struct plan_fault fault = {};
		assert_int_equal(feed(&g, rows[i].text, 3, &fault), -EINVAL);
		assert_null(g);
		assert_string_equal(sb_text(&fault.why), rows[i].why);
		assert_int_equal(fault.line, rows[i].line);
	}
}

static void test_long_lines(void **)
{
	own(free_ptr) char *text = mem_zalloc(3 * PLAN_LINE_MAX);
	own(plan_graph_free) struct plan_graph *g = NULL;
	own(plan_fault_free) struct plan_fault fault = {};

	memset(text, '#', 2 * PLAN_LINE_MAX); // comments may be as long as they like
	snprintf(text + 2 * PLAN_LINE_MAX, 20, "\n1|2|0\n");
	for (size_t piece = 1; piece < 3000; piece += 700) {
		assert_int_equal(feed(&g, text, piece, &fault), 0);
		plan_graph_free(&g);
	}
	memset(text, '1', 2 * PLAN_LINE_MAX);
	assert_int_equal(feed(&g, text, 1000, &fault), -EINVAL);
	assert_int_equal(fault.line, 1);
	assert_string_equal(sb_text(&fault.why), "a line of over 4096 bytes");
}

// Each customer before its provider, circles side by side.
static void check_order(const struct plan_graph *g)
{
	own(free_ptr) uint32_t *at = mem_zalloc(g->count * sizeof(*at));
	own(free_ptr) uint32_t *circle = mem_zalloc(g->count * sizeof(*circle));

	for (uint32_t i = 0; i < g->count; i++)
		at[g->order[i]] = i + 1;
	for (uint32_t i = 0; i < g->cycle_count; i++)
		for (uint32_t k = 0; k < g->cycles[i].count; k++)
			circle[g->order[g->cycles[i].first + k]] = i + 1;
	for (uint32_t v = 0; v < g->count; v++) {
		struct plan_span up = plan_neighbours(g, v, PLAN_PROVIDER);
		assert_true(at[v] > 0);
		for (uint32_t i = 0; i < up.count; i++)
			assert_true(at[v] < at[up.node[i]] ||
				    (circle[v] && circle[v] == circle[up.node[i]]));
		for (uint32_t i = 1; i < up.count; i++)
			assert_true(up.node[i - 1] < up.node[i]);
	}
}

static void test_order_of_ranks(void **)
{
	struct rng rng = { 11 };

	for (int i = 0; i < 40; i++) {
		own(plan_graph_free) struct plan_graph *g = random_graph(&rng, 60, i % 2);
		check_order(g);
	}
	own(plan_graph_free) struct plan_graph *ring =
		graph_of("1|2|-1\n2|3|-1\n3|1|-1\n3|4|-1\n5|1|-1\n");
	assert_int_equal(ring->cycle_count, 1);
	assert_int_equal(ring->cycles[0].count, 3);
	assert_int_equal(ring->order[0], node_of(ring, 4));
	check_order(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_serials),
		cmocka_unit_test(test_refused_with_their_line),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_order_of_ranks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
