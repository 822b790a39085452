// The tunnel between keepers: what is sent, and what is believed.
#pragma once

#include "flow/flows.bpf.h"
#include "flow/siphash.bpf.h"

enum {
	UDP_HEADER = sizeof(struct udphdr),
	TUNNEL = sizeof(struct flow_tunnel),
	WRAP4 = sizeof(struct iphdr) + UDP_HEADER + TUNNEL,   // 44
	WRAP6 = sizeof(struct ipv6hdr) + UDP_HEADER + TUNNEL, // 64
	TTL_OUTER = 64,
	EPOCH_BYTES = 6,
};

// How a packet came here.
struct arrival {
	uint16_t from; // the keeper that sent it; 0: the network
	uint8_t hop;   // how often it was forwarded
};

// Where it goes on to, when a rule says ONWARD instead of an XDP verdict.
enum { ONWARD = -1 };

struct onward {
	uint64_t hash; // of the flow
	uint16_t node;
	uint8_t type; // enum flow_type
	bool known;   // the owner said that the flow is its own
	enum flow_count why;
};

INLINE uint64_t epoch_of(const struct flow_config *c, uint64_t now)
{
	return (now + c->realtime_offset_ns) / 1000000000;
}

// ---- The tag ----

// Words of the inner packet, as long as there are some; zero behind its end, so that the padding
// of short frames does not matter.
INLINE void cover_short(struct sip *s, void *inner, void *end, uint32_t length, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++) {
		uint64_t *word = inner + i * 8;
		bool there = length >= (i + 1) * 8 && (void *)(word + 1) <= end;
		sip_word(s, there ? *word : 0);
	}
}

INLINE void cover4(struct sip *s, void *inner, void *end, uint32_t length)
{
	uint64_t *word = inner;

	if (length < FLOW_COVER4 || inner + FLOW_COVER4 > end) {
		cover_short(s, inner, end, length, FLOW_COVER4 / 8);
		return;
	}
#pragma unroll
	for (uint32_t i = 0; i < FLOW_COVER4 / 8; i++)
		sip_word(s, word[i]);
}

INLINE uint64_t tunnel_tag(const struct flow_tunnel *t, void *inner, void *end, uint32_t length,
	bool wide, const uint64_t key[2], uint64_t epoch)
{
	struct sip s = sip_start(key);
	uint64_t head;

	__builtin_memcpy(&head, t, sizeof(head));
	sip_word(&s, head);
	if (wide)
		cover_short(&s, inner, end, length, FLOW_COVER6 / 8);
	else
		cover4(&s, inner, end, length);
	uint64_t total = sizeof(head) + (wide ? FLOW_COVER6 : FLOW_COVER4) + EPOCH_BYTES;
	return sip_end(&s, total << 56 | (epoch & 0xffffffffffff));
}

// ---- Sending ----

// A packet may be sent if the node's budget of this window has room.
INLINE bool budget_take(const struct flow_config *c, uint32_t node, bool known, uint64_t now)
{
	struct flow_budget *b = bpf_map_lookup_elem(&budgets, &node);
	uint64_t window = now >> FLOW_WINDOW_SHIFT << 32;

	if (!b)
		return false;
	uint64_t *state = known ? &b->known : &b->fresh;
	uint32_t limit = known ? c->budget_known : c->budget_new;
	if ((*state ^ window) >> 32) {
		*state = window; // two processors may both begin a window: a few packets more
	} else if ((uint32_t)*state >= limit) {
		return false;
	}
	__sync_fetch_and_add(state, 1);
	return true;
}

INLINE bool lower_ttl(const struct xdp_md *x, uint8_t family)
{
	void *data = frame_start(x), *end = frame_end(x);

	if (family == 4) {
		struct iphdr *ip = data + L3;
		if ((void *)(ip + 1) > end || ip->ttl <= 1)
			return false;
		ip->ttl--;
		ip->check = csum_replace(ip->check, bpf_htons(0x0100), 0);
		return true;
	}
	struct ipv6hdr *ip = data + L3;
	if ((void *)(ip + 1) > end || ip->hop_limit <= 1)
		return false;
	ip->hop_limit--;
	return true;
}

// Ethernet back to the router that the frame came from.
INLINE void ethernet_back(struct ethhdr *eth, const struct ethhdr *came, uint16_t proto)
{
	__builtin_memcpy(eth->h_dest, came->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, came->h_dest, ETH_ALEN);
	eth->h_proto = bpf_htons(proto);
}

