// Words people type.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Edit distance (Damerau-Levenshtein, adjacent swaps count one). Words over 64 characters compare as far apart.
unsigned text_distance(const char *a, const char *b);

// The nearest of the words near enough to be meant (distance at most a third of the length, at
// least 1, or a case difference), NULL when none is. words ends with NULL.
const char *text_nearest(const char *word, const char *const *words);

// True for letters, digits, '-', '_' and '.', starting with a letter or digit, 1 to 63 long:
// the names of sites, nodes, services, upstreams.
bool text_is_name(const char *s);
