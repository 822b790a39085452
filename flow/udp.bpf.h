// UDP: request and response stays here; sessions and QUIC find their owner.
#pragma once

#include "flow/tcp.bpf.h"

enum {
	QUIC_LONG = 0x80,
	QUIC_TYPE = 0x30,
	QUIC_INITIAL = 0x00,   // RFC 9000 section 17.2
	QUIC_INITIAL_2 = 0x10, // of version 2, RFC 9369 section 3.2
	QUIC_2 = 0x6b3343cf,
	QUIC_CONFIG_SHIFT = 5,
};

// ours: it begins a session, or belongs to one of ours.
INLINE int udp_local(const struct flow_config *c, const struct packet *p, const struct arrival *via,
	uint64_t found, uint64_t hash, bool ours)
{
	if (ours)
		flow_keep(found, FLOW_K_UDP, hash, c->self, p->now);
	if (ours && !via->hop)
		prefix_here(c, &p->flow);
	if (ours && via->hop)
		hear(c, p, via, hash);
	else
		count(via->hop ? FLOW_C_RECEIVED_LOCAL : FLOW_C_UDP_LOCAL);
	return XDP_PASS;
}

// The node that a QUIC packet names in its connection id; 0: none that we wrote.
//
//  short header: | first byte | config (3) length (5) | node id (16) | nonce ...
//  QUIC-LB, plaintext, server id of two bytes (draft-ietf-quic-load-balancers)
INLINE uint16_t quic_node(const struct flow_config *c, const uint8_t *cid)
{
	if (!(c->flags & FLOW_QUIC_LB) || cid[0] >> QUIC_CONFIG_SHIFT != c->quic_config)
		return 0;
	uint16_t id = cid[1] << 8 | cid[2];
	return id <= FLOW_NODE_MAX ? id : 0;
}

INLINE bool quic_look(struct xdp_md *x, const struct flow_config *c, const struct packet *p,
	bool *initial, uint16_t *id)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint8_t *b = data + (p->l4 & 0x7f) + UDP_HEADER;

	if ((void *)(b + 9) > end)
		return false;
	if (!(b[0] & QUIC_LONG)) {
		*id = quic_node(c, b + 1);
		return true;
	}
	// Long: first byte, version (4), length of the id, the id.
	bool second = *(uint32_t *)(b + 1) == bpf_htonl(QUIC_2);
	*initial = (b[0] & QUIC_TYPE) == (second ? QUIC_INITIAL_2 : QUIC_INITIAL);
	if (!*initial && b[5] >= 3)
		*id = quic_node(c, b + 6);
	return true;
}

INLINE int udp_in(struct xdp_md *x, const struct flow_config *c, struct packet *p,
	const struct arrival *via, struct onward *on)
{
	uint32_t port = bpf_ntohs(p->flow.service_port);
	uint32_t *policy = bpf_map_lookup_elem(&udp_ports, &port);
	bool initial = false;
	uint16_t id = 0;

	if (!policy || *policy == FLOW_UDP_LOCAL)
		return udp_local(c, p, via, 0, 0, false);
	p->now = now_ns(c);
	uint64_t hash = flow_hash(c, &p->flow);
	uint64_t mine = flow_find(FLOW_K_UDP, hash);
	if (*policy == FLOW_UDP_QUIC && !quic_look(x, c, p, &initial, &id))
		return udp_local(c, p, via, mine, hash, false);
	enum flow_count why = FLOW_C_FORWARD_CID;
	uint64_t found = flow_find(FLOW_K_FORWARDED, hash);
	bool named = may_forward(c, via, id);
	if (initial || id == c->self || (mine && !named))
		return udp_local(c, p, via, mine, hash, true);
	if (!named) {
		id = found ? way_node(found) : prefix_before(c, &p->flow, p->now);
		why = found ? FLOW_C_FORWARD_FLOW : FLOW_C_FORWARD_PREFIX;
	}
	// A QUIC session that nobody knows did not begin here: nothing is learnt from it. But where a
	// keeper sent it, it is.
	if (!may_forward(c, via, id))
		return udp_local(c, p, via, mine, hash, *policy == FLOW_UDP_SESSION || via->hop);
	flow_keep(found, FLOW_K_FORWARDED, hash, id, p->now);
	*on = (struct onward){
		.hash = hash,
		.node = id,
		.type = p->flow.family == 4 ? FLOW_T_IPV4 : FLOW_T_IPV6,
		.known = way_is_known(found, id),
		.why = why,
	};
	return ONWARD;
}
