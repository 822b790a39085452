// What keepers tell one another: whose a flow is, and where a prefix's clients go.
#pragma once

#include "flow/tunnel.bpf.h"

INLINE void notice_mine(const struct flow_config *c, const struct flow_notice *n, uint16_t from)
{
	struct flow_tuple f = { .family = n->family, .proto = n->proto };

	__builtin_memcpy(f.client, n->body, 16);
	__builtin_memcpy(f.service, n->body + 16, 16);
	__builtin_memcpy(&f.client_port, n->body + 32, 2);
	__builtin_memcpy(&f.service_port, n->body + 34, 2);
	uint64_t hash = flow_hash(c, &f);
	uint64_t found = flow_find(FLOW_K_FORWARDED, hash);
	if (found && way_node(found) == from)
		flow_renew(hash, way_make(FLOW_K_FORWARDED, hash, from, true, now_ns(c)));
}

INLINE void notice_prefixes(
	const struct flow_config *c, const struct flow_notice *n, uint16_t from, uint32_t width)
{
	struct flow_tuple f = { .family = width == 3 ? 4 : 6 };
	uint64_t now = now_ns(c);

	for (uint32_t i = 0; i < FLOW_NOTICE_ROOM / 6 && i < n->count; i++) {
		const uint8_t *at = n->body + i * width;
		for (uint32_t b = 0; b < 6; b++)
			f.client[b] = b < width ? at[b] : 0;
		uint32_t *slot = prefix_slot(c, &f);
		if (slot)
			prefix_move(slot, from, now);
	}
}

// Back to who asked, from the frame that the question came in.
INLINE void answer_ip(struct ethhdr *eth, bool over4)
{
	ethernet_swap(eth);
	if (over4) {
		struct iphdr *ip = (void *)(eth + 1);
		uint32_t to = ip->saddr; // the checksum does not see who is who
		ip->saddr = ip->daddr;
		ip->daddr = to;
		return;
	}
	struct ipv6hdr *ip = (void *)(eth + 1);
	struct in6_addr to = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = to;
}

INLINE int notice_answer(struct xdp_md *x, const struct flow_config *c, uint16_t to, bool over4)
{
	void *data = frame_start(x), *end = frame_end(x);
	void *head = data + L3 + (over4 ? WRAP4 : WRAP6) - TUNNEL;
	struct flow_notice *n = head + TUNNEL;
	struct flow_node *self = node_get(c->self);

	if (!self || (void *)(n + 1) > end)
		return XDP_DROP;
	answer_ip(data, over4);
	n->kind = FLOW_N_ANSWER;
	outer_udp(head - UDP_HEADER, c->port, to, UDP_HEADER + TUNNEL + sizeof(*n));
	struct wrap w = {
		.c = c,
		.self = self,
		.inner = sizeof(*n),
		.to_id = to,
		.type = FLOW_T_NOTICE,
		.family = 6, // the tag covers as much
	};
	return tunnel_header(x, head, over4 ? WRAP4 : WRAP6, &w) ? XDP_TX : XDP_DROP;
}

INLINE int notice_in(
	struct xdp_md *x, const struct flow_config *c, const struct inside *in, bool over4)
{
	void *data = frame_start(x), *end = frame_end(x);
	const struct flow_notice *n = data + L3 + (over4 ? WRAP4 : WRAP6);

	if ((const void *)(n + 1) > end)
		return XDP_DROP;
	count(FLOW_C_NOTICE);
	if (n->kind == FLOW_N_ASK)
		return notice_answer(x, c, in->via.from, over4);
	if (n->kind == FLOW_N_MINE)
		notice_mine(c, n, in->via.from);
	else if (n->kind == FLOW_N_PREFIX4)
		notice_prefixes(c, n, in->via.from, 3);
	else if (n->kind == FLOW_N_PREFIX6)
		notice_prefixes(c, n, in->via.from, 6);
	return XDP_DROP; // its work is done
}
