#include "lib/out_table.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

void out_cells_free(struct out_cells *t)
{
	for (size_t i = 0; i < t->columns; i++)
		free(t->headings[i]);
	for (size_t i = 0; i < t->rows * t->width; i++)
		free(t->cells[i]);
	free(t->headings);
	free(t->cells);
	*t = (struct out_cells){};
}

// Lay the cells out again for more columns.
static void widen(struct out_cells *t, size_t width)
{
	char **cells = mem_zalloc((t->rows * width + 1) * sizeof(*cells));

	for (size_t row = 0; row < t->rows; row++)
		for (size_t column = 0; column < t->width; column++)
			cells[row * width + column] = t->cells[row * t->width + column];
	free(t->cells);
	t->cells = cells;
	t->width = width;
}

void out_cells_add_row(struct out_cells *t)
{
	t->cells = mem_resize(t->cells, (t->rows + 1) * t->width + 1, sizeof(*t->cells));
	for (size_t column = 0; column < t->width; column++)
		t->cells[t->rows * t->width + column] = NULL;
	t->rows++;
}

static size_t column_of(struct out_cells *t, const char *name)
{
	for (size_t i = 0; i < t->columns; i++)
		if (strcmp(t->headings[i], name) == 0)
			return i;
	t->headings = mem_resize(t->headings, t->columns + 1, sizeof(*t->headings));
	t->headings[t->columns++] = mem_strdup(name);
	if (t->columns > t->width)
		widen(t, t->width ? t->width * 2 : 8);
	return t->columns - 1;
}

void out_cells_set(struct out_cells *t, const char *name, const char *text)
{
	size_t column = column_of(t, name);
	char **cell = &t->cells[(t->rows - 1) * t->width + column];

	free(*cell);
	*cell = mem_strdup(text);
}

// Terminal columns of UTF-8 text, each code point taken as one.
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static const char *cell_text(const struct out_cells *t, size_t row, size_t column)
{
	const char *s = t->cells[row * t->width + column];

	return s && *s ? s : "-";
}

static bool is_numeric(const struct out_cells *t, size_t column)
{
	for (size_t row = 0; row < t->rows; row++) {
		const char *s = cell_text(t, row, column);
		if (strcmp(s, "-") != 0 && strspn(s, "0123456789.") != strlen(s))
			return false;
	}
	return true;
}

static void print_cell(struct strbuf *b, const char *s, size_t width, bool right, bool last)
{
	size_t pad = width - text_width(s);

	if (right)
		while (pad--)
			sb_char(b, ' ');
	sb_str(b, s);
	if (last)
		return;
	if (!right)
		while (pad--)
			sb_char(b, ' ');
	sb_str(b, "  ");
}

void out_cells_print(const struct out_cells *t, int indent, struct strbuf *b)
{
	if (t->rows == 0)
		return;
	size_t *widths = mem_zalloc((t->columns + 1) * sizeof(*widths));
	bool *right = mem_zalloc((t->columns + 1) * sizeof(*right));

	for (size_t column = 0; column < t->columns; column++) {
		widths[column] = text_width(t->headings[column]);
		right[column] = is_numeric(t, column);
		for (size_t row = 0; row < t->rows; row++) {
			size_t n = text_width(cell_text(t, row, column));
			if (n > widths[column])
				widths[column] = n;
		}
	}
	for (size_t line = 0; line <= t->rows; line++) {
		for (int i = 0; i < indent; i++)
			sb_char(b, ' ');
		for (size_t column = 0; column < t->columns; column++)
			print_cell(b, line ? cell_text(t, line - 1, column) : t->headings[column],
				widths[column], right[column], column + 1 == t->columns);
		sb_char(b, '\n');
	}
	free(widths);
	free(right);
}
