// The difference of two texts, line by line.
#pragma once

#include <stdbool.h>

#include "lib/strbuf.h"

struct diff_line {
	char op; // '-' only in the old text, '+' only in the new one
	const char *text;
	int len;
	// The line above it that is less indented, as the service a key belongs to; NULL: none.
	const char *under;
	int under_len;
};

// Calls fn for each line that differs, in order; false when there is none. Lines are views of the
// texts. The shortest difference (longest common subsequence), after equal beginnings and ends.
bool diff_texts(const char *old, const char *new,
	void (*fn)(void *ctx, const struct diff_line *line), void *ctx);
