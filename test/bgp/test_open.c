// OPEN and its capabilities.
#include "bgp/open.h"

#include <string.h>

#include "bgp/msg.h"
#include "test/bgp/bytes.h"
#include "test/unit.h"

// version, AS, hold time, identifier
#define HEAD "04 fbf0 005a c0000209 "

static const struct {
	const char *what, *body;
	uint32_t as;
	uint16_t hold;
	const char *caps;
} good[] = {
	{ "no parameters", HEAD "00", 64496, 90, "" },
	{ "hold time 0", "04 fbf0 0000 c0000209 00", 64496, 0, "" },
	{ "hold time 3", "04 fbf0 0003 c0000209 00", 64496, 3, "" },
	{ "route refresh", HEAD "04 02 02 0200", 64496, 90, "route-refresh" },
	{ "families", HEAD "0e 02 0c 010400010001 010400020001", 64496, 90,
		"multiprotocol IPv4 unicast IPv6 unicast" },
	{ "one parameter a capability", HEAD "0a 02 06 010400020001 02 00", 64496, 90,
		"multiprotocol IPv6 unicast" },
	{ "families of others", HEAD "08 02 06 010400190041", 64496, 90, "multiprotocol" },
	{ "reserved octet of a family", HEAD "08 02 06 01040002ff01", 64496, 90,
		"multiprotocol IPv6 unicast" },
	{ "four-octet AS", HEAD "08 02 06 41040000fbf0", 64496, 90, "as4 64496" },
	{ "AS_TRANS", "04 5ba0 005a c0000209 08 02 06 4104fffffffe", 4294967294, 90,
		"as4 4294967294" },
	{ "enhanced refresh", HEAD "06 02 04 0200 4600", 64496, 90,
		"route-refresh, enhanced-refresh" },
	{ "unknown capability", HEAD "07 02 05 ee03010203", 64496, 90, "" },
	{ "extended messages", HEAD "04 02 02 0600", 64496, 90, "extended-message" },
	{ "extended next hop", HEAD "0a 02 08 0506000100010002", 64496, 90, "extended-next-hop" },
	{ "extended next hop of others", HEAD "0a 02 08 0506000100040002", 64496, 90, "" },
	{ "role", HEAD "05 02 03 090103", 64496, 90, "role customer" },
	{ "role nobody knows", HEAD "05 02 03 090109", 64496, 90, "role unknown" },
	{ "graceful restart", HEAD "06 02 04 40020078", 64496, 90, "graceful-restart 120" },
	{ "graceful restart, restarted", HEAD "0e 02 0c 400a 805a 00010180 00020100", 64496, 90,
		"graceful-restart 90 IPv4 unicast IPv6 unicast restarted" },
	{ "graceful restart twice, the last counts", HEAD "0e 02 0c 4006 005a 00010180 4002 0000",
		64496, 90, "graceful-restart" },
	{ "ADD-PATH", HEAD "0c 02 0a 4508 00010103 00020102", 64496, 90,
		"add-path receive IPv4 unicast send IPv4 unicast IPv6 unicast" },
	{ "a capability twice", HEAD "06 02 04 0200 0200", 64496, 90, "route-refresh" },
	{ "extended lengths", HEAD "ff ff 0005 02 0002 0200", 64496, 90, "route-refresh" },
	{ "extended, first length not 255", HEAD "04 ff 0005 02 0002 0200", 64496, 90,
		"route-refresh" },
	{ "extended and empty", HEAD "ff ff 0000", 64496, 90, "" },
};

static const struct {
	const char *what, *body;
	enum bgp_fault_kind fault;
	uint8_t subcode;
	const char *data;
} bad[] = {
	{ "version 3", "03 fbf0 005a c0000209 00", BGP_FAULT_VERSION, 1, "0004" },
	{ "version 5 of another layout", "05", BGP_FAULT_VERSION, 1, "0004" },
	{ "AS 0", "04 0000 005a c0000209 00", BGP_FAULT_PEER_AS, 2, "" },
	{ "four-octet AS 0", HEAD "08 02 06 410400000000", BGP_FAULT_PEER_AS, 2, "" },
	{ "identifier 0", "04 fbf0 005a 00000000 00", BGP_FAULT_ID, 3, "" },
	{ "hold time 1", "04 fbf0 0001 c0000209 00", BGP_FAULT_HOLD_TIME, 6, "" },
	{ "hold time 2", "04 fbf0 0002 c0000209 00", BGP_FAULT_HOLD_TIME, 6, "" },
	{ "authentication parameter", HEAD "03 01 01 00", BGP_FAULT_PARAM, 4, "" },
	{ "unknown parameter", HEAD "02 09 00", BGP_FAULT_PARAM, 4, "" },
	{ "unknown after known", HEAD "06 02 02 0200 09 00", BGP_FAULT_PARAM, 4, "" },
	{ "cut short", "04 fbf0 005a c00002", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "empty", "", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "parameters cut short", HEAD "04 02 02 02", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "bytes after the parameters", HEAD "00 00", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "parameter beyond its list", HEAD "03 02 04 02", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "parameter header cut short", HEAD "01 02", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "capability beyond its parameter", HEAD "04 02 02 0205", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "capability header cut short", HEAD "03 02 01 02", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "extended, cut short", HEAD "ff ff 00", BGP_FAULT_OPEN_FORMAT, 0, "" },
	{ "extended, length too great", HEAD "ff ff 0006 02 0002 0200", BGP_FAULT_OPEN_FORMAT, 0,
		"" },
};

