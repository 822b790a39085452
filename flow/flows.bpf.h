// Flows that are remembered, eight to a cache line, and whose clients a prefix
// holds. All of it is a second opinion: a socket or a timestamp says more.
#pragma once

#include "flow/packet.bpf.h"

//   63          48  47    46 45   44 43    32 31            0
//  +--------------+-----+-------+----+--------+--------------+
//  | seconds (16) |known| kind  | 0  |node(12)| hash (32)    |
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

struct way {
	uint64_t *at; // NULL: not found
	uint64_t value;
};

INLINE uint16_t way_node(uint64_t way)
{
	return way >> 32 & FLOW_ID_MASK;
}

INLINE uint16_t way_age(uint64_t way)
{
	return (uint16_t)(now_s() - (way >> 48));
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

INLINE struct way flow_find(enum flow_kind kind, uint64_t hash)
{
	struct flow_set *set = flow_set(hash);
	uint64_t key = way_key(kind, hash);

	if (!set)
		return (struct way){};
#pragma unroll
	for (int i = 0; i < FLOW_WAYS; i++) {
		uint64_t value = set->way[i];
		if ((value & WAY_MATCH) == key && value >> 48)
			return (struct way){ &set->way[i], value };
	}
	return (struct way){};
}

INLINE uint64_t way_make(enum flow_kind kind, uint64_t hash, uint16_t node, bool known)
{
	uint64_t seconds = now_s() & 0xffff;

	return way_key(kind, hash) | (uint64_t)node << 32 | (known ? WAY_KNOWN : 0) |
	       (seconds ? seconds : 1) << 48;
}

// Takes a free or stale way, else a random one of those nobody vouched for, else none.
INLINE void flow_put(enum flow_kind kind, uint64_t hash, uint16_t node)
{
	struct flow_set *set = flow_set(hash);
	uint32_t first = bpf_get_prandom_u32();

	if (!set)
		return;
	for (int i = 0; i < FLOW_WAYS; i++) {
		uint64_t value = set->way[i];
		if (!(value >> 48) || way_age(value) > FLOW_STALE_S) {
			set->way[i] = way_make(kind, hash, node, false);
			return;
		}
	}
	for (int i = 0; i < FLOW_WAYS; i++) {
		uint32_t at = (first + i) & (FLOW_WAYS - 1);
		if (!(set->way[at] & WAY_KNOWN)) {
			set->way[at] = way_make(kind, hash, node, false);
			return;
		}
	}
}

// Remember or refresh; writes only now and then.
INLINE void flow_keep(struct way found, enum flow_kind kind, uint64_t hash, uint16_t node)
{
	if (!found.at)
		flow_put(kind, hash, node);
	else if (way_node(found.value) != node)
		*found.at = way_make(kind, hash, node, false);
	else if (way_age(found.value) >= FLOW_REFRESH_S)
		*found.at = way_make(kind, hash, node, found.value & WAY_KNOWN);
}

// ---- Prefixes ----
//
//   31        24 23        12 11         0
//  +------------+------------+------------+
//  | moved, 16 s| before     | now        |
//  +------------+------------+------------+

INLINE uint32_t *prefix_slot(const struct flow_config *c, const struct flow_tuple *f)
{
	uint32_t at;

	if (f->family == 4) {
		at = bpf_ntohl(*(const uint32_t *)f->client) >> 8;
		return bpf_map_lookup_elem(&prefixes4, &at);
	}
	uint64_t net = *(const uint64_t *)f->client & bpf_cpu_to_be64(0xffffffffffff0000);
	at = mix(net ^ 0x6e656172) >> (64 - FLOW_PREFIX6_BITS);
	return bpf_map_lookup_elem(&prefixes6, &at);
}

INLINE uint32_t moved_units(void)
{
	return now_s() / FLOW_MOVED_UNIT_S & 0xff;
}

INLINE uint32_t moved_ago_s(uint32_t slot)
{
	return ((moved_units() - (slot >> 24)) & 0xff) * FLOW_MOVED_UNIT_S;
}

// Clients of the prefix reach node now. Returns whether that is news.
INLINE bool prefix_move(uint32_t *slot, uint16_t node)
{
	uint32_t old = *slot;

	if ((old & FLOW_ID_MASK) == node)
		return false;
	*slot = moved_units() << 24 | (old & FLOW_ID_MASK) << 12 | node;
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
	if ((*slot & FLOW_ID_MASK) && moved_ago_s(*slot) < FLOW_MOVED_UNIT_S)
		return;
	prefix_move(slot, c->self);
	tell(FLOW_E_PREFIX, 0, 0, f);
}

// Who had the sessions of this client's prefix before; 0: nobody that matters now.
INLINE uint16_t prefix_before(const struct flow_config *c, const struct flow_tuple *f)
{
	uint32_t *slot = prefix_slot(c, f);

	if (!slot || !*slot)
		return 0;
	uint16_t now = *slot & FLOW_ID_MASK;
	if (now != c->self)
		return now;
	return moved_ago_s(*slot) <= c->moved_s ? *slot >> 12 & FLOW_ID_MASK : 0;
}
