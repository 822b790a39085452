// AS-path expressions: rows, and a random run beside PCRE2, to which '_', '^' and '$' are spelt out.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "test/unit.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "nearglass/automaton.h"
#include "test/rib/pick.h"

static int compile(struct automaton **ret, const char *text)
{
	own(sb_free) struct strbuf error = {};
	int rc = automaton_new(ret, text, &error);

	assert_int_equal(rc<0, error.len> 0);
	return rc;
}

static bool matches(const char *text, const char *path)
{
	own(automaton_free) struct automaton *a = NULL;

	assert_int_equal(compile(&a, text), 0);
	bool got = automaton_matches(a, path, strlen(path));
	assert_int_equal(automaton_matches(a, path, strlen(path)), got); // by what it has learnt
	return got;
}

static void test_rows(void **)
{
	static const struct {
		const char *text, *path;
		bool want;
	} rows[] = {
		{ "", "", true },
		{ "", "65001", true },
		{ "^$", "", true },
		{ "^$", "1", false },
		{ "_3356_", "65001 3356 13335", true },
		{ "_3356_", "3356", true },
		{ "_3356_", "65001 33560", false },
		{ "3356", "65001 33560", true },
		{ "^65001_", "65001 3356", true },
		{ "^65001_", "3356 65001", false },
		{ "^_65001", "65001", true },
		{ "_13335$", "65001 13335", true },
		{ "_13335_$", "65001 13335", true },
		{ "_13335$", "13335 65001", false },
		{ "^65001_[0-9]+$", "65001 3356", true },
		{ "^65001_[0-9]+$", "65001 3356 1", false },
		{ "^(65001_)+$", "65001 65001", true },
		{ "_(174|3356)_(.*_)?13335$", "65001 174 13335", true },
		{ "_(174|3356)_(.*_)?13335$", "65001 174 9 8 13335", true },
		{ "_(174|3356)_(.*_)?13335$", "65001 175 13335", false },
		{ "_64501_", "65001 {64500,64501}", true },
		{ "{64500,64501}", "65001 {64500,64501}", true },
		{ "\\{64500,64501\\}", "65001 {64500,64501}", true },
		{ "^[^6]", "65001", false },
		{ "^[^6]", "1", true },
		{ "^1{3}$", "111", true },
		{ "^1{3}$", "11", false },
		{ "^1{2,}$", "11111", true },
		{ "^1{1,2}$", "111", false },
		{ "^1{0}2$", "2", true },
		{ "^\\d+$", "123", true },
		{ "^\\d+$", "1 2", false },
		{ "^[\\d ]+$", "1 2", true },
		{ "^1 2", "1 2", true },
		{ " 1", "1", false }, // the ends are no blanks
		{ ".1", "1", false },
		{ "^_1_$", "1", true },
		{ "^_$", "", true },
		{ "^(_1)+$", "1 1", true },
		{ "(^|_)1(_|$)", "2 1", true },
		{ "1-2", "1 2", false },
		{ "()", "1", true },
		{ "(|2)3", "13", true },
		{ "[]]", "1", false },
	};

	for (size_t i = 0; i < countof(rows); i++)
		if (matches(rows[i].text, rows[i].path) != rows[i].want)
			fail_msg("`%s` on `%s`", rows[i].text, rows[i].path);
}

static void test_refused(void **)
{
	static const char *const bad[] = { "(", ")", "1(", "(1", "1)", "*", "+1", "1**", "1*+",
		"1+*", "^*", "$+", "[1", "[", "[9-1]", "\\", "1{3,2}", "1{256}", "(1{200}){200}",
		"(((1{50}){50}){50}){50}", "((((){255}){255}){255}){255}" };

	for (size_t i = 0; i < countof(bad); i++) {
		own(automaton_free) struct automaton *a = NULL;
		if (compile(&a, bad[i]) == 0)
			fail_msg("`%s` was taken", bad[i]);
		assert_null(a);
	}
}

