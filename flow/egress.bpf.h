// What leaves: the node's id into the timestamps of its sessions, and a smaller MSS into
// its SYN answers, so that what clients send still fits the tunnel. And what is learnt
// from it: what a client must repeat to prove itself, which UDP sessions were answered.
#pragma once

#include <linux/pkt_cls.h>

#include "flow/udp.bpf.h"

struct options {
	uint32_t stamp, mss; // where the values lie, from the frame's start; 0: none
};

INLINE struct options options_find(void *data, void *end, uint32_t first, uint32_t room)
{
	struct options o = {};
	uint32_t at = 0;

	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		uint8_t *opt = data + first + at;
		if (at + 2 > room || (void *)(opt + 2) > end || opt[0] == OPT_END)
			break;
		uint32_t step = opt[0] == OPT_NOP ? 1 : opt[1];
		if (!step || at + step > room)
			break;
		if (opt[0] == OPT_STAMP && step == OPT_STAMP_LEN)
			o.stamp = first + at + 2;
		if (opt[0] == OPT_MSS && step == 4)
			o.mss = first + at + 2;
		at = (at + step) & OPTIONS_MASK;
	}
	return o;
}

//  31                                   12 11            0
//  +--------------------------------------+--------------+
//  |  kernel clock >> 12, rounded UP      |  node id     |
//  +--------------------------------------+--------------+
// Rounded up, for a SYN cookie's stamp went out as it was, and time must not run
// backwards for the client (PAWS, RFC 7323 section 5).
INLINE uint32_t stamp_make(uint32_t clock, uint16_t self)
{
	return ((clock + FLOW_ID_MASK) & ~(uint32_t)FLOW_ID_MASK) | self;
}

INLINE void stamp_write(struct __sk_buff *skb, uint32_t l4, uint32_t at, uint16_t self)
{
	uint32_t old, made;

	if (bpf_skb_load_bytes(skb, at, &old, sizeof(old)))
		return;
	made = bpf_htonl(stamp_make(bpf_ntohl(old), self));
	if (made == old)
		return;
	if (bpf_l4_csum_replace(skb, l4 + __builtin_offsetof(struct tcphdr, check),
		    csum_align(old, at - l4), csum_align(made, at - l4), sizeof(old)))
		return;
	bpf_skb_store_bytes(skb, at, &made, sizeof(made), 0);
	count(FLOW_C_STAMPED);
}

INLINE void mss_clamp(struct __sk_buff *skb, uint32_t l4, uint32_t at, uint16_t most)
{
	uint16_t old, made = bpf_htons(most);

	if (!most || bpf_skb_load_bytes(skb, at, &old, sizeof(old)) || bpf_ntohs(old) <= most)
		return;
	uint16_t from = old, to = made;
	if ((at - l4) & 1) {
		from = __builtin_bswap16(old);
		to = __builtin_bswap16(made);
	}
	if (bpf_l4_csum_replace(skb, l4 + __builtin_offsetof(struct tcphdr, check), from, to, 2))
		return;
	bpf_skb_store_bytes(skb, at, &made, sizeof(made), 0);
	count(FLOW_C_CLAMPED);
}

// A packet whose source is a service.
struct leaving {
	uint32_t l4; // where TCP or UDP begins; 0: not such a packet
	bool v4;
	uint8_t proto;
};

INLINE bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

INLINE struct leaving service_look(const struct flow_config *c, void *data, void *end)
{
	struct leaving none = {};
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return none;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + L3;
		if ((void *)(ip + 1) > end || !has_ports(ip->protocol) || ip->ihl < 5 ||
			ip->frag_off & bpf_htons(0x3fff) || !is_service4(c, ip->saddr))
			return none;
		return (struct leaving){ L3 + ip->ihl * 4, true, ip->protocol };
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + L3;
		if ((void *)(ip + 1) > end || !has_ports(ip->nexthdr) ||
			!is_service6(c, &ip->saddr))
			return none;
		return (struct leaving){ L3 + sizeof(*ip), false, ip->nexthdr };
	}
	return none;
}

// The hash of its flow, as the client's packets have it; 0: cut short.
INLINE uint64_t leaving_hash(
	const struct flow_config *c, void *data, void *end, const struct leaving *at)
{
	struct flow_tuple f = { .family = at->v4 ? 4 : 6, .proto = at->proto };
	uint16_t *port = data + (at->l4 & 0x7f);
	struct iphdr *ip4 = data + L3;
	struct ipv6hdr *ip6 = data + L3;

	if ((void *)(port + 2) > end || (void *)(ip4 + 1) > end)
		return 0;
	if (at->v4) {
		*(uint32_t *)f.client = ip4->daddr;
		*(uint32_t *)f.service = ip4->saddr;
	} else if ((void *)(ip6 + 1) <= end) {
		__builtin_memcpy(f.client, &ip6->daddr, 16);
		__builtin_memcpy(f.service, &ip6->saddr, 16);
	}
	f.service_port = port[0];
	f.client_port = port[1];
	return flow_hash(c, &f);
}

INLINE void *skb_start(const struct __sk_buff *skb)
{
	return (void *)(long)skb->data;
}

INLINE void *skb_end(const struct __sk_buff *skb)
{
	return (void *)(long)skb->data_end;
}

