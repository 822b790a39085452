// Roles and Only to Customer, RFC 9234.
#include <stdio.h>
#include <string.h>

#include "bgp/update.h"
#include "test/bgp/lone.h"

enum { NONE = BGP_ROLE_MAX, TWICE };

// The neighbour's OPEN with that role, with none, or with two that differ.
static void say(struct lone *l, int role)
{
	char body[128];

	if (role == NONE)
		snprintf(body, sizeof(body), "%s", OPEN_FULL);
	else if (role == TWICE)
		snprintf(body, sizeof(body),
			"04 fbf0 005a c0000209 10 02 0e 090100 090103 "
			"020041040000fbf0");
	else
		snprintf(body, sizeof(body),
			"04 fbf0 005a c0000209 19 02 17 010400010001 010400020001 0901%02x 0200 "
			"41040000fbf0",
			(unsigned)role);
	lone_feed(l, BGP_OUT, BGP_MSG_OPEN, body);
}

static struct bgp_peer_config config_of(int role, bool strict)
{
	struct bgp_peer_config config = lone_config();

	config.has_role = role < BGP_ROLE_MAX;
	config.role = config.has_role ? (enum bgp_role)role : BGP_ROLE_PROVIDER;
	config.strict_role = strict;
	return config;
}

static bool is_accepted(int ours, bool strict, int theirs)
{
	struct bgp_peer_config config = config_of(ours, strict);
	struct lone l;

	lone_init(&l, &config);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	say(&l, theirs);
	bool accepted =
		strcmp(sb_text(&l.log), "out KEEPALIVE\nstate OpenSent -> OpenConfirm\n") == 0;
	if (!accepted && strncmp(sb_text(&l.log), "out NOTIFICATION 2/11\nout close\n", 32) != 0)
		fail_msg("%s", sb_text(&l.log));
	lone_free(&l);
	return accepted;
}

// Section 4.2, table 2: five pairs of twenty-five.
static void each_pair(void **)
{
	static const bool allowed[BGP_ROLE_MAX][BGP_ROLE_MAX] = {
		[BGP_ROLE_PROVIDER] = { [BGP_ROLE_CUSTOMER] = true },
		[BGP_ROLE_CUSTOMER] = { [BGP_ROLE_PROVIDER] = true },
		[BGP_ROLE_RS] = { [BGP_ROLE_RS_CLIENT] = true },
		[BGP_ROLE_RS_CLIENT] = { [BGP_ROLE_RS] = true },
		[BGP_ROLE_PEER] = { [BGP_ROLE_PEER] = true },
	};

	for (int ours = 0; ours < BGP_ROLE_MAX; ours++)
		for (int theirs = 0; theirs < BGP_ROLE_MAX; theirs++)
			for (int strict = 0; strict < 2; strict++)
				assert_int_equal(
					is_accepted(ours, strict, theirs), allowed[ours][theirs]);
}

static void no_role_on_either_side(void **)
{
	for (int role = 0; role < BGP_ROLE_MAX; role++) {
		assert_true(is_accepted(role, false, NONE));
		assert_false(is_accepted(role, true, NONE));
		assert_true(is_accepted(NONE, false, role));
		assert_true(is_accepted(NONE, true, role)); // strict needs a role of ours
		assert_false(is_accepted(role, false, TWICE));
		assert_false(is_accepted(role, false, 9)); // unknown: pairs with nothing
	}
	assert_true(is_accepted(NONE, false, TWICE));
}

static void mismatch_is_told(void **)
{
	struct bgp_peer_config config = config_of(BGP_ROLE_CUSTOMER, false);
	struct lone l;

	lone_init(&l, &config);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	say(&l, BGP_ROLE_RS);
	lone_expect(&l,
		"out NOTIFICATION 2/11\n"
		"out close\n"
		"state OpenSent -> Active\n"
		"down 2/11 sent: roles do not match: the neighbour of a customer says rs\n");
	lone_free(&l);
}

static void role_is_offered_to_external_neighbours(void **)
{
	for (int internal = 0; internal < 2; internal++) {
		struct bgp_peer_config config = config_of(BGP_ROLE_CUSTOMER, false);
		struct ip_addr local = address("192.0.2.1");
		struct lone l;

		config.peer_as = internal ? config.local_as : config.peer_as;
		lone_init(&l, &config);
		bgp_peer_start(l.p, l.now);
		bgp_peer_connected(l.p, l.now, &local);
		lone_drain(&l);
		assert_int_equal(!strstr(sb_text(&l.log), ", role customer, "), internal);
		lone_free(&l);
	}
}

static const struct {
	int role;
	bool internal;
	bool otc;
} rows[] = {
	{ BGP_ROLE_PROVIDER, false, true },
	{ BGP_ROLE_PEER, false, true },
	{ BGP_ROLE_RS, false, true },
	{ BGP_ROLE_CUSTOMER, false, false },
	{ BGP_ROLE_RS_CLIENT, false, false },
	{ NONE, false, false },
	{ BGP_ROLE_PROVIDER, true, false },
};

// Section 5: also towards a neighbour that says no role.
static void otc_is_added(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		struct bgp_peer_config config = config_of(rows[i].role, false);
		struct bgp_attrs *attrs;
		struct lone l;

		assert_int_equal(bgp_attrs_new(&attrs, &(struct bgp_attrs_spec){}), 0);
		if (rows[i].internal)
			config.peer_as = config.local_as;
		lone_init(&l, &config);
		lone_reach(&l, BGP_OUT, BGP_OPENSENT);
		lone_feed(&l, BGP_OUT, BGP_MSG_OPEN,
			rows[i].internal ? "04 fbf4 005a c0000209 08 02 06 41040000fbf4"
					 : OPEN_FULL);
		lone_feed(&l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
		lone_forget(&l);
		lone_announce(&l, "198.51.100.0/24", attrs);
		lone_drain(&l);
		assert_int_equal(strstr(sb_text(&l.log), ", OTC 64500\n") != NULL, rows[i].otc);
		assert_int_equal(strstr(sb_text(&l.log), "OTC") != NULL, rows[i].otc);
		lone_free(&l);
		bgp_attrs_unref(&attrs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pair),
		cmocka_unit_test(no_role_on_either_side),
		cmocka_unit_test(mismatch_is_told),
		cmocka_unit_test(role_is_offered_to_external_neighbours),
		cmocka_unit_test(otc_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
