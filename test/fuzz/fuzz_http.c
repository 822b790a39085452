// What a web server sends to a session of the lab. The first byte says in pieces of which size it comes;
// the answers must be the same as when it comes at once.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lab/httpanswer.h"
#include "lib/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Everything that is told, in a row.
static void read_all(const uint8_t *data, size_t size, size_t step, struct strbuf *told)
{
	own(http_answer_free) struct http_answer a = {};
	struct http_piece in = {}, body;

	for (size_t at = 0; at < size || in.len > 0;) {
		if (in.len == 0) {
			in = (struct http_piece){ data + at, size - at < step ? size - at : step };
			at += in.len;
		}
		size_t before = in.len;
		enum http_progress p = http_answer_take(&a, &in, &body);
		if (p == HTTP_WRONG) {
			sb_str(told, "wrong");
			return;
		}
		if (body.len > before || a.got > a.length || a.head.len > HTTP_HEAD_MAX)
			abort();
		if (p == HTTP_MORE && in.len == before && before > 0)
			abort(); // it would go on for ever
		sb_add(told, (const char *)body.bytes, body.len);
		if (p == HTTP_WHOLE) {
			sb_printf(told, "<%d %d>", a.status, a.closes);
			http_answer_next(&a);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(sb_free) struct strbuf whole = {}, pieces = {};

	if (size < 1)
		return 0;
	read_all(data + 1, size - 1, size, &whole);
	read_all(data + 1, size - 1, 1 + data[0] % 64, &pieces);
	if (whole.len != pieces.len || memcmp(sb_text(&whole), sb_text(&pieces), whole.len) != 0)
		abort();
	return 0;
}