// RFC 6040, compatibility mode: the outer packet claims no ECN and keeps the class.
INLINE void outer_ip4(struct iphdr *ip, const struct flow_node *self, const struct flow_node *to,
	uint16_t total, uint8_t tos)
{
	uint16_t *word = (uint16_t *)ip;
	uint64_t sum = 0;

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = tos & 0xfc,
		.tot_len = bpf_htons(total),
		.frag_off = bpf_htons(0x4000), // do not fragment
		.ttl = TTL_OUTER,
		.protocol = IPPROTO_UDP,
		.saddr = self->a4,
		.daddr = to->a4,
	};
#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += word[i];
	ip->check = ~csum_fold(sum);
}

INLINE void outer_ip6(struct ipv6hdr *ip, const struct flow_node *self, const struct flow_node *to,
	uint16_t payload, uint8_t tos)
{
	*(uint32_t *)ip = bpf_htonl(6u << 28 | (uint32_t)(tos & 0xfc) << 20);
	ip->payload_len = bpf_htons(payload);
	ip->nexthdr = IPPROTO_UDP;
	ip->hop_limit = TTL_OUTER;
	__builtin_memcpy(&ip->saddr, self->a6, 16);
	__builtin_memcpy(&ip->daddr, to->a6, 16);
}

// UDP without a checksum: RFC 6935 allows it for tunnels over IPv6 too, and the tag protects more.
INLINE void outer_udp(struct udphdr *udp, uint16_t port, uint64_t hash, uint16_t length)
{
	udp->source = bpf_htons(0xc000 | (hash & 0x3fff));
	udp->dest = port;
	udp->len = bpf_htons(length);
	udp->check = 0;
}

INLINE uint32_t next_serial(void)
{
	uint32_t zero = 0;
	uint32_t *n = bpf_map_lookup_elem(&serial, &zero);

	return n ? ++*n : 0;
}

struct wrap {
	const struct flow_config *c;
	const struct flow_node *self;
	const struct flow_node *to;
	uint64_t hash, now;
	uint32_t inner; // bytes
	uint16_t to_id;
	uint8_t type, hop, tos, family;
};

INLINE void tunnel_header(struct flow_tunnel *t, void *end, const struct wrap *w)
{
	void *inner = t + 1;
	uint64_t epoch = epoch_of(w->c, w->now);
	uint32_t n = next_serial();
	uint8_t phase = w->c->phase & 1;

	t->ver_type = FLOW_VERSION << 4 | w->type;
	t->hop_phase = w->hop << FLOW_HOP_SHIFT | (phase ? FLOW_PHASE_BIT : 0);
	t->from = bpf_htons((n >> 4 & 0xf) << 12 | w->c->self);
	t->to = bpf_htons((n & 0xf) << 12 | w->to_id);
	t->epoch = bpf_htons(epoch);
	t->tag = tunnel_tag(t, inner, end, w->inner, w->family == 6, w->self->key[phase], epoch);
}

INLINE bool wrap4(struct xdp_md *x, const struct wrap *w)
{
	if (bpf_xdp_adjust_head(x, -WRAP4))
		return false;
	void *data = frame_start(x), *end = frame_end(x);
	if (data + L3 + WRAP4 + L3 > end)
		return false;
	struct ethhdr came = *(struct ethhdr *)(data + WRAP4);

	ethernet_back(data, &came, ETH_P_IP);
	outer_ip4(data + L3, w->self, w->to, w->inner + WRAP4, w->tos);
	outer_udp(data + L3 + sizeof(struct iphdr), w->c->port, w->hash,
		w->inner + UDP_HEADER + TUNNEL);
	tunnel_header(data + L3 + sizeof(struct iphdr) + UDP_HEADER, end, w);
	return true;
}

INLINE bool wrap6(struct xdp_md *x, const struct wrap *w)
{
	if (bpf_xdp_adjust_head(x, -WRAP6))
		return false;
	void *data = frame_start(x), *end = frame_end(x);
	if (data + L3 + WRAP6 + L3 > end)
		return false;
	struct ethhdr came = *(struct ethhdr *)(data + WRAP6);

	ethernet_back(data, &came, ETH_P_IPV6);
	outer_ip6(data + L3, w->self, w->to, w->inner + UDP_HEADER + TUNNEL, w->tos);
	outer_udp(data + L3 + sizeof(struct ipv6hdr), w->c->port, w->hash,
		w->inner + UDP_HEADER + TUNNEL);
	tunnel_header(data + L3 + sizeof(struct ipv6hdr) + UDP_HEADER, end, w);
	return true;
}

