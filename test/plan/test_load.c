// Announcement files and --origin: what becomes of them on a graph.
#include <errno.h>
#include <string.h>

#include "lib/mem.h"
#include "plan/load.h"
#include "test/plan/world.h"
#include "test/unit.h"

static const char graph_text[] = "1|2|-1\n1|3|-1\n2|4|-1\n3|4|-1\n2|3|0\n64500|4|-1\n2|64500|-1\n"
				 "3|64500|0\n";

static struct plan_plan *plan_of(const struct plan_graph *g, const char *text)
{
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));
	own(plan_file_free) struct plan_file *f = NULL;
	struct plan_plan *p = NULL;

	assert_int_equal(plan_file_load_text(&f, "test", text, strlen(text), faults), 0);
	assert_int_equal(plan_from_file(&p, f, g, faults), 0);
	faults_free(faults);
	return p;
}

static void test_seeds_of_neighbours(void **)
{
	static const struct {
		const char *keys;
		enum plan_class class;
		unsigned length, scope;
		bool off;
	} rows[] = {
		{ "as: 3", PLAN_FROM_CUSTOMER, 2, PLAN_TO_ALL, false },
		{ "as: 3, relation: provider, prepend: 5", PLAN_FROM_CUSTOMER, 7, PLAN_TO_ALL,
			false },
		{ "as: 3, relation: peer", PLAN_FROM_PEER, 2, PLAN_TO_ALL, false },
		{ "as: 3, relation: customer", PLAN_FROM_PROVIDER, 2, PLAN_TO_ALL, false },
		{ "as: 3, announce: no-export", PLAN_FROM_CUSTOMER, 2, 0, false },
		{ "as: 3, announce: peers-only", PLAN_FROM_CUSTOMER, 2, PLAN_TO_PEERS, false },
		{ "as: 3, announce: customers-only", PLAN_FROM_CUSTOMER, 2, PLAN_TO_CUSTOMERS,
			false },
		{ "as: 3, announce: off", PLAN_FROM_CUSTOMER, 2, PLAN_TO_ALL, true },
		{ "as: 3, poison: [1, 4], prepend: 1", PLAN_FROM_CUSTOMER, 6, PLAN_TO_ALL, false },
	};
	own(plan_graph_free) struct plan_graph *g = graph_of(graph_text);

	for (size_t i = 0; i < countof(rows); i++) {
		own(sb_free) struct strbuf b = {};
		sb_printf(&b, "as: 65000\nsites: [{name: a, neighbours: [{%s}]}]\n", rows[i].keys);
		own(plan_plan_free) struct plan_plan *p = plan_of(g, sb_text(&b));
		const struct plan_seed *s = p->seeds;
		assert_int_equal(p->announcement.seed_count, 1);
		assert_int_equal(p->announcement.origin, PLAN_NONE);
		assert_int_equal(s->node, node_of(g, 3));
		assert_int_equal(s->from, 65000);
		assert_int_equal(s->class, rows[i].class);
		assert_int_equal(s->length, rows[i].length);
		assert_int_equal(s->scope, rows[i].scope);
		assert_int_equal(p->seeds_off[0], rows[i].off);
	}
}

// An AS of the graph that announces: relations are the graph's, and its own number is in every path.
static void test_an_as_of_the_graph(void **)
{
	own(plan_graph_free) struct plan_graph *g = graph_of(graph_text);
	own(plan_plan_free) struct plan_plan *p =
		plan_of(g, "as: 64500\nsites: [{name: a, capacity: 40, neighbours: [{as: 2}, {as: "
			   "3}, {as: 4}, {as: "
			   "1}]}]\n");
	own(plan_routes_free) struct plan_routes *r = plan_routes_new(g);

	assert_int_equal(p->announcement.origin, node_of(g, 64500));
	assert_int_equal(p->seeds[0].class, PLAN_FROM_CUSTOMER);
	assert_int_equal(p->seeds[1].class, PLAN_FROM_PEER);
	assert_int_equal(p->seeds[2].class, PLAN_FROM_PROVIDER);
	assert_int_equal(p->seeds[3].class, PLAN_FROM_CUSTOMER); // no neighbour in the graph
	assert_true(p->sites[0].has_capacity && !p->sites[0].has_place);
	assert_true(p->sites[0].capacity > 0.399 && p->sites[0].capacity < 0.401);
	assert_int_equal(plan_propagate(r, &p->announcement, NULL), 0);
	assert_int_equal(r->route[node_of(g, 64500)].class, PLAN_NO_ROUTE);
	assert_int_equal(r->route[node_of(g, 4)].class, PLAN_FROM_PROVIDER);
	assert_int_equal(r->route[node_of(g, 4)].length, 2);
}

