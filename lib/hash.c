#include "lib/hash.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

static uint8_t process_key[16];

void hash_set_key(const uint8_t key[16])
{
	memcpy(process_key, key, sizeof(process_key));
}

uint64_t hash_bytes(const void *data, size_t n)
{
	return siphash(process_key, data, n);
}

static uint64_t rotl(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static uint64_t load_le64(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static void sip_rounds(struct sip *s, int n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 = rotl(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v2 = rotl(s->v2, 32);
	}
}

static void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_rounds(s, 2);
	s->v0 ^= m;
}

uint64_t siphash(const uint8_t key[16], const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t k0 = load_le64(key, 8), k1 = load_le64(key + 8, 8);
	struct sip s = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
		k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(&s, load_le64(p, 8));
	sip_word(&s, load_le64(p, left) | (uint64_t)n << 56);
	s.v2 ^= 0xff;
	sip_rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

void hmap_free(struct hmap *m)
{
	free(m->buckets);
	*m = (struct hmap){};
}

static void grow(struct hmap *m)
{
	size_t n = m->buckets ? (m->mask + 1) * 2 : 16;
	struct hmap bigger = { .buckets = mem_zalloc(n * sizeof(struct hnode *)), .mask = n - 1 };

	for (size_t i = 0; m->buckets && i <= m->mask; i++) {
		for (struct hnode *node = m->buckets[i], *next; node; node = next) {
			struct hnode **head = &bigger.buckets[node->hash & bigger.mask];
			next = node->next;
			node->next = *head;
			*head = node;
		}
	}
	bigger.count = m->count;
	free(m->buckets);
	*m = bigger;
}

void hmap_insert(struct hmap *m, struct hnode *n, uint64_t hash)
{
	if (!m->buckets || m->count > m->mask)
		grow(m);
	struct hnode **head = &m->buckets[hash & m->mask];
	n->hash = hash;
	n->next = *head;
	*head = n;
	m->count++;
}

void hmap_remove(struct hmap *m, struct hnode *n)
{
	struct hnode **at = &m->buckets[n->hash & m->mask];

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	n->next = NULL;
	m->count--;
}

struct hnode *hmap_find(const struct hmap *m, uint64_t hash)
{
	struct hnode *n = m->buckets ? m->buckets[hash & m->mask] : NULL;

	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hnode *hmap_find_next(const struct hnode *n)
{
	struct hnode *next = n->next;

	while (next && next->hash != n->hash)
		next = next->next;
	return next;
}

struct hnode *hmap_walk(const struct hmap *m, const struct hnode *after)
{
	if (!m->buckets)
		return NULL;
	if (after && after->next)
		return after->next;
	for (size_t i = after ? (after->hash & m->mask) + 1 : 0; i <= m->mask; i++)
		if (m->buckets[i])
			return m->buckets[i];
	return NULL;
}