// More states than are kept: they are forgotten, and the answers stay right.
static void test_many_states(void **)
{
	own(automaton_free) struct automaton *a = NULL;
	struct rng rng = rng_seed(3);
	char path[200];

	assert_int_equal(compile(&a, "1[12]{40}2"), 0); // 2^40 states, if all were met
	for (int i = 0; i < 3000; i++) {
		for (size_t k = 0; k < sizeof(path); k++)
			path[k] = (char)('1' + below(&rng, 2));
		bool want = false;
		for (size_t k = 0; k + 41 < sizeof(path); k++)
			want |= path[k] == '1' && path[k + 41] == '2';
		assert_int_equal(automaton_matches(a, path, sizeof(path)), want);
	}
}

// ---- Beside PCRE2 ----

// With signs for the ends as nearglass/automaton.c has them, and no others than a path has.
static void spell(const char *text, struct strbuf *b)
{
	for (const char *c = text; *c; c++)
		if (*c == '_')
			sb_str(b, "[ ,{}BE]");
		else if (*c == '.')
			sb_str(b, "[0-9 ,{}]");
		else if (*c == '^')
			sb_str(b, "[AB]");
		else if (*c == '$')
			sb_str(b, "[EF]");
		else
			sb_char(b, *c);
}

static int pcre_says(const char *text, const char *path)
{
	own(sb_free) struct strbuf spelt = {}, subject = {};
	int code;
	PCRE2_SIZE at;

	spell(text, &spelt);
	sb_printf(&subject, "AB%sEF", path);
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)sb_text(&spelt), spelt.len, 0, &code, &at, NULL);
	assert_non_null(re);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int rc = pcre2_match(re, (PCRE2_SPTR)sb_text(&subject), subject.len, 0, 0, data, NULL);
	pcre2_match_data_free(data);
	pcre2_code_free(re);
	return rc >= 0 ? 1 : rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

static void make_expression(struct rng *rng, struct strbuf *b, unsigned depth)
{
	static const char *const atoms[] = { "1", "2", "12", ".", "[12]", "[02-9]", " ", "_", ",",
		"\\d" };
	static const char *const repeats[] = { "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}" };

	for (unsigned n = 1 + below(rng, 4); n > 0; n--) {
		if (depth > 0 && below(rng, 4) == 0) {
			sb_char(b, '(');
			make_expression(rng, b, depth - 1);
			if (below(rng, 2)) {
				sb_char(b, '|');
				make_expression(rng, b, depth - 1);
			}
			sb_char(b, ')');
		} else {
			sb_str(b, atoms[below(rng, countof(atoms))]);
		}
		if (below(rng, 3) == 0)
			sb_str(b, repeats[below(rng, countof(repeats))]);
	}
}

static void make_path(struct rng *rng, struct strbuf *b)
{
	static const char *const words[] = { "1", "2", "12", "21", "112", "{1,2}", "{12}" };

	for (unsigned n = below(rng, 5), i = 0; i < n; i++) {
		sb_str(b, i ? " " : "");
		sb_str(b, words[below(rng, countof(words))]);
	}
}

static void test_beside_pcre2(void **)
{
	struct rng rng = rng_seed(1);
	unsigned matched = 0, asked = 0;

	for (int i = 0; i < 6000; i++) {
		own(sb_free) struct strbuf text = {};
		own(automaton_free) struct automaton *a = NULL;
		sb_str(&text, below(&rng, 4) ? "" : "^");
		make_expression(&rng, &text, 2);
		sb_str(&text, below(&rng, 4) ? "" : "$");
		assert_int_equal(compile(&a, sb_text(&text)), 0);
		for (int k = 0; k < 8; k++) {
			own(sb_free) struct strbuf path = {};
			make_path(&rng, &path);
			int want = pcre_says(sb_text(&text), sb_text(&path));
			bool got = automaton_matches(a, sb_text(&path), path.len);
			if (want >= 0 && got != want)
				fail_msg("`%s` on `%s`: %d", sb_text(&text), sb_text(&path), got);
			matched += got;
			asked++;
		}
	}
	assert_true(matched > asked / 10 && matched < asked * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many_states),
		cmocka_unit_test(test_beside_pcre2),
	};

	return cmocka_run_group_tests_name("automaton", tests, NULL, NULL);
}
