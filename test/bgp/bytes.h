// Messages written down as hex digits, blanks allowed, for tests of parsers.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bgp/proto.h"
#include "lib/wire.h"

struct bytes {
	uint8_t b[2 * BGP_MSG_MAX];
	size_t len;
};

// The bytes of "0102 ff".
struct bytes hex(const char *digits);
// A message of that type with this body, header and length included.
struct bytes message(uint8_t type, const char *body);
// One after the other.
void bytes_add(struct bytes *b, const struct bytes *more);
static inline struct rd bytes_rd(const struct bytes *b)
{
	return rd_init(b->b, b->len);
}
