// A compact map from prefix to route, for what a neighbour is told.
//
// Fifty neighbours with ten thousand prefixes each are half a million routes, so
// a route is 48 bytes in chunks, found and queued by 32-bit numbers instead of
// pointers. Queues are rings through the slots; the head of a ring is a slot of
// its own, so that a slot leaves its ring without knowing which one it is in.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"

struct bgp_attrs;

enum { BGP_SLOT_NONE = UINT32_MAX };
typedef uint32_t bgp_slot_id;

struct bgp_slot {
	struct ip_prefix prefix; // family IP_NONE: head of a ring, or free
	bool resend;             // even when nothing changed
	bgp_slot_id chain;       // next with the same hash, or next free
	bgp_slot_id next, prev;  // ring; itself when in none
	struct bgp_attrs *want;  // NULL: to be withdrawn
	struct bgp_attrs *sent;  // NULL: the neighbour does not have it
};

struct bgp_slots {
	struct bgp_slot **chunks;
	uint32_t used;  // slots ever handed out; numbers are below it
	uint32_t count; // prefixes in the map
	bgp_slot_id free;
	bgp_slot_id *buckets; // NULL while empty
	uint32_t mask;
};

void bgp_slots_init(struct bgp_slots *s);
void bgp_slots_free(struct bgp_slots *s); // the memory; what want and sent point to is the caller's

struct bgp_slot *bgp_slot_at(const struct bgp_slots *s, bgp_slot_id id);
bgp_slot_id bgp_slots_find(const struct bgp_slots *s, const struct ip_prefix *prefix);
// The prefix must not be there yet.
bgp_slot_id bgp_slots_add(struct bgp_slots *s, const struct ip_prefix *prefix);
// Out of its ring and of the map; the number may be given out again.
void bgp_slots_remove(struct bgp_slots *s, bgp_slot_id id);

// Rings.
bgp_slot_id bgp_ring_new(struct bgp_slots *s);
void bgp_ring_free(struct bgp_slots *s, bgp_slot_id head);               // must be empty
bgp_slot_id bgp_ring_first(const struct bgp_slots *s, bgp_slot_id head); // BGP_SLOT_NONE: empty
void bgp_ring_push(
	struct bgp_slots *s, bgp_slot_id head, bgp_slot_id id); // at the end; in none yet
void bgp_ring_leave(struct bgp_slots *s, bgp_slot_id id);       // harmless when in none