// The answer to a SYN: what the client will acknowledge. A function of its own to the verifier.
__attribute__((noinline)) int egress_answer(struct __sk_buff *skb, const struct leaving *from)
{
	const struct flow_config *c = config_get();
	void *data = skb_start(skb), *end = skb_end(skb);

	if (!c || !from)
		return 0;
	struct tcphdr *tcp = data + (from->l4 & 0x7f);
	if ((void *)(tcp + 1) > end)
		return 0;
	uint32_t seq = bpf_ntohl(tcp->seq);
	proof_note(c, leaving_hash(c, data, end, from), seq + 1);
	return 1;
}

INLINE void egress_tcp(
	struct __sk_buff *skb, const struct flow_config *c, const struct leaving *from)
{
	uint32_t l4 = from->l4;
	void *data = skb_start(skb), *end = skb_end(skb);
	struct tcphdr *tcp = data + (l4 & 0x7f);

	if ((void *)(tcp + 1) > end)
		return;
	uint32_t header = tcp->doff * 4;
	if (header < TCP_HEADER)
		return;
	if (data + (l4 & 0x7f) + header > end) { // the options are not in the linear part
		if (bpf_skb_pull_data(skb, (l4 & 0x7f) + header))
			return;
		data = skb_start(skb);
		end = skb_end(skb);
		tcp = data + (l4 & 0x7f);
		if ((void *)(tcp + 1) > end)
			return;
	}
	if (!tcp->syn) {
		uint32_t at = stamp_at(data, end, l4 & 0x7f, header);
		if (at && c->flags & FLOW_STAMP)
			stamp_write(skb, l4, at, c->self);
		return;
	}
	// SYN cookies, which belong to no socket, are the kernel's to check.
	if (tcp->ack && skb->sk)
		egress_answer(skb, from);
	struct options o = options_find(data, end, (l4 & 0x7f) + TCP_HEADER, header - TCP_HEADER);
	if (o.mss)
		mss_clamp(skb, l4, o.mss, from->v4 ? c->mss4 : c->mss6);
	if (!o.stamp || !(c->flags & FLOW_STAMP))
		return;
	// A SYN cookie belongs to no socket. Its stamp carries options: to be left alone.
	if (skb->sk)
		stamp_write(skb, l4, o.stamp, c->self);
	else
		count(FLOW_C_STAMP_LEFT);
}

// The connection id that the server of QUIC chose stands second in a long header, behind the client's.
INLINE void quic_note(
	struct __sk_buff *skb, const struct flow_config *c, uint32_t l4, uint64_t hash)
{
	uint8_t head[QUIC_CID], length;
	uint32_t at = l4 + UDP_HEADER;
	uint64_t secret;

	if (bpf_skb_load_bytes(skb, at, head, sizeof(head)) || !(head[0] & QUIC_LONG) ||
		head[5] > QUIC_CID_MAX)
		return;
	at += QUIC_CID + head[5];
	if (bpf_skb_load_bytes(skb, at, &length, 1) || length < sizeof(secret) ||
		length > QUIC_CID_MAX ||
		bpf_skb_load_bytes(skb, at + 1 + length - sizeof(secret), &secret, sizeof(secret)))
		return;
	proof_note(c, hash, secret);
}

// A function of its own to the verifier.
__attribute__((noinline)) int egress_udp(struct __sk_buff *skb, const struct leaving *from)
{
	const struct flow_config *c = config_get();

	if (!c || !from)
		return 0;
	uint16_t *port = skb_start(skb) + (from->l4 & 0x7f);
	if ((void *)(port + 1) > skb_end(skb))
		return 0;
	uint32_t at = bpf_ntohs(*port);
	uint32_t *policy = bpf_map_lookup_elem(&udp_ports, &at);
	if (!policy || *policy == FLOW_UDP_LOCAL)
		return 0;
	uint64_t hash = leaving_hash(c, skb_start(skb), skb_end(skb), from), now = now_ns(c);
	uint64_t way = flow_find(FLOW_K_UDP, hash);
	if (!way || !(way & WAY_ANSWERED) || way_age_s(way, now) >= FLOW_REFRESH_S)
		flow_put(way, hash, way_make(FLOW_K_UDP, hash, c->self, false, now) | WAY_ANSWERED,
			now);
	if (*policy == FLOW_UDP_QUIC)
		quic_note(skb, c, from->l4, hash);
	return 1;
}

INLINE int egress(struct __sk_buff *skb)
{
	const struct flow_config *c = config_get();
	enum { ENOUGH = L3 + 40 + 20, ENOUGH_UDP = L3 + 20 + 8 };

	if (!c || !c->self)
		return TC_ACT_UNSPEC;
	// Most are shorter and lie in one piece: those are not touched.
	uint32_t want = skb->len < ENOUGH ? skb->len : ENOUGH;
	if (skb_start(skb) + ENOUGH > skb_end(skb) && want >= ENOUGH_UDP &&
		skb_start(skb) + want > skb_end(skb))
		bpf_skb_pull_data(skb, want);
	struct leaving from = service_look(c, skb_start(skb), skb_end(skb));
	if (from.l4 && from.proto == IPPROTO_TCP)
		egress_tcp(skb, c, &from);
	else if (from.l4)
		egress_udp(skb, &from);
	return TC_ACT_UNSPEC; // others on this hook have their turn
}
