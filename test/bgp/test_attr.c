// Path attributes: each row of the table read, well formed and not, and written.
#include "bgp/attr.h"

#include <errno.h>
#include <string.h>

#include "test/bgp/bytes.h"
#include "test/unit.h"

// The neighbours there are: external and internal with four-octet AS numbers,
// external with two.
enum who { EXT, INT, OLD };
static const struct bgp_codec codecs[] = {
	[EXT] = { .local_as = 64500, .as4 = true, .families = BGP_FAMILY_ALL },
	[INT] = { .local_as = 64500, .ibgp = true, .as4 = true, .families = BGP_FAMILY_ALL },
	[OLD] = { .local_as = 64500, .families = BGP_FAMILY_ALL },
};

static const struct {
	const char *what;
	enum who from;
	const char *field;
	enum bgp_fault_kind fault;
	enum bgp_verb verb;
	const char *print;
} rows[] = {
	{ "nothing", EXT, "", BGP_FAULT_NONE, BGP_VERB_NONE, "" },

	// ORIGIN, RFC 7606 section 7.1
	{ "igp", EXT, "400101 00", BGP_FAULT_NONE, BGP_VERB_NONE, "ORIGIN igp" },
	{ "egp", EXT, "400101 01", BGP_FAULT_NONE, BGP_VERB_NONE, "ORIGIN egp" },
	{ "incomplete", EXT, "400101 02", BGP_FAULT_NONE, BGP_VERB_NONE, "ORIGIN incomplete" },
	{ "origin 3", EXT, "400101 03", BGP_FAULT_ORIGIN, BGP_VERB_WITHDRAW, "ORIGIN (malformed)" },
	{ "origin empty", EXT, "400100", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"ORIGIN (malformed)" },
	{ "origin of 2", EXT, "400102 0000", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"ORIGIN (malformed)" },
	{ "origin optional", EXT, "c00101 00", BGP_FAULT_ATTR_FLAGS, BGP_VERB_WITHDRAW,
		"ORIGIN (malformed)" },
	{ "origin not transitive", EXT, "000101 00", BGP_FAULT_ATTR_FLAGS, BGP_VERB_WITHDRAW,
		"ORIGIN (malformed)" },
	{ "extended length", EXT, "50010001 00", BGP_FAULT_NONE, BGP_VERB_NONE, "ORIGIN igp" },

	// AS_PATH, section 7.2
	{ "path empty", EXT, "400200", BGP_FAULT_NONE, BGP_VERB_NONE, "AS_PATH" },
	{ "path of 2", EXT, "40020a 0202 0000fbf0 fffffffe", BGP_FAULT_NONE, BGP_VERB_NONE,
		"AS_PATH 64496 4294967294" },
	{ "path with set", EXT, "400210 0201 00000001 0102 00000002 00000003", BGP_FAULT_NONE,
		BGP_VERB_NONE, "AS_PATH 1 {2,3}" },
	{ "path of two octets", OLD, "400206 0202 fbf0 5ba0", BGP_FAULT_NONE, BGP_VERB_NONE,
		"AS_PATH 64496 23456" },
	{ "path of the other width", EXT, "400206 0202 fbf0 5ba0", BGP_FAULT_AS_PATH,
		BGP_VERB_WITHDRAW, "AS_PATH (malformed)" },
	{ "segment empty", EXT, "400202 0200", BGP_FAULT_AS_PATH, BGP_VERB_WITHDRAW,
		"AS_PATH (malformed)" },
	{ "segment type 0", EXT, "400206 0001 00000001", BGP_FAULT_AS_PATH, BGP_VERB_WITHDRAW,
		"AS_PATH (malformed)" },
	{ "segment of a confederation", EXT, "400206 0301 00000001", BGP_FAULT_AS_PATH,
		BGP_VERB_WITHDRAW, "AS_PATH (malformed)" },
	{ "segment too long", EXT, "400206 0202 00000001", BGP_FAULT_AS_PATH, BGP_VERB_WITHDRAW,
		"AS_PATH (malformed)" },
	{ "one octet left over", EXT, "400207 0201 00000001 02", BGP_FAULT_AS_PATH,
		BGP_VERB_WITHDRAW, "AS_PATH (malformed)" },
	{ "AS 0 in the path", EXT, "40020a 0202 00000001 00000000", BGP_FAULT_AS_PATH,
		BGP_VERB_WITHDRAW, "AS_PATH (malformed)" },

	// NEXT_HOP, section 7.3
	{ "next hop", EXT, "400304 c0000209", BGP_FAULT_NONE, BGP_VERB_NONE, "NEXT_HOP 192.0.2.9" },
	{ "next hop of 3", EXT, "400303 c00002", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"NEXT_HOP (malformed)" },
	{ "next hop 0.0.0.0", EXT, "400304 00000000", BGP_FAULT_NEXT_HOP, BGP_VERB_WITHDRAW,
		"NEXT_HOP (malformed)" },
	{ "next hop loopback", EXT, "400304 7f000001", BGP_FAULT_NEXT_HOP, BGP_VERB_WITHDRAW,
		"NEXT_HOP (malformed)" },
	{ "next hop multicast", EXT, "400304 e0000001", BGP_FAULT_NEXT_HOP, BGP_VERB_WITHDRAW,
		"NEXT_HOP (malformed)" },

	// MULTI_EXIT_DISC, section 7.4; LOCAL_PREF, section 7.5
	{ "med", EXT, "800404 0000000a", BGP_FAULT_NONE, BGP_VERB_NONE, "MULTI_EXIT_DISC 10" },
	{ "med of 3", EXT, "800403 00000a", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"MULTI_EXIT_DISC (malformed)" },
	{ "med transitive", EXT, "c00404 0000000a", BGP_FAULT_ATTR_FLAGS, BGP_VERB_WITHDRAW,
		"MULTI_EXIT_DISC (malformed)" },
	{ "local pref", INT, "400504 00000064", BGP_FAULT_NONE, BGP_VERB_NONE, "LOCAL_PREF 100" },
	{ "local pref of 5", INT, "400505 0000000064", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"LOCAL_PREF (malformed)" },
	{ "local pref from outside", EXT, "400504 00000064", BGP_FAULT_ATTR_UNEXPECTED,
		BGP_VERB_DISCARD, "" },
	{ "local pref from outside, malformed", EXT, "400501 00", BGP_FAULT_ATTR_UNEXPECTED,
		BGP_VERB_DISCARD, "" },

	// ATOMIC_AGGREGATE, section 7.6; AGGREGATOR, section 7.7
	{ "atomic", EXT, "400600", BGP_FAULT_NONE, BGP_VERB_NONE, "ATOMIC_AGGREGATE" },
	{ "atomic with a value", EXT, "400601 00", BGP_FAULT_ATTR_LENGTH, BGP_VERB_DISCARD, "" },
	{ "aggregator", EXT, "c00708 0000fbf0 c0000209", BGP_FAULT_NONE, BGP_VERB_NONE,
		"AGGREGATOR 64496 192.0.2.9" },
	{ "aggregator of two octets", OLD, "c00706 fbf0 c0000209", BGP_FAULT_NONE, BGP_VERB_NONE,
		"AGGREGATOR 64496 192.0.2.9" },
	{ "aggregator of the other width", EXT, "c00706 fbf0 c0000209", BGP_FAULT_ATTR_LENGTH,
		BGP_VERB_DISCARD, "" },
	{ "aggregator of the other width", OLD, "c00708 0000fbf0 c0000209", BGP_FAULT_ATTR_LENGTH,
		BGP_VERB_DISCARD, "" },
	{ "aggregator AS 0", EXT, "c00708 00000000 c0000209", BGP_FAULT_OPTIONAL, BGP_VERB_DISCARD,
		"" },

	// Communities, section 7.8 and RFC 8092 section 5
	{ "communities", EXT, "c00808 fbf40064 ffffff01", BGP_FAULT_NONE, BGP_VERB_NONE,
		"COMMUNITIES 64500:100 no-export" },
	{ "communities empty", EXT, "c00800", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"COMMUNITIES (malformed)" },
	{ "communities of 6", EXT, "c00806 fbf40064ffff", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"COMMUNITIES (malformed)" },
	{ "communities partial", EXT, "e00804 fbf40064", BGP_FAULT_NONE, BGP_VERB_NONE,
		"COMMUNITIES 64500:100" },
	{ "extended", EXT, "c01008 0002fbf400000064", BGP_FAULT_NONE, BGP_VERB_NONE,
		"EXTENDED COMMUNITIES 0x0002fbf400000064" },
	{ "extended of 4", EXT, "c01004 0002fbf4", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"EXTENDED COMMUNITIES (malformed)" },
	{ "large", EXT, "c0200c 0000fbf4 00000001 00000002", BGP_FAULT_NONE, BGP_VERB_NONE,
		"LARGE_COMMUNITY 64500:1:2" },
	{ "large of 8", EXT, "c02008 0000fbf4 00000001", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"LARGE_COMMUNITY (malformed)" },
	{ "large empty", EXT, "c02000", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"LARGE_COMMUNITY (malformed)" },

	// ORIGINATOR_ID and CLUSTER_LIST, sections 7.9 and 7.10
	{ "originator", INT, "800904 c0000207", BGP_FAULT_NONE, BGP_VERB_NONE,
		"ORIGINATOR_ID 192.0.2.7" },
	{ "originator of 5", INT, "800905 c000020700", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"ORIGINATOR_ID (malformed)" },
	{ "originator from outside", EXT, "800904 c0000207", BGP_FAULT_ATTR_UNEXPECTED,
		BGP_VERB_DISCARD, "" },
	{ "clusters", INT, "800a08 c0000207 c0000208", BGP_FAULT_NONE, BGP_VERB_NONE,
		"CLUSTER_LIST 192.0.2.7 192.0.2.8" },
	{ "clusters of 6", INT, "800a06 c0000207c000", BGP_FAULT_ATTR_LENGTH, BGP_VERB_WITHDRAW,
		"CLUSTER_LIST (malformed)" },
	{ "clusters from outside", EXT, "800a04 c0000207", BGP_FAULT_ATTR_UNEXPECTED,
		BGP_VERB_DISCARD, "" },

	// MP_REACH_NLRI, section 7.11
	{ "reach IPv6", EXT,
		"800e1c 0002 01 10 20010db8000000000000000000000009 00 30 20010db80053",
		BGP_FAULT_NONE, BGP_VERB_NONE,
		"MP_REACH_NLRI 2/1 next-hop 2001:db8::9 2001:db8:53::/48" },
	{ "reach IPv6 with link-local", EXT,
		"800e2c 0002 01 20 20010db8000000000000000000000009 "
		"fe800000000000000000000000000009 00 "
		"30 20010db80053",
		BGP_FAULT_NONE, BGP_VERB_NONE,
		"MP_REACH_NLRI 2/1 next-hop 2001:db8::9 fe80::9 2001:db8:53::/48" },
	{ "reach IPv4", EXT, "800e0d 0001 01 04 c0000209 00 18 c63364", BGP_FAULT_NONE,
		BGP_VERB_NONE, "MP_REACH_NLRI 1/1 next-hop 192.0.2.9 198.51.100.0/24" },
	{ "reach of another family", EXT, "800e08 0019 41 01 ff 00 1234", BGP_FAULT_NONE,
		BGP_VERB_NONE, "MP_REACH_NLRI 25/65" },
	{ "reach without room for a header", EXT, "800e04 0002 01 00", BGP_FAULT_OPTIONAL,
		BGP_VERB_RESET_AFI, "MP_REACH_NLRI (malformed)" },
	{ "reach, next hop too long for it", EXT, "800e05 0002 01 10 20", BGP_FAULT_OPTIONAL,
		BGP_VERB_RESET_AFI, "MP_REACH_NLRI (malformed)" },
	{ "reach, next hop of 4 for IPv6", EXT, "800e10 0002 01 04 c0000209 00 30 20010db80053",
		BGP_FAULT_OPTIONAL, BGP_VERB_RESET_AFI, "MP_REACH_NLRI (malformed)" },
	{ "reach, next hop of 16 for IPv4", EXT,
		"800e19 0001 01 10 20010db8000000000000000000000009 00 18 c63364",
		BGP_FAULT_OPTIONAL, BGP_VERB_RESET_AFI, "MP_REACH_NLRI (malformed)" },
	{ "reach, next hop ::", EXT,
		"800e1c 0002 01 10 00000000000000000000000000000000 00 30 20010db80053",
		BGP_FAULT_NEXT_HOP, BGP_VERB_WITHDRAW, "MP_REACH_NLRI (malformed)" },
	{ "reach, prefix of 129 bits", EXT,
		"800e16 0002 01 10 20010db8000000000000000000000009 00 81", BGP_FAULT_OPTIONAL,
		BGP_VERB_RESET_AFI, "MP_REACH_NLRI (malformed)" },
	{ "reach, prefix cut short", EXT,
		"800e18 0002 01 10 20010db8000000000000000000000009 00 30 2001", BGP_FAULT_OPTIONAL,
		BGP_VERB_RESET_AFI, "MP_REACH_NLRI (malformed)" },
	{ "reach well-known", EXT, "400e0d 0001 01 04 c0000209 00 18 c63364", BGP_FAULT_ATTR_FLAGS,
		BGP_VERB_WITHDRAW, "MP_REACH_NLRI (malformed)" },
	{ "reach twice", EXT, "800e0901010104c0000209 00 800e0901010104c0000209 00",
		BGP_FAULT_ATTR_TWICE, BGP_VERB_RESET, "MP_REACH_NLRI 257/1" },

	// MP_UNREACH_NLRI
	{ "unreach IPv6", EXT, "800f0a 0002 01 30 20010db80053", BGP_FAULT_NONE, BGP_VERB_NONE,
		"MP_UNREACH_NLRI 2/1 2001:db8:53::/48" },
	{ "unreach nothing", EXT, "800f03 0002 01", BGP_FAULT_NONE, BGP_VERB_NONE,
		"MP_UNREACH_NLRI 2/1" },
	{ "unreach of 2", EXT, "800f02 0002", BGP_FAULT_ATTR_LENGTH, BGP_VERB_RESET,
		"MP_UNREACH_NLRI (malformed)" },
	{ "unreach, prefix of 33 bits", EXT, "800f09 0001 01 21 c633640000", BGP_FAULT_OPTIONAL,
		BGP_VERB_RESET_AFI, "MP_UNREACH_NLRI (malformed)" },

	// AS4_PATH and AS4_AGGREGATOR, RFC 6793 section 6
	{ "as4 path", OLD, "c0110a 0202 0000fbf0 fffffffe", BGP_FAULT_NONE, BGP_VERB_NONE,
		"AS4_PATH 64496 4294967294" },
	{ "as4 path from a new speaker", EXT, "c0110a 0202 0000fbf0 fffffffe",
		BGP_FAULT_ATTR_UNEXPECTED, BGP_VERB_DISCARD, "" },
	{ "as4 path empty", OLD, "c01100", BGP_FAULT_ATTR_LENGTH, BGP_VERB_DISCARD, "" },
	{ "as4 path cut short", OLD, "c01106 0202 00000001", BGP_FAULT_AS_PATH, BGP_VERB_DISCARD,
		"" },
	{ "as4 aggregator", OLD, "c01208 fffffffe c0000209", BGP_FAULT_NONE, BGP_VERB_NONE,
		"AS4_AGGREGATOR 4294967294 192.0.2.9" },
	{ "as4 aggregator AS 0", OLD, "c01208 00000000 c0000209", BGP_FAULT_OPTIONAL,
		BGP_VERB_DISCARD, "" },
	{ "as4 aggregator of 6", OLD, "c01206 fbf0 c0000209", BGP_FAULT_ATTR_LENGTH,
		BGP_VERB_DISCARD, "" },

	// The list itself, RFC 7606 sections 3 and 4
	{ "twice: the first counts", EXT, "800404 00000001 800404 00000002", BGP_FAULT_ATTR_TWICE,
		BGP_VERB_DISCARD, "MULTI_EXIT_DISC 1" },
	{ "flags without code", EXT, "40", BGP_FAULT_ATTR_LIST, BGP_VERB_WITHDRAW, "" },
	{ "header cut short", EXT, "400101 00 4002", BGP_FAULT_ATTR_LIST, BGP_VERB_WITHDRAW,
		"ORIGIN igp" },
	{ "extended length cut short", EXT, "500100", BGP_FAULT_ATTR_LIST, BGP_VERB_WITHDRAW, "" },
	{ "value beyond the list", EXT, "400101 00 800405 00000001", BGP_FAULT_ATTR_LIST,
		BGP_VERB_WITHDRAW, "ORIGIN igp" },
	{ "unknown well-known", EXT, "406301 00", BGP_FAULT_ATTR_UNKNOWN, BGP_VERB_RESET, "" },
	{ "unknown optional", EXT, "806301 00", BGP_FAULT_NONE, BGP_VERB_NONE, "" },
	{ "unknown optional twice", EXT, "c06301 00 c06301 00", BGP_FAULT_ATTR_TWICE,
		BGP_VERB_DISCARD, "" },
	{ "the strongest fault wins", EXT, "400601 00 400101 03 406301 00 400303 c00002",
		BGP_FAULT_ATTR_UNKNOWN, BGP_VERB_RESET,
		"ORIGIN (malformed), NEXT_HOP (malformed)" },
	{ "any order is read", EXT, "400304 c0000209 400200 400101 00", BGP_FAULT_NONE,
		BGP_VERB_NONE, "ORIGIN igp, AS_PATH, NEXT_HOP 192.0.2.9" },
};

