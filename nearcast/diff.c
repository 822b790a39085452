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

// One difference being told.
struct walk {
	struct lines a, b;
	void (*fn)(void *ctx, const struct diff_line *line);
	void *ctx;
	bool any;
};

// A part of both texts: n lines from i on, m from j on.
struct part {
	size_t i, n, j, m;
};

static bool same_at(const struct walk *w, size_t i, size_t j)
{
	return same(&w->a.list[i], &w->b.list[j]);
}

// Lengths of the longest common subsequence of what is left of both, a row more than lines.
static uint32_t *lcs(const struct walk *w, const struct part *p)
{
	uint32_t *t = mem_zalloc((p->n + 1) * (p->m + 1) * sizeof(*t));

	for (size_t i = p->n; i-- > 0;)
		for (size_t j = p->m; j-- > 0;) {
			uint32_t *cell = &t[i * (p->m + 1) + j];
			uint32_t down = cell[p->m + 1], right = cell[1];
			*cell = same_at(w, p->i + i, p->j + j) ? cell[p->m + 2] + 1
				: down > right                 ? down
							       : right;
		}
	return t;
}

static void tell_part(struct walk *w, const struct part *p)
{
	own(free_ptr) uint32_t *t = lcs(w, p);
	size_t i = 0, j = 0;

	while (i < p->n || j < p->m) {
		const uint32_t *cell = &t[i * (p->m + 1) + j];
		if (i < p->n && j < p->m && same_at(w, p->i + i, p->j + j)) {
			i++, j++;
			continue;
		}
		bool gone = j == p->m || (i < p->n && cell[p->m + 1] >= cell[1]);
		w->any = true;
		if (gone)
			tell(&w->a, p->i + i++, '-', w->fn, w->ctx);
		else
			tell(&w->b, p->j + j++, '+', w->fn, w->ctx);
	}
}

// The length for each beginning of b's lines with all of a's: ret[0..m].
static void lengths_before(const struct walk *w, const struct part *p, uint32_t *ret)
{
	memset(ret, 0, (p->m + 1) * sizeof(*ret));
	for (size_t i = 0; i < p->n; i++) {
		uint32_t diagonal = 0;
		for (size_t j = 1; j <= p->m; j++) {
			uint32_t above = ret[j];
			if (same_at(w, p->i + i, p->j + j - 1))
				ret[j] = diagonal + 1;
			else if (ret[j - 1] > above)
				ret[j] = ret[j - 1];
			diagonal = above;
		}
	}
}

// The same for each end of b's lines.
static void lengths_behind(const struct walk *w, const struct part *p, uint32_t *ret)
{
	memset(ret, 0, (p->m + 1) * sizeof(*ret));
	for (size_t i = p->n; i-- > 0;) {
		uint32_t diagonal = 0;
		for (size_t j = p->m; j-- > 0;) {
			uint32_t below = ret[j];
			if (same_at(w, p->i + i, p->j + j))
				ret[j] = diagonal + 1;
			else if (ret[j + 1] > below)
				ret[j] = ret[j + 1];
			diagonal = below;
		}
	}
}

// Where b is best divided when a is divided in the middle (Hirschberg, 1975).
static size_t best_division(
	const struct walk *w, const struct part *first, const struct part *second)
{
	own(free_ptr) uint32_t *before = mem_resize(NULL, first->m + 1, sizeof(*before));
	own(free_ptr) uint32_t *behind = mem_resize(NULL, first->m + 1, sizeof(*behind));
	size_t best = 0;

	lengths_before(w, first, before);
	lengths_behind(w, second, behind);
	for (size_t j = 1; j <= first->m; j++)
		if (before[j] + behind[j] > before[best] + behind[best])
			best = j;
	return best;
}

// Divided until the table of a part is small, so that memory grows with the lines only.
static void tell_divided(struct walk *w, const struct part *p)
{
	enum { CELLS_MAX = 1 << 20 };

	if (p->n < 2 || (p->n + 1) * (p->m + 1) <= CELLS_MAX) {
		tell_part(w, p);
		return;
	}
	struct part first = { p->i, p->n / 2, p->j, p->m };
	struct part second = { p->i + first.n, p->n - first.n, p->j, p->m };
	first.m = best_division(w, &first, &second);
	second.j += first.m;
	second.m -= first.m;
	tell_divided(w, &first);
	tell_divided(w, &second);
}

bool diff_texts(const char *old, const char *new,
	void (*fn)(void *ctx, const struct diff_line *line), void *ctx)
{
	struct walk w = { .a = split(old), .b = split(new), .fn = fn, .ctx = ctx };
	size_t head = 0, tail = 0;

	while (head < w.a.count && head < w.b.count && same_at(&w, head, head))
		head++;
	while (tail < w.a.count - head && tail < w.b.count - head &&
		same_at(&w, w.a.count - 1 - tail, w.b.count - 1 - tail))
		tail++;
	const struct part middle = { head, w.a.count - head - tail, head, w.b.count - head - tail };
	tell_divided(&w, &middle);
	free(w.a.list);
	free(w.b.list);
	return w.any;
}
