// nearcast.yaml: what it means, what is refused and where, and its canonical
// print.
#include "test/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/conf/loading.h"

// ---- What a file means ----

static void test_defaults(void **)
{
	struct conf *c = load(GOOD "upstreams: [{name: r1, address: 203.0.113.1, as: 64496}]\n");
	const struct conf_service *s = c->services.data;
	const struct conf_upstream *u = c->upstreams.data;

	assert_string_equal(c->site.name, "fra1");
	assert_string_equal(c->node.name, "fra1");
	assert_int_equal(c->node.id, 0);
	assert_int_equal(c->as, 64500);
	assert_int_equal(ip_to_u32(&c->router_id), 0xc000020b);
	assert_int_equal(c->listen_port, 179);
	assert_int_equal(c->listen.count, 0);
	assert_int_equal(c->stop_grace.us, 1000000);
	assert_string_equal(c->control, "/run/nearcast/control");
	assert_string_equal(c->readonly, "/run/nearcast/readonly");
	assert_string_equal(s->interface, "nearcast0");
	assert_true(s->manage_addresses);
	assert_int_equal(s->checks.count, 0);
	assert_int_equal(s->hold_down_first.us, span_s(20).us);
	assert_int_equal(s->hold_down_max.us, span_s(600).us);
	assert_true(span_is_zero(s->announce_after));
	assert_int_equal(u->port, 179);
	assert_int_equal(u->source.family, IP_NONE);
	assert_int_equal(u->hold_time.us, 90000000);
	assert_int_equal(u->connect_retry.us, 1000000);
	assert_false(u->passive);
	assert_false(u->multihop);
	assert_int_equal(u->ttl_security, 0);
	assert_int_equal(u->families, BGP_FAMILY_ALL);
	assert_false(u->has_role);
	assert_true(u->extended_messages);
	assert_false(u->extended_next_hop);
	assert_int_equal(u->add_path, 0);
	assert_int_equal(u->graceful_restart.us, 0);
	assert_false(u->no_llgr);
	assert_true(u->first_as);
	assert_int_equal(u->max_prefixes, 0);
	assert_int_equal(u->max_prefixes_restart.us, 600000000);
	assert_null(u->password);
	conf_free(&c);
	assert_null(c);
}

static void test_router_id_of_node(void **)
{
	struct conf *c = load("site: {name: fra1}\nas: 4200000000\n"
			      "node: {address: [\"2001:db8::1\", 192.0.2.9, 192.0.2.11]}\n" SVC);

	assert_int_equal(ip_to_u32(&c->router_id), 0xc0000209);
	assert_int_equal(c->as, 4200000000);
	assert_false(c->has_router_id);
	conf_free(&c);
}

static void test_announce_defaults(void **)
{
	struct conf *c = load(TOP "services:\n- name: dns\n  prefixes: 198.51.100.0/24\n"
				  "  addresses: 198.51.100.53\n"
				  "  announce: {up: {med: 5, prepend: 1, communities: "
				  "[no-export, 64500:7, 64500:7]}}\n");
	const struct conf_service *s = c->services.data;
	const struct bgp_community *up = s->up.communities.data;
	const struct bgp_community *draining = s->draining.communities.data;

	assert_int_equal(s->up.communities.count, 2);
	assert_int_equal(bgp_community_to_u32(&up[0]), 64500u << 16 | 7);
	assert_int_equal(s->degraded.prepend, 4);
	assert_true(s->degraded.has_med);
	assert_int_equal(s->degraded.med, 5);
	assert_int_equal(s->degraded.communities.count, 2);
	assert_int_equal(s->draining.prepend, 3);
	assert_int_equal(s->draining.communities.count, 3);
	assert_int_equal(bgp_community_to_u32(&draining[1]), 0xffff0000);
	conf_free(&c);
}

static void test_announce_given(void **)
{
	struct conf *c = load(TOP "services:\n- name: dns\n  prefixes: 198.51.100.0/24\n"
				  "  addresses: 198.51.100.53\n"
				  "  announce:\n    up: {prepend: 1, communities: 64500:1:2}\n"
				  "    degraded: {med: 0}\n"
				  "    draining: {prepend: 9, communities: [graceful-shutdown]}\n");
	const struct conf_service *s = c->services.data;

	assert_int_equal(s->degraded.prepend, 1);
	assert_true(s->degraded.has_med);
	assert_false(s->up.has_med);
	assert_int_equal(s->degraded.communities.count, 1);
	assert_int_equal(s->draining.prepend, 9);
	assert_int_equal(s->draining.communities.count, 2);
	conf_free(&c);
}

