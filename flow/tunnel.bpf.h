// The tunnel between keepers: what is sent, and what is believed.
#pragma once

#include "flow/moves.bpf.h"
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

// ---- The tag ----

INLINE uint64_t seal_end(struct sip *s, uint64_t epoch, uint32_t cover)
{
	uint64_t total = sizeof(uint64_t) + cover + EPOCH_BYTES;

	return sip_end(s, total << 56 | (epoch & 0xffffffffffff));
}

// The tag of any packet, as the lane's seal describes it: words of the inner packet as long as there
// are whole ones, zero behind its end, for the padding of short frames does not matter. A function
// of its own to the verifier. Returns 0 when there is no tag.
__attribute__((noinline)) int seal_any(struct xdp_md *x)
{
	struct flow_lane *l = lane_get();

	if (!l)
		return 0;
	struct flow_seal *s = &l->seal;
	uint32_t cover = s->wide ? FLOW_COVER6 : FLOW_COVER4;
	uint32_t n = (s->length < cover ? s->length : cover) & ~7u;
	__builtin_memset(s->word, 0, sizeof(s->word));
	if (n >= 8 && n <= sizeof(s->word) && bpf_xdp_load_bytes(x, s->at, s->word, n))
		return 0;
	struct sip sip = sip_start(s->key);
	sip_word(&sip, s->head);
	for (uint32_t i = 0; i < FLOW_COVER6 / 8 && i * 8 < cover; i++)
		sip_word(&sip, s->word[i]);
	s->tag = seal_end(&sip, s->epoch, cover);
	return 1;
}

// Nearly all are long enough: straight from the packet.
INLINE uint64_t seal_usual(
	uint64_t head, const uint64_t *word, uint32_t cover, const uint64_t key[2], uint64_t epoch)
{
	struct sip s = sip_start(key);

	sip_word(&s, head);
#pragma unroll
	for (uint32_t i = 0; i < cover / 8; i++)
		sip_word(&s, word[i]);
	return seal_end(&s, epoch, cover);
}

// outer: bytes before the inner packet, WRAP4 or WRAP6. False: there is no tag, whatever the packet says.
INLINE bool tunnel_tag(struct xdp_md *x, const struct flow_tunnel *t, uint32_t outer,
	uint32_t length, bool wide, const uint64_t key[2], uint64_t epoch, uint64_t *ret)
{
	void *end = frame_end(x);
	const uint64_t *inner = (const uint64_t *)(t + 1);

	if (outer == WRAP4 && !wide && length >= FLOW_COVER4 &&
		(const void *)inner + FLOW_COVER4 <= end) {
		*ret = seal_usual(*(const uint64_t *)t, inner, FLOW_COVER4, key, epoch);
		return true;
	}
	if (outer == WRAP4 && wide && length >= FLOW_COVER6 &&
		(const void *)inner + FLOW_COVER6 <= end) {
		*ret = seal_usual(*(const uint64_t *)t, inner, FLOW_COVER6, key, epoch);
		return true;
	}
	struct flow_lane *l = lane_get();
	if (!l)
		return false;
	l->seal.head = *(const uint64_t *)t;
	l->seal.epoch = epoch;
	l->seal.key[0] = key[0];
	l->seal.key[1] = key[1];
	l->seal.at = L3 + outer;
	l->seal.length = length;
	l->seal.wide = wide;
	if (!seal_any(x))
		return false;
	*ret = l->seal.tag;
	return true;
}

// ---- Sending ----

