// A stream of bytes from a file, a pipe or memory, plain or compressed (gzip RFC 1952, bzip2),
// seen through a window that slides over it. Memory stays bounded whatever the size
// of the input: the window is as wide as its reader asks, at most SOURCE_WINDOW_MAX.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

enum { SOURCE_WINDOW_MAX = 8 << 20 };

struct source;

// Takes the descriptor over, also on failure. What is compressed shows by its first bytes.
// 0 or a negative errno of the first read.
[[nodiscard]] int source_open(struct source **ret, int fd);
// The bytes are borrowed and must outlive the source. Compressed ones are unpacked as well.
[[nodiscard]] int source_open_memory(struct source **ret, const void *data, size_t len);
void source_close(struct source **s); // NULL inside is fine

// Reads on until n bytes are in the window, or the stream ends: fewer bytes in the window
// than asked for, and 0, is the end. -ENODATA: compressed data are cut short; -EBADMSG:
// they are corrupt; -EFBIG: n is over SOURCE_WINDOW_MAX; other negative errno of read(2).
// What came before the fault is in the window.
[[nodiscard]] int source_want(struct source *s, size_t n);

// What is in the window; valid until the next call of source_want().
struct rd source_window(const struct source *s);
// Drops n bytes, at most what is in the window.
void source_skip(struct source *s, size_t n);
// Of the window's first byte, in the stream as unpacked.
uint64_t source_offset(const struct source *s);
