#include "bgp/slots.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/mem.h"

enum { CHUNK = 64, FIRST_BUCKETS = 64 };

static_assert(sizeof(struct bgp_slot) == 48);

void bgp_slots_init(struct bgp_slots *s)
{
	*s = (struct bgp_slots){ .free = BGP_SLOT_NONE };
}

void bgp_slots_free(struct bgp_slots *s)
{
	for (uint32_t i = 0; i < s->used; i += CHUNK)
		free(s->chunks[i / CHUNK]);
	free(s->chunks);
	free(s->buckets);
	bgp_slots_init(s);
}

struct bgp_slot *bgp_slot_at(const struct bgp_slots *s, bgp_slot_id id)
{
	return &s->chunks[id / CHUNK][id % CHUNK];
}

static bgp_slot_id take_slot(struct bgp_slots *s)
{
	bgp_slot_id id = s->free;

	if (id != BGP_SLOT_NONE) {
		s->free = bgp_slot_at(s, id)->chain;
	} else {
		id = s->used++;
		if (id % CHUNK == 0) {
			s->chunks =
				mem_resize(s->chunks, id / CHUNK + 1, sizeof(struct bgp_slot *));
			s->chunks[id / CHUNK] = mem_zalloc(CHUNK * sizeof(struct bgp_slot));
		}
	}
	*bgp_slot_at(s, id) = (struct bgp_slot){ .chain = BGP_SLOT_NONE, .next = id, .prev = id };
	return id;
}

static void give_slot(struct bgp_slots *s, bgp_slot_id id)
{
	*bgp_slot_at(s, id) = (struct bgp_slot){ .chain = s->free, .next = id, .prev = id };
	s->free = id;
}

// ---- The map ----

static bgp_slot_id *bucket_of(const struct bgp_slots *s, const struct ip_prefix *prefix)
{
	return &s->buckets[prefix_hash(prefix) & s->mask];
}

static void grow(struct bgp_slots *s)
{
	uint32_t n = s->buckets ? (s->mask + 1) * 2 : FIRST_BUCKETS;

	s->buckets = mem_resize(s->buckets, n, sizeof(*s->buckets));
	s->mask = n - 1;
	for (uint32_t i = 0; i < n; i++)
		s->buckets[i] = BGP_SLOT_NONE;
	for (bgp_slot_id id = 0; id < s->used; id++) {
		struct bgp_slot *slot = bgp_slot_at(s, id);

		if (slot->prefix.addr.family == IP_NONE)
			continue;
		bgp_slot_id *bucket = bucket_of(s, &slot->prefix);
		slot->chain = *bucket;
		*bucket = id;
	}
}

bgp_slot_id bgp_slots_find(const struct bgp_slots *s, const struct ip_prefix *prefix)
{
	bgp_slot_id id = s->buckets ? *bucket_of(s, prefix) : BGP_SLOT_NONE;

	while (id != BGP_SLOT_NONE && !prefix_equal(&bgp_slot_at(s, id)->prefix, prefix))
		id = bgp_slot_at(s, id)->chain;
	return id;
}

bgp_slot_id bgp_slots_add(struct bgp_slots *s, const struct ip_prefix *prefix)
{
	if (!s->buckets || s->count > s->mask)
		grow(s);
	bgp_slot_id id = take_slot(s);
	struct bgp_slot *slot = bgp_slot_at(s, id);
	bgp_slot_id *bucket = bucket_of(s, prefix);

	slot->prefix = *prefix;
	slot->chain = *bucket;
	*bucket = id;
	s->count++;
	return id;
}

void bgp_slots_remove(struct bgp_slots *s, bgp_slot_id id)
{
	struct bgp_slot *slot = bgp_slot_at(s, id);
	bgp_slot_id *at = bucket_of(s, &slot->prefix);

	while (*at != id)
		at = &bgp_slot_at(s, *at)->chain;
	*at = slot->chain;
	s->count--;
	bgp_ring_leave(s, id);
	give_slot(s, id);
}

// ---- Rings ----

bgp_slot_id bgp_ring_new(struct bgp_slots *s)
{
	return take_slot(s);
}

void bgp_ring_free(struct bgp_slots *s, bgp_slot_id head)
{
	give_slot(s, head);
}

bgp_slot_id bgp_ring_first(const struct bgp_slots *s, bgp_slot_id head)
{
	bgp_slot_id first = bgp_slot_at(s, head)->next;

	return first == head ? BGP_SLOT_NONE : first;
}

void bgp_ring_push(struct bgp_slots *s, bgp_slot_id head, bgp_slot_id id)
{
	struct bgp_slot *h = bgp_slot_at(s, head);
	struct bgp_slot *slot = bgp_slot_at(s, id);

	slot->prev = h->prev;
	slot->next = head;
	bgp_slot_at(s, h->prev)->next = id;
	h->prev = id;
}

void bgp_ring_leave(struct bgp_slots *s, bgp_slot_id id)
{
	struct bgp_slot *slot = bgp_slot_at(s, id);

	bgp_slot_at(s, slot->prev)->next = slot->next;
	bgp_slot_at(s, slot->next)->prev = slot->prev;
	slot->next = slot->prev = id;
}
