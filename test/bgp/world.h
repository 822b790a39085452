// Two engines back to back: a fake wire between them and a virtual clock.
//
//	a's BGP_OUT ===== link 0 ===== b's BGP_IN
//	a's BGP_IN  ===== link 1 ===== b's BGP_OUT
#pragma once

#include "bgp/attr.h"
#include "bgp/peer.h"
#include "lib/strbuf.h"

enum { A, B, SIDES };

struct side {
	struct bgp_peer_config config;
	struct bgp_peer *peer;
	struct bgp_codec codec; // how what it sends is to be read
	struct ip_addr local;
	struct strbuf log;
	unsigned sent[6]; // messages, by type
	unsigned routes;  // announced minus withdrawn, as its UPDATEs say
	bool wants_tcp;   // asked to connect, not answered yet
	bool refuses;     // nothing listens here
};

struct link {
	bool up;
	struct strbuf to[SIDES]; // on the way to that side
	bool end[SIDES];         // and then the end of the stream
};

struct world {
	instant now;
	struct side side[SIDES];
	struct link link[SIDES]; // opened by that side
	size_t chunk;            // bytes a delivery
	bool quiet;              // nothing arrives any more, nor does the end
};

// A: AS 64500, 192.0.2.1. B: AS 64496, 192.0.2.9.
struct bgp_peer_config world_config(int side);
void world_init(struct world *w, const struct bgp_peer_config *a, const struct bgp_peer_config *b);
void world_free(struct world *w);

void world_start(struct world *w, int side);
// Until nobody has anything to say, without time passing.
void world_settle(struct world *w);
// With time passing.
void world_run(struct world *w, span time);
// The line is cut: both ends see it closed, what was on the way is lost.
void world_cut(struct world *w);

void world_expect_established(struct world *w);
