#include "test/unit.h"

#include <string.h>

#include "lab/expect.h"
#include "lab/scenario.h"
#include "lib/mem.h"
#include "test/lab/small.h"

static struct scenario *load_small(void)
{
	struct faults *f = mem_zalloc(sizeof(*f));
	struct scenario *s = NULL;

	if (scenario_load_text(&s, "dir/small.yaml", SMALL, strlen(SMALL), f) < 0) {
		own(sb_free) struct strbuf b = {};
		faults_print(f, &b);
		fail_msg("%s", sb_text(&b));
	}
	free(f);
	return s;
}

static void test_loads(void **)
{
	own(scenario_free) struct scenario *s = load_small();
	const struct scn_link *link = s->links.data;
	const struct scn_site *sites = s->sites.data;
	const struct scn_client *clients = s->clients.data;
	const struct scn_step *steps = s->timeline.data;

	assert_string_equal(s->name, "small");
	assert_int_equal(s->site_as, 64500);
	assert_int_equal(link->relation, RELATION_PROVIDER);
	assert_int_equal(link->delay.us, 20000);
	assert_true(link->has_delay);
	assert_int_equal(sites[1].announcer, ANNOUNCER_BIRD);
	assert_int_equal(sites[1].dns, DNS_KNOT);
	assert_string_equal(clients[1].city, "Rome"); // the network's
	assert_int_equal(clients[1].family, CLIENT_BOTH);
	assert_int_equal(clients[0].interval.us, 5000);
	assert_int_equal(clients[0].timeout.us, 1000000);
	assert_int_equal(steps[0].settle.us, 1000000); // the scenario's
	assert_int_equal(steps[1].settle.us, 2000000);
	assert_int_equal(steps[2].command.count, 3);
}

// What replaces a piece of the scenario above, and the fault it leads to.
static const struct {
	const char *old, *new, *fault;
} bad[] = {
	{ "relation: provider,", "relation: boss,", "`relation` cannot be `boss`" },
	{ "{a: south, b: north", "{a: south, b: nord", "no network is called `nord`" },
	{ "{a: south, b: north", "{a: south, b: south", "a link from `south` to itself" },
	{ "as: 64497", "as: 64496", "AS 64496 is that of `north` too" },
	{ "as: 64497", "as: 64500", "AS 64500 is the sites'" },
	{ "{name: oslo,", "{name: north,", "the name `north` is given 2 times" },
	{ "{name: oslo,", "{name: a-name-of-16-xyz,", "`a-name-of-16-xyz` cannot name a node" },
	{ "network: north}\n", "network: west}\n", "no network is called `west`" },
	{ "network: north}\n", "network: north, lat: 1}\n", "one of `lat` and `lon` is missing" },
	{ "clients: oslo, site: osl1", "clients: rome, site: osl1", "`rome` is named twice" },
	{ "clients: oslo, site: osl1", "clients: rome, site: osl1",
		"nothing says who answers `oslo` at the start" },
	{ "clients: oslo, site: osl1", "clients: oslo, site: osl2", "no site is called `osl2`" },
	{ "target: rom1/bird", "target: rom1/nearcastd", "there is no service `rom1/nearcastd`" },
	{ "target: rom1/bird", "target: rom1", "there is no service `rom1`" },
	{ "target: north/osl1", "target: north/rom1", "there is no link `north/rom1`" },
	{ "target: rome,", "target: paris,", "there is no node `paris`" },
	{ ", command: [ping, -c1, 192.0.2.1]", "", "`run` needs a command" },
	{ "at: 1s", "at: 3s", "`at` is before the step above" },
	{ SMALL_NEARCAST, "", "`osl1` has no nearcast.yaml" },
	{ SMALL_NEARCAST, SMALL_NEARCAST "addresses: [192.0.2.1]\n",
		"192.0.2.1 is in none of the prefixes" },
	{ SMALL_NEARCAST, SMALL_NEARCAST "addresses: [198.51.100.1]\n",
		"the service has no IPv6 address for `rome`" },
	{ "announcer: bird, dns: knot", "announcer: bird, web: apache",
		"`web` cannot be `apache`" },
	{ "target: rom1/bird", "target: rom1/web", "there is no service `rom1/web`" },
	{ "event: kill\n    target: rom1/bird", "event: power-off\n    target: nowhere",
		"there is no node `nowhere`" },
	{ "event: kill\n", "event: kill\n    every: 100ms\n    times: 2\n",
		"`every` and `times` are for `reconfigure` only" },
	{ "event: kill\n    target: rom1/bird",
		"event: reconfigure\n    target: osl1\n    replace: a\n    with: b\n    times: 2",
		"`every` and `times` go together" },
	{ "event: kill\n    target: rom1/bird",
		"event: reconfigure\n    target: osl1\n    replace: a\n    with: b\n"
		"    every: 1s\n    times: 20",
		"the turns of `reconfigure` take longer than the step may" },
	{ "loss: 0.5", "loss: 0.5, backup: yes, relation: peer", "`relation` is given twice" },
};

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

