#include "test/unit.h"

#include <string.h>

#include "lab/census.h"
#include "lab/tables.h"
#include "lib/mem.h"

// Two sites, one of two nodes, and two prefixes.
static const char text[] =
	"title: Census\n"
	"networks: [{name: north, as: 64496, city: Oslo, lat: 59.91, lon: 10.75}]\n"
	"sites:\n"
	"  - {name: a1, site: a, city: Oslo, lat: 59, lon: 10, upstreams: [{network: north}]}\n"
	"  - {name: b, city: Oslo, lat: 59, lon: 10, upstreams: [{network: north}]}\n"
	"  - {name: a2, site: a, city: Oslo, lat: 59, lon: 10, upstreams: [{network: north}]}\n"
	"clients: [{name: oslo, network: north}]\n"
	"nearcast: x\n"
	"start: [{clients: oslo, site: a}]\n";

enum { A1, B, A2 }; // nodes
enum { SITE_A, SITE_B };

struct fixture {
	struct scenario *s;
	struct census *c;
	const struct ip_prefix *v4, *v6;
};

static int set_up(void **state)
{
	struct fixture *x = mem_zalloc(sizeof(*x));
	struct faults *f = mem_zalloc(sizeof(*f));

	assert_int_equal(scenario_load_text(&x->s, "census.yaml", text, strlen(text), f), 0);
	free(f);
	x->c = census_new(x->s);
	x->v4 = (const struct ip_prefix *)x->s->prefixes.data;
	x->v6 = x->v4 + 1;
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	census_free(&x->c);
	scenario_free(&x->s);
	free(x);
	return 0;
}

static instant at(int64_t ms)
{
	return (instant){ ms * 1000 };
}

static void both(struct fixture *x, int64_t ms, size_t node, const char *upstream, bool on)
{
	census_note(x->c, at(ms), node, upstream, x->v4, on);
	census_note(x->c, at(ms), node, upstream, x->v6, on);
}

static void assert_fewest(const struct fixture *x, int64_t from, int64_t to, unsigned n, int64_t ms)
{
	instant when;

	assert_int_equal(census_fewest(x->c, at(from), at(to), &when), n);
	assert_int_equal(when.us, at(ms).us);
}

static void test_nobody(void **state)
{
	const struct fixture *x = *state;

	assert_fewest(x, 0, 100, 0, 0);
	assert_false(census_has_any(x->c, SITE_A, at(100)));
}

// A gap of a millisecond counts, whoever reports it first.
static void test_every_instant(void **state)
{
	struct fixture *x = *state;

	both(x, 61, A1, "north-4", true); // B's word comes later, and is of an earlier time
	both(x, 60, A1, "north-4", false);
	both(x, 10, A1, "north-4", true);
	both(x, 10, B, "north-4", true);
	assert_fewest(x, 20, 50, 2, 20);
	assert_fewest(x, 20, 100, 1, 60);
	assert_fewest(x, 60, 60, 1, 60); // what happens at the instant counts
	assert_fewest(x, 61, 100, 2, 61);
	assert_false(census_has_any(x->c, SITE_A, at(60)));
	assert_true(census_has_all(x->c, SITE_A, at(61)));
}

// Of two prefixes the one that fewer sites announce counts.
static void test_prefixes(void **state)
{
	struct fixture *x = *state;

	both(x, 10, B, "north-4", true);
	census_note(x->c, at(20), B, "north-4", x->v6, false);
	assert_fewest(x, 10, 30, 0, 20);
	assert_true(census_has_any(x->c, SITE_B, at(30)));
	assert_false(census_has_all(x->c, SITE_B, at(30)));
}

// A site goes with its last node, and that with its last upstream.
static void test_nodes_and_upstreams(void **state)
{
	struct fixture *x = *state;

	both(x, 10, A1, "north", true);
	both(x, 10, A1, "south", true);
	both(x, 10, A2, "north", true);
	both(x, 20, A2, "north", false);
	census_note(x->c, at(30), A1, "north", NULL, false); // the session went
	assert_true(census_has_all(x->c, SITE_A, at(35)));
	census_note(x->c, at(40), A1, NULL, NULL, false); // the daemon went
	assert_false(census_has_any(x->c, SITE_A, at(40)));
	assert_false(census_has_any(x->c, SITE_B, at(40)));
}

static void test_other_prefixes(void **state)
{
	struct fixture *x = *state;
	struct ip_prefix other;

	assert_int_equal(prefix_parse(&other, "192.0.2.0/24"), 0);
	census_note(x->c, at(10), B, "north", &other, true);
	assert_false(census_has_any(x->c, SITE_B, at(20)));
}

#define AT "2026-11-23 07:00:20.720 <TRACE> "

static void test_lines_of_tables(void **)
{
	static const struct {
		const char *line, *node, *prefix;
		bool on;
	} rows[] = {
		{ AT "fra1-4.ipv4 > added [best] 198.51.100.0/24 0L 7G unicast", "fra1",
			"198.51.100.0/24", true },
		{ AT "ams1-a-6.ipv6 > added 2001:db8:53::/48 0L 6G unicast", "ams1-a",
			"2001:db8:53::/48", true },
		{ AT "fra1-4.ipv4 > updated [best] 198.51.100.0/24 0L 7G unicast", "fra1",
			"198.51.100.0/24", true },
		{ AT "fra1-4.ipv4 > removed [replaced] 198.51.100.0/24 0L 7G unicast", "fra1",
			"198.51.100.0/24", false },
		{ AT "fra1-4.ipv4 > removed 198.51.100.0/24 0L 7G unicast", "fra1",
			"198.51.100.0/24", false },
		// To the site, not from it; turned away; of something else.
		{ AT "fra1-4.ipv4 < added 198.51.100.0/24 0L 10G unicast", NULL, NULL, false },
		{ AT "fra1-4.ipv4 > filtered out 198.51.100.0/24 0L 7G unicast", NULL, NULL,
			false },
		{ AT "fra1-4: BGP session established", NULL, NULL, false },
		{ AT "kernel4.ipv4 > added 198.51.100.0/24 0L 7G unicast", NULL, NULL, false },
		{ AT "fra1-4.ipv4 > added nowhere", NULL, NULL, false },
		{ AT "fra1-4.ipv4 > added", NULL, NULL, false },
		{ AT, NULL, NULL, false },
		{ "2026-11-23 07:00:17.531 <INFO> Started", NULL, NULL, false },
		{ "", NULL, NULL, false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct table_line t = { .time_us = 7 };
		char prefix[PREFIX_TEXT];
		bool read = table_line_read(rows[i].line, &t);
		assert_int_equal(read, rows[i].node != NULL);
		if (!read) {
			assert_int_equal(t.time_us, 7);
			continue;
		}
		assert_string_equal(t.node, rows[i].node);
		assert_string_equal(prefix_print(&t.prefix, prefix), rows[i].prefix);
		assert_int_equal(t.on, rows[i].on);
		assert_int_equal(t.time_us % 1000000, 720000);
	}
}

int main(void)
{
#define WITH_CENSUS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_CENSUS(test_nobody),
		WITH_CENSUS(test_every_instant),
		WITH_CENSUS(test_prefixes),
		WITH_CENSUS(test_nodes_and_upstreams),
		WITH_CENSUS(test_other_prefixes),
		cmocka_unit_test(test_lines_of_tables),
	};

	return cmocka_run_group_tests_name("lab_census", tests, NULL, NULL);
}
