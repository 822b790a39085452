// Path attributes: the table of them, what an announcement carries (struct
// bgp_attrs) and what a received UPDATE said (struct bgp_path).
//
//	 RFC 4271 section 4.3
//	+-----------+----------+------------------+-----------+
//	| flags (1) | code (1) | length (1 or 2)  | value     |
//	+-----------+----------+------------------+-----------+
//	two octets of length when the flag EXTENDED is set
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/community.h"
#include "bgp/error.h"
#include "bgp/proto.h"
#include "lib/ip.h"
#include "lib/strbuf.h"
#include "lib/wire.h"

enum bgp_attr_code {
	BGP_ATTR_ORIGIN = 1,
	BGP_ATTR_AS_PATH = 2,
	BGP_ATTR_NEXT_HOP = 3,
	BGP_ATTR_MED = 4,
	BGP_ATTR_LOCAL_PREF = 5,
	BGP_ATTR_ATOMIC_AGGREGATE = 6,
	BGP_ATTR_AGGREGATOR = 7,
	BGP_ATTR_COMMUNITIES = 8,           // RFC 1997
	BGP_ATTR_ORIGINATOR_ID = 9,         // RFC 4456
	BGP_ATTR_CLUSTER_LIST = 10,         // RFC 4456
	BGP_ATTR_MP_REACH = 14,             // RFC 4760
	BGP_ATTR_MP_UNREACH = 15,           // RFC 4760
	BGP_ATTR_EXTENDED_COMMUNITIES = 16, // RFC 4360
	BGP_ATTR_AS4_PATH = 17,             // RFC 6793
	BGP_ATTR_AS4_AGGREGATOR = 18,       // RFC 6793
	BGP_ATTR_LARGE_COMMUNITIES = 32,    // RFC 8092
	BGP_ATTR_OTC = 35,                  // RFC 9234
};

enum {
	BGP_FLAG_OPTIONAL = 0x80,
	BGP_FLAG_TRANSITIVE = 0x40,
	BGP_FLAG_PARTIAL = 0x20,
	BGP_FLAG_EXTENDED = 0x10,
};

enum bgp_origin { BGP_ORIGIN_IGP, BGP_ORIGIN_EGP, BGP_ORIGIN_INCOMPLETE };

enum { BGP_AS_SET = 1, BGP_AS_SEQUENCE = 2 }; // segments of AS_PATH

enum {
	BGP_PREPEND_MAX = 10,
	BGP_COMMUNITIES_MAX = 255, // plain and large together: any set fits in one message
	BGP_LOCAL_PREF_DEFAULT = 100,
};

struct bgp_large {
	uint32_t global, local1, local2;
};

// ---- What an announcement carries ----

// How to make a set. All zero is a plain announcement of origin IGP.
struct bgp_attrs_spec {
	enum bgp_origin origin;
	unsigned
		prepend; // own AS this many times more, 0..BGP_PREPEND_MAX; external neighbours only
	bool has_med;
	uint32_t med;
	bool has_local_pref;
	uint32_t local_pref; // internal neighbours only; BGP_LOCAL_PREF_DEFAULT unless given
	const struct bgp_community *communities; // any order; doubles are sent once
	size_t community_count;
	bool fleet; // what a fleet tells itself: for sessions of a fleet and no others
};

// Reference-counted and never changed after it was made; equal specs give
// equal sets, whatever the order of their communities.
struct bgp_attrs {
	unsigned refs;
	uint64_t hash;
	bool fleet;
	enum bgp_origin origin;
	unsigned prepend;
	bool has_med;
	uint32_t med;
	uint32_t local_pref;
	size_t plain_count, large_count;
	struct bgp_large *large; // ascending, no doubles
	uint32_t plain[];        // ascending, no doubles
};

// A set with one reference, the caller's. 0; -ERANGE: prepend; -E2BIG: communities.
[[nodiscard]] int bgp_attrs_new(struct bgp_attrs **ret, const struct bgp_attrs_spec *spec);
// One reference more, for the caller; returns a.
struct bgp_attrs *bgp_attrs_ref(struct bgp_attrs *a);
// Drops the caller's reference and sets *a to NULL; NULL inside is fine.
void bgp_attrs_unref(struct bgp_attrs **a);
bool bgp_attrs_equal(const struct bgp_attrs *a, const struct bgp_attrs *b); // either may be NULL
uint64_t bgp_attrs_hash(const struct bgp_attrs *a);

// ---- What both ends settled, as far as reading and writing UPDATEs needs it ----

struct bgp_codec {
	uint32_t local_as;
	bool ibgp;
	bool as4;                            // AS numbers in AS_PATH have four octets
	unsigned families;                   // BGP_FAMILY_*, negotiated
	unsigned offered;                    // by this side
	struct ip_addr next_hop4, next_hop6; // for announcements; IP_NONE: there is none
	struct ip_addr link_local;           // sent beside next_hop6; IP_NONE: it is not
	bool extended;                       // messages up to BGP_MSG_EXTENDED_MAX may be sent
	unsigned paths_in, paths_out; // families whose routes have path identifiers: RFC 7911
	bool extended_next_hop;       // IPv4 routes may come with IPv6 next hops: RFC 8950
	bool ip4_via_ip6;             // and are announced with next_hop6
	uint32_t first_as;            // AS_PATH must begin with it; 0: with any
	bool end_of_rib;              // wanted: RFC 4724 section 4.1
	bool enhanced_refresh;        // begin and end of a refresh: RFC 7313
	bool otc;                     // announce with Only to Customer: RFC 9234 section 5
	bool no_llgr;                 // announce with that community: RFC 9494 section 4.3
};