static void test_paths_with_poison(void **)
{
	own(plan_graph_free) struct plan_graph *g = graph_of("1|2|-1\n1|3|-1\n2|4|-1\n");
	own(plan_plan_free) struct plan_plan *p = plan_of(
		g, "as: 65000\nsites: [{name: a, neighbours: [{as: 2, poison: 3, prepend: 1}]}]\n");
	own(plan_routes_free) struct plan_routes *r = plan_routes_new(g);
	static const uint32_t want[] = { 1, 2, 65000, 65000, 3, 65000 };
	uint32_t path[8];

	assert_int_equal(plan_propagate(r, &p->announcement, NULL), 0);
	assert_int_equal(r->route[node_of(g, 3)].class, PLAN_NO_ROUTE);
	assert_int_equal(plan_path(r, &p->announcement, node_of(g, 1), path, 8), countof(want));
	assert_memory_equal(path, want, sizeof(want));
	assert_int_equal(plan_path(r, &p->announcement, node_of(g, 1), path, 2), countof(want));
}

static void test_origins(void **)
{
	own(plan_graph_free) struct plan_graph *g = graph_of(graph_text);
	own(sb_free) struct strbuf why = {};
	own(plan_plan_free) struct plan_plan *p = NULL;

	assert_int_equal(plan_from_origins(&p, "4,1:32", g, &why), 0);
	assert_int_equal(p->announcement.site_count, 2);
	assert_string_equal(p->sites[1].name, "1");
	assert_int_equal(p->seeds[1].length, 33);
	assert_int_equal(p->seeds[1].class, PLAN_ORIGIN);
	static const char *const broken[] = { "", ",", "4,", "4:", "4:33", "4:-1", "x", "4 ,1",
		"4;1", "4,4", "5", "4294967296", "99999999999999999999", "4:1:1", "-4", "0" };
	for (size_t i = 0; i < countof(broken); i++) {
		struct plan_plan *none = NULL;
		sb_clear(&why);
		assert_int_equal(plan_from_origins(&none, broken[i], g, &why), -EINVAL);
		assert_null(none);
		assert_true(why.len > 0);
	}
}

// Printed and loaded again, it is the same.
static void test_round_trip(void **)
{
	static const char text[] =
		"as: 65000\nsites:\n  - {name: a, city: \"S\xc3\xa3o\", lat: 1.5, "
		"lon: -2, capacity: 12.5, off: yes, neighbours: [{as: 2, relation: "
		"peer, announce: no-export, prepend: 3, poison: [1, 4], fixed: yes}]}\n";
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));
	own(plan_file_free) struct plan_file *f = NULL, *again = NULL;
	own(sb_free) struct strbuf first = {}, second = {};

	assert_int_equal(plan_file_load_text(&f, "test", text, strlen(text), faults), 0);
	schema_print(&plan_schema, f, &first);
	assert_int_equal(
		plan_file_load_text(&again, "test", sb_text(&first), first.len, faults), 0);
	schema_print(&plan_schema, again, &second);
	assert_string_equal(sb_text(&first), sb_text(&second));
	assert_non_null(strstr(sb_text(&first), "no-export"));
	faults_free(faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seeds_of_neighbours),
		cmocka_unit_test(test_an_as_of_the_graph),
		cmocka_unit_test(test_paths_with_poison),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
