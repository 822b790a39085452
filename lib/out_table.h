// Cells of a table that is collected before it is printed aligned. Part of lib/out.
#pragma once

#include <stddef.h>

#include "lib/strbuf.h"

struct out_cells {
	char **headings;
	size_t columns;
	char **cells; // rows * width; NULL: no such member in that row
	size_t width; // columns that the cells were laid out for
	size_t rows;
};

void out_cells_free(struct out_cells *t);
void out_cells_add_row(struct out_cells *t);

// Sets a member of the last row; a new name opens a column.
void out_cells_set(struct out_cells *t, const char *name, const char *text);

// Appends the aligned table; columns of numbers only are right-aligned.
void out_cells_print(const struct out_cells *t, int indent, struct strbuf *b);