static void reading(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		struct bytes b = hex(rows[i].field);
		struct bgp_path p;
		own(sb_free) struct strbuf text = {};
		struct bgp_fault f = bgp_path_decode(&p, bytes_rd(&b), &codecs[rows[i].from]);

		bgp_path_print(&p, &text);
		if (f.kind != rows[i].fault || f.verb != rows[i].verb ||
			strcmp(sb_text(&text), rows[i].print) != 0)
			fail_msg("%s: %s, %s, \"%s\"", rows[i].what, bgp_fault_name(f.kind),
				bgp_verb_name(f.verb), sb_text(&text));
	}
}

// The NOTIFICATION carries the attribute as it came: RFC 4271 section 6.3.
static void fault_carries_attribute(void **)
{
	struct bytes b = hex("400101 00 406302 abcd 400200");
	struct bgp_path p;
	struct bgp_fault f = bgp_path_decode(&p, bytes_rd(&b), &codecs[EXT]);

	assert_int_equal(f.attr, 0x63);
	assert_ptr_equal(f.data, b.b + 4);
	assert_int_equal(f.data_len, 5);
}

static void family_not_agreed_on_is_skipped(void **)
{
	struct bgp_codec only4 = codecs[EXT];
	struct bytes b = hex("800e16 0002 01 10 20010db8000000000000000000000009 00 81");
	struct bgp_path p;

	only4.families = BGP_FAMILY_IP4;
	assert_int_equal(bgp_path_decode(&p, bytes_rd(&b), &only4).kind, BGP_FAULT_NONE);
	assert_int_equal(p.reach.family, 0);
	assert_false(rd_more(&p.reach.nlri));
}

