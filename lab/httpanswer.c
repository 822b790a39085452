#include "lab/httpanswer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/own.h"

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

// Text of a field or of a reason: a tab, visible characters, and those beyond ASCII.
static bool is_text(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

static bool is_digits(const char *s, size_t n)
{
	return strspn(s, "0123456789") >= n && strlen(s) >= n;
}

static bool read_status(struct http_answer *a, const char *line)
{
	static const char version[] = "HTTP/1.1 ";
	const char *code = line + sizeof(version) - 1;

	if (strncmp(line, version, sizeof(version) - 1) != 0 || !is_digits(code, 3) ||
		code[3] != ' ' || !is_text(code + 4))
		return false;
	a->status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
	return a->status >= 200 && a->status <= 599;
}

static bool read_length(const char *value, uint64_t *length)
{
	enum { DIGITS_MAX = 15 };
	size_t n = strlen(value);

	if (n == 0 || n > DIGITS_MAX || !is_digits(value, n))
		return false;
	*length = strtoull(value, NULL, 10);
	return true;
}

static char *trim(char *s)
{
	s += strspn(s, " \t");
	for (size_t n = strlen(s); n > 0 && strchr(" \t", s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

static bool read_field(struct http_answer *a, char *line, bool *has_length)
{
	size_t n = 0;

	while (is_token(line[n]))
		n++;
	if (n == 0 || line[n] != ':' || !is_text(line + n + 1))
		return false;
	line[n] = '\0';
	const char *value = trim(line + n + 1);
	if (strcasecmp(line, "Transfer-Encoding") == 0)
		return false;
	if (strcasecmp(line, "Connection") == 0)
		a->closes |= strcasecmp(value, "close") == 0;
	if (strcasecmp(line, "Content-Length") != 0)
		return true;
	if (*has_length || !read_length(value, &a->length))
		return false;
	*has_length = true;
	return true;
}

static const char blank[] = "\r\n\r\n";

// The whole head, with its empty line; no NUL in it.
static bool read_head(struct http_answer *a)
{
	const char *last = a->head.s + a->head.len - 2;
	bool has_length = false;

	for (char *line = a->head.s, *end; line < last; line = end + 2) {
		end = strstr(line, "\r\n");
		*end = '\0';
		if (!(line == a->head.s ? read_status(a, line) : read_field(a, line, &has_length)))
			return false;
	}
	if (a->status == 204)
		a->length = 0;
	return a->status != 0 && (has_length || a->status == 204);
}

// Byte by byte: what is behind its end is not the head's.
static enum http_progress take_head(struct http_answer *a, struct http_piece *in)
{
	enum { BLANK = sizeof(blank) - 1 };

	while (in->len > 0 && a->head.len < HTTP_HEAD_MAX && *in->bytes != '\0') {
		sb_char(&a->head, (char)*in->bytes++);
		in->len--;
		if (a->head.len < BLANK ||
			memcmp(a->head.s + a->head.len - BLANK, blank, BLANK) != 0)
			continue;
		a->in_body = read_head(a);
		return a->in_body ? HTTP_MORE : HTTP_WRONG;
	}
	return in->len > 0 ? HTTP_WRONG : HTTP_MORE;
}

enum http_progress http_answer_take(
	struct http_answer *a, struct http_piece *in, struct http_piece *body)
{
	*body = (struct http_piece){};
	if (!a->in_body) {
		enum http_progress p = take_head(a, in);
		if (!a->in_body)
			return p;
	}
	uint64_t left = a->length - a->got;
	size_t n = in->len < left ? in->len : (size_t)left;
	*body = (struct http_piece){ in->bytes, n };
	in->bytes += n;
	in->len -= n;
	a->got += n;
	return a->got == a->length ? HTTP_WHOLE : HTTP_MORE;
}

void http_answer_next(struct http_answer *a)
{
	sb_clear(&a->head);
	*a = (struct http_answer){ .head = a->head };
}

void http_answer_free(struct http_answer *a)
{
	sb_free(&a->head);
	*a = (struct http_answer){};
}
