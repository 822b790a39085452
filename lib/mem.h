// Allocation that does not fail: a daemon that cannot get a few kilobytes
// cannot withdraw a route in order either; dying closes its BGP sessions, and
// the routers withdraw by themselves.
#pragma once

#include <stddef.h>

__attribute__((noreturn)) void mem_abort(const char *what);

// Zeroed; free() it.
[[nodiscard]] void *mem_zalloc(size_t bytes);

// Array of n elements of that size, resized; new elements are not zeroed.
[[nodiscard]] void *mem_resize(void *old, size_t n, size_t size);

[[nodiscard]] char *mem_strdup(const char *s);

// A copy of n bytes; n may be 0.
[[nodiscard]] void *mem_dup(const void *src, size_t n);