static void unknown_ones_are_passed_on(void **)
{
	struct bytes b = hex("400101 00 806301 01 c06402 0203 e06500 d0660001 04");
	struct bgp_path p;
	struct bgp_raw_attr a;

	assert_int_equal(bgp_path_decode(&p, bytes_rd(&b), &codecs[EXT]).kind, BGP_FAULT_NONE);
	assert_int_equal(p.unknown, 3);
	struct rd r = p.raw;
	assert_true(bgp_path_next_unknown(&r, &a));
	assert_int_equal(a.code, 0x64);
	assert_int_equal(a.flags, 0xe0); // Partial is set
	assert_int_equal(rd_left(&a.value), 2);
	assert_true(bgp_path_next_unknown(&r, &a));
	assert_int_equal(a.code, 0x65);
	assert_true(bgp_path_next_unknown(&r, &a));
	assert_int_equal(a.code, 0x66);
	assert_int_equal(rd_left(&a.value), 1);
	assert_false(bgp_path_next_unknown(&r, &a));
}

// ---- What is announced ----

static struct bgp_community community(const char *text)
{
	struct bgp_community c;

	assert_int_equal(bgp_community_parse(&c, text), 0);
	return c;
}

static struct bgp_attrs *make(const struct bgp_attrs_spec *spec)
{
	struct bgp_attrs *a;

