// The fleet of nearcast.yaml: its sessions, what a node needs to be part of one, and what services
// say to it.
#include <string.h>

#include "test/conf/loading.h"

#define NODE        "site: {name: fra1}\nas: 64500\nnode: {name: fra1-a, id: 11, address: 192.0.2.11}\n"
#define PEERS       "fleet:\n- {name: rr1, address: 192.0.2.250}\n"
#define WITH(text)  NODE PEERS "services:\n- {name: dns, " PLACES ", " text "}\n"
#define FLEET(text) NODE SVC "fleet:\n- {" text "}\n"

static void test_defaults(void **)
{
	struct conf *c = load(NODE SVC PEERS);
	const struct conf_upstream *u = c->fleet.data;
	const struct conf_service *s = c->services.data;

	assert_int_equal(c->fleet.count, 1);
	assert_true(u->fleet);
	assert_int_equal(u->as, 64500);
	assert_int_equal(u->port, 179);
	assert_int_equal(u->hold_time.us, span_s(9).us);
	assert_int_equal(u->families, BGP_FAMILY_ALL);
	assert_int_equal(u->add_path, CONF_ADD_PATH_RECEIVE);
	assert_true(u->no_llgr);
	assert_false(u->has_reflector);
	assert_true(s->guard.min_sites.share);
	assert_int_equal(s->guard.min_sites.value, 50);
	assert_int_equal(s->guard.isolated, CONF_ISOLATED_HOLD);
	assert_int_equal(s->guard.wait.us, span_s(1).us);
	assert_int_equal(s->guard.priority, 100);
	assert_false(s->guard.has_capacity);
	assert_null(s->guard.load_file);
	conf_free(&c);
}

static void test_given(void **)
{
	struct conf *c = load(
		NODE "fleet:\n- {name: rr1, address: \"2001:db8::250\", as: 64500, reflector: yes, "
		     "hold-time: 30s, port: 1790, passive: yes, ttl-security: 1, bfd: {}}\n"
		     "- {name: n2, address: 192.0.2.12, reflector: no, bfd: {}}\n"
		     "services:\n- {name: dns, " PLACES ", min-sites: 3, isolated: withdraw, "
		     "guard-wait: 0, priority: 0, capacity: 4294967295, load-file: /run/load}\n");
	const struct conf_upstream *u = c->fleet.data;
	const struct conf_service *s = c->services.data;

	assert_true(u[0].has_reflector && u[0].reflector);
	assert_true(u[1].has_reflector && !u[1].reflector);
	assert_false(u[0].bfd.multihop);
	assert_true(u[1].bfd.multihop);
	assert_false(s->guard.min_sites.share);
	assert_int_equal(s->guard.min_sites.value, 3);
	assert_int_equal(s->guard.isolated, CONF_ISOLATED_WITHDRAW);
	assert_int_equal(s->guard.wait.us, 0);
	assert_int_equal(s->guard.priority, 0);
	assert_int_equal(s->guard.capacity, 4294967295);
	assert_string_equal(s->guard.load_file, "/run/load");
	conf_free(&c);
}

// What is printed loads again to the same print, with a fleet and without one.
static void test_print(void **)
{
	static const char *const rows[] = {
		GOOD,
		NODE SVC PEERS,
		WITH("min-sites: 34%, isolated: withdraw, guard-wait: 2s, priority: 7, "
		     "capacity: 5, load-file: /run/load"),
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct strbuf first = {}, second = {};
		struct conf *c = load(rows[i]);
		conf_print(c, &first);
		conf_free(&c);
		c = load(sb_text(&first));
		conf_print(c, &second);
		conf_free(&c);
		assert_string_equal(sb_text(&first), sb_text(&second));
		assert_int_equal(!!strstr(sb_text(&first), "min-sites: 34%"), i == 2);
		sb_free(&first);
		sb_free(&second);
	}
}

#define LONG "a2345678901234567890123456789012" // 32

