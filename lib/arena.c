#include "lib/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

enum { CHUNK_BYTES = 4096, ALIGN = _Alignof(max_align_t) };

struct chunk {
	struct chunk *next;
	size_t size; // of data
	size_t used;
	_Alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct chunk *chunks;
	size_t bytes;
};

struct arena *arena_new(void)
{
	return mem_zalloc(sizeof(struct arena));
}

void arena_free(struct arena **a)
{
	if (!*a)
		return;
	for (struct chunk *c = (*a)->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(*a);
	*a = NULL;
}

static void add_chunk(struct arena *a, size_t room)
{
	size_t size = room > CHUNK_BYTES ? room : CHUNK_BYTES;
	struct chunk *c = mem_zalloc(sizeof(*c) + size);

	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	a->bytes += sizeof(*c) + size;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	size_t room = (bytes + ALIGN - 1) / ALIGN * ALIGN;

	if (room < bytes)
		mem_abort("arena");
	if (!a->chunks || a->chunks->size - a->chunks->used < room)
		add_chunk(a, room);
	void *p = a->chunks->data + a->chunks->used;
	a->chunks->used += room;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		mem_abort("arena");
	return arena_alloc(a, bytes);
}

static char *copy(struct arena *a, const char *s, size_t len)
{
	char *text = arena_alloc(a, len + 1);

	memcpy(text, s, len);
	return text;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	return copy(a, s, strnlen(s, n));
}

char *arena_strdup(struct arena *a, const char *s)
{
	return copy(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		mem_abort("arena_printf");
	char *s = arena_alloc(a, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return s;
}

size_t arena_bytes(const struct arena *a)
{
	return sizeof(*a) + a->bytes;
}