	assert_int_equal(bgp_attrs_new(&a, spec), 0);
	return a;
}

static void order_of_communities_is_nothing(void **)
{
	struct bgp_community x[] = { community("64500:2"), community("1:2:3"), community("64500:1"),
		community("no-export"), community("64500:2") };
	struct bgp_community y[] = { community("no-export"), community("64500:1"),
		community("64500:2"), community("1:2:3"), community("1:2:3") };
	own(bgp_attrs_unref) struct bgp_attrs *a =
		make(&(struct bgp_attrs_spec){ .communities = x, .community_count = countof(x) });
	own(bgp_attrs_unref) struct bgp_attrs *b =
		make(&(struct bgp_attrs_spec){ .communities = y, .community_count = countof(y) });

	assert_true(bgp_attrs_equal(a, b));
	assert_int_equal(bgp_attrs_hash(a), bgp_attrs_hash(b));
	assert_int_equal(a->plain_count, 3);
	assert_int_equal(a->large_count, 1);
	assert_int_equal(a->plain[0], 64500u << 16 | 1);
	assert_int_equal(a->large[0].local2, 3);
}

static void each_field_makes_a_difference(void **)
{
	struct bgp_community plain = community("64500:1"), large = community("64500:0:1");
	const struct bgp_attrs_spec specs[] = {
		{},
		{ .origin = BGP_ORIGIN_EGP },
		{ .prepend = 1 },
		{ .has_med = true },
		{ .has_med = true, .med = 1 },
		{ .has_local_pref = true, .local_pref = 99 },
		{ .communities = &plain, .community_count = 1 },
		{ .communities = &large, .community_count = 1 },
	};

	for (size_t i = 0; i < countof(specs); i++) {
		for (size_t k = 0; k < countof(specs); k++) {
			own(bgp_attrs_unref) struct bgp_attrs *a = make(&specs[i]);
			own(bgp_attrs_unref) struct bgp_attrs *b = make(&specs[k]);
			assert_int_equal(bgp_attrs_equal(a, b), i == k);
		}
	}
	assert_true(bgp_attrs_equal(NULL, NULL));
	own(bgp_attrs_unref) struct bgp_attrs *a = make(&specs[0]);
	assert_false(bgp_attrs_equal(a, NULL));
	assert_false(bgp_attrs_equal(NULL, a));
}

