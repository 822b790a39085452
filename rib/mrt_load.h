// MRT tables into the store: TABLE_DUMP_V2 and the older TABLE_DUMP. Each peer of the file becomes a
// neighbour. Messages (BGP4MP) are for a decoder of UPDATEs; they are passed over here.
#pragma once

#include "rib/mrt.h"
#include "rib/rib.h"

struct mrt_load {
	struct rib *rib;
	struct mrt_peers peers;
	unsigned *neighbours;      // by index of the file's peers
	uint64_t records, entries; // read
	uint64_t refused;          // entries whose attributes cannot be kept
	uint64_t passed_over;      // records of other kinds
	struct rib_attrs_room room;
};

[[nodiscard]] struct mrt_load *mrt_load_new(struct rib *r);
void mrt_load_free(struct mrt_load **l); // the routes stay; NULL inside is fine

// One record. 0; -EBADMSG: it cannot be read; -ENOSPC: more neighbours than the store takes.
[[nodiscard]] int mrt_load_record(struct mrt_load *l, const struct mrt_record *record);
