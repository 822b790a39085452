// Texts that outputs share: JSON strings, times, spans.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/out.h"
#include "lib/text.h"

// How many bytes stand for themselves: ASCII without quotation marks, backslashes and controls.
static size_t plain_run(const char *s)
{
	size_t n = 0;

	while ((unsigned char)s[n] >= 0x20 && (unsigned char)s[n] < 0x7f && s[n] != '"' &&
		s[n] != '\\')
		n++;
	return n;
}

// Adds what stands for the character at s, which is none of those, and returns its bytes.
static size_t quote_special(struct strbuf *b, const char *s)
{
	size_t n = text_utf8(s, strnlen(s, 4));

	if (n == 0)
		sb_str(b, "\xef\xbf\xbd");
	else if (*s == '"' || *s == '\\')
		sb_printf(b, "\\%c", *s);
	else if (*s == '\n')
		sb_str(b, "\\n");
	else if (n == 1)
		sb_printf(b, "\\u%04x", *s);
	else
		sb_add(b, s, n);
	return n ? n : 1;
}

void json_quote(struct strbuf *b, const char *s)
{
	sb_char(b, '"');
	while (true) {
		size_t n = plain_run(s);

		if (n > 0)
			sb_add(b, s, n);
		s += n;
		if (!*s)
			break;
		s += quote_special(b, s);
	}
	sb_char(b, '"');
}

const char *time_print(int64_t unix_us, char buf[TIME_TEXT])
{
	int64_t us = unix_us % 1000000;
	time_t s = unix_us / 1000000;
	struct tm tm;

	if (us < 0) {
		us += 1000000;
		s--;
	}
	gmtime_r(&s, &tm);
	size_t n = strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_TEXT - n, ".%06dZ", (int)us);
	return buf;
}

const char *span_print(span s, char buf[SPAN_TEXT])
{
	int64_t seconds = s.us / 1000000;

	if (s.us < 0)
		snprintf(buf, SPAN_TEXT, "-");
	else if (s.us < 1000000)
		snprintf(buf, SPAN_TEXT, "%dms", (int)(s.us / 1000));
	else if (seconds < 60)
		snprintf(buf, SPAN_TEXT, "%.1fs", (double)(s.us / 100000) / 10);
	else if (seconds < 3600)
		snprintf(buf, SPAN_TEXT, "%dm%02ds", (int)(seconds / 60), (int)(seconds % 60));
	else if (seconds < 86400)
		snprintf(buf, SPAN_TEXT, "%dh%02dm", (int)(seconds / 3600),
			(int)(seconds / 60 % 60));
	else
		snprintf(buf, SPAN_TEXT, "%dd%02dh", (int)(seconds / 86400),
			(int)(seconds / 3600 % 24));
	return buf;
}