#define CHECKED(addresses, checks)                                                          \
	TOP "services:\n- name: dns\n  prefixes: [198.51.100.0/24, \"2001:db8:53::/48\"]\n" \
	    "  addresses: " addresses "\n  checks:\n" checks

// A check without a server becomes one for each address.
static void test_check_names(void **)
{
	static const char *const names[] = { "dns-1", "dns-2", "web", "probe-1", "probe-2", "dns",
		"address", "file-1", "file-2" };
	struct conf *c = load(CHECKED("[198.51.100.53, \"2001:db8:53::53\"]",
		"  - {kind: dns}\n"
		"  - {kind: http, url: \"http://198.51.100.53/\", name: web}\n"
		"  - {kind: tcp, port: 853, name: probe}\n"
		"  - {kind: tcp, port: 53, server: 198.51.100.53, name: dns}\n"
		"  - {kind: address}\n"
		"  - {kind: file, path: /run/a}\n"
		"  - {kind: file, path: /run/b, expect-absent: yes}\n"));
	const struct conf_service *s = c->services.data;
	const struct conf_check *k = s->checks.data;
	char text[IP_TEXT];

	assert_int_equal(s->checks.count, countof(names));
	for (size_t i = 0; i < countof(names); i++)
		assert_string_equal(k[i].name, names[i]);
	assert_string_equal(ip_print(&k[1].server, text), "2001:db8:53::53");
	assert_string_equal(ip_print(&k[3].server, text), "198.51.100.53");
	assert_int_equal(k[6].server.family, IP_NONE);
	conf_free(&c);
}

static void test_check_defaults(void **)
{
	struct conf *c = load(CHECKED("198.51.100.53", "  - {kind: dns}\n"
						       "  - {kind: exec, command: /bin/true}\n"));
	const struct conf_check *k = ((const struct conf_service *)c->services.data)->checks.data;

	assert_string_equal(k[0].name, "dns");
	assert_int_equal(k[0].timing.interval.us, 1000000);
	assert_int_equal(k[0].timing.fast_interval.us, 0);
	assert_int_equal(k[0].timing.timeout.us, 500000);
	assert_int_equal(k[0].timing.fall, 2);
	assert_int_equal(k[0].timing.rise, 3);
	assert_int_equal(k[0].timing.scope, HEALTH_SCOPE_SERVICE);
	assert_int_equal(k[0].port, 53);
	assert_string_equal(k[0].query, ".");
	assert_string_equal(k[0].type, "SOA");
	assert_string_equal(k[0].rcode, "NOERROR");
	assert_null(k[0].expect);
	assert_false(k[0].tcp);
	assert_string_equal(k[1].user, "nobody");
	assert_null(k[1].query);
	assert_int_equal(k[1].port, 0);
	conf_free(&c);
}

// ---- What is refused ----

