// The upstreams of nearcast.yaml: what they mean and what is refused.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/conf/loading.h"

static void test_first_as(void **)
{
	struct conf *c = load(
		GOOD "upstreams:\n- {name: r1, address: 203.0.113.1, as: 64496, role: rs-client}\n"
		     "- {name: r2, address: 203.0.113.2, as: 64496, role: rs-client, "
		     "enforce-first-as: yes}\n"
		     "- {name: r3, address: 203.0.113.3, as: 64496, enforce-first-as: no}\n");
	const struct conf_upstream *u = c->upstreams.data;

	assert_int_equal(u[0].role, BGP_ROLE_RS_CLIENT);
	assert_false(u[0].first_as);
	assert_true(u[1].first_as);
	assert_false(u[2].first_as);
	conf_free(&c);
}

// The same address on two links is two neighbours.
static void test_link_local(void **)
{
	struct conf *c =
		load(GOOD "upstreams:\n"
			  "- {name: r1, address: \"fe80::1\", interface: eth0, as: 64496}\n"
			  "- {name: r2, address: \"fe80::1\", interface: eth1, as: 64496, "
			  "bfd: {}, ttl-security: 2}\n");
	const struct conf_upstream *u = c->upstreams.data;

	assert_string_equal(u[0].interface, "eth0");
	assert_string_equal(u[1].interface, "eth1");
	assert_true(u[1].has_bfd && !u[1].bfd.multihop);
	conf_free(&c);
}

static void test_range(void **)
{
	struct conf *c =
		load(GOOD "upstreams:\n- {name: ix, range: 203.0.113.0/24, as: 64496}\n"
			  "- {name: inner, range: 203.0.113.0/25, as: 64496, max-neighbours: 1}\n"
			  "- {name: ll, range: \"fe80::/10\", interface: eth0, as: 64496}\n"
			  "- {name: r1, address: 203.0.113.1, as: 64496, forget-after: 1h}\n");
	const struct conf_upstream *u = c->upstreams.data;
	struct strbuf once = {}, twice = {};
	char text[PREFIX_TEXT];

	assert_true(conf_upstream_is_range(&u[0]) && u[0].passive);
	assert_int_equal(u[0].address.family, IP_NONE);
	assert_int_equal(u[0].max_neighbours, 64);
	assert_int_equal(u[0].forget_after.us, span_s(300).us);
	assert_int_equal(u[1].max_neighbours, 1);
	assert_false(conf_upstream_is_range(&u[3]) || u[3].passive);
	struct ip_prefix remotes = conf_upstream_remotes(&u[0]);
	assert_string_equal(prefix_print(&remotes, text), "203.0.113.0/24");
	remotes = conf_upstream_remotes(&u[3]);
	assert_string_equal(prefix_print(&remotes, text), "203.0.113.1/32");
	conf_print(c, &once);
	conf_free(&c);
	c = load(sb_text(&once));
	conf_print(c, &twice);
	assert_string_equal(sb_text(&once), sb_text(&twice));
	conf_free(&c);
	sb_free(&once);
	sb_free(&twice);
}

static void test_tcp_ao(void **)
{
	struct conf *c = load(GOOD "upstreams: [{name: r1, address: 203.0.113.1, as: 1, tcp-ao: ["
				   "{id: 0, key-file: ^/good.key}, {id: 7, receive-id: 255, "
				   "algorithm: aes-128-cmac-96, key-file: ^/good.key}]}]\n");
	const struct conf_upstream *u = c->upstreams.data;
	const struct conf_ao_key *key = u->ao_keys.data;
	struct strbuf b = {};

	assert_int_equal(u->ao_keys.count, 2);
	assert_int_equal(key[0].id, 0);
	assert_int_equal(key[0].receive_id, 0);
	assert_int_equal(key[0].algorithm, CONF_AO_HMAC_SHA_1_96);
	assert_string_equal(key[0].secret, "s3cret");
	assert_int_equal(key[1].receive_id, 255);
	assert_int_equal(key[1].algorithm, CONF_AO_AES_128_CMAC_96);
	conf_print(c, &b);
	assert_null(strstr(sb_text(&b), "s3cret"));
	assert_non_null(strstr(sb_text(&b), "good.key"));
	sb_free(&b);
	conf_free(&c);
}

