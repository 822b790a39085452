// Names of communities, from files in the format of NLNOG's looking glass: a line each,
// "65000:100,learned from a customer". A part of the community is a number, a range ("10-19"), "nnn" for
// any number, or has an "x" for any digit; $0, $1 ... in the name stand for what the wildcards met.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/arena.h"
#include "lib/strbuf.h"

struct names;

enum { NAMES_FILE_MAX = 1 << 20 }; // octets

[[nodiscard]] struct names *names_new(struct arena *arena); // lives in the arena
// 0; negative errno of reading the file (-EFBIG: it is too long). Lines that are not of the format are
// left out, as there; *notes says which.
[[nodiscard]] int names_add(struct names *n, const char *file, struct strbuf *notes);
// The same of a text, which is changed; the notes call it `file`.
void names_read(struct names *n, char *text, const char *file, struct strbuf *notes);
size_t names_count(const struct names *n);

// Of a community as route.h prints it: "65000:100", "65000:1:2", "rt:65000:1". False: it has none.
// An exact one goes before one with wildcards, and then the first one read.
bool names_find(const struct names *n, const char *community, struct strbuf *name);
