#include "nearglass/timetext.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

// n digits, followed by the mark unless that is NUL; -1: not there.
static int number(const char **at, size_t n, char mark)
{
	int value = 0;

	if (strspn(*at, "0123456789") < n || (mark && (*at)[n] != mark))
		return -1;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + ((*at)[i] - '0');
	*at += n + (mark != '\0');
	return value;
}

static int decimals_us(const char **at)
{
	int us = 0, scale = 100000;

	if (**at != '.')
		return 0;
	size_t n = strspn(++*at, "0123456789");
	if (n == 0 || n > 6)
		return -1;
	for (; n > 0; n--, scale /= 10)
		us += (*(*at)++ - '0') * scale;
	return us;
}

static bool is_real(const struct tm *t, const struct tm *back)
{
	return t->tm_mday == back->tm_mday && t->tm_mon == back->tm_mon &&
	       t->tm_hour == back->tm_hour && t->tm_min == back->tm_min &&
	       t->tm_sec == back->tm_sec;
}

int time_parse(const char *text, int64_t *ret_us)
{
	struct tm t = {};
	struct tm back;
	int us = 0;

	t.tm_year = number(&text, 4, '-') - 1900;
	t.tm_mon = number(&text, 2, '-') - 1;
	t.tm_mday = number(&text, 2, '\0');
	if (t.tm_year < 70 || t.tm_year >= 1100 || t.tm_mon < 0 || t.tm_mday < 1)
		return -EINVAL;
	if (*text == 'T') {
		text++;
		t.tm_hour = number(&text, 2, ':');
		if (t.tm_hour < 0)
			return -EINVAL;
		t.tm_min = number(&text, 2, ':');
		if (t.tm_min < 0)
			return -EINVAL;
		t.tm_sec = number(&text, 2, '\0');
		us = t.tm_sec < 0 ? -1 : decimals_us(&text);
		if (us < 0 || *text++ != 'Z')
			return -EINVAL;
	}
	struct tm given = t;
	time_t s = timegm(&t);
	if (*text || !gmtime_r(&s, &back) || !is_real(&given, &back))
		return -EINVAL;
	*ret_us = (int64_t)s * 1000000 + us;
	return 0;
}