static const struct bad bad_top[] = {
	{ "as: 1\nrouter-id: 1.1.1.1\n" SVC, "1:1: `site` is missing in the configuration\n",
		NULL },
	{ "site: {name: a}\nrouter-id: 1.1.1.1\n" SVC,
		"1:1: `as` is missing in the configuration\n",
		"expected `as:` with an AS number from 1 to 4294967295" },
	{ TOP, "1:1: `services` is missing in the configuration\n", NULL },
	{ TOP "services: []\n", "4:11: `services` needs at least 1 element\n", NULL },
	{ GOOD "upstrems: []\n", "6:1: unknown key `upstrems` in the configuration\n",
		"did you mean `upstreams`?" },
	{ GOOD "as: 1\n", "6:1: `as` is given twice\n", "first on line 2" },
	{ "site: {city: x}\nas: 1\nrouter-id: 1.1.1.1\n" SVC,
		"1:7: `name` is missing in the site\n", NULL },
	{ "site: {name: a b}\nas: 1\nrouter-id: 1.1.1.1\n" SVC,
		"1:14: `a b` is no name for a site\n", NULL },
	{ "site: {name: a, lat: 91, lon: 0}\nas: 1\nrouter-id: 1.1.1.1\n" SVC,
		"1:22: `lat` cannot be `91`\n", "expected a number from -90 to 90" },
	{ "site: {name: a, lat: 1, lon: -180.1}\nas: 1\nrouter-id: 1.1.1.1\n" SVC,
		"1:30: `lon` cannot be `-180.1`\n", "expected a number from -180 to 180" },
	{ "site: {name: a, lat: 50.11}\nas: 1\nrouter-id: 1.1.1.1\n" SVC,
		"1:7: `lat` is given alone\n", "expected `lon:` too" },
	{ "site: {name: a, lon: 8}\nas: 1\nrouter-id: 1.1.1.1\n" SVC, "1:7: `lon` is given alone\n",
		"expected `lat:` too" },
	{ GOOD "node: {name: -x}\n", "6:14: `-x` is no name for a node\n", NULL },
	{ GOOD "node: {id: 0}\n", "6:12: `id` cannot be `0`\n",
		"expected a whole number from 1 to 4095" },
	{ GOOD "node: {id: 4096}\n", "6:12: `id` cannot be `4096`\n", NULL },
	{ GOOD "node: {address: 198.51.100.9}\n",
		"6:17: node address 198.51.100.9 is inside a prefix of service `dns`\n",
		"expected an address that only this node has" },
	{ GOOD "node: {address: [192.0.2.1, 192.0.2.1]}\n",
		"6:29: node address 192.0.2.1 is given twice\n", NULL },
	{ GOOD "node: {address: 224.0.0.1}\n", "6:17: 224.0.0.1 cannot be a node address\n", NULL },
	{ GOOD "node: {address: 0.0.0.0}\n", "6:17: 0.0.0.0 cannot be a node address\n", NULL },
	{ GOOD "node: {address: \"fe80::1\"}\n", "6:17: fe80::1 cannot be a node address\n", NULL },
	{ GOOD "node: {address: \"::ffff:192.0.2.1\"}\n",
		"6:17: ::ffff:192.0.2.1 cannot be a node address\n", NULL },
	{ GOOD "node: {address: localhost}\n", "6:17: `address` cannot be `localhost`\n",
		"expected an IPv4 or IPv6 address" },
	{ "site: {name: a}\nas: 0\nrouter-id: 1.1.1.1\n" SVC, "2:5: `as` cannot be `0`\n",
		"expected an AS number from 1 to 4294967295" },
	{ "site: {name: a}\nas: 4294967296\nrouter-id: 1.1.1.1\n" SVC,
		"2:5: `as` cannot be `4294967296`\n", NULL },
	{ "site: {name: a}\nas: AS64500\nrouter-id: 1.1.1.1\n" SVC,
		"2:5: `as` cannot be `AS64500`\n", NULL },
	{ "site: {name: a}\nas: 1.10\nrouter-id: 1.1.1.1\n" SVC,
		"2:5: `as` cannot be `1.10`: asdot notation is not taken; the number is 65546\n",
		NULL },
	{ "site: {name: a}\nas: 1\nrouter-id: 0.0.0.0\n" SVC,
		"3:12: `router-id` cannot be `0.0.0.0`: zero is not an identifier\n", NULL },
	{ "site: {name: a}\nas: 1\nrouter-id: 11\n" SVC, "3:12: `router-id` cannot be `11`\n",
		"expected an identifier in the form of an IPv4 address, such as 192.0.2.11" },
	{ "site: {name: a}\nas: 1\nrouter-id: \"::1\"\n" SVC, "3:12: `router-id` cannot be `::1`\n",
		NULL },
	{ "site: {name: a}\nas: 1\n" SVC, "1:1: `router-id` is missing in the configuration\n",
		"expected `router-id:`, since the node has no IPv4 address to take it from" },
	{ GOOD "control: run/control\n", "6:10: `control` cannot be `run/control`\n",
		"expected an absolute path" },
	{ GOOD "control: /run/nearcast/readonly\n",
		"6:10: `control` and `readonly` are the same socket\n", NULL },
	{ GOOD "readonly: /0123456789012345678901234567890123456789012345678901234567890123456789"
	       "01234567890123456789012345678901234567\n",
		"6:11: `readonly` is too long for a socket\n", "expected at most 107 bytes" },
	{ GOOD "listen: [198.51.100.53]\n", "6:9: 198.51.100.53 is inside a service's prefix\n",
		NULL },
	{ GOOD "stop-grace: 61s\n", "6:13: `stop-grace` cannot be `61s`\n",
		"expected a time such as 500ms, 3s, 5m, 2h or 1d, from 0 to 1m" },
	{ GOOD "listen-port: 65536\n", "6:14: `listen-port` cannot be `65536`\n", NULL },
};

