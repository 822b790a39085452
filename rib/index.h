// From hashes to 32-bit numbers: open addressing, linear probing. The owner of the numbered things
// compares them; the index keeps 32 bits of each hash, so that it seldom has to ask.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_slot {
	uint32_t hash; // of the 64 bits the lower half
	uint32_t number;
};

struct index {
	struct index_slot *slots; // NULL while nothing was put in
	uint32_t mask, count;
};

enum { INDEX_FREE = UINT32_MAX }; // no thing has this number

void index_free(struct index *x);
// Starts a search: the place to look at first.
uint32_t index_first(const struct index *x, uint64_t hash);
// The number at or after *place whose hash is the same, with *place moved to it; INDEX_FREE: none.
// To go on, add one to *place.
uint32_t index_find(const struct index *x, uint64_t hash, uint32_t *place);
void index_put(struct index *x, uint64_t hash, uint32_t number);
void index_remove(struct index *x, uint64_t hash, uint32_t number); // must be there
size_t index_bytes(const struct index *x);