// Octets of the greatest UPDATE that may be sent.
static inline size_t bgp_codec_max(const struct bgp_codec *c)
{
	return c->extended ? BGP_MSG_EXTENDED_MAX : BGP_MSG_MAX;
}

// ---- What a received UPDATE said ----

// A view of MP_REACH_NLRI or MP_UNREACH_NLRI.
struct bgp_mp {
	uint16_t afi;
	uint8_t safi;
	unsigned family;           // BGP_FAMILY_*; 0: not one of ours, or not negotiated
	struct ip_addr next_hop;   // MP_REACH only
	struct ip_addr link_local; // IP_NONE: not given
	bool paths;                // a path identifier before each prefix of nlri
	struct rd nlri;            // checked; empty when family is 0
};

struct bgp_aggregator {
	uint32_t as;
	struct ip_addr addr;
};

// Decoded attributes. The cursors are views of the message's bytes.
struct bgp_path {
	uint64_t seen; // bit of each known attribute that was there and not discarded
	uint64_t bad;  // those of them whose value is malformed
	enum bgp_origin origin;
	uint32_t med;
	uint32_t local_pref;
	struct ip_addr next_hop;
	struct bgp_aggregator aggregator, as4_aggregator;
	uint32_t originator_id;
	uint32_t otc; // Only to Customer
	bool as4;     // width of numbers in as_path
	struct rd as_path, as4_path, cluster_list, communities, extended, large;
	struct bgp_mp reach, unreach;
	struct rd raw;    // the whole attribute field
	unsigned count;   // attributes, known or not
	unsigned unknown; // optional transitive ones without a row here
};

static inline bool bgp_path_has(const struct bgp_path *p, enum bgp_attr_code code)
{
	return p->seen >> code & 1;
}

// Decodes the path attribute field of an UPDATE. *ret is filled as far as it goes; the
// result is the strongest fault, BGP_FAULT_NONE when there is none (RFC 7606 sections 3 to 5).
// What only the whole UPDATE can show (missing attributes) is judged in bgp/update.c. nlri:
// whether routes stand behind the field; else NEXT_HOP is ignored (RFC 4760 section 3).
[[nodiscard]] struct bgp_fault bgp_path_decode_of(
	struct bgp_path *ret, struct rd field, const struct bgp_codec *codec, bool nlri);
// The same with routes behind it, or of a field that stands alone.
struct bgp_fault bgp_path_decode(
	struct bgp_path *ret, struct rd field, const struct bgp_codec *codec);

// Whether a list of routes can be told apart to its end: RFC 7606 section 5.3.
bool bgp_nlri_is_sound(struct rd list, unsigned family, bool paths);
// The next prefix of a sound list; false at the end. With paths each has an
// identifier before it (RFC 7911 section 3), which goes to *id unless that is NULL.
[[nodiscard]] bool bgp_nlri_next_path(
	struct rd *r, unsigned family, bool paths, struct ip_prefix *ret, uint32_t *id);

// An attribute as it stands in the message.
struct bgp_raw_attr {
	uint8_t flags, code;
	const uint8_t *start; // of the attribute, header included
	size_t size;
	struct rd value;
};

// The next attribute of a field; false at the end and, with r->bad set, at a
// length that does not fit (RFC 7606 section 4).
[[nodiscard]] bool bgp_attr_next(struct rd *r, struct bgp_raw_attr *ret);

// The next optional transitive attribute without a row in the table, with the
// Partial bit set, as it would be passed on (RFC 4271 section 5). Start with *r = path->raw.
[[nodiscard]] bool bgp_path_next_unknown(struct rd *r, struct bgp_raw_attr *ret);

// "ORIGIN igp, AS_PATH 64500 64500, NEXT_HOP 192.0.2.1": in order of code.
void bgp_path_print(const struct bgp_path *p, struct strbuf *b);

// ---- The table ----

struct bgp_attr_row {
	enum bgp_attr_code code;
	const char *name; // "AS_PATH"
	const char *rfc;
	uint8_t flags;           // OPTIONAL and TRANSITIVE as they must be
	uint16_t min, max, step; // octets of the value; step: it is a multiple of that
	enum bgp_verb verb;      // for a malformed value
	enum { BGP_FROM_ANY, BGP_FROM_INTERNAL, BGP_FROM_AS2 } from; // others: discard

	// The value into *p; the length was checked. Sets f->kind (and f->verb where it is not
	// the row's) when the value is wrong.
	void (*decode)(struct bgp_path *p, struct rd *value, const struct bgp_codec *codec,
		struct bgp_fault *f);
	// The value of an announcement; false: the attribute is not sent. NULL: never sent, or
	// written together with its routes (bgp/update.c).
	bool (*encode)(struct wr *w, const struct bgp_attrs *attrs, const struct bgp_codec *codec);
	void (*print)(const struct bgp_path *p, struct strbuf *b); // the value
};

// Ends with code 0; ascending.
extern const struct bgp_attr_row bgp_attr_table[];

const struct bgp_attr_row *bgp_attr_find(uint8_t code); // NULL: unknown
const char *bgp_attr_name(uint8_t code);                // "unknown" without a row

// All attributes of an announcement except MP_REACH_NLRI, in ascending order of code.
// NEXT_HOP is among them when next_hop is set (IPv4 routes).
void bgp_attrs_encode(
	struct wr *w, const struct bgp_attrs *attrs, const struct bgp_codec *codec, bool next_hop);
