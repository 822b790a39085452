// From YAML to structs: walks the tree beside the schema.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/schema.h"
#include "lib/schema_type.h"
#include "lib/text.h"
#include "lib/yaml_tree.h"

enum { FILE_BYTES_MAX = 1 << 20, KEYS_MAX = 64, CLIP = 60 };

struct loader {
	struct arena *arena;
	const struct document *doc;
	struct faults *faults;
};

static void load_map(struct loader *l, const struct schema *s, const struct node *n, char *base);

const struct given *schema_given(const struct items *given, const char *name)
{
	items_for_each(const struct given, g, *given)
	{
		if (strcmp(g->key->name, name) == 0)
			return g;
	}
	return NULL;
}

static void fault_of_value(
	struct loader *l, const struct value_rule *r, const struct node *n, const char *why)
{
	own(sb_free) struct strbuf expected = {};
	const char *nearest = NULL;

	sb_str(&expected, "expected ");
	value_expects(r, &expected);
	if (r->type == SCHEMA_WORD && n->kind == NODE_SCALAR) {
		const char *words[KEYS_MAX + 1] = {};
		for (size_t i = 0; i < KEYS_MAX && r->key->words[i].name; i++)
			words[i] = r->key->words[i].name;
		nearest = text_nearest(n->text, words);
	}
	if (nearest)
		sb_printf(&expected, "; did you mean `%s`?", nearest);
	if (n->kind != NODE_SCALAR)
		faults_add(l->faults, l->doc, n->at, sb_text(&expected), "`%s` cannot be a %s",
			r->key->name, n->kind == NODE_MAP ? "mapping" : "list");
	else if (n->plain && !n->text[0])
		faults_add(l->faults, l->doc, n->at, sb_text(&expected), "`%s` has no value",
			r->key->name);
	else
		faults_add(l->faults, l->doc, n->at, sb_text(&expected),
			"`%s` cannot be `%.*s`%s%s", r->key->name, text_clip(n->text, CLIP),
			n->text, why[0] ? ": " : "", why);
}

static void load_scalar(
	struct loader *l, const struct value_rule *r, const struct node *n, void *to)
{
	own(sb_free) struct strbuf why = {};

	if (n->broken)
		return;
	if (n->kind != NODE_SCALAR || (n->plain && !n->text[0]) ||
		value_parse(r, n->text, l->arena, to, &why) < 0)
		fault_of_value(l, r, n, sb_text(&why));
}

static void load_one(struct loader *l, const struct value_rule *r, const struct node *n, void *to)
{
	if (r->type != SCHEMA_MAP)
		load_scalar(l, r, n, to);
	else if (n->kind == NODE_MAP)
		load_map(l, r->key->sub, n, to);
	else if (!n->broken)
		fault_of_value(l, r, n, "");
}

static void check_count(struct loader *l, const struct schema_key *k, const struct node *n)
{
	size_t count = n->kind == NODE_LIST ? n->count : 1;
	double min = k->required && k->min < 1 ? 1 : k->min;

	if ((double)count < min)
		faults_add(l->faults, l->doc, n->at, NULL, "`%s` needs at least %.0f %s", k->name,
			min, min == 1 ? "element" : "elements");
	else if (k->max > 0 && (double)count > k->max)
		faults_add(l->faults, l->doc, n->at, NULL, "`%s` has %zu elements, over %.0f",
			k->name, count, k->max);
}

static void load_list(
	struct loader *l, const struct schema_key *k, const struct node *n, char *base)
{
	struct value_rule list = rule_of(k), each = rule_of_elements(k);
	bool single = k->one_or_list && n->kind == NODE_SCALAR;
	size_t count = single ? 1 : n->count, size = value_size(&each), i = 0;

	if (n->kind != NODE_LIST && !single) {
		if (!n->broken)
			fault_of_value(l, &list, n, "");
		return;
	}
	check_count(l, k, n);
	char *data = arena_array(l->arena, count, size);
	struct place *places = arena_array(l->arena, count, sizeof(*places));
	for (const struct node *x = single ? n : n->first; i < count; x = x->next, i++) {
		places[i] = x->at;
		load_one(l, &each, x, data + i * size);
	}
	*(struct items *)(void *)(base + k->offset) = (struct items){ data, count };
	if (k->places_offset)
		*(struct items *)(void *)(base + k->places_offset) =
			(struct items){ places, count };
}

static void load_value(
	struct loader *l, const struct schema_key *k, const struct node *n, char *base)
{
	struct value_rule r = rule_of(k);

