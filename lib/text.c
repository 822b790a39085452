#include "lib/text.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { WORD_MAX = 64, NAME_MAX_LEN = 63 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

// The restricted form: no substring is edited twice. Three rows of the matrix are enough.
unsigned text_distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	unsigned rows[3][WORD_MAX + 1];

	if (na > WORD_MAX || nb > WORD_MAX)
		return strcmp(a, b) == 0 ? 0 : (unsigned)(na > nb ? na : nb);
	for (unsigned j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i < 2 || j < 2 || a[i - 1] != b[j - 2] || a[i - 2] != b[j - 1])
				continue;
			unsigned swapped = rows[(i - 2) % 3][j - 2] + 1;
			if (swapped < row[j])
				row[j] = swapped;
		}
	}
	return rows[na % 3][nb];
}

const char *text_nearest(const char *word, const char *const *words)
{
	size_t n = strlen(word);
	unsigned best_distance = n / 3 > 1 ? (unsigned)(n / 3) : 1;
	const char *best = NULL;

	for (; *words; words++) {
		if (strcasecmp(word, *words) == 0)
			return *words;
		size_t m = strlen(*words);
		if ((n > m ? n - m : m - n) > best_distance) // the distance is no less
			continue;
		unsigned d = text_distance(word, *words);
		// A word of which nothing is left was not meant.
		if (d > best_distance || d >= m || (best && d == best_distance))
			continue;
		best_distance = d;
		best = *words;
	}
	return best;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool text_is_name(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > NAME_MAX_LEN || !is_alnum(s[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

static bool is_tail(const char *s, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (((uint8_t)s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t text_utf8(const char *s, size_t n)
{
	if (n == 0)
		return 0;
	uint8_t lead = (uint8_t)s[0], second = n > 1 ? (uint8_t)s[1] : 0;
	size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (lead > 0xf4 || len == 0 || len > n || !is_tail(s, len))
		return 0;
	bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
	bool surrogate = lead == 0xed && second >= 0xa0;
	bool beyond = lead == 0xf4 && second >= 0x90;
	return overlong || surrogate || beyond ? 0 : len;
}

void text_add_visible(struct strbuf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = text_utf8(s + i, n - i);
		uint8_t lead = (uint8_t)s[i];
		bool c1 = len == 2 && lead == 0xc2 && (uint8_t)s[i + 1] < 0xa0;
		bool separator = len == 3 && (memcmp(s + i, "\xe2\x80\xa8", 3) == 0 ||
						     memcmp(s + i, "\xe2\x80\xa9", 3) == 0);

		if (len == 0 || lead < 0x20 || lead == 0x7f || c1 || separator)
			sb_char(b, '?');
		else
			sb_add(b, s + i, len);
		i += len ? len : 1;
	}
}

void text_add_lines(struct strbuf *b, const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "\n");

		text_add_visible(b, s, n);
		if (!s[n] || !s[n + 1])
			return;
		sb_str(b, "\n    ");
		s += n + 1;
	}
}

int text_clip(const char *s, size_t characters)
{
	size_t n = strlen(s), at = 0;

	for (; characters > 0 && at < n; characters--) {
		size_t len = text_utf8(s + at, n - at);
		at += len ? len : 1;
	}
	return (int)at;
}
