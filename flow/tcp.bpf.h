// Who owns a TCP packet: a socket, else the timestamp, else what was forwarded
// before, else the prefix.
#pragma once

#include "flow/tunnel.bpf.h"

enum {
	TCP_HEADER = sizeof(struct tcphdr),
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_STAMP = 8,
	OPT_STAMP_LEN = 10,
	TCP_OPTIONS_MAX = 40,
	OPTIONS_MASK = 127, // above what two options can add up to
};

// Where TSval lies, from the frame's start; 0: the segment has no timestamps (RFC 7323 section 3.2).
// The mask in the loop says nothing new to us: it keeps the verifier from following each
// combination of options by itself.
INLINE uint32_t stamp_at(void *data, void *end, uint32_t l4, uint32_t header)
{
	uint32_t first = (l4 & 0x7f) + TCP_HEADER, room = header - TCP_HEADER, at = 0;
	uint32_t *usual = data + first;

	// Nearly all stacks send NOP NOP first (RFC 7323, appendix A).
	if ((void *)(usual + 3) <= end && room >= 12 && *usual == bpf_htonl(0x0101080a))
		return first + 4;
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		uint8_t *opt = data + first + at;
		if (at + OPT_STAMP_LEN > room || (void *)(opt + OPT_STAMP_LEN) > end)
			return 0;
		uint32_t step = opt[0] == OPT_NOP ? 1 : opt[1];
		if (opt[0] == OPT_STAMP && step == OPT_STAMP_LEN)
			return first + at + 2;
		if (opt[0] == OPT_END || !step || step > room)
			return 0;
		at = (at + step) & OPTIONS_MASK;
	}
	return 0;
}

struct segment {
	struct tcphdr *tcp;
	uint32_t stamp; // where TSval lies; 0: none
	uint32_t echo;  // TSecr, network order
	uint64_t hash;
};

// The node that the echo names; 0: none. Where stamps are not written (`stamp: no`), the low bits of an
// echo are the clock's, and would name any node in turn.
INLINE uint16_t stamp_node(const struct flow_config *c, const struct segment *s)
{
	return s->stamp && c->flags & FLOW_STAMP ? bpf_ntohl(s->echo) & FLOW_ID_MASK : 0;
}

enum found { NOT_HERE, LISTENS, HALF_OPEN, OVER, HERE };

INLINE enum found found_state(struct bpf_sock *sk)
{
	enum { TCP_TIME_WAITS = 6, TCP_LISTENS = 10, TCP_SYN_CAME = 12 }; // of the kernel's enum

	switch (sk->state) {
	case TCP_LISTENS:
		return LISTENS;
	case TCP_SYN_CAME:
		return HALF_OPEN;
	case TCP_TIME_WAITS:
		return OVER;
	default:
		return HERE;
	}
}