static const struct bad bad_services[] = {
	{ TOP "services:\n- {" PLACES "}\n", "5:3: `name` is missing in a service\n", NULL },
	{ TOP "services:\n- {name: dns, addresses: 192.0.2.1}\n",
		"5:3: `prefixes` is missing in a service\n", NULL },
	{ SERVICE("prefixes: 198.51.100.0/24"), "5:3: `addresses` is missing in a service\n",
		NULL },
	{ SERVICE("prefixes: 198.51.100.1/24, addresses: 198.51.100.53"),
		"5:25: `prefixes` cannot be `198.51.100.1/24`: host bits are set; the prefix is "
		"198.51.100.0/24\n",
		NULL },
	{ SERVICE("prefixes: 198.51.100.0, addresses: 198.51.100.53"),
		"5:25: `prefixes` cannot be `198.51.100.0`\n", NULL },
	{ SERVICE("prefixes: 0.0.0.0/0, addresses: 198.51.100.53"),
		"5:25: 0.0.0.0/0 is the default route\n", NULL },
	{ SERVICE("prefixes: 224.1.0.0/16, addresses: 224.1.0.1"),
		"5:25: 224.1.0.0/16 cannot be announced\n", "expected a unicast prefix" },
	{ SERVICE("prefixes: [198.51.100.0/24, 198.51.100.0/24], addresses: 198.51.100.53"),
		"5:43: 198.51.100.0/24 is given twice, first by service `dns`\n", NULL },
	{ GOOD "- {name: web, " PLACES "}\n",
		"6:25: 198.51.100.0/24 is given twice, first by service `dns`\n"
		"6:53: 198.51.100.53 is given twice, first by service `dns`\n",
		NULL },
	{ GOOD "- {name: dns, prefixes: 203.0.113.0/24, addresses: 203.0.113.1}\n",
		"6:10: two services are named `dns`\n", NULL },
	{ SERVICE("prefixes: [198.51.100.0/24, \"2001:db8::/48\"], addresses: 198.51.101.53"),
		"5:72: service address 198.51.101.53 is in none of the prefixes of `dns`\n",
		"expected an address inside 198.51.100.0/24 or 2001:db8::/48" },
	{ SERVICE("prefixes: 198.51.100.0/24, addresses: [198.51.100.5, 198.51.100.5]"),
		"5:68: 198.51.100.5 is given twice, first by service `dns`\n", NULL },
	{ SERVICE(PLACES ", interface: a/b"), "5:79: `a/b` is no name of an interface\n", NULL },
	{ SERVICE(PLACES ", interface: sixteen-letters0"),
		"5:79: `sixteen-letters0` is no name of an interface\n", NULL },
	{ SERVICE(PLACES ", manage-addresses: maybe"),
		"5:86: `manage-addresses` cannot be `maybe`\n", "expected yes or no" },
	{ SERVICE(PLACES ", hold-down: {first: 11m}"),
		"5:79: the first wait of hold-down is longer than the longest\n", NULL },
	{ SERVICE(PLACES ", hold-down: {first: 10s, max: 1s}"),
		"5:79: the first wait of hold-down is longer than the longest\n", NULL },
	{ SERVICE(PLACES ", announce: {up: {prepend: 11}}"), "5:93: `prepend` cannot be `11`\n",
		"expected a whole number from 0 to 10" },
	{ SERVICE(PLACES ", announce: {up: {med: 4294967296}}"),
		"5:89: `med` cannot be `4294967296`\n", NULL },
	{ SERVICE(PLACES ", announce: {up: {communities: [no-exprt]}}"),
		"5:98: `communities` cannot be `no-exprt`: did you mean `no-export`?\n", NULL },
	{ SERVICE(PLACES ", announce: {up: {communities: 65536:1}}"),
		"5:97: `communities` cannot be `65536:1`\n", NULL },
	{ SERVICE(PLACES ", announce: {up: {prepend: 2}, degraded: {prepend: 1}}"),
		"5:117: this prepends less than `up` does and would attract clients\n", NULL },
	{ SERVICE(PLACES ", announce: {down: {}}"), "5:79: unknown key `down` in announce\n",
		"expected one of: up, degraded, draining" },
};

