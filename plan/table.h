// Tables as text, a row a line, in pieces that may end anywhere: the weights, places and round-trip
// times that people keep. Cells are separated by tabs; in a line without any, by blanks. Empty
// lines and those that begin with # say nothing.
#pragma once

#include "plan/graph.h"

enum { PLAN_CELLS_MAX = 32, PLAN_ROW_MAX = 64 << 10 };

// The columns of a table: by their names in the first line, or as the caller has them where the
// first line begins with a number.
struct plan_table {
	struct strbuf part; // of a line whose end has not come yet
	uint64_t line;
	bool begun;
};

// One row. cells are NUL-terminated and the callee's to change. 0, or -EINVAL with fault->why set.
typedef int plan_take_row(
	void *context, bool first, char **cells, size_t count, struct plan_fault *fault);

// -EINVAL with *fault set. first: the row is the table's first one, which may be its heading.
[[nodiscard]] int plan_table_feed(struct plan_table *t, const void *bytes, size_t n,
	plan_take_row *take, void *context, struct plan_fault *fault);
// The last line may lack its newline. Frees what the table holds.
[[nodiscard]] int plan_table_end(
	struct plan_table *t, plan_take_row *take, void *context, struct plan_fault *fault);

// Whole cells. False: not a number, or not within the limits.
[[nodiscard]] bool plan_cell_number(const char *cell, double min, double max, double *ret);
[[nodiscard]] bool plan_cell_as(const char *cell, uint32_t *ret);
// The column of that name; -1: there is none.
int plan_cell_find(char **cells, size_t count, const char *name);
