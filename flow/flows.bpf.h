// Flows that are remembered, eight to a cache line. All of it is a second opinion:
// a socket or a timestamp says more.
#pragma once

#include "flow/packet.bpf.h"

//   63          48  47    46 45     44     43    32 31            0
//  +--------------+-----+-------+--------+--------+--------------+
//  | time, 2^30 ns|known| kind  |answered|node(12)| hash (32)    |
//  +--------------+-----+-------+--------+--------+--------------+
//
// known: the owner vouched for it. answered, of UDP served here: the server sent something back. The
// time comes round after 19 hours; the daemon clears what is older than FLOW_FORGOTTEN_S.
enum flow_kind {
	FLOW_K_FORWARDED = 0, // we forward it to node
	FLOW_K_HEARD = 1,     // node forwards it to us, and was told that it is ours
	FLOW_K_UDP = 2,       // served here
};

enum { FLOW_STALE_S = 60, FLOW_TELL_AGAIN_S = 20, FLOW_REFRESH_S = 8, FLOW_WAYS = 8 };

#define WAY_KNOWN      (1ull << 47)
#define WAY_ANSWERED   (1ull << 44)
#define WAY_KIND(kind) ((uint64_t)(kind) << 45)
#define WAY_MATCH      (0xffffffffull | WAY_KIND(3))

INLINE uint16_t way_node(uint64_t way)
{
	return way >> 32 & FLOW_ID_MASK;
}

// Never 0, which is a way's that is free: each 19 hours one step counts as the next.
INLINE uint16_t way_time(uint64_t now)
{
	uint16_t time = now >> FLOW_STEP_SHIFT;

	return time ? time : 1;
}

INLINE uint16_t way_age_s(uint64_t way, uint64_t now)
{
	return (uint16_t)(way_time(now) - (way >> 48));
}

// UDP alone: whether the session may still be there. Served here, from the last packet of either side;
// forwarded, from the owner's last word that it has it, or from the beginning if it said nothing.
INLINE bool way_is_live(uint64_t way, uint64_t now)
{
	bool asked = (way & WAY_KIND(3)) == WAY_KIND(FLOW_K_FORWARDED) && !(way & WAY_KNOWN);

	return way && way_age_s(way, now) <= (asked ? FLOW_UDP_ASKED_S : FLOW_UDP_IDLE_S);
}

INLINE uint64_t way_key(enum flow_kind kind, uint64_t hash)
{
	return hash >> 32 | WAY_KIND(kind);
}

INLINE struct flow_set *flow_set(uint64_t hash)
{
	uint32_t at = hash & (FLOW_FLOW_SETS - 1);

	return bpf_map_lookup_elem(&flows, &at);
}

// Begins to load the flow's cache line, while the caller looks for a socket.
INLINE void flow_touch(uint64_t hash)
{
	struct flow_set *set = flow_set(hash);

	if (set)
		(void)*(volatile uint64_t *)set->way;
}

// The flow's way; 0: not remembered.
INLINE uint64_t flow_find(enum flow_kind kind, uint64_t hash)
{
	struct flow_set *set = flow_set(hash);
	uint64_t key = way_key(kind, hash);

	if (!set)
		return 0;
#pragma unroll
	for (int i = 0; i < FLOW_WAYS; i++) {
		uint64_t value = set->way[i];
		if ((value & WAY_MATCH) == key && value >> 48)
			return value;
	}
	return 0;
}

INLINE uint64_t way_make(
	enum flow_kind kind, uint64_t hash, uint16_t node, bool known, uint64_t now)
{
	return way_key(kind, hash) | (uint64_t)node << 32 | (known ? WAY_KNOWN : 0) |
	       (uint64_t)way_time(now) << 48;
}

// Writes a way over the same flow's, or else where one is free, or over one that is stale or holds a
// flow that nobody vouched for; if there is none, nowhere. Functions of their own to the verifier.
__attribute__((noinline)) int flow_renew(uint64_t hash, uint64_t way)
{
	struct flow_set *set = flow_set(hash);

	if (!set)
		return 0;
#pragma unroll
	for (uint32_t i = 0; i < FLOW_WAYS; i++) {
		if ((set->way[i] & WAY_MATCH) == (way & WAY_MATCH)) {
			set->way[i] = way;
			return 1;
		}
	}
	return 0;
}

__attribute__((noinline)) int flow_add(uint64_t hash, uint64_t way, uint64_t now)
{
	struct flow_set *set = flow_set(hash);
	uint32_t first = now >> FLOW_WINDOW_SHIFT ^ hash >> 20;

	if (!set)
		return 0;
#pragma unroll
	for (uint32_t i = 0; i < FLOW_WAYS; i++) {
		if (!set->way[i]) {
			set->way[i] = way;
			return 1;
		}
	}
#pragma nounroll
	for (uint32_t i = 0; i < FLOW_WAYS; i++) {
		uint64_t *each = &set->way[(first + i) & (FLOW_WAYS - 1)];
		if (!(*each & WAY_KNOWN) || way_age_s(*each, now) > FLOW_STALE_S) {
			*each = way;
			return 1;
		}
	}
	return 0;
}

// found: what flow_find() said.
INLINE void flow_put(uint64_t found, uint64_t hash, uint64_t way, uint64_t now)
{
	if (found)
		flow_renew(hash, way);
	else
		flow_add(hash, way, now);
}

// Remember or refresh; writes only now and then.
INLINE void flow_keep(
	uint64_t found, enum flow_kind kind, uint64_t hash, uint16_t node, uint64_t now)
{
	bool same = way_node(found) == node;

	if (!found || !same || way_age_s(found, now) >= FLOW_REFRESH_S)
		flow_put(found, hash, way_make(kind, hash, node, same && found & WAY_KNOWN, now),
			now);
}

INLINE bool way_is_known(uint64_t found, uint16_t node)
{
	return found & WAY_KNOWN && way_node(found) == node;
}
