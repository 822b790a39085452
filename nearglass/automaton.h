// Regular expressions over AS paths as automata: time by the length of the path alone, whatever the
// expression. So no expression is a bomb, and nothing is compiled to machine code.
//
//	"_(174|3356)_[0-9]+$"  --parse-->  positions, each with the set of signs that it takes, and for
//	                                   each position those that may follow it (Glushkov 1961)
//	a set of positions     --step-->   the set after one more sign; sets are kept as numbered states
//	                                   once they were met, and so are the steps between them
//
// An expression has digits, '\d', '.', classes, '*', '+', '?', {n,m}, '|', groups, '^', '$', and '_' for
// the beginning, the end, and anything between two AS numbers. Signs of "65001 3356 {64500,64501}" that
// stand for something are escaped by '\'.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/strbuf.h"

struct automaton;

// 0; -EINVAL with *error set: it is none, or needs more positions than there may be.
[[nodiscard]] int automaton_new(struct automaton **ret, const char *text, struct strbuf *error);
void automaton_free(struct automaton **a); // NULL inside is fine
// Is some part of the path's text matched? Not for two threads at once: it learns.
bool automaton_matches(struct automaton *a, const char *path, size_t n);