INLINE uint8_t packet_tos(const struct xdp_md *x, uint8_t family)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint8_t *ip = data + L3;

	if ((void *)(ip + 2) > end)
		return 0;
	return family == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

INLINE void pair_count(uint32_t node, bool sent)
{
	struct flow_pair *n = bpf_map_lookup_elem(&pairs, &node);

	if (!n)
		return;
	if (sent)
		n->sent++;
	else
		n->received++;
}

// Whether a packet that came so may go to that node: known, alive, not here,
// and not back to where it came from.
INLINE bool may_forward(const struct flow_config *c, const struct arrival *via, uint16_t id)
{
	struct flow_node *node = node_get(id);

	return id && id != c->self && id != via->from && via->hop < FLOW_HOP_MAX && node &&
	       node->flags & FLOW_NODE_ALIVE;
}

// XDP_TX, or XDP_DROP: a refusal by the kernel would end a session that only has to wait.
INLINE int forward(struct xdp_md *x, const struct flow_config *c, const struct packet *p,
	const struct arrival *via, const struct onward *on)
{
	struct flow_node *to = node_get(on->node), *self = node_get(c->self);

	if (!to || !self)
		return XDP_DROP;
	bool over4 = to->flags & self->flags & FLOW_NODE_V4;
	if (p->total + (over4 ? WRAP4 : WRAP6) > to->mtu) {
		count(FLOW_C_TOO_BIG);
		return XDP_DROP;
	}
	if (!budget_take(c, on->node, on->known, p->now)) {
		count(on->known ? FLOW_C_OVER_KNOWN : FLOW_C_OVER_NEW);
		return XDP_DROP;
	}
	if (!lower_ttl(x, p->flow.family)) {
		count(FLOW_C_TTL);
		return XDP_DROP;
	}
	struct wrap w = {
		.c = c,
		.self = self,
		.to = to,
		.hash = on->hash,
		.now = p->now,
		.inner = p->total,
		.to_id = on->node,
		.type = on->type,
		.hop = via->hop + 1,
		.tos = packet_tos(x, p->flow.family),
		.family = p->flow.family,
	};
	if (over4 ? !wrap4(x, &w) : !wrap6(x, &w))
		return XDP_DROP;
	count(on->why);
	pair_count(on->node, true);
	return XDP_TX;
}

// ---- Receiving ----

INLINE int refuse(enum flow_count why, uint16_t node, const struct packet *p)
{
	count(why);
	// One in 1024 is told: enough to say who and why, too few to be a flood of its own.
	if ((bpf_get_prandom_u32() & 1023) == 0)
		tell(FLOW_E_REFUSED, node, why, &p->flow);
	return XDP_DROP;
}

// Whether the packet is of the tunnel's port and an address of this node.
INLINE bool is_tunnel(const struct flow_config *c, const struct packet *p)
{
	if (p->flow.proto != IPPROTO_UDP || p->flow.service_port != c->port)
		return false;
	struct flow_node *self = node_get(c->self);
	if (!self)
		return false;
	if (p->flow.family == 4)
		return *(const uint32_t *)p->flow.service == self->a4;
	const uint64_t *a = (const uint64_t *)p->flow.service;
	const uint64_t *b = (const uint64_t *)self->a6;
	return a[0] == b[0] && a[1] == b[1];
}

INLINE bool is_from(const struct packet *p, const struct flow_node *node)
{
	if (p->flow.family == 4)
		return node->flags & FLOW_NODE_V4 && *(const uint32_t *)p->flow.client == node->a4;
	const uint64_t *a = (const uint64_t *)p->flow.client;
	const uint64_t *b = (const uint64_t *)node->a6;
	return node->flags & FLOW_NODE_V6 && a[0] == b[0] && a[1] == b[1];
}

// Remembers the tag. True: it was here before.
INLINE bool is_replay(uint64_t tag)
{
	uint32_t at = tag >> 20 & (FLOW_REPLAY_SETS - 1);
	struct flow_replays *set = bpf_map_lookup_elem(&replays, &at);

	if (!set)
		return true;
#pragma unroll
	for (int i = 0; i < 7; i++)
		if (set->tag[i] == tag)
			return true;
	uint32_t next = set->next;
	if (next >= 7)
		next = 0;
	set->tag[next] = tag;
	set->next = next + 1;
	return false;
}

