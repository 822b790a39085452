// Fleets in scenarios: reflectors, nodes of one site, who has sessions with whom.
#include "test/unit.h"

#include <errno.h>
#include <string.h>

#include "lab/config.h"
#include "lab/heard.h"
#include "lib/mem.h"

#define TOP                                                                                        \
	"title: Fleet\n"                                                                           \
	"networks: [{name: north, as: 64496, city: Oslo, lat: 59.9, lon: 10.7, multipath: yes}]\n" \
	"sites:\n"                                                                                 \
	"  - {name: a1, site: a, city: Oslo, lat: 59, lon: 10, upstreams: [{network: north}]}\n"   \
	"  - {name: a2, site: a, city: Oslo, lat: 59, lon: 10, upstreams: [{network: north}]}\n"   \
	"  - {name: b, city: Oslo, lat: 59, lon: 10, upstreams: [{network: north}]}\n"             \
	"  - {name: origin, city: Oslo, lat: 59, lon: 10, announcer: none, upstreams: [{network: " \
	"north}]}\n"                                                                               \
	"reflectors:\n"                                                                            \
	"  - {name: rr1, network: north}\n"                                                        \
	"  - {name: rr2, network: north, kind: frr, city: Rome, lat: 41.9, lon: 12.5}\n"           \
	"clients: [{name: oslo, network: north, ports: 16}]\n"                                     \
	"nearcast: |\n"                                                                            \
	"  services: [] # ${site} ${origin.address4}\n"                                            \
	"start: [{clients: oslo, site: a, nodes: [a1, a2]}]\n"
#define REFLECTORS "fleet: reflectors\n"
#define TIMELINE                                                                                 \
	"timeline:\n"                                                                            \
	"  - {at: 0s, event: block, target: [a1/rr1, rr1/rr2], min-announced: 2}\n"              \
	"  - {at: 1s, event: reconfigure, target: [a1, b], replace: x, with: y, announced: b}\n" \
	"  - {at: 2s, event: kill, target: [rr2/bgpd, rr1/bird, origin/dns]}\n"                  \
	"  - {at: 3s, event: run, target: rr1, command: [true], retry: yes, show: yes}\n"

struct fixture {
	struct scenario *s;
	struct topology *t;
};

static struct fixture make(const char *text)
{
	struct fixture x = {};
	struct faults *f = mem_zalloc(sizeof(*f));

	if (scenario_load_text(&x.s, "fleet.yaml", text, strlen(text), f) < 0) {
		own(sb_free) struct strbuf b = {};
		faults_print(f, &b);
		fail_msg("%s", sb_text(&b));
	}
	free(f);
	assert_int_equal(topology_new(&x.t, x.s), 0);
	return x;
}

static void fixture_free(struct fixture *x)
{
	topology_free(&x->t);
	scenario_free(&x->s);
}

// "a1-rr1 a1-rr2 ...", as the topology has them.
static void assert_sessions(const char *text, const char *expected)
{
	own(fixture_free) struct fixture x = make(text);
	own(sb_free) struct strbuf b = {};

	for (size_t i = 0; i < x.t->fleet_count; i++)
		sb_printf(
			&b, "%s%s-%s", i ? " " : "", x.t->fleet[i].a->name, x.t->fleet[i].b->name);
	assert_string_equal(sb_text(&b), expected);
}

static void test_sessions(void **)
{
	assert_sessions(TOP, "rr1-rr2");
	assert_sessions(TOP REFLECTORS, "a1-rr1 a1-rr2 a2-rr1 a2-rr2 b-rr1 b-rr2 rr1-rr2");
	assert_sessions(TOP "fleet: mesh\n", "a1-a2 a1-b a2-b rr1-rr2");
}

static char *replace(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);
	struct strbuf b = {};

	assert_non_null(at);
	sb_add(&b, text, (size_t)(at - text));
	sb_str(&b, new);
	sb_str(&b, at + strlen(old));
	return sb_take(&b);
}

// A node's own list stands in place of the scenario's; the other end has the session too.
static void test_own_list(void **)
{
	own(free_ptr) char *text =
		replace(TOP REFLECTORS, "{name: b,", "{name: b, fleet: [rr2, a1],");

	assert_sessions(text, "a1-b a1-rr1 a1-rr2 a2-rr1 a2-rr2 b-rr2 rr1-rr2");
}