// A packet may be sent if the node's budget of this window has room.
INLINE bool budget_take(const struct flow_config *c, uint32_t node, bool known, uint64_t now)
{
	struct flow_budget *b = bpf_map_lookup_elem(&budgets, &node);

	if (!b)
		return false;
	return window_take(
		known ? &b->known : &b->fresh, known ? c->budget_known : c->budget_new, now);
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
INLINE void ethernet_back(void *eth, const void *came, uint16_t proto)
{
	mac_copy(eth, came + ETH_ALEN);
	mac_copy(eth + ETH_ALEN, came);
	*(uint16_t *)(eth + 2 * ETH_ALEN) = bpf_htons(proto);
}

INLINE void ethernet_swap(void *eth)
{
	uint32_t to4 = *(uint32_t *)eth;
	uint16_t to2 = *(uint16_t *)(eth + 4);

	mac_copy(eth, eth + ETH_ALEN);
	*(uint32_t *)(eth + ETH_ALEN) = to4;
	*(uint16_t *)(eth + ETH_ALEN + 4) = to2;
}

// RFC 6040, compatibility mode: the outer packet claims no ECN and keeps the class.
INLINE void outer_ip4(struct iphdr *ip, const struct flow_node *self, const struct flow_node *to,
	uint16_t total, uint8_t tos)
{
	uint32_t *word = (uint32_t *)ip; // in words, for the checksum would wait for parts of them
	uint32_t first = bpf_htonl(0x45000000 | (uint32_t)(tos & 0xfc) << 16 | total);
	uint32_t second = bpf_htonl(0x4000); // do not fragment
	uint32_t third = bpf_htonl(TTL_OUTER << 24 | IPPROTO_UDP << 16);
	uint64_t sum = (uint64_t)first + second + third + self->a4 + to->a4;

	word[0] = first;
	word[1] = second;
	word[2] = third | (uint32_t)(uint16_t)~csum_fold(sum) << 16;
	word[3] = self->a4;
	word[4] = to->a4;
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

struct wrap {
	const struct flow_config *c;
	const struct flow_node *self;
	const struct flow_node *to;
	uint64_t hash;
	uint32_t inner; // bytes
	uint16_t to_id;
	uint8_t type, hop, tos, family;
};

INLINE bool tunnel_header(
	struct xdp_md *x, struct flow_tunnel *t, uint32_t outer, const struct wrap *w)
{
	struct flow_lane *l = lane_get(); // its clock was read by the rule that sends
	uint64_t epoch = l ? l->epoch_s : 0;
	uint32_t n = l ? ++l->serial : 0;
	uint8_t phase = w->c->phase & 1;
	uint64_t head = (uint64_t)(FLOW_VERSION << 4 | w->type) << 56 |
			(uint64_t)(w->hop << FLOW_HOP_SHIFT | (phase ? FLOW_PHASE_BIT : 0)) << 48 |
			(uint64_t)((n >> 4 & 0xf) << 12 | w->c->self) << 32 |
			(uint64_t)((n & 0xf) << 12 | w->to_id) << 16 | (epoch & 0xffff);

	*(uint64_t *)t = bpf_cpu_to_be64(head);
	uint64_t tag;
	if (!tunnel_tag(x, t, outer, w->inner, w->family == 6, w->self->key[phase], epoch, &tag))
		return false;
	t->tag = tag;
	return true;
}

INLINE bool wrap4(struct xdp_md *x, const struct wrap *w)
{
	if (bpf_xdp_adjust_head(x, -WRAP4))
		return false;
	void *data = frame_start(x), *end = frame_end(x);
	if (data + L3 + WRAP4 + L3 > end)
		return false;
	ethernet_back(data, data + WRAP4, ETH_P_IP);
	outer_ip4(data + L3, w->self, w->to, w->inner + WRAP4, w->tos);
	outer_udp(data + L3 + sizeof(struct iphdr), w->c->port, w->hash,
		w->inner + UDP_HEADER + TUNNEL);
	return tunnel_header(x, data + L3 + WRAP4 - TUNNEL, WRAP4, w);
}

INLINE bool wrap6(struct xdp_md *x, const struct wrap *w)
{
	if (bpf_xdp_adjust_head(x, -WRAP6))
		return false;
	void *data = frame_start(x), *end = frame_end(x);
	if (data + L3 + WRAP6 + L3 > end)
		return false;
	ethernet_back(data, data + WRAP6, ETH_P_IPV6);
	outer_ip6(data + L3, w->self, w->to, w->inner + UDP_HEADER + TUNNEL, w->tos);
	outer_udp(data + L3 + sizeof(struct ipv6hdr), w->c->port, w->hash,
		w->inner + UDP_HEADER + TUNNEL);
	return tunnel_header(x, data + L3 + WRAP6 - TUNNEL, WRAP6, w);
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

// XDP_TX, or XDP_DROP: a refusal by the kernel would end a session that only has to wait. family is
// the packet's, over4 whether the tunnel is IPv4.
INLINE int forward_as(struct xdp_md *x, const struct flow_config *c, const struct packet *p,
	const struct arrival *via, const struct onward *on, const struct flow_node *self,
	const struct flow_node *to, uint8_t family, bool over4)
{
	if (p->total + (over4 ? WRAP4 : WRAP6) > to->mtu) {
		count(FLOW_C_TOO_BIG);
		return XDP_DROP;
	}
	if (!budget_take(c, on->node, on->known, p->now)) {
		count(on->known ? FLOW_C_OVER_KNOWN : FLOW_C_OVER_NEW);
		return XDP_DROP;
	}
	if (!lower_ttl(x, family)) {
		count(FLOW_C_TTL);
		return XDP_DROP;
	}
	struct wrap w = {
		.c = c,
		.self = self,
		.to = to,
		.hash = on->hash,
		.inner = p->total,
		.to_id = on->node,
		.type = on->type,
		.hop = via->hop + 1,
		.tos = packet_tos(x, family),
		.family = family,
	};
	if (over4 ? !wrap4(x, &w) : !wrap6(x, &w))
		return XDP_DROP;
	count(on->why);
	pair_count(on->node, true);
	return XDP_TX;
}

INLINE bool nodes_share4(const struct flow_node *a, const struct flow_node *b)
{
	return a->flags & b->flags & FLOW_NODE_V4;
}

INLINE int forward(struct xdp_md *x, const struct flow_config *c, const struct packet *p,
	const struct arrival *via, const struct onward *on)
{
	const struct flow_node *to = node_get(on->node), *self = node_get(c->self);

	if (!to || !self)
		return XDP_DROP;
	bool over4 = nodes_share4(self, to);
	// It cannot be sent, now or later. The kernel's answer is an end, as with an owner that is dead.
	if (!over4 && !(self->flags & to->flags & FLOW_NODE_V6)) {
		count(FLOW_C_NO_PATH);
		return XDP_PASS;
	}
	return forward_as(x, c, p, via, on, self, to, p->flow.family, over4);
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

INLINE enum flow_count tunnel_believe(struct xdp_md *x, const struct flow_config *c,
	struct flow_tunnel *t, void *end, uint32_t outer, const struct inside *in)
{
	struct flow_node *node = node_get(in->via.from);
	uint64_t now = now_epoch(c);
	int16_t apart = (int16_t)(bpf_ntohs(t->epoch) - (uint16_t)now);
	uint8_t phase = t->hop_phase & FLOW_PHASE_BIT ? 1 : 0;

	if (!node || apart > FLOW_EPOCH_SLACK_S || apart < -FLOW_EPOCH_SLACK_S)
		return FLOW_C_REFUSED_EPOCH;
	uint64_t tag;
	if (!tunnel_tag(x, t, outer, in->length, inner_is_wide(t + 1, end, in->type),
		    node->key[phase], now + apart, &tag) ||
		tag != t->tag)
		return FLOW_C_REFUSED_TAG;
	return is_replay(tag) ? FLOW_C_REFUSED_REPLAY : FLOW_C_MAX;
}

// Put the inner packet in the outer one's place.
INLINE bool unwrap(struct xdp_md *x, uint32_t outer)
{
	void *data = frame_start(x), *end = frame_end(x), *eth = data + outer;

	if (eth + L3 + 1 > end)
		return false;
	uint8_t version = *(uint8_t *)(eth + L3) >> 4;
	mac_copy(eth, data);
	mac_copy(eth + ETH_ALEN, data + ETH_ALEN);
	*(uint16_t *)(eth + 2 * ETH_ALEN) = bpf_htons(version == 4 ? ETH_P_IP : ETH_P_IPV6);
	return bpf_xdp_adjust_head(x, outer) == 0;
}
