#include "test/unit.h"

#include <string.h>

#include "lab/httpanswer.h"
#include "lib/own.h"

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
	const char *what, *bytes;
	enum http_progress progress;
	int status;
	const char *body;
} rows[] = {
	{ "a node's name", OK "Server: nginx\r\nContent-Length: 5\r\n\r\nfra1\n", HTTP_WHOLE, 200,
		"fra1\n" },
	{ "no body", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", HTTP_WHOLE, 201, "" },
	{ "204 needs no length", "HTTP/1.1 204 No Content\r\n\r\n", HTTP_WHOLE, 204, "" },
	{ "no reason", "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx", HTTP_WHOLE, 200, "x" },
	{ "case and blanks", OK "content-LENGTH: \t 2 \r\n\r\nxy", HTTP_WHOLE, 200, "xy" },
	{ "a body like a head", OK "Content-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n", HTTP_WHOLE, 200,
		"\r\n\r\n\r\n\r\n" },
	{ "not all of it", OK "Content-Length: 5\r\n\r\nfra", HTTP_MORE, 200, "fra" },
	{ "half a head", OK "Content-Le", HTTP_MORE, 0, "" },
	{ "nothing", "", HTTP_MORE, 0, "" },
	{ "another version", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "an interim answer", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "no status", "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "a status of four", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "no length", OK "Server: nginx\r\n\r\n", HTTP_WRONG },
	{ "two lengths", OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", HTTP_WRONG },
	{ "a list of lengths", OK "Content-Length: 1, 1\r\n\r\nx", HTTP_WRONG },
	{ "a negative length", OK "Content-Length: -1\r\n\r\n", HTTP_WRONG },
	{ "an empty length", OK "Content-Length:\r\n\r\n", HTTP_WRONG },
	{ "a huge length", OK "Content-Length: 18446744073709551617\r\n\r\n", HTTP_WRONG },
	{ "chunks", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HTTP_WRONG },
	{ "chunks beside a length", OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
		HTTP_WRONG },
	{ "a folded field", OK "A: b\r\n c\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "a blank before the colon", OK "Content-Length : 0\r\n\r\n", HTTP_WRONG },
	{ "no name", OK ": x\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "no colon", OK "Server\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "a bare LF", OK "A: b\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "a bare CR", OK "A: b\rc\r\nContent-Length: 0\r\n\r\n", HTTP_WRONG },
	{ "a CR for a line", OK "Content-Length: 0\r\n\rX: y\r\n\r\n", HTTP_WRONG },
	{ "an empty line first", "\r\n\r\n", HTTP_WRONG },
};

// In pieces of n bytes at most.
static enum http_progress feed(struct http_answer *a, const char *bytes, size_t len, size_t n,
	struct strbuf *body, size_t *used)
{
	enum http_progress p = HTTP_MORE;

	*used = 0;
	while (*used < len && p == HTTP_MORE) {
		size_t left = len - *used < n ? len - *used : n;
		struct http_piece in = { (const uint8_t *)bytes + *used, left }, piece;
		p = http_answer_take(a, &in, &piece);
		if (p != HTTP_WRONG)
			sb_add(body, (const char *)piece.bytes, piece.len);
		*used += left - in.len;
	}
	return p;
}

static void test_rows(void **)
{
	for (size_t i = 0; i < countof(rows); i++)
		for (size_t n = 1; n <= strlen(rows[i].bytes) + 1; n++) {
			own(http_answer_free) struct http_answer a = {};
			own(sb_free) struct strbuf body = {};
			size_t used;
			enum http_progress p =
				feed(&a, rows[i].bytes, strlen(rows[i].bytes), n, &body, &used);

			if (p != rows[i].progress ||
				(p != HTTP_WRONG &&
					(a.status != rows[i].status ||
						strcmp(sb_text(&body), rows[i].body) != 0)))
				fail_msg("%s, %zu at once: %d, status %d, `%s`", rows[i].what, n, p,
					a.status, sb_text(&body));
		}
}

// One after the other in the same bytes, NUL in a body.
static void test_two(void **)
{
	static const char bytes[] = OK "Connection: close\r\nContent-Length: 3\r\n\r\na\0b" OK
				       "Content-Length: 1\r\n\r\nc";
	own(http_answer_free) struct http_answer a = {};
	own(sb_free) struct strbuf body = {};
	size_t first, second;

	assert_int_equal(feed(&a, bytes, sizeof(bytes) - 1, 1000, &body, &first), HTTP_WHOLE);
	assert_true(a.closes);
	assert_int_equal(body.len, 3);
	assert_memory_equal(body.s, "a\0b", 3);
	http_answer_next(&a);
	assert_false(a.closes);
	sb_clear(&body);
	assert_int_equal(feed(&a, bytes + first, sizeof(bytes) - 1 - first, 1000, &body, &second),
		HTTP_WHOLE);
	assert_string_equal(sb_text(&body), "c");
	assert_int_equal(first + second, sizeof(bytes) - 1);
}

static void test_limits(void **)
{
	own(http_answer_free) struct http_answer a = {}, b = {};
	own(sb_free) struct strbuf text = {}, body = {};
	size_t used;

	sb_str(&text, OK "A: ");
	while (text.len < HTTP_HEAD_MAX + 10)
		sb_char(&text, 'x');
	assert_int_equal(feed(&a, sb_text(&text), text.len, 1000, &body, &used), HTTP_WRONG);
	assert_true(used <= HTTP_HEAD_MAX);
	assert_int_equal(
		feed(&b, OK "A: \0", sizeof(OK "A: \0") - 1, 1000, &body, &used), HTTP_WRONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("lab_httpanswer", tests, NULL, NULL);
}
