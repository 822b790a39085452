#include "bgp/community.h"
#include "test/unit.h"

#include <errno.h>
#include <string.h>

static const struct good {
	const char *text;
	struct bgp_community is;
	const char *printed; // NULL: as text
} good[] = {
	{ "0:0", {}, NULL },
	{ "64500:100", { .a = 64500, .b = 100 }, NULL },
	{ "65535:65535", { .a = 65535, .b = 65535 }, NULL },
	{ "007:08", { .a = 7, .b = 8 }, "7:8" },
	{ "64500:1:2", { .large = true, .a = 64500, .b = 1, .c = 2 }, NULL },
	{ "4294967295:4294967295:4294967295",
		{ .large = true, .a = UINT32_MAX, .b = UINT32_MAX, .c = UINT32_MAX }, NULL },
	{ "no-export", { .a = 65535, .b = 65281 }, NULL },
	{ "no-advertise", { .a = 65535, .b = 65282 }, NULL },
	{ "no-export-subconfed", { .a = 65535, .b = 65283 }, NULL },
	{ "no-peer", { .a = 65535, .b = 65284 }, NULL },
	{ "graceful-shutdown", { .a = 65535, .b = 0 }, NULL },
	{ "accept-own", { .a = 65535, .b = 1 }, NULL },
	{ "llgr-stale", { .a = 65535, .b = 6 }, NULL },
	{ "no-llgr", { .a = 65535, .b = 7 }, NULL },
	{ "blackhole", { .a = 65535, .b = 666 }, NULL },
	{ "65535:666", { .a = 65535, .b = 666 }, "blackhole" },
	// The large form has no well-known names.
	{ "0:65535:666", { .large = true, .b = 65535, .c = 666 }, NULL },
};

static const char *const bad[] = {
	"",
	":",
	"1",
	"1:",
	":1",
	"1:2:",
	"1::2",
	"1:2:3:4",
	"65536:1",
	"1:65536",
	"4294967296:1:1",
	"1:1:4294967296",
	"99999999999999999999:1",
	"-1:1",
	"+1:1",
	" 1:1",
	"1:1 ",
	"1: 1",
	"0x1:1",
	"1.5:1",
	"NO-EXPORT",
	"no-exports",
	"no_export",
};

static void good_text(void **)
{
	for (size_t i = 0; i < countof(good); i++) {
		struct bgp_community c = { .large = true, .a = 9, .b = 9, .c = 9 };
		char text[BGP_COMMUNITY_TEXT];

		assert_int_equal(bgp_community_parse(&c, good[i].text), 0);
		assert_int_equal(bgp_community_cmp(&c, &good[i].is), 0);
		assert_string_equal(bgp_community_print(&c, text),
			good[i].printed ? good[i].printed : good[i].text);
	}
}

static void bad_text(void **)
{
	for (size_t i = 0; i < countof(bad); i++) {
		struct bgp_community c = { .a = 9 };

		assert_int_equal(bgp_community_parse(&c, bad[i]), -EINVAL);
		assert_int_equal(c.a, 9); // untouched
	}
}

static void number_form(void **)
{
	struct bgp_community c = bgp_community_from_u32(0xfbf40064);

	assert_int_equal(c.a, 0xfbf4);
	assert_int_equal(c.b, 0x64);
	assert_false(c.large);
	assert_int_equal(bgp_community_to_u32(&c), 0xfbf40064);
}

static void order(void **)
{
	static const char *const ascending[] = { "0:1", "1:0", "64500:1", "64500:2", "no-peer",
		"0:0:1", "1:0:0", "1:0:1", "1:2:0" };

	for (size_t i = 0; i < countof(ascending); i++) {
		for (size_t k = 0; k < countof(ascending); k++) {
			struct bgp_community x, y;

			assert_int_equal(bgp_community_parse(&x, ascending[i]), 0);
			assert_int_equal(bgp_community_parse(&y, ascending[k]), 0);
			int d = bgp_community_cmp(&x, &y);
			assert_int_equal((d > 0) - (d < 0), (i > k) - (i < k));
		}
	}
}

static void registry(void **)
{
	for (const struct bgp_well_known *w = bgp_well_known; w->name; w++) {
		assert_true(strlen(w->name) < BGP_COMMUNITY_TEXT);
		assert_true(w->value >= 0xffff0000);
		assert_memory_equal(w->rfc, "RFC ", 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text),
		cmocka_unit_test(bad_text),
		cmocka_unit_test(number_form),
		cmocka_unit_test(order),
		cmocka_unit_test(registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
