// MRT, the format of routing dumps (RFC 6396, ADD-PATH RFC 8050): bytes in, records out.
//
//	+---------------+----------+-------------+------------+---------------------------+------+
//	| timestamp (4) | type (2) | subtype (2) | length (4) | microseconds (4), only ET | body |
//	+---------------+----------+-------------+------------+---------------------------+------+
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/wire.h"

enum mrt_type {
	MRT_TABLE_DUMP = 12,
	MRT_TABLE_DUMP_V2 = 13,
	MRT_BGP4MP = 16,
	MRT_BGP4MP_ET = 17,
};

// Subtypes of TABLE_DUMP_V2: RFC 6396 section 4.3, RFC 8050 section 4.
enum {
	MRT_PEER_INDEX_TABLE = 1,
	MRT_RIB_IPV4_UNICAST = 2,
	MRT_RIB_IPV4_MULTICAST = 3,
	MRT_RIB_IPV6_UNICAST = 4,
	MRT_RIB_IPV6_MULTICAST = 5,
	MRT_RIB_GENERIC = 6,
	MRT_RIB_IPV4_UNICAST_ADDPATH = 8,
	MRT_RIB_IPV4_MULTICAST_ADDPATH = 9,
	MRT_RIB_IPV6_UNICAST_ADDPATH = 10,
	MRT_RIB_IPV6_MULTICAST_ADDPATH = 11,
	MRT_RIB_GENERIC_ADDPATH = 12,
};

enum {
	MRT_HEADER_BYTES = 12,
	MRT_RECORD_MAX = 4 << 20, // octets of a record
};

// A view of one record.
struct mrt_record {
	size_t size; // header included
	int64_t time_us;
	uint16_t type, subtype;
	struct rd body;
};

// What a record is, by type and subtype.
enum mrt_kind {
	MRT_KIND_UNKNOWN, // of a type or subtype that is not read here
	MRT_KIND_PEERS,
	MRT_KIND_RIB,
	MRT_KIND_TABLE, // one entry of the older TABLE_DUMP
	MRT_KIND_MESSAGE,
	MRT_KIND_STATE,
};

// The record at the start of data. 0; -EAGAIN: ret->size octets are needed for the next try;
// -EFBIG: longer than MRT_RECORD_MAX; -EBADMSG: shorter than its type needs. ret->size says how
// long, so that the record can be passed over.
[[nodiscard]] int mrt_next(struct mrt_record *ret, const void *data, size_t len);
enum mrt_kind mrt_kind(const struct mrt_record *r);
// "TABLE_DUMP_V2 RIB_IPV4_UNICAST"; "unknown" without a name.
const char *mrt_name(const struct mrt_record *r);
// True when these first octets can be those of an MRT file.
bool mrt_is(const void *data, size_t len);

// ---- PEER_INDEX_TABLE, RFC 6396 section 4.3.1 ----

struct mrt_peer {
	uint32_t id; // host order
	uint32_t as;
	struct ip_addr addr;
};

struct mrt_peers {
	uint32_t collector; // host order
	struct rd view;     // its name; of the record
	struct mrt_peer *list;
	size_t count;
};

// 0; -EBADMSG. The list belongs to the caller; *ret is untouched on failure.
[[nodiscard]] int mrt_peers_parse(struct mrt_peers *ret, const struct mrt_record *r);
void mrt_peers_free(struct mrt_peers *p);

// ---- RIB entries, RFC 6396 sections 4.2 and 4.3.2 to 4.3.4 ----

struct mrt_rib {
	uint32_t sequence;
	uint16_t afi;
	uint8_t safi;
	struct ip_prefix prefix;
	bool add_path;
	unsigned count; // entries that follow
	struct rd entries;
};

struct mrt_entry {
	unsigned peer; // index into the peers; UINT_MAX: the entry has its own, below
	struct ip_addr peer_addr;
	uint32_t peer_as;
	int64_t originated_s;
	bool has_path_id, as4;
	uint32_t path_id;
	struct rd attrs;
	bool short_reach; // MP_REACH_NLRI has nothing but its next hop (section 4.3.4)
};

// 0; -EBADMSG; -EAFNOSUPPORT: a generic RIB of another family than IPv4 or IPv6 unicast or
// multicast.
[[nodiscard]] int mrt_rib_parse(struct mrt_rib *ret, const struct mrt_record *r);
// 0; -ENOENT at the end; -EBADMSG.
[[nodiscard]] int mrt_rib_next(struct mrt_rib *rib, struct mrt_entry *ret);
// The only entry of a TABLE_DUMP record, with the prefix it is for. 0; -EBADMSG; -EAFNOSUPPORT.
[[nodiscard]] int mrt_table_parse(
	struct mrt_rib *rib, struct mrt_entry *ret, const struct mrt_record *r);

// Writes the body of an UPDATE that announces the entry's route, without a path identifier, with
// its attributes, MP_REACH_NLRI made whole. w->bad when it does not fit; attributes that cannot be
// told apart are copied as they are. False: the route is not in it, since it has no next hop of its
// family.
[[nodiscard]] bool mrt_entry_update(
	struct wr *w, const struct mrt_rib *rib, const struct mrt_entry *e);

// ---- BGP4MP, RFC 6396 section 4.4, RFC 8050 section 3 ----

struct mrt_bgp4mp {
	uint32_t peer_as, local_as;
	struct ip_addr peer, local; // IP_NONE where the family is none of ours
	bool as4, add_path;
	bool from_local;   // the collector sent it
	struct rd message; // MRT_KIND_MESSAGE: one BGP message with its header
	uint16_t from, to; // MRT_KIND_STATE: states of the session
};

// 0; -EBADMSG.
[[nodiscard]] int mrt_bgp4mp_parse(struct mrt_bgp4mp *ret, const struct mrt_record *r);
// "Established"; "unknown".
const char *mrt_state_name(uint16_t state);
