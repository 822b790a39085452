// Attribute fields split into what is kept and written again; AS paths of both widths.
#include "test/unit.h"

#include <errno.h>
#include <string.h>

#include "rib/attrs.h"

static struct rib_attrs_room room;

static struct rd text(const char *s, size_t n)
{
	return rd_init(s, n);
}

#define BYTES(s) text(s, sizeof(s) - 1)

static void assert_bytes(struct rd got, const char *want, size_t n)
{
	assert_int_equal(rd_left(&got), n);
	assert_memory_equal(got.p, want, n);
}

#define ASSERT_BYTES(got, s) assert_bytes(got, s, sizeof(s) - 1)

static struct rib_attrs split(struct rd field, const struct rib_attrs_from *from)
{
	struct rib_attrs a;

	assert_int_equal(rib_attrs_split(&a, &room, field, from), 0);
	return a;
}

#define ORIGIN    "\x40\x01\x01\x00"
#define PATH4     "\x40\x02\x0a\x02\x02\0\0\xfb\xf4\0\x03\0\x01" // 64500 196609
#define HOP       "\x40\x03\x04\xc0\0\x02\x01"
#define MED       "\x80\x04\x04\0\0\0\x0a"
#define COMMUNITY "\xc0\x08\x04\xfb\xf4\0\x64"

static const struct rib_attrs_from wide = { .as4 = true };
static const struct rib_attrs_from narrow = {};

static void test_parts(void **)
{
	struct rib_attrs a = split(BYTES(ORIGIN PATH4 HOP MED COMMUNITY), &wide);
	struct rd v;

	ASSERT_BYTES(a.path, "\x02\x02\0\0\xfb\xf4\0\x03\0\x01");
	ASSERT_BYTES(a.hop, "\xc0\0\x02\x01");
	ASSERT_BYTES(a.rest, ORIGIN MED COMMUNITY);
	assert_int_equal(rib_attrs_origin(&a), 0);
	assert_int_equal(rib_attrs_u32(&a, 4, 7), 10);
	assert_int_equal(rib_attrs_u32(&a, 5, 7), 7);
	assert_true(rib_attrs_get(&a, 8, &v));
	ASSERT_BYTES(v, "\xfb\xf4\0\x64");
	assert_false(rib_attrs_get(&a, 32, &v));
}

// The same attributes in another order, with other flags of length, are the same strings.
static void test_canonical(void **)
{
	static struct rib_attrs_room other;
	struct rib_attrs a = split(BYTES(ORIGIN PATH4 HOP MED COMMUNITY), &wide), b;
	struct rd mixed = BYTES(COMMUNITY "\x90\x04\0\x04\0\0\0\x0a" HOP PATH4 ORIGIN MED);

	assert_int_equal(rib_attrs_split(&b, &other, mixed, &wide), 0);
	assert_int_equal(rd_left(&a.rest), rd_left(&b.rest));
	assert_memory_equal(a.rest.p, b.rest.p, rd_left(&a.rest));
}

static void test_dropped(void **)
{
	const struct rib_attrs_from from = { .as4 = true, .drop = UINT64_C(1) << 4 };

	// MED as told; of the unknown ones that which is not transitive.
	struct rib_attrs a = split(BYTES(ORIGIN MED "\x80\xc8\x01\x09"
						    "\xc0\xc9\x01\x09"),
		&from);
	ASSERT_BYTES(a.rest, ORIGIN "\xc0\xc9\x01\x09");
}

