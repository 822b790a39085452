// A string that grows. Always NUL-terminated once something was added.
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct strbuf {
	char *s; // NULL while nothing was ever added
	size_t len;
	size_t cap;
};

void sb_free(struct strbuf *b);
void sb_clear(struct strbuf *b); // keeps the memory
void sb_add(struct strbuf *b, const char *bytes, size_t n);
// Room for n bytes behind what there is, to be written at once; then how many of them were.
char *sb_room(struct strbuf *b, size_t n);
void sb_filled(struct strbuf *b, size_t n);
void sb_str(struct strbuf *b, const char *s);
void sb_char(struct strbuf *b, char c);
__attribute__((format(printf, 2, 3))) void sb_printf(struct strbuf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void sb_vprintf(
	struct strbuf *b, const char *fmt, va_list ap);

// Drop the first n bytes, as after a partial write.
void sb_consume(struct strbuf *b, size_t n);

// The text, "" when empty; valid until the next change.
const char *sb_text(const struct strbuf *b);

// Hands the malloc'ed text on (never NULL) and leaves the buffer empty.
[[nodiscard]] char *sb_take(struct strbuf *b);
