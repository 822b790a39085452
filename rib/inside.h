// Inside of rib/rib.h.
#pragma once

#include <stdatomic.h>

#include "rib/intern.h"
#include "rib/lane.h"
#include "rib/rib.h"

// A set of attributes: numbers of strings. refs 0: the number is free.
struct rib_set {
	uint32_t path, hop, rest;
	uint32_t refs : 31; // routes, and holders
	uint32_t six : 1;   // of IPv6 routes
};
_Static_assert(sizeof(struct rib_set) == 16, "packed");

enum { NO_LANE = UINT32_MAX };

struct rib_lane {
	struct lane lane;
	uint32_t next; // lane of the same neighbour; NO_LANE
	bool used;
};

struct rib_table {
	struct prefixes prefixes;
	struct rib_lane *lanes;
	uint32_t lane_count;
};

struct rib_member {
	struct rib_neighbour info;
	bool used;
	uint32_t lanes[RIB_FAMILIES]; // the first; NO_LANE
	uint32_t routes[RIB_FAMILIES];
};

// Outlives the store while there are snapshots.
struct rib_shared {
	_Atomic uint32_t refs;
	_Atomic uint32_t snapshots;
};

struct rib {
	uint64_t version;
	bool is_snapshot;
	bool may_share; // snapshots were taken since all pages were last known to be unshared
	struct rib_shared *shared;
	_Atomic uint32_t holders; // of a snapshot
	struct rib_table tables[RIB_FAMILIES];
	struct intern paths, hops, rests;
	struct pages sets;
	struct index set_index; // writer only
	struct rib_member *members;
	uint32_t member_count;
	rib_mark_fn *mark; // NULL: none
	void *mark_ctx;
};

static inline unsigned rib_family_index(enum ip_family family)
{
	return family == IP6;
}

static inline const struct rib_set *rib_set_at(const struct rib *r, uint32_t set)
{
	return pages_at(&r->sets, set);
}

// Calls that change the store begin with it: pages that no snapshot holds any more are written
// without looking.
void rib_begin_write(struct rib *r);
void rib_set_ref(struct rib *r, uint32_t set);
