#define PCRE2_CODE_UNIT_WIDTH 8
#include "nearglass/pattern.h"

#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "rib/attrs.h"

enum {
	MATCH_STEPS = 20000, // for one path; a plain pattern takes some hundred
	DEPTH = 500,
	HEAP_KIB = 512,
	NEEDED_MAX = 4,
};

struct pattern {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *limits;
	struct strbuf text; // of the path being asked
	bool costly;
	uint32_t needed[NEEDED_MAX]; // AS numbers without which nothing matches
	size_t needed_count;
};

// ---- AS numbers that must be there ----
//
// Most patterns name some: a path without them need not be printed and matched. Read off only where
// that is plain: no alternatives, groups, classes or escapes, the number bounded on both sides and
// not repeated.

static bool is_bound(char c)
{
	return c == '_' || c == ' ' || c == '^' || c == '$';
}

static void find_needed(struct pattern *p, const char *text)
{
	size_t n = strlen(text);

	if (text[strcspn(text, "|()[]{}\\?")] || strspn(text, "0123456789_ ^$.*+") != n)
		return;
	for (size_t i = 0; i < n && p->needed_count < NEEDED_MAX;) {
		size_t digits = strspn(text + i, "0123456789");
		bool bounded = i > 0 && is_bound(text[i - 1]) && is_bound(text[i + digits]) &&
			       !strchr("*+", text[i + digits + 1] ? text[i + digits + 1] : ' ');
		if (digits > 0 && digits <= 10 && bounded) {
			unsigned long as = strtoul(text + i, NULL, 10);
			if (as <= UINT32_MAX)
				p->needed[p->needed_count++] = (uint32_t)as;
		}
		i += digits ? digits : 1;
	}
}

// ---- Making ----

// A path is asked with a separator before and behind it, so that '_', '^' and '$' each take one:
// " 65001 3356 {64500,64501} ". Outside of brackets only, and not escaped. Next to an anchor '_' is
// taken already.
static void translate(const char *text, struct strbuf *b)
{
	bool class = false;

	for (const char *c = text; *c; c++) {
		if (*c == '\\' && c[1]) {
			sb_char(b, *c++);
			sb_char(b, *c);
		} else if (*c == '_' && !class) {
			if ((c == text || c[-1] != '^') && c[1] != '$')
				sb_str(b, "[ ,{}()\\[\\]]");
		} else if (*c == '^' && !class) {
			sb_str(b, "^ ");
		} else if (*c == '$' && !class) {
			sb_str(b, " $");
		} else {
			class = *c == '[' || (class && *c != ']');
			sb_char(b, *c);
		}
	}
}

static bool is_plain(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\\' && !strchr("d.*+?^$|()[]{}", *++c))
			return false;
		if (!isdigit((unsigned char)*c) && !strchr("d _.*+?^$|()[]{},-", *c))
			return false;
		if (*c == 'd' && (c == text || c[-1] != '\\'))
			return false;
		if (*c == '\0')
			return false; // a backslash at the end
	}
	// "(?" and "(*" begin what a pattern over numbers has no use for.
	return !strstr(text, "(?") && !strstr(text, "(*");
}

static int compile(struct pattern *p, const char *text, struct strbuf *error)
{
	own(sb_free) struct strbuf full = {};
	int code;
	PCRE2_SIZE at;

	translate(text, &full);
	p->code = pcre2_compile((PCRE2_SPTR)sb_text(&full), full.len,
		PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE,
		&code, &at, NULL);
	if (!p->code) {
		PCRE2_UCHAR why[128];
		pcre2_get_error_message(code, why, sizeof(why));
		sb_printf(error, "the pattern cannot be read: %s", (const char *)why);
		return -EINVAL;
	}
	return 0;
}

int pattern_new(struct pattern **ret, const char *text, struct strbuf *error)
{
	own(pattern_free) struct pattern *p = mem_zalloc(sizeof(*p));

	if (strlen(text) > PATTERN_MAX) {
		sb_printf(error, "the pattern is over %d bytes", PATTERN_MAX);
		return -EINVAL;
	}
	if (!is_plain(text)) {
		sb_str(error, "a pattern has digits, blanks and _.*+?^$|()[]{},- and \\d");
		return -EINVAL;
	}
	int rc = compile(p, text, error);
	if (rc < 0)
		return rc;
	(void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); // without it, it takes longer
	p->match = pcre2_match_data_create(1, NULL);
	p->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(p->limits, MATCH_STEPS);
	pcre2_set_depth_limit(p->limits, DEPTH);
	pcre2_set_heap_limit(p->limits, HEAP_KIB);
	find_needed(p, text);
	*ret = take(p);
	return 0;
}

void pattern_free(struct pattern **which)
{
	struct pattern *p = take(*which);

	if (!p)
		return;
	pcre2_match_context_free(p->limits);
	pcre2_match_data_free(p->match);
	pcre2_code_free(p->code);
	sb_free(&p->text);
	free(p);
}

// ---- Asking ----

bool pattern_matches(struct pattern *p, struct rd path)
{
	for (size_t i = 0; i < p->needed_count; i++)
		if (!rib_path_has(path, p->needed[i]))
			return false;
	sb_clear(&p->text);
	sb_char(&p->text, ' ');
	rib_path_print(path, &p->text);
	sb_char(&p->text, ' ');
	int rc = pcre2_match(
		p->code, (PCRE2_SPTR)sb_text(&p->text), p->text.len, 0, 0, p->match, p->limits);
	if (rc < PCRE2_ERROR_NOMATCH)
		p->costly = true;
	return rc >= 0;
}

bool pattern_is_costly(const struct pattern *p)
{
	return p->costly;
}
