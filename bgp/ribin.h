// Which routes a neighbour has announced: only that, so that they can be
// counted against a limit. Nothing else of them is kept.
#pragma once

#include <stddef.h>

#include "bgp/update.h"
#include "lib/hash.h"

struct bgp_ribin {
	struct hmap routes; // by family, prefix and path identifier
};

// Takes what an UPDATE announces and withdraws, its verdict considered. Stops when there are
// more than limit routes.
void bgp_ribin_update(struct bgp_ribin *r, const struct bgp_update *u, size_t limit);
// Whether any route of that prefix is there.
bool bgp_ribin_has(const struct bgp_ribin *r, const struct ip_prefix *prefix);
size_t bgp_ribin_count(const struct bgp_ribin *r);
// Forgets them all.
void bgp_ribin_clear(struct bgp_ribin *r);