static void test_names(void **)
{
	own(fixture_free) struct fixture x = make(TOP REFLECTORS TIMELINE);
	const struct scn_step *steps = x.s->timeline.data;

	assert_int_equal(x.s->site_names.count, 2);
	assert_int_equal(scenario_site(x.s, "a"), 0);
	assert_int_equal(scenario_site(x.s, "b"), 1);
	assert_int_equal(scenario_site(x.s, "a1"), -1);
	assert_int_equal(scenario_site(x.s, "origin"), -1);
	assert_int_equal(scenario_node(x.s, "a2"), 1);
	assert_int_equal(scenario_reflector(x.s, "rr2"), 1);
	assert_true(steps[0].has_min_announced && steps[0].min_announced == 2);
	assert_true(steps[1].has_announced && steps[1].announced.count == 1);
	assert_true(steps[3].retry && steps[3].show);
}

static const struct {
	const char *old, *new, *fault;
} bad[] = {
	{ "site: a, city", "site: b, city", "`a1` is no node of that site" },
	{ "{name: b,", "{name: b, site: a1,", "`a1` is a node of another site" },
	{ "{name: b,", "{name: b, fleet: [rr3],", "`rr3` is no fleet peer" },
	{ "{name: b,", "{name: b, fleet: [origin],", "`origin` is no fleet peer" },
	{ "{name: b,", "{name: b, fleet: [b],", "`b` is its own fleet peer" },
	{ "{name: b,", "{name: b, fleet: [rr1], announcer: bird,", "`b` has no nearcastd" },
	{ "nodes: [a1, a2]", "nodes: [a1, b]", "`b` is no node of that site" },
	{ "nodes: [a1, a2]", "nodes: [a1, a3]", "no node is called `a3`" },
	{ "site: a, nodes", "site: a1, nodes", "no site is called `a1`" },
	{ "{name: rr2,", "{name: rr1,", "the name `rr1` is given 2 times" },
	{ "{name: rr2, network: north", "{name: rr2, network: nort", "no network is called" },
	{ "a1/rr1", "a1/a1", "there are no such hosts: `a1/a1`" },
	{ "a1/rr1", "a1/north", "there are no such hosts: `a1/north`" },
	{ "target: [a1, b]", "target: [a1, origin]", "`origin` has no nearcastd" },
	{ ", with: y", "", "`reconfigure` needs `replace` and `with`" },
	{ "[rr2/bgpd,", "[rr2/bird,", "there is no service `rr2/bird`" },
	{ "origin/dns]", "origin/nearcastd]", "there is no service `origin/nearcastd`" },
	{ "target: rr1, command", "target: [rr1, rr2], command", "`run` takes one target" },
	{ "[rr2/bgpd, rr1/bird, origin/dns]", "rr1/bird, heard-within: 1s",
		"`rr1/bird` is no node with nearcastd" },
	{ "announced: b", "announced: b1", "no site is called `b1`" },
	{ ", with: y", ", with: y, retry: yes", "`retry` and `show` are for `run` only" },
};

static void test_refuses(void **)
{
	for (size_t i = 0; i < countof(bad); i++) {
		own(free_ptr) char *text = replace(TOP REFLECTORS TIMELINE, bad[i].old, bad[i].new);
		own(sb_free) struct strbuf printed = {};
		struct faults *f = mem_zalloc(sizeof(*f));
		struct scenario *s = NULL;
		int rc = scenario_load_text(&s, "fleet.yaml", text, strlen(text), f);

		faults_print(f, &printed);
		if (rc == 0 || s || !strstr(sb_text(&printed), bad[i].fault))
			fail_msg("wanted: %s\ngot %d: %s", bad[i].fault, rc, sb_text(&printed));
		faults_free(f);
		free(f);
	}
}

static void assert_has(const struct strbuf *b, const char *piece)
{
	if (!strstr(sb_text(b), piece))
		fail_msg("no \"%s\" in:\n%s", piece, sb_text(b));
}