static const struct bad bad_checks[] = {
	{ CHECK("interval: 1s"), "6:3: `kind` is missing in a check\n", NULL },
	{ CHECK("kind: imcp"), "6:10: `kind` cannot be `imcp`\n",
		"expected one of: dns, tcp, http, exec, address, file, tls, icmp; did you mean "
		"`icmp`?" },
	{ CHECK("kind: icmp"), "6:3: `server` is missing in a check\n", NULL },
	{ CHECK("kind: tls"), "6:3: `host` is missing in a check\n", NULL },
	{ CHECK("kind: tls, host: \"a b\""), "6:21: `host` cannot be `a b`\n",
		"expected a host name such as www.example.org" },
	{ CHECK("kind: tls, host: a, ca-file: x"), "6:33: `ca-file` cannot be `x`\n",
		"expected an absolute path" },
	{ CHECK("kind: dns, expect-id: a, query: b"),
		"6:36: `query` and `expect-id` cannot stand together\n", NULL },
	{ CHECK("kind: dns, expect-id: a, expect-answer: b"),
		"6:44: `expect-answer` and `expect-id` cannot stand together\n", NULL },
	{ CHECK("kind: dns, type: A, max-serial-age: 1h"),
		"6:40: `max-serial-age` needs the SOA record\n", "expected `type: SOA`" },
	{ CHECK("kind: dns, max-serial-age: 1h, serial-format: julian"),
		"6:50: `serial-format` cannot be `julian`\n", NULL },
	{ CHECK("kind: dns, url: x"), "6:15: `url` does not go with `kind: dns`\n", NULL },
	{ CHECK("kind: http, url: \"http://x/\", query: x"),
		"6:34: `query` does not go with `kind: http`\n", NULL },
	{ CHECK("kind: tcp"), "6:3: `port` is missing in a check\n", NULL },
	{ CHECK("kind: http"), "6:3: `url` is missing in a check\n", NULL },
	{ CHECK("kind: exec"), "6:3: `command` is missing in a check\n", NULL },
	{ CHECK("kind: file"), "6:3: `path` is missing in a check\n", NULL },
	{ CHECK("kind: dns, port: 0"), "6:21: `port` cannot be `0`\n", NULL },
	{ CHECK("kind: dns, interval: 9ms"), "6:25: `interval` cannot be `9ms`\n", NULL },
	{ CHECK("kind: dns, interval: 1"), "6:25: `interval` cannot be `1`: the unit is missing\n",
		"expected a time such as 500ms, 3s, 5m, 2h or 1d, from 10ms to 1d" },
	{ CHECK("kind: dns, timeout: 2s"),
		"6:24: the timeout of 2.0s is longer than the interval of 1.0s\n", NULL },
	{ CHECK("kind: dns, interval: 100ms"),
		"6:25: the timeout of 500ms is longer than the interval of 100ms\n",
		"expected `timeout:` of at most the interval" },
	{ CHECK("kind: dns, fast-interval: 2s"),
		"6:30: `fast-interval` is longer than the interval\n", NULL },
	{ CHECK("kind: dns, fall: 0"), "6:21: `fall` cannot be `0`\n", NULL },
	{ CHECK("kind: dns, rise: 101"), "6:21: `rise` cannot be `101`\n", NULL },
	{ CHECK("kind: dns, scope: dependancy"), "6:22: `scope` cannot be `dependancy`\n",
		"expected one of: service, dependency; did you mean `dependency`?" },
	{ CHECK("kind: dns, query: a..b"), "6:22: `query` cannot be `a..b`\n", NULL },
	{ CHECK("kind: dns, type: SOAP"), "6:21: `type` cannot be `SOAP`\n", NULL },
	{ CHECK("kind: dns, expect-rcode: OK"), "6:29: `expect-rcode` cannot be `OK`\n", NULL },
	{ CHECK("kind: http, url: \"ftp://x/\""),
		"6:21: `url` cannot be `ftp://x/`: it does not start with http:// or https://\n",
		NULL },
	{ CHECK("kind: http, url: \"http:///x\""),
		"6:21: `url` cannot be `http:///x`: it has no host\n", NULL },
	{ CHECK("kind: http, url: \"http://u:p@h/\""),
		"6:21: `url` cannot be `http://u:p@h/`: it holds a user\n", NULL },
	{ CHECK("kind: http, url: \"http://h:0/\""),
		"6:21: `url` cannot be `http://h:0/`: its port is none\n", NULL },
	{ CHECK("kind: http, url: \"http://h h/\""),
		"6:21: `url` cannot be `http://h h/`: it holds a blank or a character that must be "
		"percent-encoded\n",
		NULL },
	{ CHECK("kind: http, url: \"http://[::1/\""),
		"6:21: `url` cannot be `http://[::1/`: it has no host\n", NULL },
	{ CHECK("kind: http, url: \"http://h:80x/\""),
		"6:21: `url` cannot be `http://h:80x/`: its host is malformed\n", NULL },
	{ CHECK("kind: http, url: \"http://h/\", expect-status: 99"),
		"6:49: `expect-status` cannot be `99`\n", NULL },
	{ CHECK("kind: exec, command: [true]"), "6:25: `command` cannot be `true`\n",
		"expected an absolute path" },
	{ CHECK("kind: exec, command: [/nonexistent]"),
		"6:25: `/nonexistent` cannot be run: No such file or directory\n", NULL },
	{ CHECK("kind: exec, command: []"), "6:25: `command` needs at least 1 element\n", NULL },
	{ CHECK("kind: exec, command: /bin/true, user: root"),
		"6:42: an exec check must not run as `root`\n", "expected an unprivileged user" },
	{ CHECK("kind: exec, command: /bin/true, user: no-such-user-0"),
		"6:42: user `no-such-user-0` is not known on this host\n", NULL },
	{ CHECK("kind: file, path: run/x"), "6:22: `path` cannot be `run/x`\n", NULL },
	{ CHECK("kind: dns, name: a b"), "6:21: `a b` is no name for a check\n", NULL },
	{ CHECK("kind: dns, name: x}, {kind: address, name: x"),
		"6:47: two checks of service `dns` are named `x`\n", NULL },
};

