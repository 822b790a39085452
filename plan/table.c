#include "plan/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t split(char *line, char **cells)
{
	const char *between = strchr(line, '\t') ? "\t" : " ";
	size_t n = 0;

	for (char *at = line; n < PLAN_CELLS_MAX;) {
		if (*between == ' ')
			at += strspn(at, " ");
		if (*between == ' ' && !*at)
			break;
		cells[n++] = at;
		at += strcspn(at, between);
		if (!*at)
			break;
		*at++ = '\0';
	}
	return n;
}

static int take_line(
	struct plan_table *t, plan_take_row *take, void *context, struct plan_fault *fault)
{
	char *cells[PLAN_CELLS_MAX];
	char *line = t->part.s;
	size_t n = t->part.len;

	t->line++;
	if (n > 0 && line[n - 1] == '\r')
		line[--n] = '\0';
	if (n == 0 || *line == '#') {
		sb_clear(&t->part);
		return 0;
	}
	fault->line = t->line;
	sb_clear(&fault->why);
	size_t count = split(line, cells);
	int rc = count == 0 ? 0 : take(context, !t->begun, cells, count, fault);
	t->begun |= count > 0;
	sb_clear(&t->part);
	return rc;
}

static int add_part(struct plan_table *t, const char *at, size_t n, struct plan_fault *fault)
{
	if (t->part.len + n <= PLAN_ROW_MAX) {
		sb_add(&t->part, at, n);
		return 0;
	}
	fault->line = t->line + 1;
	sb_clear(&fault->why);
	sb_printf(&fault->why, "a line of over %d bytes", PLAN_ROW_MAX);
	return -EINVAL;
}

int plan_table_feed(struct plan_table *t, const void *bytes, size_t n, plan_take_row *take,
	void *context, struct plan_fault *fault)
{
	const char *at = bytes, *end = at + n, *newline;

	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		int rc = add_part(t, at, (size_t)(newline - at), fault);
		if (rc == 0)
			rc = take_line(t, take, context, fault);
		if (rc < 0)
			return rc;
		at = newline + 1;
	}
	return add_part(t, at, (size_t)(end - at), fault);
}

int plan_table_end(
	struct plan_table *t, plan_take_row *take, void *context, struct plan_fault *fault)
{
	int rc = t->part.len > 0 ? take_line(t, take, context, fault) : 0;

	sb_free(&t->part);
	return rc;
}

bool plan_cell_number(const char *cell, double min, double max, double *ret)
{
	char *end;

	// strtod() would also take blanks, hexadecimal, infinity and NaN.
	if (!*cell || strspn(cell, "+-.0123456789eE") != strlen(cell))
		return false;
	double value = strtod(cell, &end);
	if (*end || !(value >= min && value <= max))
		return false;
	*ret = value;
	return true;
}

bool plan_cell_as(const char *cell, uint32_t *ret)
{
	size_t n = strlen(cell);

	if (n > 2 && (cell[0] == 'A' || cell[0] == 'a') && (cell[1] == 'S' || cell[1] == 's')) {
		cell += 2;
		n -= 2;
	}
	if (n == 0 || n > 10 || strspn(cell, "0123456789") != n)
		return false;
	unsigned long long as = strtoull(cell, NULL, 10);
	if (as > UINT32_MAX)
		return false;
	*ret = (uint32_t)as;
	return true;
}

int plan_cell_find(char **cells, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(cells[i], name) == 0)
			return (int)i;
	return -1;
}
