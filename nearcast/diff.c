#include "nearcast/diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

struct line {
	const char *text;
	int len;
};

struct lines {
	struct line *list;
	size_t count;
};

static struct lines split(const char *text)
{
	struct lines l = {};

	while (*text) {
		size_t n = strcspn(text, "\n");
		l.list = mem_resize(l.list, l.count + 1, sizeof(*l.list));
		l.list[l.count++] = (struct line){ text, (int)n };
		text += n + (text[n] == '\n');
	}
	return l;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, (size_t)a->len) == 0;
}

static int indent_of(const struct line *l)
{
	int n = 0;

	while (n < l->len && (l->text[n] == ' ' || l->text[n] == '-'))
		n++;
	return n;
}

static void tell(const struct lines *in, size_t at, char op,
	void (*fn)(void *ctx, const struct diff_line *line), void *ctx)
{
	const struct line *l = &in->list[at];
	struct diff_line d = { .op = op, .text = l->text, .len = l->len };

	for (size_t i = at; i-- > 0;) {
		if (indent_of(&in->list[i]) >= indent_of(l))
			continue;
		d.under = in->list[i].text;
		d.under_len = in->list[i].len;
		break;
	}
	fn(ctx, &d);
}

// Lengths of the longest common subsequence of what is left of both texts, a row more than lines.
static uint32_t *lcs(const struct line *a, size_t n, const struct line *b, size_t m)
{
	size_t cells;

	if (__builtin_mul_overflow(n + 1, m + 1, &cells))
		mem_abort("diff");
	uint32_t *t = mem_zalloc(cells * sizeof(*t));
	for (size_t i = n; i-- > 0;)
		for (size_t j = m; j-- > 0;) {
			uint32_t *cell = &t[i * (m + 1) + j];
			uint32_t down = cell[m + 1], right = cell[1];
			*cell = same(&a[i], &b[j]) ? cell[m + 2] + 1 : down > right ? down : right;
		}
	return t;
}

bool diff_texts(const char *old, const char *new,
	void (*fn)(void *ctx, const struct diff_line *line), void *ctx)
{
	struct lines a = split(old), b = split(new);
	size_t head = 0, tail = 0, i = 0, j = 0;
	bool any = false;

	while (head < a.count && head < b.count && same(&a.list[head], &b.list[head]))
		head++;
	while (tail < a.count - head && tail < b.count - head &&
		same(&a.list[a.count - 1 - tail], &b.list[b.count - 1 - tail]))
		tail++;
	size_t n = a.count - head - tail, m = b.count - head - tail;
	own(free_ptr) uint32_t *t = lcs(a.list + head, n, b.list + head, m);
	while (i < n || j < m) {
		const uint32_t *cell = &t[i * (m + 1) + j];
		if (i < n && j < m && same(&a.list[head + i], &b.list[head + j])) {
			i++, j++;
			continue;
		}
		bool gone = j == m || (i < n && cell[m + 1] >= cell[1]);
		any = true;
		if (gone)
			tell(&a, head + i++, '-', fn, ctx);
		else
			tell(&b, head + j++, '+', fn, ctx);
	}
	free(a.list);
	free(b.list);
	return any;
}
