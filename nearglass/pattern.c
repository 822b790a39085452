#include "nearglass/pattern.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/automaton.h"
#include "rib/attrs.h"

enum { NEEDED_MAX = 4 };

struct pattern {
	struct automaton *automaton;
	struct strbuf text;          // of the path being asked
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
	int rc = automaton_new(&p->automaton, text, error);
	if (rc < 0)
		return rc;
	find_needed(p, text);
	*ret = take(p);
	return 0;
}

void pattern_free(struct pattern **which)
{
	struct pattern *p = take(*which);

	if (!p)
		return;
	automaton_free(&p->automaton);
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
	rib_path_print(path, &p->text);
	return automaton_matches(p->automaton, sb_text(&p->text), p->text.len);
}
