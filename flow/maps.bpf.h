// The keeper's maps and the few lines around each. All but the addresses and
// the ring are arrays of fixed size: nothing that strangers send makes them grow.
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flow/shared.h"

#define INLINE static inline __attribute__((always_inline))

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_config);
	__uint(max_entries, 1);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_node);
	__uint(max_entries, FLOW_NODE_MAX + 1);
} nodes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, uint32_t);
	__type(value, uint32_t);
	__uint(max_entries, FLOW_ADDRESS_MAX);
} addresses4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct flow_ip6);
	__type(value, uint32_t);
	__uint(max_entries, FLOW_ADDRESS_MAX);
} addresses6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, uint32_t); // enum flow_udp_policy
	__uint(max_entries, 65536);
} udp_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_prefixes);
	__uint(max_entries, 1 << (FLOW_PREFIX4_BITS - 1));
	__uint(map_flags, BPF_F_MMAPABLE);
} prefixes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_prefixes);
	__uint(max_entries, 1 << (FLOW_PREFIX6_BITS - 1));
	__uint(map_flags, BPF_F_MMAPABLE);
} prefixes6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_set);
	__uint(max_entries, FLOW_FLOW_SETS);
	__uint(map_flags, BPF_F_MMAPABLE);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, uint64_t);
	__uint(max_entries, FLOW_PROOFS);
} proofs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_replays);
	__uint(max_entries, FLOW_REPLAY_SETS);
} replays SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_budget);
	__uint(max_entries, FLOW_NODE_MAX + 1);
} budgets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, uint32_t);
	__type(value, uint64_t);
	__uint(max_entries, FLOW_C_MAX);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_pair);
	__uint(max_entries, FLOW_NODE_MAX + 1);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, uint32_t);
	__type(value, struct flow_lane);
	__uint(max_entries, 1);
} lane SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

INLINE void count(enum flow_count what)
{
	uint32_t key = what;
	uint64_t *n = bpf_map_lookup_elem(&counts, &key);

	if (n)
		(*n)++;
}

INLINE const struct flow_config *config_get(void)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

INLINE struct flow_node *node_get(uint32_t id)
{
	return bpf_map_lookup_elem(&nodes, &id);
}

INLINE struct flow_lane *lane_get(void)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(&lane, &zero);
}

// The processor's clock, read anew with each tick of the kernel: jiffies are an instruction, the
// coarse clock three calls.
INLINE const struct flow_lane *clock_get(const struct flow_config *c)
{
	struct flow_lane *l = lane_get();
	uint64_t tick = bpf_jiffies64();

	if (l && l->tick != tick) {
		l->now_ns = bpf_ktime_get_coarse_ns();
		l->epoch_s = (l->now_ns + c->realtime_offset_ns) / 1000000000;
		l->tick = tick;
	}
	return l;
}

// Of a few milliseconds' grain.
INLINE uint64_t now_ns(const struct flow_config *c)
{
	const struct flow_lane *l = clock_get(c);

	return l ? l->now_ns : 0;
}

// Seconds since 1970, as other nodes have them.
INLINE uint64_t now_epoch(const struct flow_config *c)
{
	const struct flow_lane *l = clock_get(c);

	return l ? l->epoch_s : 0;
}

// False: the daemon is away and the ring is full; what was to be told comes again.
INLINE bool tell(
	enum flow_event_kind kind, uint16_t node, uint16_t code, const struct flow_tuple *flow)
{
	struct flow_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return false;
	e->kind = kind;
	e->node = node;
	e->code = code;
	e->flow = *flow;
	bpf_ringbuf_submit(e, 0);
	return true;
}