	if (k->unavailable) {
		faults_add(l->faults, l->doc, n->at, NULL, "`%s` is %s", k->name, k->unavailable);
		return;
	}
	if (k->has_offset)
		*(bool *)(void *)(base + k->has_offset) = true;
	if (k->place_offset)
		*(struct place *)(void *)(base + k->place_offset) = n->at;
	if (k->type == SCHEMA_LIST)
		load_list(l, k, n, base);
	else
		load_one(l, &r, n, base + k->offset);
}

static void load_default(struct loader *l, const struct schema_key *k, char *base);

static void load_defaults(struct loader *l, const struct schema *s, unsigned kinds, char *base)
{
	for (const struct schema_key *k = s->keys; k->name; k++)
		if (!k->unavailable && key_applies(k, kinds))
			load_default(l, k, base);
}

// A default that does not parse is a defect of the table.
static void load_default(struct loader *l, const struct schema_key *k, char *base)
{
	struct value_rule r = rule_of(k);
	own(sb_free) struct strbuf why = {};

	if (k->type == SCHEMA_MAP)
		load_defaults(l, k->sub, 0, base + k->offset);
	if (!k->fallback)
		return;
	if (k->type != SCHEMA_LIST) {
		if (value_parse(&r, k->fallback, l->arena, base + k->offset, &why) < 0)
			mem_abort(k->name);
		return;
	}
	static const char name[] = "default";
	struct document doc = { .len = strlen(k->fallback) };
	struct faults *faults = mem_zalloc(sizeof(*faults));
	struct loader inner = { .arena = l->arena, .doc = &doc, .faults = faults };

	doc.name = arena_strdup(l->arena, name);
	doc.text = arena_strdup(l->arena, k->fallback);
	const struct node *n = tree_read(&doc, l->arena, faults);
	if (n)
		load_list(&inner, k, n, base);
	if (!n || faults->count > 0)
		mem_abort(k->name);
	free(faults);
}

// The kind that a mapping says it is, as a bit; 0 when it does not say, or nothing known.
static unsigned find_kind(const struct schema *s, const struct node *n)
{
	if (!s->kind)
		return 0;
	const struct schema_key *k = schema_find(s, s->kind, 0);
	for (const struct node *key = n->first; key; key = key->next->next) {
		if (key->kind != NODE_SCALAR || strcmp(key->text, s->kind) != 0)
			continue;
		for (const struct schema_word *w = k->words; w->name; w++)
			if (key->next->kind == NODE_SCALAR && strcmp(key->next->text, w->name) == 0)
				return 1u << w->value;
		return 0;
	}
	return 0;
}

static const char *kind_name(const struct schema *s, unsigned kinds)
{
	const struct schema_word *w = schema_find(s, s->kind, 0)->words;

	while (w->name && (kinds & 1u << w->value) == 0)
		w++;
	return w->name;
}

static void fault_of_key(
	struct loader *l, const struct schema *s, const struct node *key, unsigned kinds)
{
	own(sb_free) struct strbuf expected = {};
	const char *words[KEYS_MAX + 1] = {};
	size_t n = 0;
	bool other_kind = schema_find(s, key->text, 0) != NULL;

	for (const struct schema_key *k = s->keys; k->name && n < KEYS_MAX; k++)
		if (!k->unavailable && schema_find(s, k->name, kinds) == k)
			words[n++] = k->name;
	const char *nearest = other_kind ? NULL : text_nearest(key->text, words);
	if (nearest)
		sb_printf(&expected, "did you mean `%s`?", nearest);
	for (size_t i = 0; !nearest && i < n; i++)
		sb_printf(&expected, "%s%s", i > 0 ? ", " : "expected one of: ", words[i]);
	if (other_kind)
		faults_add(l->faults, l->doc, key->at, sb_text(&expected),
			"`%s` does not go with `%s: %s`", key->text, s->kind, kind_name(s, kinds));
	else
		faults_add(l->faults, l->doc, key->at, sb_text(&expected),
			"unknown key `%.*s` in %s", text_clip(key->text, CLIP), key->text, s->name);
}

// NULL when the key is refused.
static const struct schema_key *accept_key(struct loader *l, const struct schema *s,
	const struct node *key, unsigned kinds, struct place seen[KEYS_MAX])
{
	if (key->broken)
		return NULL;
	if (key->kind != NODE_SCALAR) {
		faults_add(l->faults, l->doc, key->at, "expected a word", "this cannot be a key");
		return NULL;
	}
	const struct schema_key *k = schema_find(s, key->text, kinds);
	if (!k) {
		fault_of_key(l, s, key, kinds);
		return NULL;
	}
	struct place *first = &seen[k - s->keys];
	if (first->line == 0) {
		*first = key->at;
		return k;
	}
	own(sb_free) struct strbuf where = {};
	sb_printf(&where, "first on line %u", first->line);
	faults_add(l->faults, l->doc, key->at, sb_text(&where), "`%s` is given twice", k->name);
	return NULL;
}

