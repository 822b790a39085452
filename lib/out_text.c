// Texts that outputs share: JSON strings, times, spans.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/out.h"
#include "lib/text.h"

void json_quote(struct strbuf *b, const char *text)
{
	sb_char(b, '"');
	for (const unsigned char *s = (const void *)text; *s;) {
		size_t n = text_utf8((const char *)s, strnlen((const char *)s, 4));
		if (n == 0) {
			sb_str(b, "\xef\xbf\xbd");
			s++;
		} else if (*s == '"' || *s == '\\') {
			sb_printf(b, "\\%c", *s++);
		} else if (*s == '\n') {
			sb_str(b, "\\n");
			s++;
		} else if (*s < 0x20 || *s == 0x7f) {
			sb_printf(b, "\\u%04x", *s++);
		} else {
			sb_add(b, (const char *)s, n);
			s += n;
		}
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
