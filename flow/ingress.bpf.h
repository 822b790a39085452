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
		why = tunnel_believe(c, t, end, &in);
	if (why != FLOW_C_MAX)
		return refuse(why, in.via.from, p);
	pair_count(in.via.from, false);
	if (in.type == FLOW_T_NOTICE)
		return notice_in(x, c, &in, over4);
	if (!unwrap(x, over4))
		return refuse(FLOW_C_REFUSED_LENGTH, in.via.from, p);
	if (!parse(p, x) || p->odd || !is_service(c, p))
		return refuse(FLOW_C_REFUSED_INNER, in.via.from, p);
	count(FLOW_C_RECEIVED);
	*via = in.via;
	return XDP_PASS;
}

// For a service, from the network or out of the tunnel.
INLINE int service_in(struct xdp_md *x, const struct flow_config *c, struct packet *p,
	const struct arrival *via, struct onward *on)
{
	if (!p->odd && p->flow.proto == IPPROTO_TCP)
		return tcp_in(x, c, p, via, on);
	if (!p->odd && p->flow.proto == IPPROTO_UDP)
		return udp_in(x, c, p, via, on);
	if (!p->odd && (p->flow.proto == IPPROTO_ICMP || p->flow.proto == IPPROTO_ICMP6))
		return icmp_in(x, c, p, via, on);
	count(FLOW_C_FRAGMENT);
	return XDP_PASS;
}

INLINE int keeper(struct xdp_md *x)
{
	const struct flow_config *c = config_get();
	struct arrival via = {};
	struct onward on = {};
	struct packet p;

	if (!c || !c->self || !parse(&p, x))
		return XDP_PASS;
	if (is_tunnel(c, &p)) {
		int verdict = tunnel_in(x, c, &p, &via);
		if (verdict != XDP_PASS)
			return verdict;
	} else if (!is_service(c, &p)) {
		return XDP_PASS;
	}
	// The shield's place: what came through the tunnel passes it as well, and sessions
	// that the lines below find are not charged as new ones.
	int verdict = service_in(x, c, &p, &via, &on);
	return verdict == ONWARD ? forward(x, c, &p, &via, &on) : verdict;
}
