// Nearest words, names, and text that is safe to show.
#include "test/unit.h"

#include <string.h>

#include "lib/text.h"

static void test_distance(void **)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{ "", "", 0 }, { "", "abc", 3 }, { "abc", "", 3 }, { "dns", "dns", 0 },
		{ "dns", "dsn", 1 },                            // swap
		{ "upstrems", "upstreams", 1 },                 // insertion
		{ "servicess", "services", 1 },                 // deletion
		{ "hold-tine", "hold-time", 1 },                // replacement
		{ "kitten", "sitting", 3 }, { "ca", "abc", 3 }, // the restricted form
	};

	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(text_distance(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(text_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
}

static void test_distance_of_long_words(void **)
{
	char a[100], b[100];

	memset(a, 'x', 99);
	memset(b, 'x', 99);
	a[99] = b[99] = '\0';
	assert_int_equal(text_distance(a, b), 0);
	b[0] = 'y';
	assert_true(text_distance(a, b) > 33);
	a[64] = b[64] = '\0';
	assert_int_equal(text_distance(a, b), 1);
}

static void test_nearest(void **)
{
	static const char *const words[] = { "services", "upstreams", "site", "as", "node", NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const char *word, *nearest;
	} rows[] = {
		{ "upstrems", "upstreams" },
		{ "UPSTREAMS", "upstreams" },
		{ "sevrices", "services" },
		{ "sites", "site" },
		{ "As", "as" },
		{ "x", NULL },
		{ "fleet", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		const char *got = text_nearest(rows[i].word, words);
		if (rows[i].nearest)
			assert_string_equal(got, rows[i].nearest);
		else
			assert_null(got);
	}
	assert_null(text_nearest("dns", none));
}

static void test_name(void **)
{
	static const struct {
		const char *s;
		bool ok;
	} rows[] = {
		{ "fra1", true },
		{ "fra1-a.example_b", true },
		{ "1", true },
		{ "", false },
		{ "-a", false },
		{ ".", false },
		{ "a b", false },
		{ "a/b", false },
		{ "z\xc3\xbcrich", false },
		{ "a\n", false },
	};
	char longest[65];

	for (size_t i = 0; i < countof(rows); i++)
		assert_int_equal(text_is_name(rows[i].s), rows[i].ok);
	memset(longest, 'a', 64);
	longest[64] = '\0';
	assert_false(text_is_name(longest));
	longest[63] = '\0';
	assert_true(text_is_name(longest));
}

// RFC 3629 section 4, and the byte sequences its section 10 warns of.
static void test_utf8(void **)
{
	static const struct {
		const char *s;
		size_t n;
	} rows[] = {
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\xc3\xa9", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x8c\x8d", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xc0\x80", 0 },     // overlong NUL
		{ "\xe0\x80\xaf", 0 }, // overlong slash
		{ "\xf0\x80\x80\xaf", 0 },
		{ "\xed\xa0\x80", 0 },     // surrogate
		{ "\xf4\x90\x80\x80", 0 }, // beyond U+10FFFF
		{ "\xf5\x80\x80\x80", 0 },
		{ "\x80", 0 },
		{ "\xc3", 0 },
		{ "\xc3z", 0 },
		{ "\xe2\x82", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < countof(rows); i++)
		assert_int_equal(text_utf8(rows[i].s, strlen(rows[i].s)), rows[i].n);
}

static void test_lines(void **)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "one", "one" },
		{ "one\n", "one" },
		{ "one\ntwo", "one\n    two" },
		{ "one\n\n  t\two\r\n", "one\n    \n      t?wo?" },
		{ "\n", "" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		own(sb_free) struct strbuf b = {};
		text_add_lines(&b, rows[i].in);
		assert_string_equal(sb_text(&b), rows[i].out);
	}
}

static void test_visible(void **)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain", "plain" }, { "Z\xc3\xbcrich", "Z\xc3\xbcrich" },
		{ "\x1b[31mred\r\n\t", "?[31mred???" },
		{ "\x7f\xc2\x9b"
		  "31m",
			"??31m" },                                 // C1 control: another escape
		{ "\xff\xfe", "??" }, { "a\xe2\x80\xa8z", "a?z" }, // line separator
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct strbuf b = {};
		text_add_visible(&b, rows[i].in, strlen(rows[i].in));
		assert_string_equal(sb_text(&b), rows[i].out);
		sb_free(&b);
	}
}

static void test_clip(void **)
{
	assert_int_equal(text_clip("abc", 2), 2);
	assert_int_equal(text_clip("abc", 9), 3);
	assert_int_equal(text_clip("\xc3\xa9\xc3\xa9", 1), 2);
	assert_int_equal(text_clip("\xff\xff", 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_distance_of_long_words),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_clip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
