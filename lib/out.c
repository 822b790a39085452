#include "lib/out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out_table.h"

enum frame_kind { FRAME_TOP, FRAME_OBJECT, FRAME_ARRAY, FRAME_TABLE, FRAME_ROW, FRAME_CELL };
enum { DEPTH_MAX = 24 };

struct frame {
	enum frame_kind kind;
	size_t members;
	char *name; // FRAME_CELL, FRAME_TABLE
};

struct out {
	enum out_form form;
	struct strbuf *sink;
	struct frame stack[DEPTH_MAX];
	int depth;
	struct out_cells table; // text form, while inside a table
	struct strbuf cell;     // text form, an array inside a row
	char family[96];
	const char *suffix;
};

static void misuse(const char *what)
{
	fprintf(stderr, "lib/out: %s\n", what);
	abort();
}

struct out *out_new(enum out_form form, struct strbuf *sink)
{
	struct out *o = mem_zalloc(sizeof(*o));

	o->form = form;
	o->sink = sink;
	return o;
}

void out_free(struct out **o)
{
	if (!*o)
		return;
	if ((*o)->depth != 0)
		misuse("document ended inside an object");
	if ((*o)->form == OUT_METRICS)
		sb_str((*o)->sink, "# EOF\n");
	else if ((*o)->form != OUT_TEXT)
		sb_char((*o)->sink, '\n');
	sb_free(&(*o)->cell);
	free(*o);
	*o = NULL;
}

void out_abandon(struct out **which)
{
	struct out *o = *which;

	if (!o)
		return;
	for (int i = 1; i <= o->depth; i++)
		free(o->stack[i].name);
	out_cells_free(&o->table);
	sb_free(&o->cell);
	free(o);
	*which = NULL;
}

static struct frame *top(struct out *o)
{
	return &o->stack[o->depth];
}

static bool is_json(const struct out *o)
{
	return o->form == OUT_JSON || o->form == OUT_JSON_PRETTY;
}

static bool wants_name(const struct out *o)
{
	enum frame_kind kind = o->stack[o->depth].kind;

	return kind == FRAME_OBJECT || kind == FRAME_ROW;
}

static void push(struct out *o, enum frame_kind kind)
{
	if (o->depth + 1 == DEPTH_MAX)
		misuse("nested too deep");
	o->stack[++o->depth] = (struct frame){ .kind = kind };
}

static void newline(struct out *o, int depth)
{
	if (o->form != OUT_JSON_PRETTY)
		return;
	sb_char(o->sink, '\n');
	for (int i = 0; i < depth; i++)
		sb_str(o->sink, "  ");
}

// What stands before a value in JSON: comma, line, name.
static void json_lead(struct out *o, const char *name)
{
	if (top(o)->members++)
		sb_char(o->sink, ',');
	if (o->depth)
		newline(o, o->depth);
	if (name) {
		json_quote(o->sink, name);
		sb_str(o->sink, o->form == OUT_JSON_PRETTY ? ": " : ":");
	}
}

static int text_indent(const struct out *o)
{
	int n = 0;

	for (int i = 1; i < o->depth; i++)
		n += o->stack[i].kind == FRAME_OBJECT || o->stack[i].kind == FRAME_ARRAY ? 2 : 0;
	return n;
}

static void text_lead(struct out *o, const char *name)
{
	bool element = o->depth > 1 && o->stack[o->depth - 1].kind == FRAME_ARRAY &&
		       top(o)->kind == FRAME_OBJECT;
	int indent = text_indent(o);
	bool first = top(o)->members++ == 0;

	for (int i = 0; i < indent - (element && first ? 2 : 0); i++)
		sb_char(o->sink, ' ');
	if (element && first)
		sb_str(o->sink, "- ");
	if (name)
		sb_printf(o->sink, "%s: ", name);
	else if (top(o)->kind == FRAME_ARRAY)
		sb_str(o->sink, "- ");
}

static void text_value(struct out *o, const char *name, const char *text)
{
	switch (top(o)->kind) {
	case FRAME_ROW:
		out_cells_set(&o->table, name, text);
		break;
	case FRAME_CELL:
		if (top(o)->members++)
			sb_str(&o->cell, ", ");
		sb_str(&o->cell, text);
		break;
	case FRAME_TABLE:
		misuse("a scalar straight inside a table");
		break;
	default:
		text_lead(o, name);
		sb_printf(o->sink, "%s\n", text);
	}
}

static void check_name(struct out *o, const char *name)
{
	if (wants_name(o) != (name != NULL))
		misuse(name ? "a name inside an array" : "no name inside an object");
}

// A value whose JSON and text are the same.
static void plain(struct out *o, const char *name, const char *text)
{
	check_name(o, name);
	if (is_json(o)) {
		json_lead(o, name);
		sb_str(o->sink, text);
	} else if (o->form == OUT_TEXT) {
		text_value(o, name, text);
	}
}

static void open_text(struct out *o, const char *name, enum frame_kind kind)
{
	enum frame_kind in = top(o)->kind;

	if (in == FRAME_TABLE) {
		if (kind != FRAME_OBJECT)
			misuse("only objects inside a table");
		out_cells_add_row(&o->table);
		push(o, FRAME_ROW);
		return;
	}
	if (in == FRAME_ROW) {
		if (kind != FRAME_ARRAY)
			misuse("only scalars and their arrays inside a table's row");
		sb_clear(&o->cell);
		push(o, FRAME_CELL);
		top(o)->name = mem_strdup(name);
		return;
	}
	if (name && kind != FRAME_TABLE) {
		text_lead(o, name);
		o->sink->s[o->sink->len - 1] = '\n'; // "name:" ends its line
	}
	push(o, kind);
	if (name && kind == FRAME_TABLE)
		top(o)->name = mem_strdup(name);
}

