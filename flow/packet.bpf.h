// A frame, looked at once: who sends what to whom, and where the layers begin.
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "flow/maps.bpf.h"

enum {
	L3 = sizeof(struct ethhdr),
	IPPROTO_ICMP6 = 58,
	ICMP_HEADER = 8,
	L4_MAX = L3 + 60, // with all options that IPv4 can have
};

struct packet {
	struct flow_tuple flow;
	uint32_t l4;    // where it begins, from the frame's start
	uint32_t total; // the IP packet's length, by its header
	bool odd;       // a fragment, or headers between IPv6 and the transport
	uint64_t now;   // ns, read once where it is needed
};

INLINE void *frame_start(const struct xdp_md *x)
{
	return (void *)(long)x->data;
}

INLINE void *frame_end(const struct xdp_md *x)
{
	return (void *)(long)x->data_end;
}

INLINE void mac_copy(void *to, const void *from)
{
	*(uint32_t *)to = *(const uint32_t *)from;
	*(uint16_t *)(to + 4) = *(const uint16_t *)(from + 4);
}

// ---- Internet checksum, RFC 1071 and 1624 ----

INLINE uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

// A 32-bit field at an odd offset counts with its bytes crosswise.
INLINE uint32_t csum_align(uint32_t word, uint32_t offset)
{
	if (offset & 1)
		return (word & 0x00ff00ff) << 8 | (word >> 8 & 0x00ff00ff);
	return word;
}

INLINE uint16_t csum_replace(uint16_t csum, uint32_t from, uint32_t to)
{
	return ~csum_fold((uint64_t)(uint16_t)~csum + (uint32_t)~from + to);
}

// ---- Parsing ----

// Ports of TCP and UDP, where the packet has them.
INLINE void parse_ports(struct packet *p, void *data, void *end)
{
	uint16_t *port = data + (p->l4 & 0x7f);

	if ((void *)(port + 2) > end)
		return;
	p->flow.client_port = port[0];
	p->flow.service_port = port[1];
}

INLINE bool parse4(struct packet *p, void *data, void *end)
{
	struct iphdr *ip = data + L3;

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return false;
	p->flow.family = 4;
	p->flow.proto = ip->protocol;
	*(uint32_t *)p->flow.client = ip->saddr;
	*(uint32_t *)p->flow.service = ip->daddr;
	p->l4 = L3 + ip->ihl * 4;
	p->total = bpf_ntohs(ip->tot_len);
	uint16_t frag = ip->frag_off & bpf_htons(0x3fff);
	p->odd = frag;
	if (!(frag & bpf_htons(0x1fff)))
		parse_ports(p, data, end);
	return true;
}

INLINE bool parse6(struct packet *p, void *data, void *end)
{
	struct ipv6hdr *ip = data + L3;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return false;
	p->flow.family = 6;
	p->flow.proto = ip->nexthdr;
	__builtin_memcpy(p->flow.client, &ip->saddr, 16);
	__builtin_memcpy(p->flow.service, &ip->daddr, 16);
	p->l4 = L3 + sizeof(*ip);
	p->total = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	p->odd = ip->nexthdr != IPPROTO_TCP && ip->nexthdr != IPPROTO_UDP &&
		 ip->nexthdr != IPPROTO_ICMP6;
	parse_ports(p, data, end);
	return true;
}

// False: not IP in Ethernet, or cut short. Frames with a VLAN tag are not looked at, nor those for many
// stations: each of them would send the packet on.
INLINE bool parse(struct packet *p, const struct xdp_md *x)
{
	void *data = frame_start(x), *end = frame_end(x);
	struct ethhdr *eth = data;
	bool good = false;

	*p = (struct packet){};
	if ((void *)(eth + 1) > end || eth->h_dest[0] & 1)
		return false;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		good = parse4(p, data, end);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		good = parse6(p, data, end);
	else if (eth->h_proto == bpf_htons(ETH_P_8021Q) || eth->h_proto == bpf_htons(ETH_P_8021AD))
		count(FLOW_C_TAGGED);
	return good && p->total <= (uint64_t)(end - data) - L3;
}

INLINE bool is_service4(const struct flow_config *c, uint32_t address)
{
#pragma unroll
	for (int i = 0; i < FLOW_NEAR; i++)
		if (c->near4[i] == address)
			return true;
	return bpf_map_lookup_elem(&addresses4, &address);
}

INLINE bool is_service6(const struct flow_config *c, const void *address)
{
	const uint32_t *word = address;
	struct flow_ip6 key = { { (uint64_t)word[1] << 32 | word[0],
		(uint64_t)word[3] << 32 | word[2] } };

#pragma unroll
	for (int i = 0; i < FLOW_NEAR; i++)
		if (c->near6[i].half[0] == key.half[0] && c->near6[i].half[1] == key.half[1])
			return true;
	return bpf_map_lookup_elem(&addresses6, &key);
}

INLINE bool is_service(const struct flow_config *c, const struct packet *p)
{
	if (p->flow.family == 4)
		return is_service4(c, *(const uint32_t *)p->flow.service);
	return is_service6(c, p->flow.service);
}

// Keyed mixing, so that nobody can aim at a slot; it proves nothing.
INLINE uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93;
	x ^= x >> 32;
	return x;
}

INLINE uint64_t flow_hash(const struct flow_config *c, const struct flow_tuple *f)
{
	uint64_t ports =
		(uint64_t)f->client_port << 32 | (uint64_t)f->service_port << 16 | f->proto;
	uint64_t h;

	if (f->family == 4) {
		uint64_t pair = (uint64_t) * (const uint32_t *)f->client << 32 |
				*(const uint32_t *)f->service;
		return mix(mix(pair ^ c->hash_key[0]) ^ ports ^ c->hash_key[1]);
	}
	const uint64_t *client = (const uint64_t *)f->client;
	const uint64_t *service = (const uint64_t *)f->service;
	h = mix(client[0] ^ c->hash_key[0]);
	h = mix(h ^ client[1]);
	h = mix(h ^ service[0]);
	h = mix(h ^ service[1]);
	return mix(h ^ ports ^ c->hash_key[1]);
}
