// Memory with one lifetime: everything allocated from an arena goes at once.
// The running configuration lives in one, so that a reload frees the old one
// whole. Allocation never returns NULL: like every allocator of nearcast it
// aborts when the system has no memory left, since no caller could go on.
#pragma once

#include <stddef.h>

struct arena;

[[nodiscard]] struct arena *arena_new(void);

// Frees *a with all that it holds and sets it to NULL; NULL inside is fine.
void arena_free(struct arena **a);

// Zeroed bytes, aligned for any type.
[[nodiscard]] void *arena_alloc(struct arena *a, size_t bytes);

// Zeroed array of n elements; aborts on overflow of n * size.
[[nodiscard]] void *arena_array(struct arena *a, size_t n, size_t size);

[[nodiscard]] char *arena_strdup(struct arena *a, const char *s);
[[nodiscard]] char *arena_strndup(struct arena *a, const char *s, size_t n);
[[nodiscard]] __attribute__((format(printf, 2, 3))) char *arena_printf(
	struct arena *a, const char *fmt, ...);

// Bytes taken from the system, headers included.
size_t arena_bytes(const struct arena *a);
