#include <string.h>

#include "test/unit.h"

#include "lib/own.h"
#include "lib/rng.h"
#include "lib/strbuf.h"
#include "nearcast/diff.h"

static void collect(void *ctx, const struct diff_line *line)
{
	struct strbuf *b = ctx;

	sb_printf(b, "%c%.*s", line->op, line->len, line->text);
	if (line->under)
		sb_printf(b, " (%.*s)", line->under_len, line->under);
	sb_char(b, '\n');
}

static void test_rows(void **)
{
	static const struct {
		const char *old, *new, *diff;
	} rows[] = {
		{ "", "", "" },
		{ "a\nb\n", "a\nb\n", "" },
		{ "", "a\n", "+a\n" },
		{ "a\n", "", "-a\n" },
		{ "a\nb\nc\n", "a\nc\n", "-b\n" },
		{ "a\nc\n", "a\nb\nc\n", "+b\n" },
		{ "a\nb\nc\n", "a\nx\nc\n", "-b\n+x\n" },
		{ "a\na\na\n", "a\na\n", "-a\n" },
		{ "a\nb\nc\nd\n", "c\nd\na\nb\n", "-a\n-b\n+a\n+b\n" },
		{ "s:\n  k: 1\n", "s:\n  k: 2\n", "-  k: 1 (s:)\n+  k: 2 (s:)\n" },
		{ "no newline", "no newline\n", "" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct strbuf b = {};
		bool any = diff_texts(rows[i].old, rows[i].new, collect, &b);
		assert_int_equal(any, rows[i].diff[0] != '\0');
		assert_string_equal(sb_text(&b), rows[i].diff);
		sb_free(&b);
	}
}

// Texts too long for one table, and the shortest difference all the same.

enum { LINES = 2500 };

static void count(void *ctx, const struct diff_line *line)
{
	size_t *counts = ctx;

	counts[line->op == '+']++;
}

static void random_text(struct rng *r, int64_t words, int *lines, struct strbuf *b)
{
	for (size_t i = 0; i < LINES; i++) {
		lines[i] = (int)rng_range(r, 1, words);
		sb_printf(b, "%d\n", lines[i]);
	}
}

static size_t common(const int *a, const int *b)
{
	static uint32_t row[2][LINES + 1];

	memset(row, 0, sizeof(row));
	for (size_t i = 0; i < LINES; i++)
		for (size_t j = 0; j < LINES; j++) {
			uint32_t up = row[i % 2][j + 1], left = row[(i + 1) % 2][j];
			row[(i + 1) % 2][j + 1] = a[i] == b[j] ? row[i % 2][j] + 1
						  : up > left  ? up
							       : left;
		}
	return row[LINES % 2][LINES];
}

static void test_long(void **)
{
	static int a[LINES], b[LINES];
	struct rng r = { 7 };

	for (int64_t words = 3; words < 5000; words *= 40) {
		own(sb_free) struct strbuf old = {}, new = {};
		size_t counts[2] = {};
		random_text(&r, words, a, &old);
		random_text(&r, words, b, &new);
		assert_true(diff_texts(sb_text(&old), sb_text(&new), count, counts));
		assert_int_equal(counts[0], LINES - common(a, b));
		assert_int_equal(counts[1], LINES - common(a, b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long) };

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
