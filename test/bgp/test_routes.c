// What a store of routes gets of each UPDATE: announced, withdrawn, and nothing of
// what the verdict forbids.
#include "bgp/routes.h"
#include "test/bgp/lone.h"

#define HOP  "400304 c0000209 "
#define LEAD "400101 00 400206 0201 0000fbf0 "
#define V6   "20010db8000000000000000000000009"

static void take_routes(void *ctx, const struct bgp_update *update)
{
	struct strbuf *log = ctx;
	struct bgp_routes walk;
	struct bgp_route r;
	char prefix[PREFIX_TEXT], hop[IP_TEXT];

	bgp_routes_begin(&walk, update);
	while (bgp_routes_next(&walk, &r)) {
		sb_printf(log, "%c%s", r.withdrawn ? '-' : '+', prefix_print(&r.prefix, prefix));
		if (!r.withdrawn)
			sb_printf(log, " %s", ip_print(&r.next_hop, hop));
		sb_str(log, "\n");
	}
	if (bgp_routes_disabled(update))
		sb_printf(log, "!%u\n", bgp_routes_disabled(update));
}

static const struct {
	const char *what, *body, *routes;
} rows[] = {
	{ "announced", "0000 0014" LEAD HOP "18 c63364 18 cb0071",
		"+198.51.100.0/24 192.0.2.9\n+203.0.113.0/24 192.0.2.9\n" },
	{ "withdrawn", "0004 18 c63364 0000", "-198.51.100.0/24\n" },
	{ "both: it ends up announced", "0004 18 c63364 0014" LEAD HOP "18 c63364",
		"-198.51.100.0/24\n+198.51.100.0/24 192.0.2.9\n" },
	{ "IPv6, and IPv4 beside it",
		"0000 0031" LEAD HOP "800e 1a 0002 01 10" V6 "00 20 20010db8 18 c63364",
		"+198.51.100.0/24 192.0.2.9\n+2001:db8::/32 2001:db8::9\n" },
	{ "unreachable IPv6", "0000 000b 800f 08 0002 01 20 20010db8", "-2001:db8::/32\n" },
	{ "treat as withdraw: ORIGIN of no known kind",
		"0000 0014 400101 07 400206 0201 0000fbf0" HOP "18 c63364", "-198.51.100.0/24\n" },
	{ "a family disabled: its list cannot be told apart", "0000 000a 800f 07 0002 01 ff 200102",
		"!2\n" },
	{ "nothing: the end of the first round", "0000 0000", "" },
};

static void each_route_once(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		struct bgp_peer_config config = lone_config();
		own(sb_free) struct strbuf log = {};
		struct lone l;

		config.routes = take_routes;
		config.routes_ctx = &log;
		lone_init(&l, &config);
		lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
		lone_feed(&l, BGP_OUT, BGP_MSG_UPDATE, rows[i].body);
		assert_string_equal(sb_text(&log), rows[i].routes);
		lone_free(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_route_once) };

	return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
