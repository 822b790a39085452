// Words people type, and words from strangers that people will read.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/strbuf.h"

// Edit distance (Damerau-Levenshtein, adjacent swaps count one). Words over 64 characters compare as far apart.
unsigned text_distance(const char *a, const char *b);

// The nearest of the words near enough to be meant (distance at most a third of the length, at
// least 1, or a case difference), NULL when none is. words ends with NULL.
const char *text_nearest(const char *word, const char *const *words);

// True for letters, digits, '-', '_' and '.', starting with a letter or digit, 1 to 63 long:
// the names of sites, nodes, services, upstreams.
bool text_is_name(const char *s);

// The number of bytes (1..4) of the UTF-8 character at s, of which n bytes are there; 0 when
// they are not UTF-8 (RFC 3629 section 4: no overlong forms, no surrogates).
size_t text_utf8(const char *s, size_t n);

// Appends n bytes so that they can stand in a terminal on one line: what is not UTF-8 and
// control characters (a tab too) become '?'.
void text_add_visible(struct strbuf *b, const char *s, size_t n);

// Appends a text of lines: each made visible as above, all but the first indented by four
// blanks, so that none can pass for the line of somebody else. A newline at the end is left out.
void text_add_lines(struct strbuf *b, const char *s);

// For "%.*s": the bytes of the longest start of s of at most that many characters.
int text_clip(const char *s, size_t characters);
