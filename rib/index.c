#include "rib/index.h"

#include <stdlib.h>

#include "lib/mem.h"

enum { SLOTS_MIN = 64 };

void index_free(struct index *x)
{
	free(x->slots);
	*x = (struct index){};
}

uint32_t index_first(const struct index *x, uint64_t hash)
{
	return (uint32_t)hash & x->mask;
}

uint32_t index_find(const struct index *x, uint64_t hash, uint32_t *place)
{
	if (!x->slots)
		return INDEX_FREE;
	for (uint32_t i = *place & x->mask;; i = (i + 1) & x->mask) {
		const struct index_slot *s = &x->slots[i];

		if (s->number == INDEX_FREE)
			return INDEX_FREE;
		if (s->hash == (uint32_t)hash) {
			*place = i;
			return s->number;
		}
	}
}

static void put(struct index *x, struct index_slot slot)
{
	uint32_t i = slot.hash & x->mask;

	while (x->slots[i].number != INDEX_FREE)
		i = (i + 1) & x->mask;
	x->slots[i] = slot;
}

static void resize(struct index *x, uint32_t n)
{
	struct index_slot *old = x->slots;
	uint32_t olds = old ? x->mask + 1 : 0;

	x->slots = mem_resize(NULL, n, sizeof(*x->slots));
	x->mask = n - 1;
	for (uint32_t i = 0; i < n; i++)
		x->slots[i].number = INDEX_FREE;
	for (uint32_t i = 0; i < olds; i++)
		if (old[i].number != INDEX_FREE)
			put(x, old[i]);
	free(old);
}

void index_put(struct index *x, uint64_t hash, uint32_t number)
{
	uint32_t slots = x->slots ? x->mask + 1 : 0;

	if (x->count >= slots / 4 * 3)
		resize(x, slots ? slots * 2 : SLOTS_MIN);
	put(x, (struct index_slot){ (uint32_t)hash, number });
	x->count++;
}

// Takes slot i out and moves what follows back, so that no search ends too soon.
static void close_gap(struct index *x, uint32_t i)
{
	for (uint32_t j = (i + 1) & x->mask; x->slots[j].number != INDEX_FREE;
		j = (j + 1) & x->mask) {
		uint32_t home = x->slots[j].hash & x->mask;

		if (((j - home) & x->mask) >= ((j - i) & x->mask)) {
			x->slots[i] = x->slots[j];
			i = j;
		}
	}
	x->slots[i].number = INDEX_FREE;
}

void index_remove(struct index *x, uint64_t hash, uint32_t number)
{
	uint32_t i = (uint32_t)hash & x->mask;

	while (x->slots[i].number != number)
		i = (i + 1) & x->mask;
	close_gap(x, i);
	x->count--;
	uint32_t slots = x->mask + 1;
	if (x->count == 0)
		index_free(x);
	else if (slots > SLOTS_MIN && x->count < slots / 8)
		resize(x, slots / 2);
}

size_t index_bytes(const struct index *x)
{
	return x->slots ? ((size_t)x->mask + 1) * sizeof(*x->slots) : 0;
}
