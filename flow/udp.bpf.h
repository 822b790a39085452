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
	QUIC_CID = 6, // of a long header: where the first id begins, behind its length
	QUIC_CID_MAX = 20,
};

// What is remembered of a flow.
struct udp_known {
	uint64_t hash, mine, sent; // mine: served here; sent: forwarded
	bool here, there;          // whether each may still be
};

INLINE struct udp_known udp_recall(const struct flow_config *c, const struct packet *p)
{
	struct udp_known k = { .hash = flow_hash(c, &p->flow) };

	k.mine = flow_find(FLOW_K_UDP, k.hash);
	k.sent = flow_find(FLOW_K_FORWARDED, k.hash);
	k.here = way_is_live(k.mine, p->now);
	k.there = way_is_live(k.sent, p->now);
	return k;
}

// Of a flow that begins, or begins anew, nothing was answered yet.
INLINE void udp_keep(const struct flow_config *c, const struct udp_known *k, uint64_t now)
{
	uint64_t answered = k->here ? k->mine & WAY_ANSWERED : 0;

	if (!k->here || way_age_s(k->mine, now) >= FLOW_REFRESH_S)
		flow_put(k->mine, k->hash,
			way_make(FLOW_K_UDP, k->hash, c->self, false, now) | answered, now);
}

// ours: it begins a session, or belongs to one of ours. The node that sends us such packets is told so
// once the server has answered.
INLINE int udp_local(const struct flow_config *c, const struct packet *p, const struct arrival *via,
	const struct udp_known *k, bool ours)
{
	if (ours)
		udp_keep(c, k, p->now);
	if (ours && via->hop && k->here && k->mine & WAY_ANSWERED)
		hear(c, p, via, k->hash);
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

struct quic {
	bool initial;
	bool proven; // it repeats the connection id that our server chose for this flow
	uint16_t id;
};

// The end of a connection id is the part that a stranger cannot know.
INLINE bool quic_is_proven(struct xdp_md *x, const struct flow_config *c, const struct packet *p,
	uint64_t hash, uint32_t length)
{
	uint32_t at = (p->l4 & 0x7f) + UDP_HEADER + QUIC_CID;
	uint64_t secret;

	return length >= sizeof(secret) && length <= QUIC_CID_MAX &&
	       bpf_xdp_load_bytes(x, at + length - sizeof(secret), &secret, sizeof(secret)) == 0 &&
	       proof_holds(c, hash, secret);
}

INLINE bool quic_look(struct xdp_md *x, const struct flow_config *c, const struct packet *p,
	uint64_t hash, struct quic *q)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint8_t *b = data + (p->l4 & 0x7f) + UDP_HEADER;

	if ((void *)(b + QUIC_CID + 3) > end)
		return false;
	if (!(b[0] & QUIC_LONG)) {
		q->id = quic_node(c, b + 1);
		return true;
	}
	// Long: first byte, version (4), length of the id, the id.
	bool second = *(uint32_t *)(b + 1) == bpf_htonl(QUIC_2);
	q->initial = (b[0] & QUIC_TYPE) == (second ? QUIC_INITIAL_2 : QUIC_INITIAL);
	if (!q->initial && b[5] >= 3)
		q->id = quic_node(c, b + QUIC_CID);
	q->proven = quic_is_proven(x, c, p, hash, b[5]);
	return true;
}

// A client's packets come straight here: whether that moves its prefix. Of `udp-sessions` nothing proves
// that somebody reads our answers; that there was one, and that the client goes on, is all there is.
INLINE void udp_moves(const struct packet *p, const struct arrival *via, uint32_t policy,
	const struct quic *q, bool answered)
{
	if (!via->hop && (policy == FLOW_UDP_QUIC ? q->proven : answered))
		prefix_here(&p->flow, policy == FLOW_UDP_QUIC);
}

INLINE int udp_onward(const struct packet *p, const struct udp_known *k, uint16_t id,
	enum flow_count why, struct onward *on)
{
	bool same = k->there && way_node(k->sent) == id;

	// Only the owner's word makes it live longer.
	if (!same)
		flow_put(k->sent, k->hash, way_make(FLOW_K_FORWARDED, k->hash, id, false, p->now),
			p->now);
	*on = (struct onward){
		.hash = k->hash,
		.node = id,
		.type = p->flow.family == 4 ? FLOW_T_IPV4 : FLOW_T_IPV6,
		.known = same && k->sent & WAY_KNOWN,
		.why = why,
	};
	return ONWARD;
}

INLINE int udp_in(struct xdp_md *x, const struct flow_config *c, struct packet *p,
	const struct arrival *via, struct onward *on)
{
	uint32_t port = bpf_ntohs(p->flow.service_port);
	uint32_t *found = bpf_map_lookup_elem(&udp_ports, &port);
	uint32_t policy = found ? *found : FLOW_UDP_LOCAL;
	struct udp_known k = {};
	struct quic q = {};

	if (p->total < p->l4 - L3 + UDP_HEADER)
		return XDP_PASS; // the kernel counts it among its own errors
	if (policy == FLOW_UDP_LOCAL)
		return udp_local(c, p, via, &k, false);
	p->now = now_ns(c);
	k = udp_recall(c, p);
	if (policy == FLOW_UDP_QUIC && !quic_look(x, c, p, k.hash, &q))
		return udp_local(c, p, via, &k, false);
	enum flow_count why = FLOW_C_FORWARD_CID;
	uint16_t id = q.id;
	bool named = may_forward(c, via, id);
	if (q.initial || id == c->self || (k.here && !named)) {
		udp_moves(p, via, policy, &q, k.here && k.mine & WAY_ANSWERED);
		return udp_local(c, p, via, &k, true);
	}
	if (!named) {
		udp_moves(p, via, policy, &q, k.there && k.sent & WAY_KNOWN);
		id = k.there ? way_node(k.sent) : prefix_before(c, &p->flow, p->now);
		why = k.there ? FLOW_C_FORWARD_FLOW : FLOW_C_FORWARD_PREFIX;
	}
	// A QUIC session that nobody knows did not begin here: nothing is learnt from it. But where a
	// keeper sent it, it is.
	if (!may_forward(c, via, id))
		return udp_local(c, p, via, &k, policy == FLOW_UDP_SESSION || via->hop);
	return udp_onward(p, &k, id, why, on);
}