static void open_frame(struct out *o, const char *name, enum frame_kind kind, char bracket)
{
	check_name(o, name);
	if (is_json(o)) {
		json_lead(o, name);
		sb_char(o->sink, bracket);
		push(o, kind);
	} else if (o->form == OUT_TEXT) {
		open_text(o, name, kind);
	} else {
		push(o, kind);
	}
}

void out_object(struct out *o, const char *name)
{
	open_frame(o, name, FRAME_OBJECT, '{');
}

void out_array(struct out *o, const char *name)
{
	open_frame(o, name, FRAME_ARRAY, '[');
}

void out_table(struct out *o, const char *name)
{
	open_frame(o, name, is_json(o) ? FRAME_ARRAY : FRAME_TABLE, '[');
}

static void end_text(struct out *o, struct frame *ended)
{
	if (ended->kind == FRAME_TABLE) {
		if (ended->name && o->table.rows)
			sb_printf(o->sink, "%*s%s:\n", text_indent(o), "", ended->name);
		out_cells_print(&o->table, text_indent(o) + (ended->name ? 2 : 0), o->sink);
		out_cells_free(&o->table);
		free(ended->name);
	} else if (ended->kind == FRAME_CELL) {
		out_cells_set(&o->table, ended->name, sb_text(&o->cell));
		free(ended->name);
	}
}

void out_end(struct out *o)
{
	if (o->depth == 0)
		misuse("an end without a begin");
	struct frame ended = o->stack[o->depth--];
	if (is_json(o)) {
		if (ended.members)
			newline(o, o->depth);
		sb_char(o->sink, ended.kind == FRAME_OBJECT ? '}' : ']');
	} else if (o->form == OUT_TEXT) {
		end_text(o, &ended);
	}
}

void out_str(struct out *o, const char *name, const char *value)
{
	if (!value) {
		out_null(o, name);
		return;
	}
	check_name(o, name);
	if (is_json(o)) {
		json_lead(o, name);
		json_quote(o->sink, value);
	} else if (o->form == OUT_TEXT) {
		text_value(o, name, value);
	}
}

void out_strf(struct out *o, const char *name, const char *fmt, ...)
{
	struct strbuf b = {};
	va_list ap;

	va_start(ap, fmt);
	sb_vprintf(&b, fmt, ap);
	va_end(ap);
	out_str(o, name, sb_text(&b));
	sb_free(&b);
}

void out_int(struct out *o, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	plain(o, name, text);
}

void out_uint(struct out *o, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	plain(o, name, text);
}

void out_bool(struct out *o, const char *name, bool value)
{
	if (is_json(o))
		plain(o, name, value ? "true" : "false");
	else
		plain(o, name, value ? "yes" : "no");
}

void out_double(struct out *o, const char *name, double value, int decimals)
{
	char text[340];

	snprintf(text, sizeof(text), "%.*f", decimals, value);
	plain(o, name, text);
}

void out_null(struct out *o, const char *name)
{
	plain(o, name, is_json(o) ? "null" : "-");
}

void out_raw_json(struct out *o, const char *name, const char *json)
{
	check_name(o, name);
	if (!is_json(o))
		misuse("raw JSON in another form");
	json_lead(o, name);
	sb_str(o->sink, json);
}

void out_line(struct out *o, const char *fmt, ...)
{
	va_list ap;

	if (o->form != OUT_TEXT)
		return;
	va_start(ap, fmt);
	sb_vprintf(o->sink, fmt, ap);
	va_end(ap);
	sb_char(o->sink, '\n');
}

void out_family(
	struct out *o, const char *name, const char *type, const char *unit, const char *help)
{
	if (o->form != OUT_METRICS)
		return;
	snprintf(o->family, sizeof(o->family), "%s", name);
	o->suffix = strcmp(type, "counter") == 0 ? "_total"
		    : strcmp(type, "info") == 0  ? "_info"
						 : "";
	sb_printf(o->sink, "# TYPE %s %s\n", name, type);
	if (unit)
		sb_printf(o->sink, "# UNIT %s %s\n", name, unit);
	sb_printf(o->sink, "# HELP %s %s\n", name, help);
}

// Label values escape backslash, quote and newline (OpenMetrics 1.0, section 5.1).
static void metric_label(struct strbuf *b, const char *name, const char *value)
{
	sb_printf(b, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			sb_str(b, "\\n");
		else if (*value == '"' || *value == '\\')
			sb_printf(b, "\\%c", *value);
		else
			sb_char(b, *value);
	}
	sb_char(b, '"');
}

void out_sample(struct out *o, double value, ...)
{
	va_list ap;
	const char *name;
	bool any = false;

	if (o->form != OUT_METRICS)
		return;
	if (!o->family[0])
		misuse("a sample without its family");
	sb_printf(o->sink, "%s%s", o->family, o->suffix);
	va_start(ap, value);
	while ((name = va_arg(ap, const char *))) {
		sb_char(o->sink, any ? ',' : '{');
		metric_label(o->sink, name, va_arg(ap, const char *));
		any = true;
	}
	va_end(ap);
	sb_printf(o->sink, "%s %.17g\n", any ? "}" : "", value);
}
