#include "test/bgp/bytes.h"

#include <string.h>

#include "test/unit.h"

static int nibble(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c);

	assert_true(c && at);
	return (int)(at - digits);
}

struct bytes hex(const char *digits)
{
	struct bytes b = {};

	while (*digits) {
		if (*digits == ' ') {
			digits++;
			continue;
		}
		int high = nibble(digits[0]);
		int low = nibble(digits[1]);
		assert_true(b.len < sizeof(b.b));
		b.b[b.len++] = (uint8_t)(high << 4 | low);
		digits += 2;
	}
	return b;
}

struct bytes message(uint8_t type, const char *body)
{
	struct bytes content = hex(body), m = {};

	memset(m.b, 0xff, BGP_MARKER_BYTES);
	m.len = BGP_HEADER_BYTES;
	bytes_add(&m, &content);
	m.b[16] = (uint8_t)(m.len >> 8);
	m.b[17] = (uint8_t)m.len;
	m.b[18] = type;
	return m;
}

void bytes_add(struct bytes *b, const struct bytes *more)
{
	assert_true(b->len + more->len <= sizeof(b->b));
	memcpy(b->b + b->len, more->b, more->len);
	b->len += more->len;
}