static void too_much_is_refused(void **)
{
	struct bgp_community many[BGP_COMMUNITIES_MAX + 1] = {};
	struct bgp_attrs *a = NULL;
	struct bgp_attrs_spec spec = { .prepend = BGP_PREPEND_MAX + 1 };

	assert_int_equal(bgp_attrs_new(&a, &spec), -ERANGE);
	spec = (struct bgp_attrs_spec){ .communities = many, .community_count = countof(many) };
	assert_int_equal(bgp_attrs_new(&a, &spec), -E2BIG);
	assert_null(a);
}

static void references(void **)
{
	struct bgp_attrs *a = make(&(struct bgp_attrs_spec){});
	struct bgp_attrs *b = bgp_attrs_ref(a);

	assert_int_equal(a->refs, 2);
	bgp_attrs_unref(&a);
	assert_null(a);
	assert_int_equal(b->refs, 1);
	bgp_attrs_unref(&b);
	bgp_attrs_unref(&b); // NULL is fine
}

static const struct {
	const char *what;
	uint32_t as;
	enum who to;
	bool next_hop;
	struct bgp_attrs_spec spec;
	const char *communities[4];
	const char *bytes;
} written[] = {
	{ "plain", 64500, EXT, true, {}, {}, "400101 00 400206 0201 0000fbf4 400304 c0000201" },
	{ "without next hop", 64500, EXT, false, {}, {}, "400101 00 400206 0201 0000fbf4" },
	{ "internal", 64500, INT, true, { .prepend = 3 }, {},
		"400101 00 400200 400304 c0000201 400504 00000064" },
	{ "internal, local pref", 64500, INT, false, { .has_local_pref = true, .local_pref = 50 },
		{}, "400101 00 400200 400504 00000032" },
	{ "prepends", 64500, EXT, false, { .prepend = 2 }, {},
		"400101 00 40020e 0203 0000fbf4 0000fbf4 0000fbf4" },
	{ "med", 64500, EXT, false, { .has_med = true, .med = 7 }, {},
		"400101 00 400206 0201 0000fbf4 800404 00000007" },
	{ "med 0", 64500, EXT, false, { .has_med = true }, {},
		"400101 00 400206 0201 0000fbf4 800404 00000000" },
	{ "origin", 64500, EXT, false, { .origin = BGP_ORIGIN_INCOMPLETE }, {},
		"400101 02 400206 0201 0000fbf4" },
	{ "communities", 64500, EXT, false, {}, { "graceful-shutdown", "64500:1:2", "64500:100" },
		"400101 00 400206 0201 0000fbf4 c00808 fbf40064 ffff0000 "
		"c0200c 0000fbf4 00000001 00000002" },
	{ "two octets", 64500, OLD, false, { .prepend = 1 }, {},
		"400101 00 400206 0202 fbf4 fbf4" },
	{ "two octets, greater AS", 4200000001, OLD, false, { .prepend = 1 }, {},
		"400101 00 400206 0202 5ba0 5ba0 c0110a 0202 fa56ea01 fa56ea01" },
	{ "four octets, greater AS", 4200000001, EXT, false, {}, {},
		"400101 00 400206 0201 fa56ea01" },
};