static void test_refuses(void **)
{
	for (size_t i = 0; i < countof(bad); i++) {
		own(free_ptr) char *text = replace(SMALL, bad[i].old, bad[i].new);
		own(sb_free) struct strbuf printed = {};
		struct faults *f = mem_zalloc(sizeof(*f));
		struct scenario *s = NULL;
		int rc = scenario_load_text(&s, "small.yaml", text, strlen(text), f);

		faults_print(f, &printed);
		if (rc == 0 || s || !strstr(sb_text(&printed), bad[i].fault))
			fail_msg("wanted: %s\ngot %d: %s", bad[i].fault, rc, sb_text(&printed));
		faults_free(f);
		free(f);
	}
}

// Each at the value that is wrong.
static const struct {
	const char *old, *new, *place, *near;
} placed[] = {
	{ "b: north", "b: nort", ":6:5: no network is called `nort`", "did you mean `north`?" },
	{ "target: rom1/bird", "target: rom1/brid", ":25:13: there is no service `rom1/brid`",
		"did you mean `rom1/bird`?" },
	{ "target: north/osl1", "target: north/oslo1", ":28:40: there is no link `north/oslo1`",
		"did you mean `north/osl1`?" },
	{ "target: rome,", "target: romee,", ":30:34: there is no node `romee`",
		"did you mean `rome`?" },
	{ "event: kill\n    target: rom1/bird", "event: power-off\n    target: [rom1, osl2]",
		":25:13: there is no node `osl2`", "did you mean `osl1`?" },
	{ "event: kill\n", "event: kill\n    announced: [osl1, rom]\n", ": no site is called `rom`",
		"did you mean `rom1`?" },
};

static void test_faults_have_places(void **)
{
	for (size_t i = 0; i < countof(placed); i++) {
		own(free_ptr) char *text = replace(SMALL, placed[i].old, placed[i].new);
		own(sb_free) struct strbuf printed = {};
		struct faults *f = mem_zalloc(sizeof(*f));
		struct scenario *s = NULL;

		assert_true(scenario_load_text(&s, "small.yaml", text, strlen(text), f) < 0);
		faults_print(f, &printed);
		if (!strstr(sb_text(&printed), placed[i].place) ||
			!strstr(sb_text(&printed), placed[i].near))
			fail_msg("wanted: %s, %s\ngot: %s", placed[i].place, placed[i].near,
				sb_text(&printed));
		faults_free(f);
		free(f);
	}
}

static void test_targets(void **)
{
	char a[NODE_NAME_MAX + 1], b[SERVICE_NAME_MAX + 1];

	assert_true(target_split("fra1/dns", a, b));
	assert_string_equal(a, "fra1");
	assert_string_equal(b, "dns");
	assert_false(target_split("fra1", a, b));
	assert_false(target_split("/dns", a, b));
	assert_false(target_split("fra1/", a, b));
	assert_false(target_split("a-name-of-16-xyz/dns", a, b));
}

static void test_expectations_carry_over(void **)
{
	own(scenario_free) struct scenario *s = load_small();
	const struct scn_step *steps = s->timeline.data;
	struct expectation e[2];

	expect_resolve(s, &s->start, NULL, NULL, e);
	assert_int_equal(e[0].site, scenario_site(s, "osl1"));
	assert_int_equal(e[1].site, scenario_site(s, "rom1"));
	assert_false(e[0].has_max_lost);

	expect_resolve(s, &steps[0].expect, &steps[0].others_max_lost, e, e);
	assert_int_equal(e[0].site, scenario_site(s, "osl1")); // as before
	assert_true(e[0].has_max_lost && e[0].max_lost == 0);
	assert_false(e[0].named);
	assert_int_equal(e[1].site, scenario_site(s, "osl1"));
	assert_true(e[1].named && e[1].has_max_outage && e[1].max_lost == 3);

	expect_resolve(s, &steps[1].expect, NULL, e, e);
	assert_int_equal(e[0].site, SITE_NONE);
	assert_int_equal(e[1].site, SITE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_faults_have_places),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_expectations_carry_over),
	};

	return cmocka_run_group_tests_name("lab_scenario", tests, NULL, NULL);
}
