// Flows that are remembered, eight to a cache line, and whose clients a prefix
// holds. All of it is a second opinion: a socket or a timestamp says more.
#pragma once

#include "flow/packet.bpf.h"

//   63          48  47    46 45   44 43    32 31            0
//  +--------------+-----+-------+----+--------+--------------+
//  | time, 2^30 ns|known| kind  | 0  |node(12)| hash (32)    |
//  +--------------+-----+-------+----+--------+--------------+
enum flow_kind {
	FLOW_K_FORWARDED = 0, // we forward it to node
	FLOW_K_HEARD = 1,     // node forwards it to us, and was told that it is ours
	FLOW_K_UDP = 2,       // served here
};

enum { FLOW_STALE_S = 60, FLOW_TELL_AGAIN_S = 20, FLOW_REFRESH_S = 8, FLOW_WAYS = 8 };

#define WAY_KNOWN      (1ull << 47)
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

// ---- Prefixes ----
//
//   31        24 23        12 11         0
//  +------------+------------+------------+
//  | moved, 16 s| before     | now        |
//  +------------+------------+------------+

INLINE uint32_t *prefix_slot(const struct flow_config *c, const struct flow_tuple *f)
{
	struct flow_prefixes *two;
	uint32_t at, row;

	if (f->family == 4) {
		at = bpf_ntohl(*(const uint32_t *)f->client) >> 8;
		row = at >> 1;
		two = bpf_map_lookup_elem(&prefixes4, &row);
	} else {
		uint64_t net = *(const uint64_t *)f->client & bpf_cpu_to_be64(0xffffffffffff0000);
		at = mix(net ^ 0x6e656172) >> (64 - FLOW_PREFIX6_BITS);
		row = at >> 1;
		two = bpf_map_lookup_elem(&prefixes6, &row);
	}
	return two ? &two->slot[at & 1] : 0;
}

INLINE uint32_t moved_ago_s(uint32_t slot, uint64_t now)
{
	return ((now >> FLOW_MOVED_SHIFT) - (slot >> 24) & 0xff) * FLOW_MOVED_UNIT_S;
}

// Clients of the prefix reach node now. Returns whether that is news.
INLINE bool prefix_move(uint32_t *slot, uint16_t node, uint64_t now)
{
	uint32_t old = *slot;

	if ((old & FLOW_ID_MASK) == node)
		return false;
	*slot = (now >> FLOW_MOVED_SHIFT & 0xff) << 24 | (old & FLOW_ID_MASK) << 12 | node;
	return true;
}

// A new session from the prefix came straight to this node. Beside another node of the same
// site, which gets its share of the same prefix, the two would take turns for ever: so no more
// often than the unit of time.
INLINE void prefix_here(const struct flow_config *c, const struct flow_tuple *f)
{
	uint32_t *slot = prefix_slot(c, f);

	if (!slot || (*slot & FLOW_ID_MASK) == c->self)
		return;
	uint64_t now = now_ns(c);
	if ((*slot & FLOW_ID_MASK) && moved_ago_s(*slot, now) < FLOW_MOVED_UNIT_S)
		return;
	if (tell(FLOW_E_PREFIX, 0, 0, f))
		prefix_move(slot, c->self, now);
}

// Who had the sessions of this client's prefix before; 0: nobody that matters now.
INLINE uint16_t prefix_before(
	const struct flow_config *c, const struct flow_tuple *f, uint64_t time)
{
	uint32_t *slot = prefix_slot(c, f);

	if (!slot || !*slot)
		return 0;
	uint16_t now = *slot & FLOW_ID_MASK;
	if (now != c->self)
		return now;
	return moved_ago_s(*slot, time) <= c->moved_s ? *slot >> 12 & FLOW_ID_MASK : 0;
}
