#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mem_abort(const char *what)
{
	fprintf(stderr, "out of memory: %s\n", what);
	abort();
}

void *mem_zalloc(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);

	if (!p)
		mem_abort("calloc");
	return p;
}

void *mem_resize(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		mem_abort("resize");
	void *p = realloc(old, bytes ? bytes : 1);
	if (!p)
		mem_abort("realloc");
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s) + 1);
}

void *mem_dup(const void *src, size_t n)
{
	void *p = mem_zalloc(n);

	if (n)
		memcpy(p, src, n);
	return p;
}
