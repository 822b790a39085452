// From structs back to YAML: every value is written, defaults too, so that
// the print is what the program runs by. What the file did not give and has no
// default is left out.
#include <string.h>

#include "lib/schema.h"
#include "lib/schema_type.h"

static void print_map(const struct schema *s, const char *base, unsigned indent, struct strbuf *b);

static bool all_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static unsigned kind_of(const struct schema *s, const char *base)
{
	if (!s->kind)
		return 0;
	const struct schema_key *k = schema_find(s, s->kind, 0);
	return 1u << *(const int *)(const void *)(base + k->offset);
}

static bool is_given(const struct schema_key *k, unsigned kinds, const char *base)
{
	struct value_rule r = rule_of(k);

	if (k->unavailable || !key_applies(k, kinds))
		return false;
	if (k->has_offset)
		return *(const bool *)(const void *)(base + k->has_offset);
	if (k->type == SCHEMA_LIST && !k->fallback)
		return ((const struct items *)(const void *)(base + k->offset))->count > 0;
	if (k->type == SCHEMA_STRING)
		return *(char *const *)(const void *)(base + k->offset) != NULL;
	return k->required || k->fallback || !all_zero(base + k->offset, value_size(&r));
}

static void print_indent(unsigned indent, struct strbuf *b)
{
	for (unsigned i = 0; i < indent; i++)
		sb_str(b, "  ");
}

static void print_scalars(const struct value_rule *each, const struct items *list, struct strbuf *b)
{
	const char *data = list->data;

	sb_str(b, " [");
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			sb_str(b, ", ");
		value_print(each, data + i * value_size(each), b);
	}
	sb_str(b, "]\n");
}

// Each element one level deeper, its first indent replaced by the dash.
static void print_maps(
	const struct value_rule *each, const struct items *list, unsigned indent, struct strbuf *b)
{
	const char *data = list->data;

	sb_char(b, '\n');
	for (size_t i = 0; i < list->count; i++) {
		own(sb_free) struct strbuf one = {};

		print_map(each->key->sub, data + i * value_size(each), indent + 2, &one);
		print_indent(indent + 1, b);
		if (one.len > 0)
			sb_printf(b, "- %s", sb_text(&one) + (indent + 2) * 2);
		else
			sb_str(b, "- {}\n");
	}
}

static void print_list(
	const struct schema_key *k, const struct items *list, unsigned indent, struct strbuf *b)
{
	struct value_rule each = rule_of_elements(k);

	if (each.type == SCHEMA_MAP && list->count > 0)
		print_maps(&each, list, indent, b);
	else
		print_scalars(&each, list, b);
}

static void print_sub(
	const struct schema_key *k, const char *base, unsigned indent, struct strbuf *b)
{
	own(sb_free) struct strbuf inner = {};

	print_map(k->sub, base, indent + 1, &inner);
	if (inner.len == 0 && !k->has_offset)
		return;
	print_indent(indent, b);
	sb_printf(b, "%s:%s%s", k->name, inner.len > 0 ? "\n" : " {}\n", sb_text(&inner));
}

static void print_map(const struct schema *s, const char *base, unsigned indent, struct strbuf *b)
{
	unsigned kinds = kind_of(s, base);

	for (const struct schema_key *k = s->keys; k->name; k++) {
		const char *value = base + k->offset;
		struct value_rule r = rule_of(k);

		if (!is_given(k, kinds, base))
			continue;
		if (k->type == SCHEMA_MAP) {
			print_sub(k, value, indent, b);
			continue;
		}
		print_indent(indent, b);
		sb_printf(b, "%s:", k->name);
		if (k->type == SCHEMA_LIST) {
			print_list(k, (const void *)value, indent, b);
			continue;
		}
		sb_char(b, ' ');
		value_print(&r, value, b);
		sb_char(b, '\n');
	}
}

void schema_print(const struct schema *schema, const void *data, struct strbuf *b)
{
	print_map(schema, data, 0, b);
}
