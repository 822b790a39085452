// From UPDATEs to the store.
#pragma once

#include "bgp/update.h"
#include "rib/rib.h"

struct feed {
	struct rib *rib;
	unsigned neighbour;
	bool as4; // AS numbers of the session have four octets
	uint64_t announced, withdrawn, unchanged, refused; // routes
	struct rib_attrs_room *room;                       // scratch, shared by all feeds
};

// Puts in and takes out what the UPDATE says, its verdict (RFC 7606) considered.
void feed_update(struct feed *f, const struct bgp_update *u, uint32_t time_s);
