#include "lib/yaml_tree.h"

#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	const struct document *doc;
	struct arena *arena;
	struct faults *faults;
	struct node *open[TREE_DEPTH_MAX]; // the maps and lists not yet ended
	size_t depth;
	struct node *root;
	unsigned documents;
};

static struct place place_of(const yaml_mark_t *m)
{
	return (struct place){ .line = (unsigned)m->line + 1, .column = (unsigned)m->column + 1 };
}

static void fault_of_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	own(sb_free) struct strbuf context = {};

	if (p->error == YAML_READER_ERROR) { // has no mark, only an offset
		faults_add(r->faults, r->doc, document_place(r->doc, p->problem_offset),
			"expected YAML in UTF-8", "not valid YAML: %s", p->problem);
		return;
	}
	if (p->context)
		sb_printf(&context, "%s that starts on line %zu", p->context,
			p->context_mark.line + 1);
	faults_add(r->faults, r->doc, place_of(&p->problem_mark),
		p->context ? sb_text(&context) : NULL, "not valid YAML: %s",
		p->problem ? p->problem : "no memory");
}

// Hang the node below the innermost open map or list.
static void attach(struct reader *r, struct node *n)
{
	struct node *parent = r->depth > 0 ? r->open[r->depth - 1] : NULL;

	if (!parent) {
		r->root = n;
		return;
	}
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	parent->count++;
}

static struct node *add_node(struct reader *r, const yaml_event_t *e, enum node_kind kind)
{
	struct node *n = arena_alloc(r->arena, sizeof(*n));

	n->kind = kind;
	n->at = place_of(&e->start_mark);
	attach(r, n);
	return n;
}

static void refuse_properties(
	struct reader *r, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		faults_add(r->faults, r->doc, place_of(&e->start_mark), NULL,
			"anchors are not taken here");
	if (tag)
		faults_add(r->faults, r->doc, place_of(&e->start_mark), NULL,
			"tags are not taken here");
}

static bool on_scalar(struct reader *r, const yaml_event_t *e)
{
	struct node *n = add_node(r, e, NODE_SCALAR);
	const char *value = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;

	refuse_properties(r, e, e->data.scalar.anchor, e->data.scalar.tag);
	n->text = arena_strndup(r->arena, value, len);
	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (strlen(n->text) != len) {
		n->broken = true;
		faults_add(r->faults, r->doc, n->at, NULL, "a text must not hold a NUL character");
	}
	return true;
}

static bool on_alias(struct reader *r, const yaml_event_t *e)
{
	struct node *n = add_node(r, e, NODE_SCALAR);

	n->text = "";
	n->broken = true;
	faults_add(r->faults, r->doc, n->at, NULL, "aliases are not taken here");
	return true;
}

static bool open_node(struct reader *r, const yaml_event_t *e, enum node_kind kind)
{
	if (r->depth == TREE_DEPTH_MAX) {
		faults_add(r->faults, r->doc, place_of(&e->start_mark), NULL,
			"nested over %d levels deep", TREE_DEPTH_MAX);
		return false;
	}
	struct node *n = add_node(r, e, kind);
	r->open[r->depth++] = n;
	return true;
}

static bool on_map(struct reader *r, const yaml_event_t *e)
{
	refuse_properties(r, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
	return open_node(r, e, NODE_MAP);
}

static bool on_list(struct reader *r, const yaml_event_t *e)
{
	refuse_properties(r, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
	return open_node(r, e, NODE_LIST);
}

static bool on_end(struct reader *r, const yaml_event_t *)
{
	r->depth--;
	return true;
}

static bool on_document(struct reader *r, const yaml_event_t *e)
{
	if (r->documents++ == 0)
		return true;
	faults_add(r->faults, r->doc, place_of(&e->start_mark), "expected one document a file",
		"a second document starts here");
	return false;
}

static bool (*const handlers[])(struct reader *, const yaml_event_t *) = {
	[YAML_DOCUMENT_START_EVENT] = on_document,
	[YAML_ALIAS_EVENT] = on_alias,
	[YAML_SCALAR_EVENT] = on_scalar,
	[YAML_SEQUENCE_START_EVENT] = on_list,
	[YAML_SEQUENCE_END_EVENT] = on_end,
	[YAML_MAPPING_START_EVENT] = on_map,
	[YAML_MAPPING_END_EVENT] = on_end,
};

// False when nothing further is to be read after this event.
static bool read_event(struct reader *r)
{
	own(yaml_event_delete) yaml_event_t e = {};

	if (!yaml_parser_parse(&r->parser, &e)) {
		fault_of_syntax(r);
		r->root = NULL;
		return false;
	}
	if (e.type == YAML_STREAM_END_EVENT)
		return false;
	if ((size_t)e.type >= countof(handlers) || !handlers[e.type])
		return true;
	if (handlers[e.type](r, &e))
		return true;
	r->root = NULL;
	return false;
}

const struct node *tree_read(const struct document *d, struct arena *arena, struct faults *faults)
{
	struct reader r = { .doc = d, .arena = arena, .faults = faults };

	if (!yaml_parser_initialize(&r.parser))
		return NULL;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)d->text, d->len);
	while (read_event(&r))
		;
	yaml_parser_delete(&r.parser);
	if (r.documents == 0 && faults->count == 0)
		faults_add(faults, d, (struct place){}, NULL, "the file is empty");
	return r.root;
}