INLINE struct bpf_sock *socket_find(struct xdp_md *x, const struct flow_tuple *f)
{
	struct bpf_sock_tuple t = {};

	if (f->family == 4) {
		t.ipv4.saddr = *(const uint32_t *)f->client;
		t.ipv4.daddr = *(const uint32_t *)f->service;
		t.ipv4.sport = f->client_port;
		t.ipv4.dport = f->service_port;
		return bpf_skc_lookup_tcp(x, &t, sizeof(t.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(t.ipv6.saddr, f->client, 16);
	__builtin_memcpy(t.ipv6.daddr, f->service, 16);
	t.ipv6.sport = f->client_port;
	t.ipv6.dport = f->service_port;
	return bpf_skc_lookup_tcp(x, &t, sizeof(t.ipv6), BPF_F_CURRENT_NETNS, 0);
}

// A listening socket's answer to a SYN cookie carries options in the low bits of its
// echo, which then look like a node's id: the kernel says whether it is one of its own.
INLINE bool is_syn_cookie(struct xdp_md *x, struct bpf_sock *sk, const struct packet *p)
{
	void *data = frame_start(x), *end = frame_end(x);
	struct tcphdr *tcp = data + (p->l4 & 0x7f);

	if ((void *)(tcp + 1) > end || !tcp->ack || tcp->rst)
		return false;
	if (p->flow.family == 4) {
		struct iphdr *ip = data + L3;
		return (void *)(ip + 1) <= end &&
		       bpf_tcp_check_syncookie(sk, ip, sizeof(*ip), tcp, sizeof(*tcp)) == 0;
	}
	struct ipv6hdr *ip = data + L3;
	return (void *)(ip + 1) <= end &&
	       bpf_tcp_check_syncookie(sk, ip, sizeof(*ip), tcp, sizeof(*tcp)) == 0;
}

// The echo is our stamp and not the kernel's clock. It must be zero: kernels since 2025
// drop a handshake's last ACK with an echo out of range, and skip the test at zero.
INLINE void echo_zero(struct xdp_md *x, const struct packet *p, const struct segment *s)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint32_t at = s->stamp + 4;
	struct tcphdr *tcp = data + (p->l4 & 0x7f);
	uint32_t *echo = data + (at & 0xff);

	if (!s->stamp || !s->echo || (void *)(echo + 1) > end || (void *)(tcp + 1) > end)
		return;
	*echo = 0;
	tcp->check = csum_replace(tcp->check, csum_align(s->echo, at - p->l4), 0);
	count(FLOW_C_ECHO_ZEROED);
}

// The owner of a session that came through another keeper lets that one know, now and then:
// from then on it is served from the larger budget there.
INLINE void hear(const struct flow_config *c, const struct packet *p, const struct arrival *via,
	uint64_t hash)
{
	uint64_t found = flow_find(FLOW_K_HEARD, hash);
	uint64_t now = now_ns(c);

	count(FLOW_C_RECEIVED_LOCAL);
	if (found && way_node(found) == via->from && way_age_s(found, now) < FLOW_TELL_AGAIN_S)
		return;
	if (tell(FLOW_E_MINE, via->from, 0, &p->flow))
		flow_put(found, hash, way_make(FLOW_K_HEARD, hash, via->from, false, now), now);
}

INLINE int leave(const struct arrival *via)
{
	count(via->hop ? FLOW_C_RECEIVED_MISS : FLOW_C_MISS);
	return XDP_PASS;
}

// Not for a socket here: the node that owns it.
INLINE int tcp_onward(const struct flow_config *c, const struct packet *p,
	const struct arrival *via, const struct segment *s, struct onward *on)
{
	uint64_t found = flow_find(FLOW_K_FORWARDED, s->hash);
	enum flow_count why = FLOW_C_FORWARD_STAMP;
	uint16_t id = stamp_node(c, s);

	if (id && id == c->self)
		return leave(via); // the session was here and is gone
	if (!may_forward(c, via, id)) {
		id = way_node(found);
		why = FLOW_C_FORWARD_FLOW;
		if (!may_forward(c, via, id)) {
			id = prefix_before(c, &p->flow, p->now);
			why = FLOW_C_FORWARD_PREFIX;
			if (!may_forward(c, via, id))
				return leave(via);
		}
	}
	flow_keep(found, FLOW_K_FORWARDED, s->hash, id, p->now);
	*on = (struct onward){
		.hash = s->hash,
		.node = id,
		.type = p->flow.family == 4 ? FLOW_T_IPV4 : FLOW_T_IPV6,
		.known = way_is_known(found, id),
		.why = why,
	};
	return ONWARD;
}

// Whether the segment acknowledges our SYN answer.
INLINE bool is_proven(const struct flow_config *c, const struct segment *s)
{
	return s->tcp->ack && proof_holds(c, s->hash, bpf_ntohl(s->tcp->ack_seq));
}

INLINE bool segment_look(struct xdp_md *x, const struct packet *p, struct segment *s)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint32_t l4 = p->l4 & 0x7f;

	s->tcp = data + l4;
	if ((void *)(s->tcp + 1) > end || s->tcp->doff < 5 ||
		p->l4 - L3 + s->tcp->doff * 4 > p->total)
		return false;
	s->stamp = s->tcp->doff > 5 ? stamp_at(data, end, l4, s->tcp->doff * 4) : 0;
	if (s->stamp) {
		uint32_t *echo = data + (s->stamp & 0xff) + 4;
		s->echo = (void *)(echo + 1) <= end ? *echo : 0;
	}
	return true;
}

INLINE int tcp_in(struct xdp_md *x, const struct flow_config *c, struct packet *p,
	const struct arrival *via, struct onward *on)
{
	struct segment s = {};

	if (!segment_look(x, p, &s))
		return XDP_PASS; // the kernel counts it among its own errors
	if (s.tcp->syn && !s.tcp->ack) {
		count(FLOW_C_SYN);
		return XDP_PASS;
	}
	enum found state = NOT_HERE;
	bool cookie = false;
	uint16_t id = stamp_node(c, &s);
	s.hash = flow_hash(c, &p->flow);
	if (id && id != c->self)
		flow_touch(s.hash);
	struct bpf_sock *sk = socket_find(x, &p->flow);
	if (sk) {
		state = found_state(sk);
		cookie = state == LISTENS && is_syn_cookie(x, sk, p);
		bpf_sk_release(sk);
	}
	// The handshake ends: this client repeats our number, so it is no made-up one, and it comes here.
	if (!via->hop && (cookie || (state == HALF_OPEN && is_proven(c, &s))))
		prefix_here(&p->flow, true);
	if (cookie) { // its echo is the kernel's own
		count(FLOW_C_SYN_COOKIE);
		return XDP_PASS;
	}
	// A socket in TIME-WAIT has ended its session with a stamp of ours. Another living node's is of a
	// session that began there since, from the same port: the server that closes first leaves the
	// client free to use it again at once.
	bool weak = state == HALF_OPEN || state == OVER;
	if (state == HERE || (weak && !may_forward(c, via, id))) {
		echo_zero(x, p, &s);
		if (via->hop)
			hear(c, p, via, s.hash);
		else
			count(FLOW_C_LOCAL);
		return XDP_PASS;
	}
	p->now = now_ns(c);
	return tcp_onward(c, p, via, &s, on);
}
