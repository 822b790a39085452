// ICMP errors belong to whoever sent the packet that they quote.
#pragma once

#include "flow/udp.bpf.h"

enum { ICMP_QUOTED = 8 }; // of the transport, at least

// RFC 792 and RFC 4443: the types that quote a packet.
INLINE bool icmp_quotes(uint8_t family, uint8_t type)
{
	if (family == 4)
		return type == 3 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

// The quoted packet went from a service to a client: turned round, it is the client's flow.
// Returns where the quoted transport begins; 0: nothing that concerns us.
INLINE uint32_t quoted(
	struct xdp_md *x, const struct flow_config *c, const struct packet *p, struct flow_tuple *f)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint32_t at = (p->l4 & 0x7f) + ICMP_HEADER, l4;

	f->family = p->flow.family;
	if (f->family == 4) {
		struct iphdr *ip = data + at;
		if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5 ||
			ip->frag_off & bpf_htons(0x1fff) || !is_service4(c, ip->saddr))
			return 0;
		f->proto = ip->protocol;
		*(uint32_t *)f->client = ip->daddr;
		*(uint32_t *)f->service = ip->saddr;
		l4 = at + ip->ihl * 4;
	} else {
		struct ipv6hdr *ip = data + at;
		if ((void *)(ip + 1) > end || ip->version != 6 || !is_service6(c, &ip->saddr))
			return 0;
		f->proto = ip->nexthdr;
		__builtin_memcpy(f->client, &ip->daddr, 16);
		__builtin_memcpy(f->service, &ip->saddr, 16);
		l4 = at + sizeof(*ip);
	}
	uint16_t *port = data + (l4 & 0xff);
	if ((void *)(port + 4) > end || p->total < l4 - L3 + ICMP_QUOTED)
		return 0;
	f->service_port = port[0];
	f->client_port = port[1];
	return l4;
}

// Our own stamp, if the router quoted that much.
INLINE uint16_t quoted_stamp(struct xdp_md *x, uint32_t l4)
{
	void *data = frame_start(x), *end = frame_end(x);
	struct tcphdr *tcp = data + (l4 & 0xff);

	if ((void *)(tcp + 1) > end || tcp->doff < 8)
		return 0;
	uint32_t *usual = data + (l4 & 0xff) + TCP_HEADER;
	if ((void *)(usual + 2) > end || *usual != bpf_htonl(0x0101080a))
		return 0;
	return bpf_ntohl(usual[1]) & FLOW_ID_MASK;
}

INLINE enum found quoted_here(
	struct xdp_md *x, const struct flow_tuple *f, uint64_t hash, uint64_t now)
{
	if (f->proto == IPPROTO_UDP)
		return way_is_live(flow_find(FLOW_K_UDP, hash), now) ? HERE : NOT_HERE;
	struct bpf_sock *sk = socket_find(x, f);
	if (!sk)
		return NOT_HERE;
	enum found state = found_state(sk);
	bpf_sk_release(sk);
	return state;
}

INLINE int icmp_in(struct xdp_md *x, const struct flow_config *c, struct packet *p,
	const struct arrival *via, struct onward *on)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint8_t *type = data + (p->l4 & 0x7f);
	struct flow_tuple f = {};
	uint32_t l4 = 0;

	if ((void *)(type + 1) <= end && icmp_quotes(p->flow.family, *type))
		l4 = quoted(x, c, p, &f);
	if (!l4 || (f.proto != IPPROTO_TCP && f.proto != IPPROTO_UDP))
		goto here;
	p->now = now_ns(c);
	uint64_t hash = flow_hash(c, &f);
	enum found state = quoted_here(x, &f, hash, p->now);
	uint64_t found = flow_find(FLOW_K_FORWARDED, hash);
	if (f.proto == IPPROTO_UDP && !way_is_live(found, p->now))
		found = 0;
	uint16_t id = f.proto == IPPROTO_TCP && c->flags & FLOW_STAMP ? quoted_stamp(x, l4) : 0;
	if (state == HERE || state == HALF_OPEN || (state == OVER && !may_forward(c, via, id)))
		goto here;
	if (!may_forward(c, via, id))
		id = found ? way_node(found) : prefix_before(c, &f, p->now);
	if (may_forward(c, via, id)) {
		*on = (struct onward){
			.hash = hash, .node = id, .type = FLOW_T_ICMP, .why = FLOW_C_FORWARD_ICMP
		};
		return ONWARD;
	}
here:
	count(FLOW_C_ICMP_LOCAL);
	return XDP_PASS;
}
