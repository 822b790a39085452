#include "lib/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

void sb_free(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf){};
}

void sb_clear(struct strbuf *b)
{
	b->len = 0;
	if (b->s)
		b->s[0] = '\0';
}

static void make_room(struct strbuf *b, size_t n)
{
	size_t need;

	if (__builtin_add_overflow(b->len, n + 1, &need))
		mem_abort("strbuf");
	if (need <= b->cap)
		return;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap *= 2;
	b->s = mem_resize(b->s, cap, 1);
	b->cap = cap;
}

void sb_add(struct strbuf *b, const char *bytes, size_t n)
{
	make_room(b, n);
	if (n)
		memcpy(b->s + b->len, bytes, n);
	b->len += n;
	b->s[b->len] = '\0';
}

char *sb_room(struct strbuf *b, size_t n)
{
	make_room(b, n);
	return b->s + b->len;
}

void sb_filled(struct strbuf *b, size_t n)
{
	b->len += n;
	b->s[b->len] = '\0';
}

void sb_str(struct strbuf *b, const char *s)
{
	sb_add(b, s, strlen(s));
}

void sb_char(struct strbuf *b, char c)
{
	sb_add(b, &c, 1);
}

// Most texts fit into what is left, and then once is enough.
void sb_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;

	make_room(b, 31);
	va_copy(again, ap);
	int n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
	if (n > 0 && (size_t)n >= b->cap - b->len) {
		make_room(b, (size_t)n);
		vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
	}
	if (n > 0)
		b->len += (size_t)n;
	else
		b->s[b->len] = '\0';
	va_end(again);
}

void sb_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sb_vprintf(b, fmt, ap);
	va_end(ap);
}

void sb_consume(struct strbuf *b, size_t n)
{
	if (n >= b->len) {
		sb_clear(b);
		return;
	}
	memmove(b->s, b->s + n, b->len - n + 1);
	b->len -= n;
}

const char *sb_text(const struct strbuf *b)
{
	return b->s ? b->s : "";
}

char *sb_take(struct strbuf *b)
{
	char *s = b->s ? b->s : mem_strdup("");

	*b = (struct strbuf){};
	return s;
}