static void test_next_hops(void **)
{
#define GLOBAL "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
	struct ip_addr local, addr;
	struct rib_attrs a = split(BYTES("\x80\x0e\x11\x10" GLOBAL), &wide);
	char name[IP_TEXT];

	addr = rib_attrs_next_hop(&a, &local); // as RFC 6396 shortens it
	assert_string_equal(ip_print(&addr, name), "2001:db8::1");
	assert_int_equal(local.family, IP_NONE);
	a = split(BYTES("\x80\x0e\x15\0\x02\x01\x10" GLOBAL "\0"), &wide);
	addr = rib_attrs_next_hop(&a, NULL);
	assert_string_equal(ip_print(&addr, name), "2001:db8::1");

	struct rib_attrs_from from = { .as4 = true };
	assert_int_equal(ip_parse(&from.next_hop, "2001:db8::2"), 0);
	assert_int_equal(ip_parse(&from.link_local, "fe80::2"), 0);
	a = split(BYTES(HOP), &from);
	addr = rib_attrs_next_hop(&a, &local);
	assert_string_equal(ip_print(&addr, name), "2001:db8::2");
	assert_string_equal(ip_print(&local, name), "fe80::2");
	assert_int_equal(rd_left(&a.hop), 32);
}

static void test_refused(void **)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "\x40", 1 }, { "\x40\x01\x02\x00", 4 }, { "\x50\x02\x00", 3 },
		{ "\x40\x02\x03\x02\x02\x00", 6 },             // numbers cut short
		{ "\x40\x02\x02\x02\x00", 5 },                 // an empty segment
		{ "\x40\x02\x06\x05\x01\x00\x00\x00\x01", 9 }, // of an unknown type
		{ "\x40\x03\x03\x01\x02\x03", 6 },             // a next hop of three octets
		{ "\x80\x0e\x04\x10\x20\x01\x0d", 7 },         // or one that is cut
	};

	for (size_t i = 0; i < countof(bad); i++) {
		struct rib_attrs a = { .path = BYTES("untouched") };
		assert_int_equal(
			rib_attrs_split(&a, &room, text(bad[i].bytes, bad[i].n), &wide), -EBADMSG);
		ASSERT_BYTES(a.path, "untouched");
	}
}

// ---- Written again ----

static void assert_written(struct rd field, const char *want, size_t n)
{
	struct rib_attrs a = split(field, &wide);
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));

	rib_attrs_write(&w, &a);
	assert_bytes(rd_init(buf, wr_len(&w)), want, n);
}

#define ASSERT_WRITTEN(from, to) assert_written(BYTES(from), to, sizeof(to) - 1)

static void test_written(void **)
{
	ASSERT_WRITTEN(COMMUNITY MED HOP PATH4 ORIGIN, ORIGIN PATH4 HOP MED COMMUNITY);
	ASSERT_WRITTEN("", "\x40\x02\0");
	ASSERT_WRITTEN(ORIGIN PATH4 "\x80\x0e\x15\0\x02\x01\x10" GLOBAL "\0" COMMUNITY,
		ORIGIN PATH4 COMMUNITY "\x80\x0e\x11\x10" GLOBAL);
}

// ---- AS paths ----

static void assert_path(struct rd path, const char *want)
{
	struct strbuf b = {};

	rib_path_print(path, &b);
	assert_string_equal(sb_text(&b), want);
	sb_free(&b);
}

static void test_path(void **)
{
	struct rd p = BYTES("\x03\x01\0\0\xfd\xe9" // a confederation
			    "\x02\x02\0\0\0\x0a\0\0\0\x14"
			    "\x01\x02\0\0\0\x1e\0\0\0\x28");

	assert_path(p, "(65001) 10 20 {30,40}");
	assert_int_equal(rib_path_length(p), 3);
	assert_int_equal(rib_path_neighbour(p), 10);
	assert_int_equal(rib_path_origin(p), 0); // ends with a set
	assert_true(rib_path_has(p, 40));
	assert_true(rib_path_has(p, 65001));
	assert_false(rib_path_has(p, 0x2000000)); // octets of two numbers
	assert_int_equal(rib_path_origin(BYTES("\x02\x01\0\0\0\x0a\x02\x01\0\0\0\x14")), 20);
	assert_path(BYTES(""), "");
	assert_int_equal(rib_path_origin(BYTES("")), 0);
	assert_int_equal(rib_path_neighbour(BYTES("\x01\x01\0\0\0\x0a")), 0);
	assert_path(BYTES("\x04\x02\0\0\0\x01\0\0\0\x02"), "[1,2]");
}

