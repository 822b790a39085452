// The prefixes of one family: each has a number, and all are found by exact match, by longest
// match, and in order.
//
// A trie with strides of eight bits. A node is two cache lines: a bitmap of the prefixes that end
// in its stride and one of its children, and two arrays with an entry for each bit set (popcount
// gives the place). A child that has one prefix below it is that prefix's number and no node.
//
//	prefixes of a stride, numbered in the order of a walk (here for three bits, not eight):
//
//	                 0 /0
//	         1 0/1           8 1/1
//	     2 00/2  5 01/2   9 10/2  12 11/2       so that what a prefix covers is one range,
//	     3   4   6   7    10  11  13   14       and a walk goes through a bitmap from left to right
//
// bart by Karl Gaissmaier (Go) and the "Tree Bitmap" of Eatherton, Varghese and Dittia (2004)
// are of this family.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "rib/pages.h"

enum {
	PREFIXES_NONE = UINT32_MAX,
	PREFIXES_COVERING_MAX = 129, // lengths there are
	PREFIXES_DEPTH = 16,         // strides of an IPv6 address
	PREFIXES_RUNS = 24,
};

struct prefixes {
	enum ip_family family;
	struct pages keys;                // the address and { uses:24, length:8 } of each number
	struct pages nodes;               // the root has number 0
	struct pages runs[PREFIXES_RUNS]; // the nodes' arrays, by capacity
};

void prefixes_init(struct prefixes *t, enum ip_family family);
void prefixes_free(struct prefixes *t); // also of a snapshot
void prefixes_snapshot(struct prefixes *ret, struct prefixes *t);
void prefixes_unshared(struct prefixes *t);

// The prefix's number; it gets one when it has none. Prefixes are of the family.
[[nodiscard]] uint32_t prefixes_add(struct prefixes *t, const struct ip_prefix *p);
void prefixes_remove(struct prefixes *t, uint32_t number);
struct ip_prefix prefixes_key(const struct prefixes *t, uint32_t number);
uint32_t prefixes_count(const struct prefixes *t);
uint32_t prefixes_top(const struct prefixes *t); // numbers are below it

// A counter with each number, 0 at first, for the owner: how often the prefix is in use.
uint32_t prefixes_uses(const struct prefixes *t, uint32_t number);
void prefixes_use(struct prefixes *t, uint32_t number, int change);

uint32_t prefixes_find(const struct prefixes *t, const struct ip_prefix *p);
// The prefixes that cover p, itself included, from the shortest; returns how many.
size_t prefixes_covering(
	const struct prefixes *t, const struct ip_prefix *p, uint32_t ret[PREFIXES_COVERING_MAX]);
// The longest of them. PREFIXES_NONE: none.
uint32_t prefixes_match(const struct prefixes *t, const struct ip_prefix *p);

// An ordered walk: by address, then by length. The trie must not change meanwhile (a snapshot
// does not); to go on after a change, start again after the last prefix that was met.
struct prefixes_frame {
	uint32_t node;
	uint16_t place, place_end; // in the bitmap of prefixes
	uint16_t child, child_end;
};

struct prefixes_walk {
	const struct prefixes *t;
	int depth; // of the innermost frame; -1: none
	struct prefixes_frame frames[PREFIXES_DEPTH];
	uint32_t only; // one prefix before the frames; PREFIXES_NONE: none
};

// What `under` covers, itself included (NULL: everything), of that what comes after `after` (NULL:
// from the first). Neither prefix need be there.
void prefixes_walk(struct prefixes_walk *w, const struct prefixes *t, const struct ip_prefix *under,
	const struct ip_prefix *after);
[[nodiscard]] uint32_t prefixes_next(struct prefixes_walk *w); // PREFIXES_NONE: the end

// Octets taken from the system.
size_t prefixes_keys_bytes(const struct prefixes *t);
size_t prefixes_nodes_bytes(const struct prefixes *t);