// The inner packet's length by its own header; 0: not the family that the type says.
INLINE uint32_t inner_length(void *inner, void *end, uint8_t type)
{
	uint8_t *b = inner;

	if ((void *)(b + sizeof(struct iphdr)) > end)
		return 0;
	if (type == FLOW_T_NOTICE)
		return sizeof(struct flow_notice);
	if (b[0] >> 4 == 4 && type != FLOW_T_IPV6)
		return b[2] << 8 | b[3];
	if (b[0] >> 4 == 6 && type != FLOW_T_IPV4)
		return sizeof(struct ipv6hdr) + (b[4] << 8 | b[5]);
	return 0;
}

INLINE bool inner_is_wide(void *inner, void *end, uint8_t type)
{
	uint8_t *b = inner;

	return type == FLOW_T_NOTICE || ((void *)(b + 1) <= end && b[0] >> 4 == 6);
}

struct inside {
	uint32_t at; // the inner packet, from the frame's start
	uint32_t length;
	struct arrival via;
	uint8_t type;
};

// All that can be said before the tag. FLOW_C_MAX: good so far.
INLINE enum flow_count tunnel_look(const struct flow_config *c, const struct packet *p,
	struct flow_tunnel *t, void *end, struct inside *in)
{
	in->type = t->ver_type & 0xf;
	in->via.from = bpf_ntohs(t->from) & FLOW_ID_MASK;
	in->via.hop = t->hop_phase >> FLOW_HOP_SHIFT;
	in->length = inner_length(t + 1, end, in->type);
	if (t->ver_type >> 4 != FLOW_VERSION || in->type >= FLOW_T_MAX ||
		t->hop_phase & FLOW_RESERVED)
		return FLOW_C_REFUSED_FORM;
	uint32_t l4 = p->l4 & 0x7f;
	if (!in->length || p->total - (l4 - L3) != UDP_HEADER + TUNNEL + in->length)
		return FLOW_C_REFUSED_LENGTH;
	if ((bpf_ntohs(t->to) & FLOW_ID_MASK) != c->self)
		return FLOW_C_REFUSED_TO;
	struct flow_node *node = node_get(in->via.from);
	if (in->via.from == c->self || !node || !(node->flags & FLOW_NODE_KNOWN) ||
		!is_from(p, node))
		return FLOW_C_REFUSED_SOURCE;
	bool forwarded = in->type != FLOW_T_NOTICE;
	if (in->via.hop > FLOW_HOP_MAX || forwarded != (in->via.hop > 0))
		return FLOW_C_REFUSED_HOP;
	return FLOW_C_MAX;
}

INLINE enum flow_count tunnel_believe(
	const struct flow_config *c, struct flow_tunnel *t, void *end, const struct inside *in)
{
	struct flow_node *node = node_get(in->via.from);
	uint64_t now = epoch_of(c, now_ns());
	int16_t apart = (int16_t)(bpf_ntohs(t->epoch) - (uint16_t)now);
	uint8_t phase = t->hop_phase & FLOW_PHASE_BIT ? 1 : 0;

	if (!node || apart > FLOW_EPOCH_SLACK_S || apart < -FLOW_EPOCH_SLACK_S)
		return FLOW_C_REFUSED_EPOCH;
	uint64_t tag = tunnel_tag(t, t + 1, end, in->length, inner_is_wide(t + 1, end, in->type),
		node->key[phase], now + apart);
	if (tag != t->tag)
		return FLOW_C_REFUSED_TAG;
	return is_replay(tag) ? FLOW_C_REFUSED_REPLAY : FLOW_C_MAX;
}

// Put the inner packet in the outer one's place.
INLINE bool unwrap(struct xdp_md *x, bool over4)
{
	void *data = frame_start(x), *end = frame_end(x);
	uint32_t shift = over4 ? WRAP4 : WRAP6;

	if (data + L3 + WRAP6 > end)
		return false;
	struct ethhdr eth = *(struct ethhdr *)data;
	if (over4 ? bpf_xdp_adjust_head(x, WRAP4) : bpf_xdp_adjust_head(x, WRAP6))
		return false;
	data = frame_start(x);
	end = frame_end(x);
	if (data + L3 + 1 > end)
		return false;
	eth.h_proto =
		*(uint8_t *)(data + L3) >> 4 == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	*(struct ethhdr *)data = eth;
	return shift > 0;
}