static void test_bird_reflector(void **)
{
	own(fixture_free) struct fixture x = make(TOP REFLECTORS);
	own(sb_free) struct strbuf b = {};

	config_bird_reflector(x.s, x.t, topology_node(x.t, "rr1"), &b);
	assert_has(&b, "router id 198.18.1.11;");
	assert_has(&b, "\trr client;\n\tpassive yes;\n");
	assert_has(&b, "\t\tadd paths on;\n");
	assert_has(&b, "\tif (64500, 9000, 1) ~ bgp_large_community then accept;\n");
	assert_has(&b, "protocol bgp 'a1' from node { neighbor 198.18.1.3 as 64500; }\n");
	assert_has(&b, "protocol bgp 'rr2' from reflector { neighbor 198.18.1.13 as 64500; }\n");
	assert_null(strstr(sb_text(&b), "'origin'"));
}

static void test_frr_reflector(void **)
{
	own(fixture_free) struct fixture x = make(TOP REFLECTORS);
	own(sb_free) struct strbuf b = {};

	config_frr_reflector(x.s, x.t, topology_node(x.t, "rr2"), &b);
	assert_has(&b, "router bgp 64500\n bgp router-id 198.18.1.13\n");
	assert_has(&b, " coalesce-time 0\n");
	assert_has(&b, " neighbor 198.18.1.7 peer-group nodes\n");
	assert_has(&b, " neighbor 198.18.1.11 peer-group reflectors\n");
	assert_has(&b, "  neighbor nodes route-reflector-client\n"
		       "  neighbor nodes addpath-tx-all-paths\n"
		       "  neighbor nodes route-map fleet in\n");
}

static void test_nearcast_yaml(void **)
{
	own(fixture_free) struct fixture x = make(TOP REFLECTORS);
	own(fixture_free) struct fixture mesh = make(TOP "fleet: mesh\n");
	own(sb_free) struct strbuf b = {}, m = {}, error = {};

	assert_int_equal(config_nearcast(x.s, x.t, topology_node(x.t, "a2"), "/w", &b, &error), 0);
	assert_has(&b, "site: {name: a, city");
	assert_has(&b, "node: {name: a2, id: 2, address: [198.18.1.5, ");
	assert_has(&b, "listen-port: 0\n");
	assert_has(&b, "fleet:\n  - {name: rr1, address: 198.18.1.11, ");
	assert_has(&b, "  - {name: rr2, address: 198.18.1.13, ");
	assert_has(&b, "services: [] # a 198.18.1.9\n");

	assert_int_equal(
		config_nearcast(mesh.s, mesh.t, topology_node(mesh.t, "a2"), "/w", &m, &error), 0);
	assert_has(&m, "listen-port: 179\n");
	assert_has(&m, "fleet:\n  - {name: a1, address: 198.18.1.3, ");
	assert_null(strstr(sb_text(&m), "rr1"));
}

static void test_unknown_variables(void **)
{
	static const char *const texts[] = { "${rr9.address4}", "${a1.dir}", "${.address4}", "${a1",
		"${}" };

	for (size_t i = 0; i < countof(texts); i++) {
		own(free_ptr) char *text = replace(TOP, "${site}", texts[i]);
		own(fixture_free) struct fixture x = make(text);
		own(sb_free) struct strbuf b = {}, error = {};
		int rc = config_nearcast(x.s, x.t, topology_node(x.t, "b"), "/w", &b, &error);
		assert_int_equal(rc, -EINVAL);
		assert_has(&error, "nearcast.yaml of b: unknown variable");
	}
}

static void test_router(void **)
{
	own(fixture_free) struct fixture x = make(TOP REFLECTORS);
	own(sb_free) struct strbuf b = {};

	config_bird_router(x.s, x.t, topology_node(x.t, "north"), &b);
	assert_has(&b, "protocol kernel kernel4 { merge paths yes; ipv4");
	assert_has(&b, "protocol bgp 'a1-4'");
	assert_null(strstr(sb_text(&b), "'origin-4'"));
	assert_null(strstr(sb_text(&b), "'rr1-4'"));
}

// A host that others depend on answers at its own addresses.
static void test_plain_server(void **)
{
	own(fixture_free) struct fixture x = make(TOP);
	own(sb_free) struct strbuf b = {};

	config_nsd(x.s, topology_node(x.t, "origin"), "/w", &b);
	assert_has(&b, "ip-address: 198.18.1.9\n\tip-address: 2001:db8:1001:4::2\n");
	assert_null(strstr(sb_text(&b), "198.51.100.53"));
}

