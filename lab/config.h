// The configuration files of what runs in a world, as text. Pure: only the scenario and the
// topology decide.
#pragma once

#include "lab/topology.h"
#include "lib/strbuf.h"

// bird.conf of a network's router: its own prefix, one session a family and
// neighbour, and valley-free policy:
//
//	from        local preference   goes on to
//	customer    200 (backup: 80)   everybody
//	peer        100                customers
//	provider     50 (backup: 20)   customers
//
// Where a route came from is kept in a large community OWN:1:(1 customer, 2 peer, 3 provider).
// GRACEFUL_SHUTDOWN (RFC 8326) gives preference 0; prefixes longer than /24 and /48 are refused.
// With multipath, routes that are equally good share the load.
void config_bird_router(const struct scenario *s, const struct topology *t,
	const struct lab_node *router, struct strbuf *b);

// bird.conf of a site that announces without checks.
void config_bird_site(const struct scenario *s, const struct topology *t,
	const struct lab_node *site, struct strbuf *b);

// bird.conf of a reflector of the fleet; bgpd.conf and zebra.conf of one with FRR.
void config_bird_reflector(const struct scenario *s, const struct topology *t,
	const struct lab_node *node, struct strbuf *b);
void config_frr_reflector(const struct scenario *s, const struct topology *t,
	const struct lab_node *node, struct strbuf *b);
void config_zebra(struct strbuf *b);
// `fleet:` of a node's nearcast.yaml; nothing when it has no fleet sessions.
void config_fleet_sessions(const struct scenario *s, const struct topology *t,
	const struct lab_node *node, struct strbuf *b);

// nsd.conf and knot.conf of a site; dir is the node's directory.
void config_nsd(
	const struct scenario *s, const struct lab_node *site, const char *dir, struct strbuf *b);
void config_knot(
	const struct scenario *s, const struct lab_node *site, const char *dir, struct strbuf *b);
// The zone example.org that both serve.
void config_zone(const struct scenario *s, struct strbuf *b);

// nginx.conf of a site, and the file it needs beside it.
void config_nginx(const struct lab_node *site, const char *dir, struct strbuf *b);

// nearcast.yaml of a site: the scenario's part, with ${...} replaced, and each
// of these top-level keys that it does not have: site, node, as, router-id,
// listen-port (0, or 179 in a mesh), control, readonly, upstreams (one a neighbour and family), fleet,
// keeper (in worlds that have it).
// Known in ${...}: name site city lat lon as id address4 address6 dir, and those of another
// node as ${NODE.address4}. -EINVAL with a sentence in *error for another.
[[nodiscard]] int config_nearcast(const struct scenario *s, const struct topology *t,
	const struct lab_node *site, const char *dir, struct strbuf *b, struct strbuf *error);