static void reads_good(void **)
{
	for (size_t i = 0; i < countof(good); i++) {
		struct bytes b = hex(good[i].body);
		struct bgp_open o;
		struct bgp_fault f = bgp_open_parse(&o, bytes_rd(&b));
		own(sb_free) struct strbuf caps = {};

		if (f.kind != BGP_FAULT_NONE)
			fail_msg("%s: %s", good[i].what, bgp_fault_name(f.kind));
		assert_int_equal(o.as, good[i].as);
		assert_int_equal(o.hold_time_s, good[i].hold);
		assert_int_equal(o.id, 0xc0000209);
		bgp_caps_print(&caps, &o.caps);
		assert_string_equal(sb_text(&caps), good[i].caps);
	}
}

// A capability whose value has not its form is taken as not offered.
static void passes_over_malformed_capabilities(void **)
{
	static const char *const bodies[] = {
		HEAD "07 02 05 0103000100",     // multiprotocol
		HEAD "05 02 03 020100",         // route refresh
		HEAD "05 02 03 460100",         // enhanced
		HEAD "06 02 04 4102fbf0",       // four-octet AS
		HEAD "05 02 03 060100",         // extended message
		HEAD "09 02 07 050500010001ff", // extended next hop
		HEAD "04 02 02 0900",           // role
		HEAD "05 02 03 400100",         // graceful restart
		HEAD "08 02 06 4004 0078 0001", // graceful restart, family cut short
		HEAD "08 02 06 4504 00010104",  // ADD-PATH, RFC 7911 section 4
	};

	for (size_t i = 0; i < countof(bodies); i++) {
		struct bytes b = hex(bodies[i]);
		struct bgp_open o;
		own(sb_free) struct strbuf caps = {};

		assert_int_equal(bgp_open_parse(&o, bytes_rd(&b)).kind, BGP_FAULT_NONE);
		bgp_caps_print(&caps, &o.caps);
		assert_string_equal(sb_text(&caps), "");
		assert_int_equal(o.caps.malformed, 1);
	}
}

static void refuses_bad(void **)
{
	for (size_t i = 0; i < countof(bad); i++) {
		struct bytes b = hex(bad[i].body), data = hex(bad[i].data);
		struct bgp_open o = { .as = 7 };
		struct bgp_fault f = bgp_open_parse(&o, bytes_rd(&b));

		if (f.kind != bad[i].fault)
			fail_msg("%s: %s", bad[i].what, bgp_fault_name(f.kind));
		assert_int_equal(o.as, 7); // untouched
		assert_int_equal(f.verb, BGP_VERB_RESET);
		assert_int_equal(bgp_fault_code(f.kind), BGP_ERR_OPEN);
		assert_int_equal(bgp_fault_subcode(f.kind), bad[i].subcode);
		assert_int_equal(f.data_len, data.len);
		assert_memory_equal(f.data, data.b, data.len);
	}
}

// Each OPEN cut short at each place is refused, never accepted as another one.
static void refuses_each_cut(void **)
{
	for (size_t i = 0; i < countof(good); i++) {
		struct bytes b = hex(good[i].body);

		for (size_t n = 0; n < b.len; n++) {
			struct bgp_open o;
			struct bgp_fault f = bgp_open_parse(&o, rd_init(b.b, n));
			assert_int_equal(f.kind, BGP_FAULT_OPEN_FORMAT);
		}
	}
}

static const struct {
	const char *what;
	struct bgp_open theirs;
	unsigned our_families;
	enum bgp_fault_kind fault;
	const char *data;
} meanings[] = {
	{ "as configured", { .as = 64496, .id = 9 }, BGP_FAMILY_ALL, BGP_FAULT_NONE, "" },
	{ "another AS", { .as = 64497, .id = 9 }, BGP_FAMILY_ALL, BGP_FAULT_PEER_AS, "" },
	{ "AS_TRANS alone", { .as = 23456, .id = 9 }, BGP_FAMILY_ALL, BGP_FAULT_PEER_AS, "" },
	{ "our identifier, external", { .as = 64496, .id = 1 }, BGP_FAMILY_ALL, BGP_FAULT_NONE,
		"" },
	{ "no family named means IPv4", { .as = 64496, .id = 9 }, BGP_FAMILY_IP6,
		BGP_FAULT_CAPABILITY, "0104 0002 00 01" },
	{ "IPv6 against IPv4",
		{ .as = 64496,
			.id = 9,
			.caps = { .multiprotocol = true, .families = BGP_FAMILY_IP6 } },
		BGP_FAMILY_IP4, BGP_FAULT_CAPABILITY, "0104 0001 00 01" },
	{ "only others", { .as = 64496, .id = 9, .caps = { .multiprotocol = true } },
		BGP_FAMILY_ALL, BGP_FAULT_CAPABILITY, "0104 0001 00 01 0104 0002 00 01" },
};

