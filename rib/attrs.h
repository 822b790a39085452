// Path attributes as the store keeps them: in three strings of octets, each of them kept once.
//
//	path   AS_PATH's value, AS numbers of four octets, AS4_PATH merged in (RFC 6793 section 4.2.3)
//	hop    4 or 16 octets of next hop; 32 with a link-local one behind it (RFC 2545 section 3)
//	rest   every other attribute as on the wire, flags and lengths made canonical, in order of code
//
// A full table has some 75,000 distinct sets of attributes, but few distinct strings of the last
// two kinds; across neighbours they are the same ones.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/strbuf.h"
#include "lib/wire.h"

struct rib_attrs {
	struct rd path, hop, rest;
};

// Room for the strings of one attribute field.
struct rib_attrs_room {
	uint8_t path[131072], rest[65536], hop[32];
};

// How to read a field. Unknown attributes are kept when they are transitive (RFC 4271 section 5).
struct rib_attrs_from {
	bool as4;      // AS numbers of AS_PATH and AGGREGATOR have four octets
	uint64_t drop; // a bit for each code below 64 that RFC 7606 discards
	struct ip_addr next_hop, link_local; // IP_NONE: what the field says
};

// Splits an attribute field, in which MP_REACH_NLRI may be whole or as short as RFC 6396 section
// 4.3.4 has it. 0; -EBADMSG: attributes that do not fit in the field, or an AS path that cannot
// be read. *ret then is untouched; else it is a view of *room and of the field.
[[nodiscard]] int rib_attrs_split(struct rib_attrs *ret, struct rib_attrs_room *room,
	struct rd field, const struct rib_attrs_from *from);

// The value of an attribute of rest; false: it is not there.
[[nodiscard]] bool rib_attrs_get(const struct rib_attrs *a, uint8_t code, struct rd *value);
// The next one of rest, in order of code; false at the end.
[[nodiscard]] bool rib_attrs_next(struct rd *rest, uint8_t *flags, uint8_t *code, struct rd *value);
// Writes the whole field as an UPDATE of IPv4 routes has it (RFC 4271), with NEXT_HOP unless the
// next hop is IPv6: then MP_REACH_NLRI with nothing but its next hop (RFC 6396 section 4.3.4).
void rib_attrs_write(struct wr *w, const struct rib_attrs *a);

struct ip_addr rib_attrs_next_hop(const struct rib_attrs *a, struct ip_addr *link_local);

// A number of a 4-octet attribute (MED, LOCAL_PREF, ORIGINATOR_ID, OTC); fallback when absent.
uint32_t rib_attrs_u32(const struct rib_attrs *a, uint8_t code, uint32_t fallback);
unsigned rib_attrs_origin(const struct rib_attrs *a); // 0 igp, 1 egp, 2 incomplete
const char *rib_origin_name(unsigned origin);         // "igp"; "unknown"

// ---- AS paths ----

// Segments, RFC 4271 section 4.3, RFC 5065 section 3.
enum { RIB_SET = 1, RIB_SEQUENCE = 2, RIB_CONFED_SEQUENCE = 3, RIB_CONFED_SET = 4 };

// The next AS of the path; *segment is the type of its segment, *fresh that it begins one.
struct rib_hop {
	uint32_t as;
	uint8_t segment;
	bool first, last; // of its segment
};
struct rib_path_walk {
	struct rd r;
	uint8_t segment, left, count;
};
static inline struct rib_path_walk rib_path_walk(struct rd path)
{
	return (struct rib_path_walk){ .r = path };
}
[[nodiscard]] bool rib_path_next(struct rib_path_walk *w, struct rib_hop *ret);

// Length as the decision process counts: a set is one (RFC 4271 section 9.1.2.2 a), a
// confederation nothing (RFC 5065 section 5.3).
unsigned rib_path_length(struct rd path);
// The neighbouring AS, RFC 4271 section 9.1.2.2 c; 0: the path is empty or begins with a set.
uint32_t rib_path_neighbour(struct rd path);
// The AS that the route comes from: the last of the path when that ends with a sequence, else 0
// (RFC 6811 section 2 says NONE).
uint32_t rib_path_origin(struct rd path);
bool rib_path_has(struct rd path, uint32_t as);
// "3356 1299 {64500,64501}", confederations in "()" and "[]".
void rib_path_print(struct rd path, struct strbuf *b);
// Segments of known types with a number in each, to the path's end.
bool rib_path_is_sound(struct rd path);
// Writes the path of a neighbour that speaks AS numbers of two octets, with what AS4_PATH says (empty:
// it was not there) in place of its last ones: RFC 6793 section 4.2.3. 0; -EBADMSG.
[[nodiscard]] int rib_path_merge(struct wr *w, struct rd path, struct rd wide);