static void test_bfd(void **)
{
	static const struct {
		const char *keys;
		int64_t interval_ms;
		uint64_t multiplier;
		bool given, multihop;
	} rows[] = {
		{ "", 300, 3, false, false },
		{ ", bfd: {}", 300, 3, true, false },
		{ ", bfd: {interval: 10ms, multiplier: 255}", 10, 255, true, false },
		{ ", bfd: {interval: 1m, multiplier: 2, multihop: yes}", 60000, 2, true, true },
		{ ", multihop: yes, bfd: {}", 300, 3, true, true },
		{ ", multihop: yes, bfd: {multihop: no}", 300, 3, true, false },
		{ ", ttl-security: 1, bfd: {}", 300, 3, true, false },
		{ ", ttl-security: 2, bfd: {}", 300, 3, true, true },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		char yaml[500];
		snprintf(yaml, sizeof(yaml),
			GOOD "upstreams: [{name: r1, address: 203.0.113.1, as: 64496%s}]\n",
			rows[i].keys);
		struct conf *c = load(yaml);
		const struct conf_upstream *u = c->upstreams.data;
		assert_int_equal(u->has_bfd, rows[i].given);
		assert_int_equal(u->bfd.interval.us, rows[i].interval_ms * 1000);
		assert_int_equal(u->bfd.multiplier, rows[i].multiplier);
		assert_int_equal(u->bfd.multihop, rows[i].multihop);
		conf_free(&c);
	}
}

static void test_password(void **)
{
	struct conf *c = load(GOOD "upstreams: [{name: r1, address: 203.0.113.1, as: 1, "
				   "password-file: ^/good.key}]\n");
	const struct conf_upstream *u = c->upstreams.data;
	struct strbuf b = {};

	assert_string_equal(u->password, "s3cret");
	conf_print(c, &b);
	assert_null(strstr(sb_text(&b), "s3cret"));
	assert_non_null(strstr(sb_text(&b), "good.key"));
	sb_free(&b);
	conf_free(&c);
}

// ---- What is refused ----

