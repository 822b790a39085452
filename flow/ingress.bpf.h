// What happens to a frame that arrives, in order.
#pragma once

#include "flow/icmp.bpf.h"
#include "flow/notice.bpf.h"

// A tunnel packet for this node. XDP_PASS: unwrapped, p and via describe what was inside.
INLINE int tunnel_in(
	struct xdp_md *x, const struct flow_config *c, struct packet *p, struct arrival *via)
{
	void *data = frame_start(x), *end = frame_end(x);
	bool over4 = p->flow.family == 4;
	struct flow_tunnel *t = data + L3 + (over4 ? WRAP4 : WRAP6) - TUNNEL;
	struct inside in = {};

	if (p->odd || (void *)(t + 1) > end ||
		p->l4 != L3 + (over4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)))
		return refuse(FLOW_C_REFUSED_LENGTH, 0, p);
	enum flow_count why = tunnel_look(c, p, t, end, &in);
	if (why == FLOW_C_MAX)
		why = tunnel_believe(x, c, t, end, over4 ? WRAP4 : WRAP6, &in);
	if (why != FLOW_C_MAX)
		return refuse(why, in.via.from, p);
	pair_count(in.via.from, false);
	if (in.type == FLOW_T_NOTICE)
		return notice_in(x, c, &in, over4);
	if (over4 ? !unwrap(x, WRAP4) : !unwrap(x, WRAP6))
		return refuse(FLOW_C_REFUSED_LENGTH, in.via.from, p);
	if (!parse(p, x) || p->odd || !is_service(c, p))
		return refuse(FLOW_C_REFUSED_INNER, in.via.from, p);
	count(FLOW_C_RECEIVED);
	*via = in.via;
	return XDP_PASS;
}

// A frame's way through the steps below.
struct job {
	struct packet packet;
	struct arrival via;
	struct onward on;
};

// Steps that are functions of their own to the verifier: it looks at each once and not at every way
// of coming to it, a third of the work. The price is a few nanoseconds for those that go there.
#define STEP __attribute__((noinline)) int

STEP step_tunnel(struct xdp_md *x, struct job *j)
{
	const struct flow_config *c = config_get();

	return c && j ? tunnel_in(x, c, &j->packet, &j->via) : XDP_PASS;
}

STEP step_udp(struct xdp_md *x, struct job *j)
{
	const struct flow_config *c = config_get();

	return c && j ? udp_in(x, c, &j->packet, &j->via, &j->on) : XDP_PASS;
}

STEP step_icmp(struct xdp_md *x, struct job *j)
{
	const struct flow_config *c = config_get();

	return c && j ? icmp_in(x, c, &j->packet, &j->via, &j->on) : XDP_PASS;
}

STEP step_forward(struct xdp_md *x, struct job *j)
{
	const struct flow_config *c = config_get();

	return c && j ? forward(x, c, &j->packet, &j->via, &j->on) : XDP_DROP;
}

// For a service, from the network or out of the tunnel.
INLINE int service_in(struct xdp_md *x, const struct flow_config *c, struct job *j)
{
	struct packet *p = &j->packet;

	if (!p->odd && p->flow.proto == IPPROTO_TCP)
		return tcp_in(x, c, p, &j->via, &j->on); // here, for it is what there is most of
	if (!p->odd && p->flow.proto == IPPROTO_UDP)
		return step_udp(x, j);
	if (!p->odd && (p->flow.proto == IPPROTO_ICMP || p->flow.proto == IPPROTO_ICMP6))
		return step_icmp(x, j);
	count(FLOW_C_FRAGMENT);
	return XDP_PASS;
}

// IPv4 in IPv4 is sent from here, for the same reason.
INLINE int onward(struct xdp_md *x, const struct flow_config *c, struct job *j)
{
	const struct flow_node *to = node_get(j->on.node), *self = node_get(c->self);

	if (to && self && j->packet.flow.family == 4 && nodes_share4(self, to))
		return forward_as(x, c, &j->packet, &j->via, &j->on, self, to, 4, true);
	return step_forward(x, j);
}

INLINE int keeper(struct xdp_md *x)
{
	const struct flow_config *c = config_get();
	struct job j = {};

	if (!c || !c->self || !parse(&j.packet, x))
		return XDP_PASS;
	if (is_tunnel(c, &j.packet)) {
		int verdict = step_tunnel(x, &j);
		if (verdict != XDP_PASS)
			return verdict;
	} else if (!is_service(c, &j.packet)) {
		return XDP_PASS;
	}
	// The shield's place: what came through the tunnel passes it as well, and sessions
	// that the lines below find are not charged as new ones.
	int verdict = service_in(x, c, &j);
	return verdict == ONWARD ? onward(x, c, &j) : verdict;
}
