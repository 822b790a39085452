#include "lib/hex.h"

#include <errno.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_between(char c)
{
	return c && strchr(" \t\r\n\f\v:,-", c);
}

static void advance(struct hex *h, char c)
{
	h->column++;
	if (c == '\n') {
		h->line++;
		h->column = 0;
		h->comment = false;
	}
}

// One character outside a comment. 1: *octet is complete; 0: not yet; -EINVAL.
static int take_character(struct hex *h, char c, uint8_t *octet)
{
	char before = h->before;
	int high = digit(before), low = digit(c);

	h->before = '\0';
	if (before == '/') {
		h->comment = c == '/';
		return c == '/' ? 0 : -EINVAL;
	}
	if (before == '0' && (c == 'x' || c == 'X'))
		return 0;
	if (before && low < 0)
		return -EINVAL; // half an octet
	if (low >= 0 && !before) {
		h->before = c;
		return 0;
	}
	if (low >= 0) {
		*octet = (uint8_t)(high << 4 | low);
		return 1;
	}
	if (c == '/')
		h->before = c;
	h->comment = c == '#' || c == ';';
	return c == '/' || h->comment || is_between(c) ? 0 : -EINVAL;
}

int hex_read(struct hex *h, const char *text, size_t n, size_t *used, uint8_t *to, size_t cap,
	size_t *made)
{
	size_t at = 0, out = 0;
	int rc = 0;

	while (at < n && out < cap) {
		char c = text[at];

		rc = h->comment ? 0 : take_character(h, c, to + out);
		if (rc < 0)
			break;
		out += (size_t)rc;
		advance(h, c);
		at++;
	}
	*used = at;
	*made = out;
	return rc < 0 ? rc : 0;
}

int hex_end(const struct hex *h)
{
	return h->before && !h->comment ? -EINVAL : 0;
}

bool hex_is(const void *data, size_t n)
{
	enum { ENOUGH = 8 };
	const char *text = data;
	struct hex h = {};
	uint8_t octet;
	unsigned octets = 0;

	for (size_t i = 0; i < n && !h.comment; i++) {
		int rc = take_character(&h, text[i], &octet);
		if (rc < 0)
			return octets >= ENOUGH;
		octets += (unsigned)rc;
	}
	return n > 0;
}