static const struct bad bad_upstreams[] = {
	{ UPSTREAM("address: 203.0.113.1, as: 1"), "7:3: `name` is missing in an upstream\n",
		NULL },
	{ UPSTREAM("name: r1, as: 1"), "7:3: upstream `r1` has no address\n",
		"expected `address:` or `range:`" },
	{ UPSTREAM("name: r1, address: 203.0.113.1"), "7:3: `as` is missing in an upstream\n",
		NULL },
	{ UPSTREAM("name: r 1, address: 203.0.113.1, as: 1"),
		"7:10: `r 1` is no name for an upstream\n", NULL },
	{ UPSTREAM("name: r1, address: 192.0.2.11, as: 1"),
		"7:23: upstream `r1` has this node's own address 192.0.2.11\n", NULL },
	{ UPSTREAM("name: r1, address: 198.51.100.1, as: 1"),
		"7:23: address 198.51.100.1 of upstream `r1` is inside a prefix of service "
		"`dns`\n",
		NULL },
	{ UPSTREAM("name: r1, address: 224.0.0.1, as: 1"),
		"7:23: 224.0.0.1 cannot be a neighbour\n", NULL },
	{ UPSTREAM("name: r1, address: \"fe80::1\", as: 1"),
		"7:23: upstream `r1` has a link-local address\n", "expected `interface:` too" },
	{ UPSTREAM(PEER ", interface: eth0"), "7:58: upstream `r1` is found by its address alone\n",
		"expected a link-local address with it" },
	{ UPSTREAM("name: r1, address: \"fe80::1\", as: 1, interface: a/b"),
		"7:52: `a/b` is no name of an interface\n", NULL },
	{ UPSTREAM("name: r1, address: \"fe80::1\", as: 1, interface: e, multihop: yes"),
		"7:65: upstream `r1` has a link-local address: it is on the link\n", NULL },
	{ UPSTREAM("name: r1, address: \"fe80::1\", as: 1, interface: e, bfd: {multihop: yes}"),
		"7:60: upstream `r1` has a link-local address: it is on the link\n", NULL },
	{ UPSTREAM("name: r1, address: \"fe80::1\", as: 1, interface: eth0}\n"
		   "- {name: r2, address: \"fe80::1\", as: 1, interface: eth0"),
		"8:23: upstreams `r1` and `r2` have the same address fe80::1\n", NULL },
	{ UPSTREAM(PEER "}\n- {name: r1, address: 203.0.113.2, as: 1"),
		"8:10: two upstreams are named `r1`\n", NULL },
	{ UPSTREAM(PEER "}\n- {name: r2, address: 203.0.113.1, as: 1"),
		"8:23: upstreams `r1` and `r2` have the same address 203.0.113.1\n", NULL },
	{ UPSTREAM("name: r1, address: 203.0.113.1, as: 0.1"),
		"7:40: `as` cannot be `0.1`: asdot notation is not taken; the number is 1\n",
		NULL },
	{ UPSTREAM(PEER ", port: 0"), "7:53: `port` cannot be `0`\n", NULL },
	{ UPSTREAM(PEER ", source: \"2001:db8::1\""),
		"7:55: source 2001:db8::1 and address of upstream `r1` are of two families\n",
		NULL },
	{ UPSTREAM(PEER ", source: 198.51.100.53"),
		"7:55: source 198.51.100.53 of upstream `r1` is inside a service's prefix\n",
		NULL },
	{ UPSTREAM(PEER ", hold-time: 2s"), "7:58: `hold-time` of upstream `r1` is refused\n",
		"expected 0 or whole seconds from 3s to 65535s (RFC 4271 section 4.2)" },
	{ UPSTREAM(PEER ", hold-time: 3500ms"), "7:58: `hold-time` of upstream `r1` is refused\n",
		NULL },
	{ UPSTREAM(PEER ", hold-time: 65536s"), "7:58: `hold-time` cannot be `65536s`\n", NULL },
	{ UPSTREAM(PEER ", connect-retry: 3m"), "7:62: `connect-retry` cannot be `3m`\n", NULL },
	{ UPSTREAM(PEER ", ttl-security: 255"), "7:61: `ttl-security` cannot be `255`\n", NULL },
	{ UPSTREAM(PEER ", ttl-security: 2, multihop: yes"),
		"7:61: `multihop` and `ttl-security` exclude each other\n", NULL },
	{ UPSTREAM(PEER ", families: []"), "7:57: `families` needs at least 1 element\n", NULL },
	{ UPSTREAM(PEER ", families: ip4"), "7:57: `families` cannot be `ip4`\n",
		"expected one of: ipv4, ipv6; did you mean `ipv4`?" },
	{ UPSTREAM(PEER ", role: client"), "7:53: `role` cannot be `client`\n",
		"expected one of: customer, provider, peer, rs-client, rs" },
	{ UPSTREAM("name: r1, address: 203.0.113.1, as: 64500, role: peer"),
		"7:53: upstream `r1` is an internal neighbour\n",
		"expected no role: it has the own AS" },
	{ UPSTREAM(PEER ", strict-role: yes"),
		"7:60: `strict-role` of upstream `r1` needs a role\n", "expected `role:` too" },
	{ UPSTREAM(PEER ", graceful-restart: 1500ms"),
		"7:65: `graceful-restart` of upstream `r1` is refused\n",
		"expected whole seconds from 1s to 4095s (RFC 4724 section 3)" },
	{ UPSTREAM(PEER ", graceful-restart: 4096s"),
		"7:65: `graceful-restart` cannot be `4096s`\n", NULL },
	{ UPSTREAM(PEER ", add-path: yes"), "7:57: `add-path` cannot be `yes`\n", NULL },
	{ UPSTREAM(PEER ", max-prefixes: 0"), "7:61: `max-prefixes` cannot be `0`\n", NULL },
	{ UPSTREAM(PEER ", max-prefixes-restart: 0"),
		"7:69: `max-prefixes-restart` cannot be `0`\n", NULL },
	{ UPSTREAM(PEER ", bfd: yes"), "7:52: `bfd` cannot be `yes`\n", NULL },
	{ UPSTREAM(PEER ", bfd: {interval: 9ms}"), "7:63: `interval` cannot be `9ms`\n", NULL },
	{ UPSTREAM(PEER ", bfd: {interval: 61s}"), "7:63: `interval` cannot be `61s`\n", NULL },
	{ UPSTREAM(PEER ", bfd: {multiplier: 1}"), "7:65: `multiplier` cannot be `1`\n", NULL },
	{ UPSTREAM(PEER ", bfd: {multiplier: 256}"), "7:65: `multiplier` cannot be `256`\n", NULL },
	{ UPSTREAM(PEER ", bfd: {min-tx: 50ms}"), "7:53: unknown key `min-tx` in bfd\n", NULL },
	{ UPSTREAM(PEER ", password-file: a.key"), "7:62: `password-file` cannot be `a.key`\n",
		"expected an absolute path" },
	{ UPSTREAM(PEER ", password-file: ^/none.key"),
		"7:62: password file ^/none.key of upstream `r1` is refused: No such file or "
		"directory\n",
		NULL },
	{ UPSTREAM(PEER ", password-file: ^/world.key"),
		"7:62: password file ^/world.key of upstream `r1` is refused: others may use it; "
		"expected mode 0640 or stricter\n",
		NULL },
	{ UPSTREAM(PEER ", password-file: ^/empty.key"),
		"7:62: password file ^/empty.key of upstream `r1` is refused: it is empty\n",
		NULL },
	{ UPSTREAM(PEER ", password-file: ^/long.key"),
		"7:62: password file ^/long.key of upstream `r1` is refused: it holds more than "
		"80 bytes\n",
		NULL },
	{ UPSTREAM(PEER ", password-file: ^/lines.key"),
		"7:62: password file ^/lines.key of upstream `r1` is refused: it holds more than "
		"one line of text\n",
		NULL },
	{ UPSTREAM(PEER ", password-file: ^"),
		"7:62: password file ^ of upstream `r1` is refused: it is no regular file\n",
		NULL },
	{ UPSTREAM(PEER ", range: 203.0.113.0/24"),
		"7:54: upstream `r1` has both an address and a range\n",
		"expected one of the two" },
	{ UPSTREAM("name: ix, range: 203.0.113.1/24, as: 1"),
		"7:21: `range` cannot be `203.0.113.1/24`: host bits are set; the prefix is "
		"203.0.113.0/24\n",
		NULL },
	{ UPSTREAM("name: ix, range: 224.0.0.0/4, as: 1"),
		"7:21: 224.0.0.0/4 cannot be neighbours\n", NULL },
	{ UPSTREAM("name: ix, range: 198.51.100.128/25, as: 1"),
		"7:21: range 198.51.100.128/25 of upstream `ix` is inside a prefix of service "
		"`dns`\n",
		NULL },
	{ UPSTREAM("name: ix, range: \"fe80::/64\", as: 1"),
		"7:21: upstream `ix` has a link-local address\n", "expected `interface:` too" },
	{ UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1, interface: e"),
		"7:55: upstream `ix` is found by its address alone\n", NULL },
	{ UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1, source: \"2001:db8::1\""),
		"7:52: source 2001:db8::1 and address of upstream `ix` are of two families\n",
		NULL },
	{ UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1}\n"
		   "- {name: iy, range: 203.0.113.0/24, as: 1"),
		"8:21: upstreams `ix` and `iy` have the same range 203.0.113.0/24\n", NULL },
	{ UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1}\n"
		   "- {name: ix-203.0.113.9, address: 192.0.2.9, as: 1"),
		"8:10: a neighbour in the range of `ix` would be named `ix-203.0.113.9` too\n",
		NULL },
	{ UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1, password-file: ^/good.key}\n"
		   "- {name: r1, address: 203.0.113.9, as: 1"),
		"8:3: upstream `r1` has no `password-file`, but lies in the range of `ix`, which "
		"has\n",
		NULL },
	{ UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1, tcp-ao: [{id: 1, key-file: "
		   "^/good.key}]}\n"
		   "- {name: r1, address: 203.0.113.9, as: 1, password-file: ^/good.key"),
		"8:3: upstream `r1` has no `tcp-ao`, but lies in the range of `ix`, which has\n",
		NULL },
	{ UPSTREAM(PEER ", password-file: ^/good.key, tcp-ao: [{id: 1, key-file: "
			"^/good.key}]"),
		"7:62: upstream `r1` has both TCP-MD5 and TCP-AO\n", "expected one of the two" },
	{ UPSTREAM(PEER ", tcp-ao: []"), "7:55: `tcp-ao` needs at least 1 element\n", NULL },
	{ UPSTREAM(PEER ", tcp-ao: [{id: 256, key-file: ^/good.key}]"),
		"7:61: `id` cannot be `256`\n", NULL },
	{ UPSTREAM(PEER ", tcp-ao: [{id: 1}]"), "7:56: `key-file` is missing in a TCP-AO key\n",
		NULL },
	{ UPSTREAM(PEER ", tcp-ao: [{id: 1, key-file: ^/good.key, algorithm: sha1}]"),
		"7:121: `algorithm` cannot be `sha1`\n",
		"expected one of: hmac-sha-1-96, aes-128-cmac-96" },
	{ UPSTREAM(PEER ", tcp-ao: [{id: 1, key-file: ^/world.key}]"),
		"7:74: key file ^/world.key of upstream `r1` is refused: others may use it; "
		"expected mode 0640 or stricter\n",
		NULL },
	{ UPSTREAM(PEER ", tcp-ao: [{id: 1, receive-id: 2, key-file: ^/good.key}, "
			"{id: 1, receive-id: 3, key-file: ^/good.key}]"),
		"7:126: two keys of upstream `r1` have the same send-id 1\n", NULL },
	{ UPSTREAM(PEER ", tcp-ao: [{id: 1, key-file: ^/good.key}, "
			"{id: 2, receive-id: 1, key-file: ^/good.key}]"),
		"7:111: two keys of upstream `r1` have the same receive-id 1\n", NULL },
	{ UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1, max-neighbours: 1025"),
		"7:60: `max-neighbours` cannot be `1025`\n", NULL },
	{ UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1, forget-after: 0"),
		"7:58: `forget-after` cannot be `0`\n", NULL },
	{ "listen-port: 0\n" UPSTREAM("name: ix, range: 203.0.113.0/24, as: 1"),
		"8:3: upstream `ix` is waited for, but nothing listens\n",
		"expected `listen-port:` other than 0" },
	{ "listen-port: 0\n" UPSTREAM(PEER ", passive: yes"),
		"8:56: upstream `r1` is waited for, but nothing listens\n",
		"expected `listen-port:` other than 0" },
};

static void test_bad_upstreams(void **)
{
	check_rows(bad_upstreams, countof(bad_upstreams));
}

// As an unprivileged user, who may not read the file; root may read all.
static void test_unreadable_password(void **)
{
	struct faults *f = calloc(1, sizeof(*f));
	struct conf *c = NULL;
	char *yaml = with_dir(UPSTREAM(PEER ", password-file: ^/good.key"));

	if (geteuid() == 0) {
		assert_int_equal(chmod(loading_dir, 0711), 0);
		assert_int_equal(seteuid(65534), 0);
	} else {
		write_file("good.key", "s3cret\n", 7, 0);
	}
	int rc = conf_load_text(&c, "t.yaml", yaml, strlen(yaml), f);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->list[0].at.line, 7);
	assert_int_equal(f->list[0].at.column, 62);
	assert_non_null(strstr(f->list[0].message, "is refused: Permission denied"));
	faults_free(f);
	free(f);
	free(yaml);
	write_file("good.key", "s3cret\n", 7, 0600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_as),
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_tcp_ao),
		cmocka_unit_test(test_bfd),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_bad_upstreams),
		cmocka_unit_test(test_unreadable_password),
	};

	return cmocka_run_group_tests(tests, loading_begin, loading_end);
}
