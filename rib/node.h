// Inside of rib/prefixes.h: a node of the trie and its arrays.
#pragma once

#include "rib/prefixes.h"

enum {
	STRIDE = 8,
	PLACES = 511, // prefixes of 0 to 8 bits
	CHILDREN = 256,
	PLACE_WORDS = 8,
	CHILD_WORDS = 4,
};

// A child is a node's number, or with this bit the number of the one prefix below.
#define LONE UINT32_C(0x80000000)

// Two cache lines. The ranks spare all but one popcount: bits set in the words before.
struct node {
	uint64_t here[PLACE_WORDS];
	uint64_t below[CHILD_WORDS];
	uint16_t here_rank[PLACE_WORDS];
	uint8_t below_rank[CHILD_WORDS];
	uint32_t numbers, children; // runs of these lengths
	uint16_t number_count, child_count;
};
_Static_assert(sizeof(struct node) == 128, "two cache lines");

// The place of the prefix that has those bits (0 to 8 of them) in the order of a walk: each 1 at
// bit d passes the half with 0, which has 2^(9-d) - 1 places, and each bit goes one level down.
static inline unsigned place_of(unsigned bits, unsigned value)
{
	return bits + (value << (STRIDE + 1 - bits)) - (unsigned)__builtin_popcount(value);
}

// One behind the last place that it covers.
static inline unsigned place_end(unsigned bits, unsigned place)
{
	return place + (2u << (STRIDE - bits)) - 1;
}

static inline bool node_bit(const uint64_t *map, unsigned i)
{
	return map[i / 64] >> i % 64 & 1;
}

static inline unsigned word_rank(uint64_t word, unsigned i)
{
	return (unsigned)__builtin_popcountll(word & ((UINT64_C(1) << i % 64) - 1));
}

static inline unsigned number_rank(const struct node *n, unsigned place)
{
	return n->here_rank[place / 64] + word_rank(n->here[place / 64], place);
}

static inline unsigned child_rank(const struct node *n, unsigned child)
{
	return n->below_rank[child / 64] + word_rank(n->below[child / 64], child);
}

// The first bit at or after i in a map of that many words; words * 64: none.
unsigned node_next_bit(const uint64_t *map, unsigned words, unsigned i);

const struct node *node_at(const struct prefixes *t, uint32_t node);
// Entry i of a run of that length.
uint32_t run_get(const struct prefixes *t, uint32_t run, unsigned count, unsigned i);

// Where a place or a child is set, and its value; the bit must be set for get, must not be for add.
uint32_t node_number(const struct prefixes *t, const struct node *n, unsigned place);
uint32_t node_child(const struct prefixes *t, const struct node *n, unsigned child);
void node_add_number(struct prefixes *t, uint32_t node, unsigned place, uint32_t number);
void node_add_child(struct prefixes *t, uint32_t node, unsigned child, uint32_t value);
void node_set_child(struct prefixes *t, uint32_t node, unsigned child, uint32_t value);
void node_remove_number(struct prefixes *t, uint32_t node, unsigned place);
void node_remove_child(struct prefixes *t, uint32_t node, unsigned child);
void node_init_runs(struct prefixes *t);
uint32_t node_new(struct prefixes *t);
void node_free(struct prefixes *t, uint32_t node); // has neither numbers nor children