static void test_bad_top(void **)
{
	check_rows(bad_top, countof(bad_top));
}

static void test_bad_services(void **)
{
	check_rows(bad_services, countof(bad_services));
}

static void test_bad_checks(void **)
{
	check_rows(bad_checks, countof(bad_checks));
}

static void test_missing_file(void **)
{
	struct faults *f = calloc(1, sizeof(*f));
	struct conf *c = NULL;

	assert_int_equal(conf_load(&c, "/nonexistent/nearcast.yaml", f), -ENOENT);
	assert_null(c);
	assert_int_equal(f->count, 1);
	assert_string_equal(f->list[0].message, "cannot be read: No such file or directory");
	faults_free(f);
	free(f);
}

// ---- The print parses again, and to the same ----

static void assert_round_trip(const char *yaml)
{
	struct conf *first = load(yaml);
	struct strbuf once = {}, twice = {};

	conf_print(first, &once);
	struct conf *second = load(sb_text(&once));
	conf_print(second, &twice);
	assert_string_equal(sb_text(&once), sb_text(&twice));
	conf_free(&first);
	conf_free(&second);
	sb_free(&once);
	sb_free(&twice);
}

static const char everything[] =
	"site: {name: fra1, city: Frankfurt am Main, lat: 50.11, lon: 8.68}\n"
	"node: {name: fra1-a, id: 11, address: [192.0.2.11, \"2001:db8:1::11\"]}\n"
	"as: 64500\nrouter-id: 192.0.2.99\nlisten: [192.0.2.11]\nlisten-port: 1179\nstop-grace: 0\n"
	"control: /tmp/c\nreadonly: /tmp/r\n"
	"services:\n"
	"- name: dns\n  prefixes: [198.51.100.0/24, \"2001:db8:53::/48\"]\n"
	"  addresses: [198.51.100.53, \"2001:db8:53::53\"]\n"
	"  interface: lo\n  manage-addresses: no\n  hold-down: {first: 10s, max: 10m}\n"
	"  announce-after: 5s\n"
	"  announce:\n    up: {communities: [64500:100, 64500:1:2, no-export], med: 0}\n"
	"    degraded: {prepend: 3}\n"
	"    draining: {communities: [graceful-shutdown], prepend: 2}\n"
	"  checks:\n"
	"  - {kind: dns, query: example.org, type: AAAA, expect-rcode: NXDOMAIN, tcp: yes,\n"
	"     expect-answer: \"ns1: \\\"x\\\"\", interval: 2s, fast-interval: 100ms, timeout: 1s,\n"
	"     fall: 5, rise: 6, scope: dependency, port: 5353}\n"
	"  - {kind: tcp, port: 853}\n"
	"  - {kind: dns, name: id, expect-id: fra1-a, expect-nsid: fra1-a, expect-ad: yes}\n"
	"  - {kind: dns, name: age, query: example.org, max-serial-age: 2d, serial-format: date}\n"
	"  - {kind: tls, host: www.example.org, min-days: 30, ca-file: /etc/ssl/own.pem}\n"
	"  - {kind: icmp, server: 192.0.2.1, scope: dependency}\n"
	"  - {kind: http, name: here, url: \"https://www.example.org/\", server: 198.51.100.53,\n"
	"     ca-file: /etc/ssl/own.pem}\n"
	"  - {kind: http, url: \"https://[2001:db8::1]:8443/ready?x=1\", expect-status: 204,\n"
	"     expect-body: \"ok\"}\n"
	"  - {kind: exec, command: [/bin/sh, -c, \"exit 0\"], user: nobody}\n"
	"  - {kind: address, address: 198.51.100.53}\n"
	"  - {kind: address}\n"
	"  - {kind: file, path: /run/maintenance, expect-absent: yes}\n"
	"- {name: web, prefixes: 203.0.113.0/24, addresses: 203.0.113.80}\n"
	"upstreams:\n"
	"- {name: r1, address: 192.0.2.1, as: 64496, port: 1790, source: 192.0.2.11,\n"
	"   hold-time: 9s, connect-retry: 5s, passive: yes, ttl-security: 1, families: ipv4, bfd: "
	"{},\n"
	"   password-file: ^/good.key}\n"
	"- {name: r2, address: \"2001:db8:1::1\", as: 4200000000, multihop: yes, hold-time: 0,\n"
	"   role: peer, strict-role: yes, extended-messages: no, extended-next-hop: yes,\n"
	"   add-path: both, graceful-restart: 90s, no-llgr: yes, enforce-first-as: no,\n"
	"   max-prefixes: 100, max-prefixes-restart: 5m,\n"
	"   bfd: {interval: 50ms, multihop: no}}\n";

static void test_round_trip(void **)
{
	assert_round_trip(GOOD);
	assert_round_trip(everything);
}

static void test_shipped_example(void **)
{
	const char *root = getenv("NEARCAST_ROOT");
	struct faults *f = calloc(1, sizeof(*f));
	struct strbuf b = {};
	struct conf *c = NULL;
	char path[500];

	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/etc/nearcast.yaml", root);
	int rc = conf_load(&c, path, f);
	faults_print(f, &b);
	assert_string_equal(sb_text(&b), "");
	assert_int_equal(rc, 0);
	conf_print(c, &b);
	assert_round_trip(sb_text(&b));
	sb_free(&b);
	conf_free(&c);
	faults_free(f);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_router_id_of_node),
		cmocka_unit_test(test_announce_defaults),
		cmocka_unit_test(test_announce_given),
		cmocka_unit_test(test_check_names),
		cmocka_unit_test(test_check_defaults),
		cmocka_unit_test(test_bad_top),
		cmocka_unit_test(test_bad_services),
		cmocka_unit_test(test_bad_checks),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_shipped_example),
	};

	return cmocka_run_group_tests(tests, loading_begin, loading_end);
}
