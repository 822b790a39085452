// Keyed hashing (SipHash-2-4, Aumasson and Bernstein, 2012) and an intrusive
// hash map: entries carry a struct hnode, the map owns only its buckets.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/own.h"

// SipHash-2-4 with a 128-bit key.
uint64_t siphash(const uint8_t key[16], const void *data, size_t n);

// SipHash-2-4 under the process's key: all zero unless hash_set_key() was
// called, so that engines and tests give the same order everywhere. Programs
// that hash what strangers send set a random key at start.
uint64_t hash_bytes(const void *data, size_t n);
void hash_set_key(const uint8_t key[16]);

struct hnode {
	struct hnode *next;
	uint64_t hash;
};

struct hmap {
	struct hnode **buckets; // NULL while the map was never filled
	size_t mask;            // buckets - 1, a power of two minus one
	size_t count;
};

void hmap_free(struct hmap *m); // frees the buckets, not the entries
void hmap_insert(struct hmap *m, struct hnode *n, uint64_t hash);
// The node must be in the map.
void hmap_remove(struct hmap *m, struct hnode *n);
// First node with that hash, then the next one with the same hash; NULL at the end.
struct hnode *hmap_find(const struct hmap *m, uint64_t hash);
struct hnode *hmap_find_next(const struct hnode *n);
// Walk in bucket order; start with NULL. Do not insert or remove while walking.
struct hnode *hmap_walk(const struct hmap *m, const struct hnode *after);
