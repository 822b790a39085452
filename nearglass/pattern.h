// AS-path patterns: regular expressions over "65001 3356 {64500,64501}", where '_' stands for the
// beginning, the end, and anything between two AS numbers, as routers have it (nearglass/automaton.h).
#pragma once

#include <stdbool.h>

#include "lib/strbuf.h"
#include "lib/wire.h"

enum { PATTERN_MAX = 256 }; // octets

struct pattern;

// 0; -EINVAL with *error set.
[[nodiscard]] int pattern_new(struct pattern **ret, const char *text, struct strbuf *error);
void pattern_free(struct pattern **p); // NULL inside is fine
[[nodiscard]] bool pattern_matches(struct pattern *p, struct rd path);
