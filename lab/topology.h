// The nodes and links that a scenario asks for, with their addresses. Pure: the same
// scenario gives the same topology.
//
// Address plan, all from blocks set aside for examples and tests:
//
//	links between networks   203.0.113.0/24 as /31, past 128 links 198.19.128.0/17
//	                         2001:db8:0:LINK::/64          (LINK counts from 1)
//	network N (from 1)       198.18.N.0/24, on into 198.19.
//	                         2001:db8:1000+N::/48
//	  its router             198.18.N.1/32                 2001:db8:1000+N::1/128
//	  its Kth host           198.18.N.(2+2K)/31            2001:db8:1000+N:K::/64
//	                         (router first, host second; K counts from 0 for IPv4, 1 for IPv6)
//
// 198.18.0.0/15 is RFC 2544's, 203.0.113.0/24 RFC 5737's, 2001:db8::/32 RFC 3849's.
#pragma once

#include "lab/scenario.h"

enum node_kind { NODE_KIND_ROUTER, NODE_KIND_SITE, NODE_KIND_REFLECTOR, NODE_KIND_CLIENT };
const char *node_kind_name(enum node_kind k);

struct lab_node {
	const char *name;
	enum node_kind kind;
	size_t index; // in the scenario's list of its kind
	const char *city;
	struct geo_point at;
	uint64_t as;                       // of a client: its network's
	struct ip_addr address4, address6; // of its own: router id, unicast address of a host
	bool keeper;                       // nearcastd with a keeper runs there
	int netns;                         // -1 until the world is made
};

struct link_end {
	struct lab_node *node;
	char ifname[NODE_NAME_MAX + 1]; // the other node's name
	struct ip_addr address4, address6;
};

struct lab_link {
	struct link_end a, b;   // of a link to a host, b is the host
	enum relation relation; // what b is to a
	bool edge;              // to a host: no BGP unless the host is a site
	bool backup;
	uint32_t
		metric; // of the host's default route through it: its first upstream has the lowest
	span delay;     // one way
	double loss;    // percent
};

enum { LINK_BITS4 = 31, LINK_BITS6 = 64 };

// A BGP session of the fleet, between the hosts' own addresses.
struct fleet_link {
	const struct lab_node *a, *b; // of a reflector and a node, b is the reflector
};

struct topology {
	struct lab_node *nodes;
	size_t node_count;
	struct lab_link *links;
	size_t link_count;
	struct fleet_link *fleet;
	size_t fleet_count;
};

// From a scenario that was loaded without faults and outlives the topology.
// -ENOSPC when a network has more hosts or the world more links than the plan has addresses.
[[nodiscard]] int topology_new(struct topology **ret, const struct scenario *s);
void topology_free(struct topology **t);

// NULL when there is no such node.
struct lab_node *topology_node(const struct topology *t, const char *name);
// The link between two nodes in either order; NULL.
struct lab_link *topology_link(const struct topology *t, const char *a, const char *b);
// The end of the link at the node (NULL when the link is another's), and the other one.
const struct link_end *link_end_at(const struct lab_link *l, const struct lab_node *node);
const struct link_end *link_end_beyond(const struct lab_link *l, const struct lab_node *node);
// The node at the other end of a fleet session, NULL when the session is others'.
const struct lab_node *fleet_link_beyond(const struct fleet_link *l, const struct lab_node *node);
// What the other end is to the node.
enum relation link_relation_at(const struct lab_link *l, const struct lab_node *node);

// The prefix a network announces for its hosts.
struct ip_prefix network_prefix(const struct lab_node *router, enum ip_family family);
