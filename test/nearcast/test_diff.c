#include "test/unit.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
