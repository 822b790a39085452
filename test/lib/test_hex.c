// Octets written as text.
#include "test/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/hex.h"

static const struct {
	const char *text, *octets;
	int len; // -1: refused
	unsigned line, column;
} rows[] = {
	{ "", "", 0, 0, 0 },
	{ "ff", "\xff", 1, 0, 0 },
	{ "FFfe\n0a", "\xff\xfe\x0a", 3, 0, 0 },
	{ "0xff, 0XFE", "\xff\xfe", 2, 0, 0 },
	{ "0xfffe", "\xff\xfe", 2, 0, 0 },
	{ "ff:fe-0a\t01", "\xff\xfe\x0a\x01", 4, 0, 0 },
	{ "# zz\nff ; zz\nfe // zz\r\n01", "\xff\xfe\x01", 3, 0, 0 },
	{ "00", "\0", 1, 0, 0 },
	{ "ff # no end of line", "\xff", 1, 0, 0 },
	{ "f", "", -1, 0, 1 },
	{ "ff f", "", -1, 0, 4 },
	{ "f f", "", -1, 0, 1 },
	{ "ff\nfg", "", -1, 1, 1 },
	{ "ff\n  zz", "", -1, 1, 2 },
	{ "ff / fe", "", -1, 0, 4 },
	{ "1x00", "", -1, 0, 1 },
	{ "\xff", "", -1, 0, 0 },
};

// In pieces of that size, with room for that many octets at a time.
static int read_all(struct hex *h, const char *text, size_t piece, uint8_t *to, size_t *len)
{
	size_t n = strlen(text), at = 0, used, made;

	*len = 0;
	while (at < n) {
		size_t part = n - at < piece ? n - at : piece;
		int rc = hex_read(h, text + at, part, &used, to + *len, piece, &made);

		*len += made;
		at += used;
		if (rc < 0)
			return rc;
		assert_true(used > 0);
	}
	return hex_end(h);
}

static void test_rows(void **)
{
	static const size_t pieces[] = { 1, 2, 3, 64 };
	uint8_t octets[128];
	size_t len;

	for (size_t i = 0; i < countof(rows); i++) {
		for (size_t k = 0; k < countof(pieces); k++) {
			struct hex h = {};
			int rc = read_all(&h, rows[i].text, pieces[k], octets, &len);

			if (rows[i].len < 0) {
				assert_int_equal(rc, -EINVAL);
				assert_int_equal(h.line, rows[i].line);
				assert_int_equal(h.column, rows[i].column);
			} else {
				assert_int_equal(rc, 0);
				assert_int_equal(len, rows[i].len);
				assert_memory_equal(octets, rows[i].octets, len);
			}
		}
	}
}

static void test_is(void **)
{
	assert_true(hex_is("ff ff", 5));
	assert_true(hex_is("# anything \x01", 12));
	assert_true(hex_is("f", 1));
	assert_true(hex_is("ff ff ff ff ff ff ff ff x", 25));
	assert_false(hex_is("ff ff ff ff ff ff ff x", 22));
	assert_false(hex_is("", 0));
	assert_false(hex_is("hello", 5));
	assert_false(hex_is("\0\0", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
