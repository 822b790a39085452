// What leaves: the node's id into the timestamps of its sessions, and a smaller
// MSS into its SYN answers, so that what clients send still fits the tunnel.
#pragma once

#include <linux/pkt_cls.h>

#include "flow/tcp.bpf.h"

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

// Where TCP begins in a packet whose source is a service; 0: not one.
INLINE uint32_t service_tcp(const struct flow_config *c, void *data, void *end, bool *v4)
{
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + L3;
		*v4 = true;
		if ((void *)(ip + 1) > end || ip->protocol != IPPROTO_TCP || ip->ihl < 5 ||
			ip->frag_off & bpf_htons(0x3fff) || !is_service4(c, ip->saddr))
			return 0;
		return L3 + ip->ihl * 4;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + L3;
		if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_TCP ||
			!is_service6(c, &ip->saddr))
			return 0;
		return L3 + sizeof(*ip);
	}
	return 0;
}

INLINE void *skb_start(const struct __sk_buff *skb)
{
	return (void *)(long)skb->data;
}

INLINE void *skb_end(const struct __sk_buff *skb)
{
	return (void *)(long)skb->data_end;
}

INLINE void egress_tcp(struct __sk_buff *skb, const struct flow_config *c, uint32_t l4, bool v4)
{
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
	bool syn = tcp->syn;
	if (!syn) {
		uint32_t at = stamp_at(data, end, l4 & 0x7f, header);
		if (at && c->flags & FLOW_STAMP)
			stamp_write(skb, l4, at, c->self);
		return;
	}
	struct options o = options_find(data, end, (l4 & 0x7f) + TCP_HEADER, header - TCP_HEADER);
	if (o.mss)
		mss_clamp(skb, l4, o.mss, v4 ? c->mss4 : c->mss6);
	if (!o.stamp || !(c->flags & FLOW_STAMP))
		return;
	// A SYN cookie belongs to no socket. Its stamp carries options: to be left alone.
	if (skb->sk)
		stamp_write(skb, l4, o.stamp, c->self);
	else
		count(FLOW_C_STAMP_LEFT);
}

INLINE int egress(struct __sk_buff *skb)
{
	const struct flow_config *c = config_get();
	enum { ENOUGH = L3 + 40 + 20 };
	bool v4 = false;

	if (!c || !c->self)
		return TC_ACT_UNSPEC;
	if (skb_start(skb) + ENOUGH > skb_end(skb) && skb->len >= ENOUGH)
		bpf_skb_pull_data(skb, ENOUGH);
	uint32_t l4 = service_tcp(c, skb_start(skb), skb_end(skb), &v4);
	if (l4)
		egress_tcp(skb, c, l4, v4);
	return TC_ACT_UNSPEC; // others on this hook have their turn
}
