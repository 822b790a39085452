// Whose clients a prefix holds, and who may say that it moved: clients that got an
// answer of ours, and within a budget.
#pragma once

#include "flow/flows.bpf.h"

// ---- Budgets ----

// One more in this window, if there is room below the limit.
INLINE bool window_take(uint64_t *state, uint32_t limit, uint64_t now)
{
	uint64_t window = now >> FLOW_WINDOW_SHIFT << 32;

	if ((*state ^ window) >> 32) {
		*state = window; // two processors may both begin a window: a few packets more
	} else if ((uint32_t)*state >= limit) {
		return false;
	}
	__sync_fetch_and_add(state, 1);
	return true;
}

// ---- Proofs ----
//
// Anybody can write any source into a packet, but only who sits there, or on the way, reads what we
// answer. Egress notes what a client must repeat: the number in a SYN answer (RFC 9293 section 3.4), the
// connection id that a QUIC server chose (RFC 9000 section 7.2). One place for each flow, by hash: under a
// flood they overwrite one another, and some prefix moves with a later session.

INLINE uint64_t *proof_place(uint64_t hash)
{
	uint32_t at = hash & (FLOW_PROOFS - 1);

	return bpf_map_lookup_elem(&proofs, &at);
}

INLINE uint64_t proof_of(const struct flow_config *c, uint64_t hash, uint64_t secret)
{
	return mix(hash ^ mix(secret ^ c->hash_key[1])) | 1; // never that of an empty place
}

INLINE void proof_note(const struct flow_config *c, uint64_t hash, uint64_t secret)
{
	uint64_t *place = proof_place(hash);

	if (place)
		*place = proof_of(c, hash, secret);
}

INLINE bool proof_holds(const struct flow_config *c, uint64_t hash, uint64_t secret)
{
	uint64_t *place = proof_place(hash);

	return place && *place == proof_of(c, hash, secret);
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
		at = mix(mix(net ^ c->hash_key[0]) ^ c->hash_key[1]) >> (64 - FLOW_PREFIX6_BITS);
		row = at >> 1;
		two = bpf_map_lookup_elem(&prefixes6, &row);
	}
	return two ? &two->slot[at & 1] : 0;
}

INLINE uint32_t moved_ago_s(uint32_t slot, uint64_t now)
{
	return ((now >> FLOW_MOVED_SHIFT) - (slot >> 24) & 0xff) * FLOW_MOVED_UNIT_S;
}

// Whether the slots' time can be read, because the daemon clears old ones.
INLINE bool moves_are_swept(const struct flow_config *c, uint64_t now)
{
	uint16_t since = (uint16_t)(now >> FLOW_MOVED_SHIFT) - c->swept;

	return since + c->moved_s / FLOW_MOVED_UNIT_S + 1 < FLOW_MOVED_TURN;
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

// A session from the prefix comes straight to this node. Beside another node of the same site, which
// gets its share of the same prefix, the two would take turns for ever: so no more often than the unit of
// time. A slot that was swept has none. A function of its own to the verifier.
__attribute__((noinline)) int prefix_here(const struct flow_tuple *f, bool proven)
{
	const struct flow_config *c = config_get();
	uint32_t zero = 0;
	struct flow_budget *b = bpf_map_lookup_elem(&budgets, &zero);

	if (!c || !f || !b)
		return 0;
	uint32_t *slot = prefix_slot(c, f);
	if (!slot || (*slot & FLOW_ID_MASK) == c->self)
		return 0;
	uint64_t now = now_ns(c);
	if (*slot >> 12 && moved_ago_s(*slot, now) < FLOW_MOVED_UNIT_S)
		return 0;
	if (!window_take(proven ? &b->known : &b->fresh,
		    proven ? FLOW_MOVES_PROVEN : FLOW_MOVES_GUESSED, now)) {
		count(FLOW_C_OVER_MOVES);
		return 0;
	}
	if (!tell(FLOW_E_PREFIX, 0, 0, f))
		return 0;
	count(FLOW_C_MOVED);
	return prefix_move(slot, c->self, now);
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
	bool lately = moves_are_swept(c, time) && moved_ago_s(*slot, time) <= c->moved_s;
	return lately ? *slot >> 12 & FLOW_ID_MASK : 0;
}