// Two reflectors 10 ms and 25 ms away from everybody else; nodes do not pass news on.
#define FAR                                                                                        \
	"title: Far\n"                                                                             \
	"networks:\n"                                                                              \
	"  - {name: n, as: 64496, city: Oslo, lat: 59.9, lon: 10.7}\n"                             \
	"  - {name: m, as: 64497, city: Oslo, lat: 59.9, lon: 10.7}\n"                             \
	"  - {name: o, as: 64498, city: Oslo, lat: 59.9, lon: 10.7}\n"                             \
	"links:\n"                                                                                 \
	"  - {a: n, b: m, relation: peer, delay: 10ms}\n"                                          \
	"  - {a: n, b: o, relation: peer, delay: 25ms}\n"                                          \
	"sites:\n"                                                                                 \
	"  - {name: a, city: Oslo, lat: 59.9, lon: 10.7, upstreams: [{network: n, delay: 1ms}]}\n" \
	"  - {name: b, city: Oslo, lat: 59.9, lon: 10.7, upstreams: [{network: n, delay: 2ms}]}\n" \
	"  - {name: c, city: Oslo, lat: 59.9, lon: 10.7, fleet: [%s], upstreams: [{network: "      \
	"n}]}\n"                                                                                   \
	"reflectors: [{name: r1, network: m}, {name: r2, network: o}]\n"                           \
	"fleet: reflectors\n"                                                                      \
	"clients: [{name: oslo, network: n}]\n"                                                    \
	"nearcast: x\n"                                                                            \
	"start: [{clients: oslo, site: a}]\n"

static void test_delay_of_news(void **)
{
	static const struct {
		const char *fleet_of_c;
		int64_t a_b, a_c; // microseconds
	} rows[] = {
		{ "r1", 1000 + 10000 + 10000 + 2000, 1000 + 10000 + 10000 },
		{ "r2", 1000 + 10000 + 10000 + 2000, 1000 + 25000 + 25000 },
		{ "a, b", 1000 + 10000 + 10000 + 2000, 1000 },
		{ "b", 1000 + 10000 + 10000 + 2000, INT64_MAX },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		own(sb_free) struct strbuf text = {};
		sb_printf(&text, FAR, rows[i].fleet_of_c);
		own(fixture_free) struct fixture x = make(sb_text(&text));
		const struct lab_node *a = topology_node(x.t, "a");
		assert_int_equal(heard_delay(x.t, a, topology_node(x.t, "b")).us, rows[i].a_b);
		assert_int_equal(heard_delay(x.t, a, topology_node(x.t, "c")).us, rows[i].a_c);
		assert_int_equal(heard_delay(x.t, a, a).us, 0);
	}
}

static void test_reads_news(void **)
{
	static const char good[] =
		"{\"ok\":true,\"result\":{\"fleet\":[{\"node\":\"a\",\"since_seconds\":0.125,"
		"\"lost\":false},{\"node\":\"b\",\"since_seconds\":3,\"lost\":true},"
		"{\"node\":\"c\"}]}}\n";
	double seconds = 7;

	assert_int_equal(heard_read(good, strlen(good), "a", &seconds), 0);
	assert_true(seconds == 0.125);
	assert_int_equal(heard_read(good, strlen(good), "b", &seconds), -ENOENT); // lost
	assert_int_equal(heard_read(good, strlen(good), "c", &seconds), -EBADMSG);
	assert_int_equal(heard_read(good, strlen(good), "d", &seconds), -ENOENT);
	assert_int_equal(heard_read(good, 20, "a", &seconds), -EBADMSG);
	assert_int_equal(heard_read("{}", 2, "a", &seconds), -EBADMSG);
	assert_true(seconds == 0.125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delay_of_news),
		cmocka_unit_test(test_reads_news),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_own_list),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_bird_reflector),
		cmocka_unit_test(test_frr_reflector),
		cmocka_unit_test(test_nearcast_yaml),
		cmocka_unit_test(test_unknown_variables),
		cmocka_unit_test(test_router),
		cmocka_unit_test(test_plain_server),
	};

	return cmocka_run_group_tests_name("lab_fleet", tests, NULL, NULL);
}