static void check_required(struct loader *l, const struct schema *s, const struct node *n,
	unsigned kinds, const struct place seen[KEYS_MAX])
{
	for (size_t i = 0; s->keys[i].name; i++) {
		const struct schema_key *k = &s->keys[i];
		struct value_rule r = rule_of(k);
		own(sb_free) struct strbuf expected = {};

		if (!k->required || k->unavailable || !key_applies(k, kinds) || seen[i].line > 0)
			continue;
		sb_printf(&expected, "expected `%s:` with ", k->name);
		value_expects(&r, &expected);
		faults_add(l->faults, l->doc, n->at, sb_text(&expected), "`%s` is missing in %s",
			k->name, s->name);
	}
}

static void keep_given(struct loader *l, const struct given *given, size_t count, struct items *to)
{
	struct given *kept = arena_array(l->arena, count, sizeof(*kept));

	if (count > 0)
		memcpy(kept, given, count * sizeof(*kept));
	*to = (struct items){ kept, count };
}

static void load_map(struct loader *l, const struct schema *s, const struct node *n, char *base)
{
	struct place seen[KEYS_MAX] = {};
	struct given given[KEYS_MAX];
	unsigned kinds = find_kind(s, n);
	size_t count = 0;

	load_defaults(l, s, kinds, base);
	for (const struct node *key = n->first; key; key = key->next->next) {
		const struct schema_key *k = accept_key(l, s, key, kinds, seen);
		if (!k)
			continue;
		given[count++] = (struct given){ k, key->at, key->next->at };
		load_value(l, k, k->unavailable ? key : key->next, base);
	}
	check_required(l, s, n, kinds, seen);
	if (s->place_offset)
		*(struct place *)(void *)(base + s->place_offset) = n->at;
	if (s->given_offset)
		keep_given(l, given, count, (void *)(base + s->given_offset));
}

static int load_document(const struct schema *schema, struct arena *arena, void *ret,
	const struct document *doc, struct faults *faults)
{
	struct loader l = { .arena = arena, .doc = doc, .faults = faults };
	size_t before = faults->count;
	own(free_ptr) char *data = mem_zalloc(schema->size);
	own(arena_free) struct arena *nodes = arena_new();
	const struct node *root = tree_read(doc, nodes, faults);

	if (!root)
		return -EINVAL;
	if (root->kind == NODE_MAP)
		load_map(&l, schema, root, data);
	else if (!root->broken)
		faults_add(faults, doc, root->at, "expected keys and values",
			"%s must be a mapping", schema->name);
	if (faults->count > before)
		return -EINVAL;
	memcpy(ret, data, schema->size);
	return 0;
}

static int too_large(const struct document *doc, struct faults *faults)
{
	faults_add(
		faults, doc, (struct place){}, NULL, "the file is over %d bytes", FILE_BYTES_MAX);
	return -EINVAL;
}

int schema_load_text(const struct schema *schema, const char *name, const char *text, size_t len,
	struct arena *arena, void *ret, struct document *doc, struct faults *faults)
{
	static const char bom[] = "\xef\xbb\xbf"; // U+FEFF would shift the columns

	if (len >= 3 && memcmp(text, bom, 3) == 0) {
		text += 3;
		len -= 3;
	}
	*doc = (struct document){
		.name = mem_strdup(name), .text = mem_dup(text, len), .len = len
	};
	if (len > FILE_BYTES_MAX)
		return too_large(doc, faults);
	return load_document(schema, arena, ret, doc, faults);
}

static int read_file(const char *path, struct strbuf *b)
{
	own(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[16384];

	while (fd >= 0 && b->len <= FILE_BYTES_MAX + 3) {
		ssize_t n = read(fd, buf, sizeof(buf));
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		sb_add(b, buf, (size_t)n);
	}
	return fd < 0 ? -errno : 0;
}

int schema_load(const struct schema *schema, const char *path, struct arena *arena, void *ret,
	struct document *doc, struct faults *faults)
{
	own(sb_free) struct strbuf text = {};
	int rc = read_file(path, &text);

	if (rc == 0)
		return schema_load_text(
			schema, path, sb_text(&text), text.len, arena, ret, doc, faults);
	struct document unread = { .name = mem_strdup(path) };
	faults_add(faults, &unread, (struct place){}, NULL, "cannot be read: %s", strerror(-rc));
	document_free(&unread);
	return rc;
}
