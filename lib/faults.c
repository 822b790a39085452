// Faults of a file: collected with their place, printed for people.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/schema.h"
#include "lib/text.h"

// A very long line is shown only around its fault.
enum { SHOWN_BEFORE = 60, SHOWN_MAX = 120 };

void document_free(struct document *d)
{
	free(d->name);
	free(d->text);
	*d = (struct document){};
}

void faults_free(struct faults *f)
{
	for (size_t i = 0; i < f->count && i < FAULTS_MAX; i++) {
		free(f->list[i].file);
		free(f->list[i].message);
		free(f->list[i].expected);
		free(f->list[i].source);
	}
	*f = (struct faults){};
}

// Bytes of the line break at s, 0 when there is none: the breaks of YAML 1.1
// (section 4.2), since its line numbers count them.
static size_t line_break(const char *s, size_t n)
{
	if (n == 0)
		return 0;
	if (s[0] == '\n')
		return 1;
	if (s[0] == '\r')
		return n > 1 && s[1] == '\n' ? 2 : 1;
	if (n > 1 && memcmp(s, "\xc2\x85", 2) == 0)
		return 2;
	if (n > 2 && (memcmp(s, "\xe2\x80\xa8", 3) == 0 || memcmp(s, "\xe2\x80\xa9", 3) == 0))
		return 3;
	return 0;
}

static char *source_line(const struct document *d, unsigned line)
{
	size_t at = 0;

	for (unsigned i = 1; i < line && at < d->len;) {
		size_t n = line_break(d->text + at, d->len - at);
		i += n > 0;
		at += n ? n : 1;
	}
	size_t end = at;
	while (end < d->len && line_break(d->text + end, d->len - end) == 0)
		end++;
	char *s = mem_resize(NULL, end - at + 1, 1);
	memcpy(s, d->text + at, end - at);
	s[end - at] = '\0';
	return s;
}

struct place document_place(const struct document *d, size_t offset)
{
	struct place at = { 1, 1 };

	for (size_t i = 0; i < offset && i < d->len;) {
		size_t br = line_break(d->text + i, d->len - i);
		size_t n = text_utf8(d->text + i, d->len - i);

		at.column++;
		if (br)
			at = (struct place){ at.line + 1, 1 };
		i += br ? br : n ? n : 1;
	}
	return at;
}

static char *visible(const char *s)
{
	struct strbuf b = {};

	text_add_visible(&b, s, strlen(s));
	return sb_take(&b);
}

void faults_add(struct faults *f, const struct document *d, struct place at, const char *expected,
	const char *fmt, ...)
{
	if (f->count++ >= FAULTS_MAX)
		return;
	struct fault *x = &f->list[f->count - 1];
	own(sb_free) struct strbuf b = {};
	va_list ap;

	va_start(ap, fmt);
	sb_vprintf(&b, fmt, ap);
	va_end(ap);
	*x = (struct fault){
		.file = mem_strdup(d->name ? d->name : "?"),
		.at = at,
		.message = visible(sb_text(&b)),
		.expected = expected ? visible(expected) : NULL,
		.source = at.line > 0 && d->text ? source_line(d, at.line) : NULL,
	};
}

static size_t step(const char *s, size_t left)
{
	size_t n = text_utf8(s, left);

	return n ? n : 1;
}

// The line, and under it a caret: as many characters to the right, with the same
// tabs, so that the terminal puts it below the fault whatever its tab width.
static void print_source(const char *source, unsigned column, struct strbuf *b)
{
	own(sb_free) struct strbuf caret = {};
	size_t len = strlen(source);
	unsigned from = column > SHOWN_MAX ? column - SHOWN_BEFORE : 1;
	unsigned at = 1;

	sb_str(b, from > 1 ? "  ..." : "  ");
	sb_str(&caret, from > 1 ? "     " : "  ");
	for (size_t i = 0; i < len && at < from + SHOWN_MAX; at++) {
		size_t n = step(source + i, len - i);
		bool tab = source[i] == '\t';

		if (at >= from && tab)
			sb_char(b, '\t');
		else if (at >= from)
			text_add_visible(b, source + i, n);
		if (at >= from && at < column)
			sb_char(&caret, tab ? '\t' : ' ');
		i += n;
		if (at + 1 == from + SHOWN_MAX && i < len)
			sb_str(b, "...");
	}
	for (; at < column; at++) // just after the end of the line
		sb_char(&caret, ' ');
	sb_printf(b, "\n%s^\n", sb_text(&caret));
}

static void print_fault(const struct fault *x, struct strbuf *b)
{
	sb_str(b, x->file);
	if (x->at.line > 0)
		sb_printf(b, ":%u:%u", x->at.line, x->at.column);
	sb_printf(b, ": %s\n", x->message);
	if (x->source)
		print_source(x->source, x->at.column, b);
	if (x->expected)
		sb_printf(b, "  %s\n", x->expected);
}

void faults_print(const struct faults *f, struct strbuf *b)
{
	for (size_t i = 0; i < f->count && i < FAULTS_MAX; i++)
		print_fault(&f->list[i], b);
	if (f->count > FAULTS_MAX)
		sb_printf(b, "and %zu more\n", f->count - FAULTS_MAX);
}

void faults_put(const struct faults *f, FILE *to)
{
	own(sb_free) struct strbuf b = {};

	faults_print(f, &b);
	fputs(sb_text(&b), to);
}
