// UPDATE as a whole: what may be used of it, and packing.
#include "bgp/update.h"

#include <string.h>

#include "bgp/msg.h"
#include "test/bgp/bytes.h"
#include "test/unit.h"

static const struct bgp_codec external = {
	.local_as = 64500,
	.as4 = true,
	.families = BGP_FAMILY_ALL,
};
static const struct bgp_codec internal = {
	.local_as = 64500,
	.ibgp = true,
	.as4 = true,
	.families = BGP_FAMILY_ALL,
};

// Attributes of a good external route, 20 octets, and its parts.
#define ORIGIN   "400101 00 "
#define AS_PATH  "400206 0201 0000fbf0 "
#define NEXT_HOP "400304 c0000209 "
#define REACH6   "800e1c 0002 01 10 20010db8000000000000000000000009 00 30 20010db80053 "
#define UNREACH6 "800f0a 0002 01 30 20010db80053 "

static const struct {
	const char *what;
	const struct bgp_codec *codec;
	const char *body;
	enum bgp_fault_kind fault;
	enum bgp_verb verb;
	size_t announced, withdrawn;
	unsigned end_of_rib;
} rows[] = {
	{ "end of RIB, IPv4", &external, "0000 0000", 0, 0, 0, 0, BGP_FAMILY_IP4 },
	{ "end of RIB, IPv6", &external, "0000 0006 800f03 0002 01", 0, 0, 0, 0, BGP_FAMILY_IP6 },
	{ "announce", &external, "0000 0014" ORIGIN AS_PATH NEXT_HOP "18 c63364 18 c63365", 0, 0, 2,
		0, 0 },
	{ "withdraw", &external, "0004 18 c63364 0000", 0, 0, 0, 1, 0 },
	{ "both", &external, "0004 18 c63364 0014" ORIGIN AS_PATH NEXT_HOP "18 c63365", 0, 0, 1, 1,
		0 },
	{ "default route", &external, "0000 0014" ORIGIN AS_PATH NEXT_HOP "00", 0, 0, 1, 0, 0 },
	{ "IPv6", &external, "0000 002c" ORIGIN AS_PATH REACH6, 0, 0, 1, 0, 0 },
	{ "IPv6 withdraw", &external, "0000 000d" UNREACH6, 0, 0, 0, 1, 0 },
	{ "IPv6 and IPv4", &external, "0000 0033" ORIGIN AS_PATH NEXT_HOP REACH6 "18 c63365", 0, 0,
		2, 0, 0 },
	{ "attributes without routes", &external, "0000 0014" ORIGIN AS_PATH NEXT_HOP, 0, 0, 0, 0,
		0 },
	{ "internal", &internal,
		"0000 0015" ORIGIN "400200" NEXT_HOP "400504 00000064"
		"18 c63364",
		0, 0, 1, 0, 0 },

	// Lengths that contradict: RFC 4271 section 6.3
	{ "nothing", &external, "", BGP_FAULT_UPDATE_LENGTH, BGP_VERB_RESET, 0, 0, 0 },
	{ "withdrawn too long", &external, "0005 18 c63364 0000", BGP_FAULT_UPDATE_LENGTH,
		BGP_VERB_RESET, 0, 0, 0 },
	{ "attributes too long", &external, "0000 0001", BGP_FAULT_UPDATE_LENGTH, BGP_VERB_RESET, 0,
		0, 0 },
	{ "no attributes length", &external, "0000 00", BGP_FAULT_UPDATE_LENGTH, BGP_VERB_RESET, 0,
		0, 0 },

	// Routes that cannot be told apart: RFC 7606 section 5.3
	{ "prefix of 33 bits", &external, "0000 0014" ORIGIN AS_PATH NEXT_HOP "21 c633640000",
		BGP_FAULT_NETWORK, BGP_VERB_RESET, 0, 0, 0 },
	{ "prefix cut short", &external, "0000 0014" ORIGIN AS_PATH NEXT_HOP "18 c633",
		BGP_FAULT_NETWORK, BGP_VERB_RESET, 0, 0, 0 },
	{ "withdrawn prefix of 33 bits", &external, "0006 21 c633640000 0000", BGP_FAULT_NETWORK,
		BGP_VERB_RESET, 0, 0, 0 },

	// Mandatory attributes: RFC 7606 section 3, d
	{ "no origin", &external, "0000 0010" AS_PATH NEXT_HOP "18 c63364", BGP_FAULT_ATTR_MISSING,
		BGP_VERB_WITHDRAW, 0, 1, 0 },
	{ "no path", &external, "0000 000b" ORIGIN NEXT_HOP "18 c63364", BGP_FAULT_ATTR_MISSING,
		BGP_VERB_WITHDRAW, 0, 1, 0 },
	{ "no next hop", &external, "0000 000d" ORIGIN AS_PATH "18 c63364", BGP_FAULT_ATTR_MISSING,
		BGP_VERB_WITHDRAW, 0, 1, 0 },
	{ "no local pref, internal", &internal, "0000 000e" ORIGIN "400200" NEXT_HOP "18 c63364",
		BGP_FAULT_ATTR_MISSING, BGP_VERB_WITHDRAW, 0, 1, 0 },
	{ "routes without attributes", &external, "0000 0000 18 c63364", BGP_FAULT_ATTR_MISSING,
		BGP_VERB_WITHDRAW, 0, 1, 0 },
	{ "IPv6 without path", &external, "0000 0023" ORIGIN REACH6, BGP_FAULT_ATTR_MISSING,
		BGP_VERB_WITHDRAW, 0, 1, 0 },

	// Faults of attributes
	{ "discard keeps the route", &external,
		"0000 0018" ORIGIN AS_PATH NEXT_HOP "400601 00"
		"18 c63364",
		BGP_FAULT_ATTR_LENGTH, BGP_VERB_DISCARD, 1, 0, 0 },
	{ "malformed counts as withdrawn", &external,
		"0004 18 c63364 0014 400101 03" AS_PATH NEXT_HOP "18 c63365", BGP_FAULT_ORIGIN,
		BGP_VERB_WITHDRAW, 0, 2, 0 },
	{ "list breaks off, routes are found", &external,
		"0000 0016" ORIGIN AS_PATH NEXT_HOP "c008"
		"18 c63364",
		BGP_FAULT_ATTR_LIST, BGP_VERB_WITHDRAW, 0, 1, 0 },
	{ "IPv6 routes cost the family", &external,
		"0000 002d 800e16 0002 01 10 20010db8000000000000000000000009 00 81" ORIGIN AS_PATH
			NEXT_HOP "18 c63364",
		BGP_FAULT_OPTIONAL, BGP_VERB_RESET_AFI, 1, 0, 0 },

	// Nothing to withdraw: RFC 7606 section 5.2
	{ "malformed without routes", &external, "0000 0014 400101 03" AS_PATH NEXT_HOP,
		BGP_FAULT_ORIGIN, BGP_VERB_RESET, 0, 0, 0 },
	{ "broken list without routes", &external, "0000 0002 4001", BGP_FAULT_ATTR_LIST,
		BGP_VERB_RESET, 0, 0, 0 },
	{ "discard without routes", &external, "0000 0004 400601 00", BGP_FAULT_ATTR_LENGTH,
		BGP_VERB_DISCARD, 0, 0, 0 },
	{ "unreach with wrong flags", &external, "0000 000d 400f0a 0002 01 30 20010db80053",
		BGP_FAULT_ATTR_FLAGS, BGP_VERB_WITHDRAW, 0, 1, 0 },
	{ "unknown well-known", &external,
		"0000 0018" ORIGIN AS_PATH NEXT_HOP "406301 00"
		"18 c63364",
		BGP_FAULT_ATTR_UNKNOWN, BGP_VERB_RESET, 0, 0, 0 },
};

