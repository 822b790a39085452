// Octets written as hexadecimal text, as people paste them: "ffff ffff", "ff:ff",
// "0xff, 0xff"; comments from '#', ';' or "//" to the end of the line. Read in pieces.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Zeroed before the first piece. line and column are of the next character, from 0.
struct hex {
	unsigned line, column;
	bool comment;
	char before; // the character before, where it matters: a digit without its pair, '0' of "0x", '/'
};

// Reads characters from text[0..n) and writes octets to to[0..cap). Stops at the end of either;
// *used characters were read and *made octets written. 0; -EINVAL: the character at line and
// column has no place there.
[[nodiscard]] int hex_read(struct hex *h, const char *text, size_t n, size_t *used, uint8_t *to,
	size_t cap, size_t *made);
// The text is over: -EINVAL when half an octet is left.
[[nodiscard]] int hex_end(const struct hex *h);

// True when these bytes look like the start of such a text: all of them up to a comment, or at
// least the first eight octets.
bool hex_is(const void *data, size_t n);