static void writing(void **)
{
	for (size_t i = 0; i < countof(written); i++) {
		struct bgp_attrs_spec spec = written[i].spec;
		struct bgp_community list[4];
		struct bgp_codec codec = codecs[written[i].to];
		struct bytes want = hex(written[i].bytes);
		uint8_t buf[BGP_MSG_MAX];
		struct wr w = wr_init(buf, sizeof(buf));

		while (spec.community_count < 4 && written[i].communities[spec.community_count]) {
			list[spec.community_count] =
				community(written[i].communities[spec.community_count]);
			spec.community_count++;
		}
		spec.communities = list;
		codec.local_as = written[i].as;
		codec.next_hop4 = ip_from_u32(0xc0000201);
		own(bgp_attrs_unref) struct bgp_attrs *a = make(&spec);
		bgp_attrs_encode(&w, a, &codec, written[i].next_hop);
		if (wr_len(&w) != want.len || memcmp(buf, want.b, want.len) != 0)
			fail_msg("%s: %zu octets, %zu expected", written[i].what, wr_len(&w),
				want.len);
	}
}

// The greatest set that is allowed leaves room for routes in a message.
static void greatest_set_fits(void **)
{
	struct bgp_community many[BGP_COMMUNITIES_MAX];
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct bgp_codec codec = codecs[EXT];
	struct bgp_path p;

	for (uint32_t i = 0; i < countof(many); i++)
		many[i] = (struct bgp_community){ .large = true, .a = i };
	own(bgp_attrs_unref) struct bgp_attrs *a = make(&(struct bgp_attrs_spec){
		.prepend = BGP_PREPEND_MAX,
		.has_med = true,
		.communities = many,
		.community_count = countof(many),
	});
	codec.next_hop4 = ip_from_u32(0xc0000201);
	bgp_attrs_encode(&w, a, &codec, true);
	assert_in_range(wr_len(&w), 255 * 12, BGP_MSG_MAX - 500);

	struct bgp_fault f = bgp_path_decode(&p, rd_init(buf, wr_len(&w)), &codec);
	assert_int_equal(f.kind, BGP_FAULT_NONE);
	assert_int_equal(rd_left(&p.large), 255 * 12);
}

static void table_is_whole(void **)
{
	for (const struct bgp_attr_row *row = bgp_attr_table; row->name; row++) {
		assert_true(row == bgp_attr_table || row[-1].code < row->code);
		assert_memory_equal(row->rfc, "RFC ", 4);
		assert_true(row->min <= row->max);
		assert_true(row->step > 0);
		assert_non_null(row->decode);
		assert_non_null(row->print);
		assert_true(row->code < 64); // bits of bgp_path.seen
		assert_ptr_equal(bgp_attr_find(row->code), row);
	}
	assert_null(bgp_attr_find(0));
	assert_null(bgp_attr_find(255));
	assert_string_equal(bgp_attr_name(255), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(fault_carries_attribute),
		cmocka_unit_test(family_not_agreed_on_is_skipped),
		cmocka_unit_test(unknown_ones_are_passed_on),
		cmocka_unit_test(order_of_communities_is_nothing),
		cmocka_unit_test(each_field_makes_a_difference),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(references),
		cmocka_unit_test(writing),
		cmocka_unit_test(greatest_set_fits),
		cmocka_unit_test(table_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