static void checks_meaning(void **)
{
	for (size_t i = 0; i < countof(meanings); i++) {
		struct bgp_open ours = { .as = 64500, .id = 1 };
		struct bytes data = hex(meanings[i].data);

		ours.caps.multiprotocol = true;
		ours.caps.families = meanings[i].our_families;
		struct bgp_fault f = bgp_open_check(&meanings[i].theirs, &ours, 64496, false);
		if (f.kind != meanings[i].fault)
			fail_msg("%s: %s", meanings[i].what, bgp_fault_name(f.kind));
		assert_int_equal(f.data_len, data.len);
		assert_memory_equal(f.data, data.b, data.len);
	}
}

static void checks_own_identifier(void **)
{
	struct bgp_open ours = { .as = 64500, .id = 1, .caps = { .families = BGP_FAMILY_IP4 } };
	struct bgp_open theirs = { .as = 64500, .id = 1 };

	assert_int_equal(bgp_open_check(&theirs, &ours, 64500, false).kind, BGP_FAULT_ID);
	theirs.id = 2;
	assert_int_equal(bgp_open_check(&theirs, &ours, 64500, false).kind, BGP_FAULT_NONE);
}

static void builds(void **)
{
	struct bgp_open o = {
		.as = 64500,
		.hold_time_s = 9,
		.id = 0xc0000201,
		.caps = { .multiprotocol = true,
			.families = BGP_FAMILY_ALL,
			.refresh = true,
			.as4 = true,
			.as = 64500 },
	};
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct bytes want = message(BGP_MSG_OPEN, "04 fbf4 0009 c0000201 16 02 14 0104 0001 00 01 "
						  "0104 0002 00 01 0200 4104 0000fbf4");

	assert_int_equal(bgp_open_build(&w, &o), want.len);
	assert_memory_equal(buf, want.b, want.len);
}

static void builds_and_reads_back(void **)
{
	struct bgp_open o = {
		.as = 4200000001,
		.hold_time_s = 240,
		.id = 5,
		.caps = { .multiprotocol = true,
			.families = BGP_FAMILY_IP6,
			.as4 = true,
			.as = 4200000001 },
	};
	struct bgp_open back;
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	size_t n = bgp_open_build(&w, &o);

	assert_int_equal(buf[20] << 8 | buf[21], BGP_AS_TRANS);
	struct bgp_fault f =
		bgp_open_parse(&back, rd_init(buf + BGP_HEADER_BYTES, n - BGP_HEADER_BYTES));
	assert_int_equal(f.kind, BGP_FAULT_NONE);
	assert_int_equal(back.as, o.as);
	assert_int_equal(back.hold_time_s, o.hold_time_s);
	assert_int_equal(back.caps.families, BGP_FAMILY_IP6);
	assert_false(back.caps.refresh);
}

static void builds_without_capabilities(void **)
{
	struct bgp_open o = { .as = 64500, .hold_time_s = 9, .id = 0xc0000201 };
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct bytes want = message(BGP_MSG_OPEN, "04 fbf4 0009 c0000201 00");

	assert_int_equal(bgp_open_build(&w, &o), want.len);
	assert_memory_equal(buf, want.b, want.len);
}

static void common_families(void **)
{
	struct bgp_caps both = { .multiprotocol = true, .families = BGP_FAMILY_ALL };
	struct bgp_caps six = { .multiprotocol = true, .families = BGP_FAMILY_IP6 };
	struct bgp_caps silent = { .families = 0 };

	assert_int_equal(bgp_caps_common_families(&both, &six), BGP_FAMILY_IP6);
	assert_int_equal(bgp_caps_common_families(&both, &silent), BGP_FAMILY_IP4);
	assert_int_equal(bgp_caps_common_families(&six, &silent), 0);
}

static void table_is_whole(void **)
{
	for (const struct bgp_cap_row *row = bgp_cap_table; row->name; row++) {
		assert_memory_equal(row->rfc, "RFC ", 4);
		assert_true(row == bgp_cap_table || row[-1].code < row->code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_good),
		cmocka_unit_test(passes_over_malformed_capabilities),
		cmocka_unit_test(refuses_bad),
		cmocka_unit_test(refuses_each_cut),
		cmocka_unit_test(checks_meaning),
		cmocka_unit_test(checks_own_identifier),
		cmocka_unit_test(builds),
		cmocka_unit_test(builds_and_reads_back),
		cmocka_unit_test(builds_without_capabilities),
		cmocka_unit_test(common_families),
		cmocka_unit_test(table_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
