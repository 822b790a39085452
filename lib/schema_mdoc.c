// The key list of the manual. One section a mapping, in the order in which
// the tables name them.
#include <string.h>

#include "lib/schema.h"
#include "lib/schema_type.h"

enum { SCHEMAS_MAX = 32, LINE_MAX_BYTES = 76 };

struct section_list {
	const struct schema *list[SCHEMAS_MAX];
	size_t count;
};

static void collect(const struct schema *s, struct section_list *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i] == s)
			return;
	if (all->count == SCHEMAS_MAX)
		return;
	all->list[all->count++] = s;
	for (const struct schema_key *k = s->keys; k->name; k++)
		if (k->sub && !k->unavailable)
			collect(k->sub, all);
}

static bool ends_sentence(const char *word, size_t n)
{
	return n > 1 && (word[n - 1] == '.' || word[n - 1] == '?');
}

// Text that mdoc(7) must not take for a macro or an escape, each sentence on a
// new line and no line too long, as mandoc's lint wants its source.
static void add_text(const char *s, struct strbuf *b)
{
	size_t column = 0;

	while (*s) {
		size_t n = strcspn(s, " ");

		if (column > 0 && column + n + 1 > LINE_MAX_BYTES) {
			sb_char(b, '\n');
			column = 0;
		}
		if (column > 0)
			sb_char(b, ' ');
		else if (*s == '.' || *s == '\'')
			sb_str(b, "\\&");
		for (size_t i = 0; i < n; i++) {
			if (s[i] == '\\')
				sb_str(b, "\\e");
			else
				sb_char(b, s[i]);
		}
		column += n + 1;
		if (ends_sentence(s, n) && s[n]) {
			sb_char(b, '\n');
			column = 0;
		}
		s += n + strspn(s + n, " ");
	}
}

// One argument of a macro.
static void add_argument(const char *s, struct strbuf *b)
{
	sb_str(b, "\"\\&");
	for (; *s; s++) {
		if (*s == '"')
			sb_str(b, "\\(dq");
		else if (*s == '\\')
			sb_str(b, "\\e");
		else
			sb_char(b, *s);
	}
	sb_char(b, '"');
}

static void print_noun(const struct schema_key *k, struct strbuf *b)
{
	static const char *const nouns[][2] = {
		[SCHEMA_STRING] = { "text", "texts" },
		[SCHEMA_BOOL] = { "yes | no", "yes | no" },
		[SCHEMA_UINT] = { "number", "numbers" },
		[SCHEMA_INT] = { "number", "numbers" },
		[SCHEMA_DOUBLE] = { "number", "numbers" },
		[SCHEMA_SPAN] = { "time", "times" },
		[SCHEMA_ADDR] = { "address", "addresses" },
		[SCHEMA_PREFIX] = { "prefix", "prefixes" },
		[SCHEMA_WORD] = { "word", "words" },
		[SCHEMA_CUSTOM] = { "value", "values" },
		[SCHEMA_MAP] = { "mapping", "mappings" },
	};

	if (k->type != SCHEMA_LIST)
		sb_printf(b, "\"%s\"\n", nouns[k->type][0]);
	else if (k->one_or_list)
		sb_printf(b, "\"%s | list of %s\"\n", nouns[k->elem][0], nouns[k->elem][1]);
	else
		sb_printf(b, "\"list of %s\"\n", nouns[k->elem][1]);
}

static void print_words(const struct schema_word *w, struct strbuf *b)
{
	sb_str(b, ".Bl -tag -width Ds -compact\n");
	for (; w->name; w++) {
		sb_printf(b, ".It Cm %s\n", w->name);
		if (w->help) {
			add_text(w->help, b);
			sb_char(b, '\n');
		}
	}
	sb_str(b, ".El\n");
}

static void print_limits(const struct schema_key *k, struct strbuf *b)
{
	struct value_rule r = k->type == SCHEMA_LIST ? rule_of_elements(k) : rule_of(k);
	own(sb_free) struct strbuf text = {};

	if (r.type == SCHEMA_WORD || r.type == SCHEMA_MAP || r.type == SCHEMA_BOOL ||
		r.type == SCHEMA_STRING)
		return;
	if (r.type != SCHEMA_CUSTOM && r.min == 0 && r.max == 0)
		return;
	sb_str(&text, k->type == SCHEMA_LIST ? "Each is " : "It is ");
	value_expects(&r, &text);
	if (k->unit)
		sb_printf(&text, " (%s)", k->unit);
	sb_char(&text, '.');
	add_text(sb_text(&text), b);
	sb_char(b, '\n');
}

static void print_kinds(const struct schema *s, const struct schema_key *k, struct strbuf *b)
{
	const struct schema_word *w = schema_find(s, s->kind, 0)->words;
	const char *lead = "Only for\n.Cm ";

	for (; w->name; w++) {
		if ((k->kinds & 1u << w->value) == 0)
			continue;
		sb_printf(b, "%s%s", lead, w->name);
		lead = " ,\n.Cm ";
	}
	sb_str(b, " .\n");
}

static void print_key(const struct schema *s, const struct schema_key *k, struct strbuf *b)
{
	sb_printf(b, ".It Cm %s : Ar ", k->name);
	print_noun(k, b);
	if (k->help) {
		add_text(k->help, b);
		sb_char(b, '\n');
	}
	if (k->sub)
		sb_printf(b, "Its keys are those of\n.Sx Keys of %s .\n", k->sub->name);
	print_limits(k, b);
	if (k->kinds)
		print_kinds(s, k, b);
	if (k->words)
		print_words(k->words, b);
	if (k->required)
		sb_str(b, "Required.\n");
	if (k->fallback) {
		sb_str(b, "Default:\n.Cm ");
		add_argument(k->fallback, b);
		sb_str(b, " .\n");
	}
	if (k->rfc)
		sb_printf(b, "See %s.\n", k->rfc);
}

void schema_print_mdoc(const struct schema *schema, struct strbuf *b)
{
	struct section_list all = {};

	collect(schema, &all);
	for (size_t i = 0; i < all.count; i++) {
		const struct schema *s = all.list[i];

		sb_printf(b, ".Ss Keys of %s\n", s->name);
		if (s->help) {
			add_text(s->help, b);
			sb_char(b, '\n');
		}
		sb_str(b, ".Bl -tag -width Ds\n");
		for (const struct schema_key *k = s->keys; k->name; k++)
			if (!k->unavailable)
				print_key(s, k, b);
		sb_str(b, ".El\n");
	}
}