static void reading(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		struct bytes b = hex(rows[i].body);
		struct bgp_update u;
		size_t announced, withdrawn;

		bgp_update_decode(&u, bytes_rd(&b), rows[i].codec);
		bgp_update_count(&u, &announced, &withdrawn);
		if (u.fault.kind != rows[i].fault || u.fault.verb != rows[i].verb ||
			announced != rows[i].announced || withdrawn != rows[i].withdrawn ||
			u.end_of_rib != rows[i].end_of_rib)
			fail_msg("%s: %s, %s, %zu announced, %zu withdrawn, end of RIB %u",
				rows[i].what, bgp_fault_name(u.fault.kind),
				bgp_verb_name(u.fault.verb), announced, withdrawn, u.end_of_rib);
	}
}

static void missing_attribute_is_named(void **)
{
	struct bytes b = hex("0000 000d" ORIGIN AS_PATH "18 c63364");
	struct bgp_update u;

	bgp_update_decode(&u, bytes_rd(&b), &external);
	assert_int_equal(u.fault.attr, BGP_ATTR_NEXT_HOP);
}

static void prefixes_come_out(void **)
{
	struct bytes b = hex("0004 18 c63364 0014" ORIGIN AS_PATH NEXT_HOP "0a ffff 20 c6336401");
	struct bgp_update u;
	struct ip_prefix p;
	char text[PREFIX_TEXT];

	bgp_update_decode(&u, bytes_rd(&b), &external);
	assert_true(bgp_nlri_next(&u.withdrawn, BGP_FAMILY_IP4, &p));
	assert_string_equal(prefix_print(&p, text), "198.51.100.0/24");
	assert_false(bgp_nlri_next(&u.withdrawn, BGP_FAMILY_IP4, &p));
	assert_true(bgp_nlri_next(&u.nlri, BGP_FAMILY_IP4, &p));
	assert_string_equal(prefix_print(&p, text), "255.192.0.0/10"); // host bits are cleared
	assert_true(bgp_nlri_next(&u.nlri, BGP_FAMILY_IP4, &p));
	assert_string_equal(prefix_print(&p, text), "198.51.100.1/32");
	assert_false(bgp_nlri_next(&u.nlri, BGP_FAMILY_IP4, &p));
}

