// Hexadecimal text. Read whole and read one character at a time it says the same.
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/mem.h"
#include "lib/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Returns the result; *len octets were made.
static int read_all(const char *text, size_t n, size_t piece, uint8_t *to, size_t *len)
{
	struct hex h = {};
	size_t at = 0, used, made;

	*len = 0;
	while (at < n) {
		size_t part = n - at < piece ? n - at : piece;
		int rc = hex_read(&h, text + at, part, &used, to + *len, piece, &made);

		if (used > part || made > piece || made * 2 > used + 1 || (rc == 0 && used == 0))
			abort();
		*len += made;
		at += used;
		if (rc < 0)
			return rc;
	}
	return hex_end(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(free_ptr) uint8_t *whole = mem_zalloc(size + 1), *parts = mem_zalloc(size + 1);
	size_t whole_len, parts_len;

	(void)hex_is(data, size);
	int a = read_all((const char *)data, size, size, whole, &whole_len);
	int b = read_all((const char *)data, size, 1, parts, &parts_len);
	if (a != b || whole_len != parts_len || memcmp(whole, parts, whole_len) != 0)
		abort();
	return 0;
}
