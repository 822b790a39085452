#include "test/unit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lab/config.h"
#include "lab/geo.h"
#include "lab/graph.h"
#include "lib/mem.h"
#include "test/lab/small.h"

struct fixture {
	struct scenario *s;
	struct topology *t;
};

static int set_up(void **state)
{
	struct fixture *x = mem_zalloc(sizeof(*x));
	struct faults *f = mem_zalloc(sizeof(*f));

	assert_int_equal(scenario_load_text(&x->s, "small.yaml", SMALL, strlen(SMALL), f), 0);
	assert_int_equal(topology_new(&x->t, x->s), 0);
	free(f);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	topology_free(&x->t);
	scenario_free(&x->s);
	free(x);
	return 0;
}

// Distances as every atlas has them, to half a percent.
static void test_great_circle(void **)
{
	static const struct {
		struct geo_point a, b;
		double km;
	} rows[] = {
		{ { 50.11, 8.68 }, { 50.11, 8.68 }, 0 },
		{ { 50.11, 8.68 }, { 40.71, -74.01 }, 6204 },    // Frankfurt, New York
		{ { 35.68, 139.69 }, { 37.77, -122.42 }, 8270 }, // over the date line
		{ { 90, 0 }, { -90, 0 }, 20015 },
		{ { 0, 179 }, { 0, -179 }, 222.4 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		double km = geo_distance_km(rows[i].a, rows[i].b);
		assert_true(fabs(km - rows[i].km) <= rows[i].km * 0.005);
		assert_int_equal(geo_delay(rows[i].a, rows[i].b).us, (int64_t)(km * 1.4 / 0.2));
	}
}

static void assert_address(const struct ip_addr *a, const char *text)
{
	char buf[IP_TEXT];

	assert_string_equal(ip_print(a, buf), text);
}

static void test_addresses(void **state)
{
	const struct fixture *x = *state;
	const struct lab_link *core = topology_link(x->t, "north", "south");
	const struct lab_link *edge = topology_link(x->t, "rome", "south");
	const struct lab_node *site = topology_node(x->t, "osl1");

	assert_int_equal(x->t->node_count, 6);
	assert_int_equal(x->t->link_count, 6);
	assert_address(&core->a.address4, "203.0.113.0");
	assert_address(&core->b.address6, "2001:db8:0:1::2");
	assert_address(&topology_node(x->t, "south")->address4, "198.18.2.1");
	assert_address(&site->address4, "198.18.1.3");
	assert_address(&site->address6, "2001:db8:1001:1::2");
	assert_address(&edge->a.address4, "198.18.2.6"); // after both sites
	assert_address(&edge->b.address4, "198.18.2.7");
	assert_string_equal(edge->a.ifname, "rome");
	assert_string_equal(edge->b.ifname, "south");
}

static void test_relations(void **state)
{
	const struct fixture *x = *state;
	const struct lab_node *south = topology_node(x->t, "south");
	const struct lab_link *up = topology_link(x->t, "north", "south");
	const struct lab_link *peer = topology_link(x->t, "osl1", "south");

	assert_int_equal(link_relation_at(up, south), RELATION_PROVIDER);
	assert_int_equal(link_relation_at(up, topology_node(x->t, "north")), RELATION_CUSTOMER);
	assert_int_equal(link_relation_at(peer, south), RELATION_PEER);
	assert_int_equal(
		link_relation_at(topology_link(x->t, "rom1", "south"), south), RELATION_CUSTOMER);
	assert_int_equal(up->delay.us, 20000);
	assert_int_equal(topology_link(x->t, "rome", "south")->delay.us, 0); // same place
	assert_null(link_end_at(up, topology_node(x->t, "osl1")));
	assert_null(topology_link(x->t, "rome", "north"));
}

static void assert_has(const struct strbuf *b, const char *piece)
{
	if (!strstr(sb_text(b), piece))
		fail_msg("no \"%s\" in:\n%s", piece, sb_text(b));
}

static void test_router_policy(void **state)
{
	const struct fixture *x = *state;
	own(sb_free) struct strbuf b = {};

	config_bird_router(x->s, x->t, topology_node(x->t, "south"), &b);
	assert_has(&b, "router id 198.18.2.1;");
	assert_has(&b, "route 198.18.2.0/24 blackhole;");
	assert_has(&b, "route 2001:db8:1002::/48 blackhole;");
	assert_has(&b, "protocol bgp 'north-4' {\n\tdescription \"provider north, AS 64496\";\n"
		       "\tlocal 203.0.113.0 as 64497;\n\tneighbor 203.0.113.1 as 64496;");
	assert_has(&b, "import filter { accept_from(50, 3); };\n\t\texport filter to_others;");
	assert_has(&b, "import filter { accept_from(100, 2); };\n\t\texport filter to_others;");
	assert_has(&b, "import filter { accept_from(200, 1); };\n\t\texport filter to_customer;");
	assert_null(strstr(sb_text(&b), "'rome-4'")); // clients speak no BGP
}

static void test_nearcast_yaml(void **state)
{
	const struct fixture *x = *state;
	own(sb_free) struct strbuf b = {}, error = {};
	const struct lab_node *site = topology_node(x->t, "osl1");

	assert_int_equal(config_nearcast(x->s, x->t, site, "/w/osl1", &b, &error), 0);
	assert_has(&b, "site: {name: osl1, city: \"Oslo\", lat: 59.9100, lon: 10.7500}\n");
	assert_has(&b, "control: /w/osl1/control\n");
	assert_has(&b, "name: north-4, address: \"198.18.1.2\", source: \"198.18.1.3\", as: 64496");
	assert_has(&b, "name: south-6, address: \"2001:db8:1002:1::1\"");
	assert_has(&b, "services: []  # at osl1, /w/osl1\n");
}

// Whoever brings a whole file keeps what it says.
static void test_own_nearcast_yaml(void **state)
{
	const struct fixture *x = *state;
	own(sb_free) struct strbuf b = {}, error = {};
	struct scn_site *scn = x->s->sites.data;

	scn->nearcast = arena_strdup(x->s->arena, "as: 64510\nupstreams: []\n");
	assert_int_equal(
		config_nearcast(x->s, x->t, topology_node(x->t, "osl1"), "/w", &b, &error), 0);
	assert_null(strstr(sb_text(&b), "as: 64500"));
	assert_null(strstr(sb_text(&b), "north-4"));
	assert_has(&b, "listen-port: 0\n");

	scn->nearcast = arena_strdup(x->s->arena, "x: ${nome}\n");
	assert_int_equal(config_nearcast(x->s, x->t, topology_node(x->t, "osl1"), "/w", &b, &error),
		-EINVAL);
	assert_has(&error, "unknown variable ${nome}");
}

static void test_graph(void **state)
{
	const struct fixture *x = *state;
	own(sb_free) struct strbuf b = {};

	graph_svg(x->s, x->t, &b);
	assert_has(&b, "<svg xmlns=");
	assert_has(&b, ">AS64497 Rome</text>");
	assert_has(&b, "<title>south - north, customer of, 20.0 ms</title>");
	assert_has(&b, "</svg>\n");
}

int main(void)
{
#define WITH_SMALL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_great_circle),
		WITH_SMALL(test_addresses),
		WITH_SMALL(test_relations),
		WITH_SMALL(test_router_policy),
		WITH_SMALL(test_nearcast_yaml),
		WITH_SMALL(test_own_nearcast_yaml),
		WITH_SMALL(test_graph),
	};

	return cmocka_run_group_tests_name("lab_topology", tests, NULL, NULL);
}
