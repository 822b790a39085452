// The keeper of nearcast.yaml: what it means and what is refused.
#include <string.h>

#include "test/conf/loading.h"

#define NODE    "site: {name: fra1}\nas: 64500\nnode: {id: 11, address: 192.0.2.11}\n" SVC
#define K(more) NODE "keeper: {interfaces: eth0, " more "secret-file: ^/fleet.key}\n"

static int begin(void **state)
{
	static const char secret[] = "a secret of sixteen bytes and more\n",
			  small[] = "too short\n";

	if (loading_begin(state) < 0)
		return -1;
	write_file("fleet.key", secret, sizeof(secret) - 1, 0600);
	write_file("small.key", small, sizeof(small) - 1, 0600);
	write_file("open.key", secret, sizeof(secret) - 1, 0644);
	return 0;
}

static int end(void **state)
{
	static const char *const names[] = { "fleet.key", "small.key", "open.key" };

	for (size_t i = 0; i < countof(names); i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/%s", loading_dir, names[i]);
		unlink(path);
	}
	return loading_end(state);
}

static void test_meaning(void **)
{
	struct conf *c = load(K(
		"udp-sessions: [5000, 5001], quic-ports: 443, quic-lb-config: 2, "
		"budget-new: 1000, nodes: [{id: 12, address: [192.0.2.12, \"2001:db8::12\"]}], "));
	const struct conf_keeper *k = &c->keeper;
	const struct conf_keeper_node *n = k->nodes.data;

	assert_true(c->has_keeper && k->stamp && k->has_quic_config);
	assert_string_equal(*(char **)k->interfaces.data, "eth0");
	assert_string_equal(k->secret, "a secret of sixteen bytes and more");
	assert_string_equal(k->pin, "/sys/fs/bpf/nearcast");
	assert_int_equal(k->port, 6083);
	assert_int_equal(k->mtu, 1500);
	assert_int_equal(k->budget_new, 1000);
	assert_int_equal(k->budget_known, 1000000);
	assert_int_equal(k->moved_for.us, span_s(600).us);
	assert_int_equal(k->udp_sessions.count, 2);
	assert_int_equal(n->id, 12);
	assert_int_equal(n->addresses.count, 2);
	// Printed, it loads again; the secret is not in it.
	struct strbuf text = {};
	conf_print(c, &text);
	assert_null(strstr(sb_text(&text), "sixteen"));
	assert_non_null(strstr(sb_text(&text), "quic-lb-config: 2"));
	sb_free(&text);
	conf_free(&c);
	c = load(GOOD);
	assert_false(c->has_keeper);
	conf_free(&c);
}

static const struct bad bad[] = {
	{ GOOD "keeper: {interfaces: eth0, secret-file: ^/fleet.key}\n",
		"6:9: the keeper needs the id of this node\n"
		"6:9: the keeper needs an address of this node, for the tunnels\n",
		"expected `node: {id: ...}`" },
	{ NODE "keeper: {secret-file: ^/fleet.key}\n",
		"6:9: `interfaces` is missing in the keeper\n", NULL },
	{ NODE "keeper: {interfaces: [eth/0], secret-file: ^/fleet.key}\n",
		"6:22: `eth/0` is no name of an interface\n", NULL },
	{ NODE "keeper: {interfaces: eth0, secret-file: ^/small.key}\n",
		"6:41: the secret is too short\n",
		"expected at least 16 bytes, as from `openssl rand -hex 32`" },
	{ NODE "keeper: {interfaces: eth0, secret-file: ^/open.key}\n",
		"6:41: secret file ^/open.key of the `keeper` is refused: others may use it; "
		"expected mode "
		"0640 or stricter\n",
		NULL },
	{ K("quic-ports: 6083, "), "6:40: 6083 is the port of the tunnels\n", NULL },
	{ K("nodes: [{id: 11, address: 192.0.2.12}], "), "6:36: 11 is this node's id\n", NULL },
	{ K("nodes: [{id: 12, address: 192.0.2.12}, {id: 12, address: 192.0.2.13}], "),
		"6:67: two nodes have the id 12\n", NULL },
	{ K("nodes: [{id: 12, address: 198.51.100.53}], "),
		"6:36: 198.51.100.53 cannot be node 12\n", NULL },
	{ K("nodes: [{id: 12, address: [192.0.2.12, 192.0.2.13]}], "),
		"6:36: node 12 has two addresses of a family\n", NULL },
};

static void test_bad(void **)
{
	check_rows(bad, countof(bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_bad) };

	return cmocka_run_group_tests(tests, begin, end);
}
