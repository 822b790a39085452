// The key list of the manual. One section a mapping, in the order in which
// the tables name them.
#include <string.h>

#include "lib/schema.h"
#include "lib/schema_type.h"

enum { SCHEMAS_MAX = 32 };

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

// Text that mdoc(7) must not take for a macro or an escape.
static void add_text(const char *s, struct strbuf *b)
{
	if (*s == '.' || *s == '\'')
		sb_str(b, "\\&");
	for (; *s; s++) {
		if (*s == '\\')
			sb_str(b, "\\e");
		else
			sb_char(b, *s);
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

static const char *noun(const struct schema_key *k)
{
	static const char *const nouns[] = {
		[SCHEMA_STRING] = "text",
		[SCHEMA_BOOL] = "yes | no",
		[SCHEMA_UINT] = "number",
		[SCHEMA_INT] = "number",
		[SCHEMA_DOUBLE] = "number",
		[SCHEMA_SPAN] = "time",
		[SCHEMA_ADDR] = "address",
		[SCHEMA_PREFIX] = "prefix",
		[SCHEMA_WORD] = "word",
		[SCHEMA_CUSTOM] = "value",
		[SCHEMA_MAP] = "mapping",
	};

	return nouns[k->type == SCHEMA_LIST ? k->elem : k->type];
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
	value_expects(&r, &text);
	sb_str(b, "It is ");
	add_text(sb_text(&text), b);
	if (k->unit)
		sb_printf(b, " (%s)", k->unit);
	sb_str(b, ".\n");
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
	bool list = k->type == SCHEMA_LIST;

	sb_printf(b, ".It Cm %s : Ar ", k->name);
	if (list)
		sb_printf(b, "\"list of %s\"\n", k->elem == SCHEMA_MAP ? "mappings" : noun(k));
	else
		sb_printf(b, "\"%s\"\n", noun(k));
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