// RFC 6793 section 4.2.3.
static void test_merge(void **)
{
	static const struct {
		const char *path;
		size_t n;
		const char *wide;
		size_t wide_n;
		const char *want;
	} rows[] = {
		{ "\x02\x02\0\x0a\0\x14", 6, "", 0, "10 20" },
		{ "\x02\x03\0\x0a\x5b\xa0\x5b\xa0", 8, "\x02\x02\0\x03\0\x01\0\x03\0\x02", 10,
			"10 196609 196610" },
		// AS4_PATH that is longer does not count
		{ "\x02\x01\x5b\xa0", 4, "\x02\x02\0\x03\0\x01\0\x03\0\x02", 10, "23456" },
		// a set counts as one, wherever it stands
		{ "\x01\x02\0\x01\0\x02\x02\x02\0\x0a\x5b\xa0", 12, "\x02\x01\0\x03\0\x01", 6,
			"{1,2} 10 196609" },
		// confederation segments of AS4_PATH are left out
		{ "\x02\x02\0\x0a\x5b\xa0", 6, "\x03\x01\0\0\0\x09\x02\x01\0\x03\0\x01", 12,
			"10 196609" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		uint8_t buf[64];
		struct wr w = wr_init(buf, sizeof(buf));
		struct rd path = text(rows[i].path, rows[i].n);
		struct rd other = text(rows[i].wide, rows[i].wide_n);
		assert_int_equal(rib_path_merge(&w, path, other), 0);
		assert_path(rd_init(buf, wr_len(&w)), rows[i].want);
	}
}

static void test_narrow_field(void **)
{
	struct rib_attrs a = split(BYTES(ORIGIN "\x40\x02\x06\x02\x02\0\x0a\x5b\xa0" HOP
						"\xc0\x07\x06\x5b\xa0\xc0\0\x02\x09"
						"\xc0\x11\x06\x02\x01\0\x03\0\x01"
						"\xc0\x12\x08\0\x03\0\x07\xc0\0\x02\x08"),
		&narrow);

	assert_path(a.path, "10 196609");
	ASSERT_BYTES(a.rest, ORIGIN "\xc0\x07\x08\0\x03\0\x07\xc0\0\x02\x08");

	// An AGGREGATOR of two octets that says no AS_TRANS: what is in four does not count.
	a = split(BYTES("\x40\x02\x06\x02\x02\0\x0a\x5b\xa0"
			"\xc0\x07\x06\0\x14\xc0\0\x02\x09"
			"\xc0\x11\x06\x02\x01\0\x03\0\x01"),
		&narrow);
	assert_path(a.path, "10 23456");
	ASSERT_BYTES(a.rest, "\xc0\x07\x08\0\0\0\x14\xc0\0\x02\x09");
}

// BIRD writes two well-known attributes of its tables without flags; an unknown one without the
// transitive flag is dropped still.
static void test_well_known_without_flags(void **)
{
	struct ip_addr want = ip_from_u32(0xc0000201);
	struct rib_attrs a = split(BYTES(ORIGIN PATH4 "\x00\x03\x04\xc0\0\x02\x01"
						      "\x00\x05\x04\0\0\0\x64"
						      "\x00\xc8\x01\x01"),
		&wide);
	struct ip_addr hop = rib_attrs_next_hop(&a, NULL);

	assert_true(ip_equal(&hop, &want));
	ASSERT_BYTES(a.rest, ORIGIN "\x40\x05\x04\0\0\0\x64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_next_hops),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_narrow_field),
		cmocka_unit_test(test_well_known_without_flags),
	};

	return cmocka_run_group_tests_name("attrs", tests, NULL, NULL);
}