static const struct bad bad_fleets[] = {
	{ FLEET("address: 192.0.2.250"), "7:3: `name` is missing in a peer of the fleet\n", NULL },
	{ FLEET("name: rr1"), "7:3: `address` is missing in a peer of the fleet\n", NULL },
	{ FLEET("name: rr1, address: 192.0.2.250, as: 64501"),
		"7:41: fleet peer `rr1` is in another AS: sessions of the fleet are internal\n",
		"expected the own AS, or no `as:` at all" },
	{ FLEET("name: rr1, address: 192.0.2.250, multihop: yes"),
		"7:37: unknown key `multihop` in a peer of the fleet\n", NULL },
	{ FLEET("name: rr1, address: \"fe80::1\""), "7:24: fe80::1 cannot be a fleet peer\n",
		NULL },
	{ FLEET("name: rr1, address: 192.0.2.11"),
		"7:24: fleet peer `rr1` has this node's own address 192.0.2.11\n", NULL },
	{ FLEET("name: rr1, address: 198.51.100.1"),
		"7:24: address 198.51.100.1 of fleet peer `rr1` is inside a prefix of service "
		"`dns`\n",
		NULL },
	{ FLEET("name: rr1, address: 192.0.2.250, hold-time: 1s"),
		"7:48: `hold-time` of fleet peer `rr1` is refused\n", NULL },
	{ FLEET("name: a, address: 192.0.2.1}\n- {name: a, address: 192.0.2.1"),
		"8:10: two fleet peers are named `a`\n"
		"8:22: fleet peers `a` and `a` have the same address 192.0.2.1\n",
		NULL },
	{ FLEET("name: a, address: 192.0.2.1}\nupstreams:\n- {name: a, address: 192.0.2.1, as: "
		"1"),
		"7:10: two neighbours are named `a`\n"
		"7:22: neighbours `a` and `a` have the same address 192.0.2.1\n",
		NULL },
	{ TOP SVC PEERS,
		"1:1: a node of a fleet needs a number\n"
		"5:25: the node has no address to tell the fleet for 198.51.100.0/24\n",
		"expected `id:` in `node:`" },
	{ "site: {name: " LONG "3}\nas: 64500\nnode: {id: 1, address: 192.0.2.11}\n" SVC PEERS,
		"1:14: `" LONG "3` is too long for a site of a fleet\n",
		"expected at most 32 characters" },
	{ "site: {name: a}\nas: 64500\nnode: {name: " LONG
	  "3, id: 1, address: 192.0.2.11}\n" SVC PEERS,
		"3:14: `" LONG "3` is too long for a node of a fleet\n", NULL },
	{ NODE PEERS "services:\n- {name: dns, prefixes: [198.51.100.0/24, \"2001:db8::/48\"], "
		     "addresses: 198.51.100.53}\n",
		"7:43: the node has no address to tell the fleet for 2001:db8::/48\n",
		"expected an IPv6 address in `address:` of `node:`" },
};

static const struct bad bad_services[] = {
	{ SERVICE(PLACES ", min-sites: 50%"), "5:68: `min-sites` of service `dns` needs a fleet\n",
		"expected `fleet:` too: without it this node decides alone" },
	{ SERVICE(PLACES ", priority: 1"), "5:68: `priority` of service `dns` needs a fleet\n",
		NULL },
	{ SERVICE(PLACES ", load-file: /run/load"),
		"5:68: `load-file` of service `dns` needs a fleet\n", NULL },
	{ WITH("min-sites: 0%"), "7:79: `min-sites` cannot be `0%`\n",
		"expected a number of sites from 0 to 4095, or a share of them from 1% to 100%" },
	{ WITH("min-sites: 101%"), "7:79: `min-sites` cannot be `101%`\n", NULL },
	{ WITH("min-sites: 4096"), "7:79: `min-sites` cannot be `4096`\n", NULL },
	{ WITH("min-sites: half"), "7:79: `min-sites` cannot be `half`\n", NULL },
	{ WITH("isolated: maybe"), "7:78: `isolated` cannot be `maybe`\n", NULL },
	{ WITH("guard-wait: 61s"), "7:80: `guard-wait` cannot be `61s`\n", NULL },
	{ WITH("priority: 65536"), "7:78: `priority` cannot be `65536`\n", NULL },
	{ WITH("capacity: 0"), "7:78: `capacity` cannot be `0`\n", NULL },
	{ WITH("load-file: load"), "7:79: `load-file` cannot be `load`\n",
		"expected an absolute path" },
	{ WITH("announce: {up: {communities: [64500:9000:1]}}"),
		"7:97: 64500:9000:1 is one of the fleet's own communities\n", NULL },
	{ WITH("announce: {draining: {communities: [64500:9099:1]}}"),
		"7:103: 64500:9099:1 is one of the fleet's own communities\n", NULL },
	{ "site-tag: 64500:9001:1\n" NODE SVC PEERS,
		"1:11: `site-tag` is one of the fleet's own communities\n", NULL },
};

static void test_bad_fleets(void **)
{
	check_rows(bad_fleets, countof(bad_fleets));
}

static void test_bad_services(void **)
{
	check_rows(bad_services, countof(bad_services));
}

// Neighbours of the forbidden range, and another AS, are free.
static void test_communities_beside(void **)
{
	struct conf *c = load(WITH("announce: {up: {communities: [64500:8999:1, 64500:9100:1, "
				   "64501:9000:1]}}"));

	conf_free(&c);
	c = load("services:\n- {name: dns, " PLACES
		 ", announce: {up: {communities: [64500:9000:1]}}}\n" TOP);
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_bad_fleets),
		cmocka_unit_test(test_bad_services),
		cmocka_unit_test(test_communities_beside),
	};

	return cmocka_run_group_tests_name("conf fleet", tests, loading_begin, loading_end);
}
