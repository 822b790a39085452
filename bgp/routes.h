// The routes of an UPDATE one by one, its verdict considered (RFC 7606): what
// a store of routes has to do, in the order to do it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bgp/update.h"
#include "lib/ip.h"

struct bgp_route {
	struct ip_prefix prefix;
	uint32_t path; // identifier (RFC 7911); 0: the session has none
	bool withdrawn;
	struct ip_addr next_hop; // of an announced one
};

// Where the walk is; private.
struct bgp_routes {
	const struct bgp_update *update;
	unsigned list;
	struct rd left;
};

// update outlives the walk. Withdrawn routes come first, so that one which is in both lists
// ends up announced (RFC 4271 section 4.3).
void bgp_routes_begin(struct bgp_routes *r, const struct bgp_update *update);

// False at the end; of an UPDATE with verb RESET there are none.
[[nodiscard]] bool bgp_routes_next(struct bgp_routes *r, struct bgp_route *ret);

// The BGP_FAMILY_* all of whose routes are gone, none may follow in this session (RFC 7606
// section 2, RFC 4760 section 7); 0: none.
unsigned bgp_routes_disabled(const struct bgp_update *update);
