// What this side offers in its OPEN, and what both sides agree on.
#include "bgp/inside.h"

static bool is_external(const struct bgp_peer_config *cf)
{
	return cf->local_as != cf->peer_as;
}

static struct bgp_caps offer(const struct bgp_conn *c)
{
	const struct bgp_peer *p = c->peer;
	const struct bgp_peer_config *cf = &p->config;
	bool restarts = !span_is_zero(cf->restart_time);

	if (c->bare)
		return (struct bgp_caps){};
	return (struct bgp_caps){
		.multiprotocol = true,
		.families = cf->families,
		.refresh = true,
		.enhanced_refresh = true,
		.extended_next_hop = cf->extended_next_hop,
		.extended_message = cf->extended_messages,
		.paths_receive = cf->paths_receive & cf->families,
		.paths_send = cf->paths_send & cf->families,
		.has_role = cf->has_role && is_external(cf),
		.role = (uint8_t)cf->role,
		.as4 = true,
		.as = cf->local_as,
		.graceful_restart = true,
		.restarted = restarts && cf->restarted && !p->was_up,
		.restart_time_s = (uint16_t)(cf->restart_time.us / 1000000),
		.restart_families = restarts ? cf->families : 0,
		.restart_kept = restarts ? cf->families : 0, // the service runs on without us
	};
}

struct bgp_open bgp_conn_open(const struct bgp_conn *c)
{
	const struct bgp_peer_config *cf = &c->peer->config;

	return (struct bgp_open){
		.as = cf->local_as,
		.hold_time_s = (uint16_t)(cf->hold_time.us / 1000000),
		.id = cf->router_id,
		.caps = offer(c),
	};
}

// RFC 5492 section 3: a neighbour that takes no capabilities is asked again without them, once;
// when that comes to an end, with them, as it may have learnt. Not where a session would then
// lack what the configuration insists on.
bool bgp_peer_may_be_bare(const struct bgp_peer *p)
{
	return p->config.families & BGP_FAMILY_IP4 && !p->config.strict_role;
}

static bool is_link_local(const struct ip_addr *a)
{
	return a->family == IP6 && ip_is_link_local(a);
}

// RFC 4271 section 5.1.3. RFC 2545 section 3 wants a global address of IPv6, but neighbours on
// a link without global addresses have nothing else than their link-local one.
static struct ip_addr next_hop(
	const struct bgp_conn *c, const struct ip_addr *configured, enum ip_family family)
{
	if (configured->family == family)
		return *configured;
	if (c->local.family == family && !ip_is_unspecified(&c->local))
		return c->local;
	return (struct ip_addr){};
}

// RFC 4271 section 4.2: the smaller hold time. RFC 6793 and RFC 7313: when both have it. RFC
// 8654 section 4 and RFC 4724 section 4.1: what the neighbour takes may be sent to it.
static struct bgp_negotiated agree(
	const struct bgp_peer_config *cf, const struct bgp_caps *ours, const struct bgp_open *o)
{
	const struct bgp_caps *theirs = &o->caps;
	span hold = span_min(cf->hold_time, span_s(o->hold_time_s));
	unsigned families = bgp_caps_common_families(ours, theirs);

	return (struct bgp_negotiated){
		.hold_time = hold,
		.keepalive = { hold.us / 3 },
		.families = families,
		.as4 = ours->as4 && theirs->as4,
		.refresh = ours->refresh && theirs->refresh,
		.enhanced_refresh = ours->enhanced_refresh && theirs->enhanced_refresh,
		.extended_messages = ours->extended_message && theirs->extended_message,
		.paths_receive = families & ours->paths_receive & theirs->paths_send,
		.paths_send = families & ours->paths_send & theirs->paths_receive,
		.extended_next_hop = ours->extended_next_hop && theirs->extended_next_hop,
		.graceful_restart = ours->graceful_restart && theirs->graceful_restart,
		.restart_time = span_s(theirs->restart_time_s),
		.restart_families = theirs->restart_families,
		.restart_kept = theirs->restart_kept,
		.has_role = theirs->has_role && theirs->role < BGP_ROLE_MAX,
		.role = theirs->role < BGP_ROLE_MAX ? (enum bgp_role)theirs->role : BGP_ROLE_PEER,
		.peer_id = o->id,
	};
}

// RFC 9234 section 5: routes to a customer, a peer or a client of the route server go only to
// customers from there on. What the neighbour said does not matter, if it said anything.
static bool goes_down(enum bgp_role role)
{
	return role == BGP_ROLE_PROVIDER || role == BGP_ROLE_PEER || role == BGP_ROLE_RS;
}

void bgp_conn_negotiate(struct bgp_conn *c)
{
	const struct bgp_peer_config *cf = &c->peer->config;
	const struct bgp_caps ours = offer(c);
	struct bgp_negotiated n = agree(cf, &ours, &c->theirs);

	c->agreed = n;
	c->codec = (struct bgp_codec){
		.local_as = cf->local_as,
		.ibgp = !is_external(cf),
		.as4 = n.as4,
		.families = n.families,
		.offered = cf->families,
		.next_hop4 = next_hop(c, &cf->next_hop4, IP4),
		.next_hop6 = next_hop(c, &cf->next_hop6, IP6),
		.extended = n.extended_messages,
		.paths_in = n.paths_receive,
		.paths_out = n.paths_send,
		.extended_next_hop = n.extended_next_hop,
		.end_of_rib = n.graceful_restart,
		.enhanced_refresh = n.enhanced_refresh,
		.first_as = cf->first_as && is_external(cf) ? cf->peer_as : 0,
		.otc = ours.has_role && goes_down(cf->role),
		.no_llgr = cf->no_llgr,
	};
	if (is_link_local(&c->local) && !is_link_local(&c->codec.next_hop6))
		c->codec.link_local = c->local;
	c->codec.ip4_via_ip6 = n.extended_next_hop && c->codec.next_hop6.family == IP6 &&
			       (c->local.family == IP6 || c->codec.next_hop4.family == IP_NONE);
}
