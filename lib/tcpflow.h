// TCP streams put together from captured segments: in order, each octet once,
// with what is lost said. Memory is bounded: FLOWS_MAX directions, of which the one that
// was quiet longest makes way, and FLOW_BYTES_MAX octets that wait in each.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"
#include "lib/list.h"
#include "lib/packet.h"

enum { FLOWS_MAX = 256, FLOW_BYTES_MAX = 256 << 10 };

// One direction of a connection.
struct flow {
	struct hnode node;
	struct list by_age; // of struct flows
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;

	uint8_t *bytes; // in order, not yet taken
	size_t len, cap;
	uint64_t lost; // octets that never came before the bytes, since the last look at it
	void *user;    // zeroed memory of the size that flows_new() was told

	bool begun;
	uint32_t next;        // sequence number after the bytes
	struct list segments; // later ones, ascending
	size_t waiting;       // their octets
};

struct flows;

// release, if any, is called with user before a flow goes.
[[nodiscard]] struct flows *flows_new(size_t user_size, void (*release)(void *user));
void flows_free(struct flows **f);

// Takes a segment's payload in; returns its flow, which lives until the next
// call. A SYN begins the flow afresh. The caller takes whole messages from the bytes before it adds
// the next segment.
struct flow *flows_add(struct flows *f, const struct tcp_segment *s);
// The other direction of a flow, NULL where nothing of it was seen.
struct flow *flows_reverse(struct flows *f, const struct flow *flow);
// A flow that has bytes or segments left, for the end of a capture; NULL when none has.
struct flow *flows_pending(struct flows *f);

// Drops n of the flow's bytes.
void flow_take(struct flow *flow, size_t n);
// Gives up on what is missing: drops the bytes that are there and goes on at the next
// segment. False when there is none.
[[nodiscard]] bool flow_skip_gap(struct flow *flow);