// ---- Writing ----

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static struct bgp_codec writing_codec(void)
{
	struct bgp_codec c = external;

	c.next_hop4 = ip_from_u32(0xc0000201);
	assert_int_equal(ip_parse(&c.next_hop6, "2001:db8::1"), 0);
	return c;
}

static const struct {
	unsigned family;
	bool announce;
	const char *prefixes[2];
	const char *body;
} written[] = {
	{ BGP_FAMILY_IP4, true, { "198.51.100.0/24", "203.0.113.0/25" },
		"0000 0014 400101 00 400206 0201 0000fbf4 400304 c0000201 18 c63364 19 cb007100" },
	{ BGP_FAMILY_IP4, false, { "198.51.100.0/24", "203.0.113.0/25" },
		"0009 18 c63364 19 cb007100 0000" },
	{ BGP_FAMILY_IP6, true, { "2001:db8:53::/48", NULL },
		"0000 002d 900e001c 0002 01 10 20010db8000000000000000000000001 00 30 20010db80053 "
		"400101 00 400206 0201 0000fbf4" },
	{ BGP_FAMILY_IP6, false, { "2001:db8:53::/48", "::/0" },
		"0000 000f 900f000b 0002 01 30 20010db80053 00" },
};

static void writing(void **)
{
	struct bgp_codec codec = writing_codec();
	struct bgp_attrs *attrs;

	assert_int_equal(bgp_attrs_new(&attrs, &(struct bgp_attrs_spec){}), 0);
	for (size_t i = 0; i < countof(written); i++) {
		struct bytes want = message(BGP_MSG_UPDATE, written[i].body);
		struct bgp_update_writer u;
		uint8_t buf[BGP_MSG_MAX];
		struct ip_prefix back;

		bgp_update_begin(
			&u, buf, written[i].family, written[i].announce ? attrs : NULL, &codec);
		for (int k = 0; k < 2 && written[i].prefixes[k]; k++) {
			struct ip_prefix p = prefix(written[i].prefixes[k]);
			assert_true(bgp_update_add(&u, &p));
		}
		assert_int_equal(bgp_update_end(&u), want.len);
		assert_memory_equal(buf, want.b, want.len);

		struct rd list = bgp_update_list(&u);
		for (int k = 0; k < 2 && written[i].prefixes[k]; k++) {
			struct ip_prefix p = prefix(written[i].prefixes[k]);
			assert_true(bgp_nlri_next(&list, written[i].family, &back));
			assert_true(prefix_equal(&p, &back));
		}
		assert_false(bgp_nlri_next(&list, written[i].family, &back));
	}
	bgp_attrs_unref(&attrs);
}

// A message is filled to the last octet that a prefix of that length leaves, and reads back whole.
static void fills_messages(void **)
{
	struct bgp_codec codec = writing_codec();
	struct bgp_attrs *attrs;

	assert_int_equal(bgp_attrs_new(&attrs, &(struct bgp_attrs_spec){ .prepend = 2 }), 0);
	for (int kind = 0; kind < 4; kind++) {
		unsigned family = kind & 1 ? BGP_FAMILY_IP6 : BGP_FAMILY_IP4;
		bool announce = kind & 2;
		struct ip_prefix p =
			prefix(family == BGP_FAMILY_IP6 ? "2001:db8::/48" : "10.0.0.0/24");
		size_t one = 1 + p.len / 8u, n = 0, announced, withdrawn;
		struct bgp_update_writer u;
		uint8_t buf[BGP_MSG_MAX];
		struct bgp_update read;

		bgp_update_begin(&u, buf, family, announce ? attrs : NULL, &codec);
		while (bgp_update_add(&u, &p))
			n++;
		size_t size = bgp_update_end(&u);
		assert_in_range(size, BGP_MSG_MAX - one + 1, BGP_MSG_MAX);

		struct bgp_msg m;
		struct bgp_fault f;
		assert_int_equal(bgp_msg_frame(&m, &f, buf, size), 0);
		bgp_update_decode(&read, m.body, &codec);
		assert_int_equal(read.fault.kind, BGP_FAULT_NONE);
		bgp_update_count(&read, &announced, &withdrawn);
		assert_int_equal(announce ? announced : withdrawn, n);
		assert_int_equal(announce ? withdrawn : announced, 0);
	}
	bgp_attrs_unref(&attrs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(missing_attribute_is_named),
		cmocka_unit_test(prefixes_come_out),
		cmocka_unit_test(writing),
		cmocka_unit_test(fills_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
