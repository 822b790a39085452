// UPDATE, RFC 4271 section 4.3, with multiprotocol routes (RFC 4760) and the
// error handling of RFC 7606.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bgp/attr.h"
#include "bgp/error.h"
#include "lib/ip.h"
#include "lib/wire.h"

// ---- Reading ----

// A view of the message: nothing is copied. fault.verb says what may be used:
// NONE and DISCARD: all; WITHDRAW: the routes announced count as withdrawn; RESET_AFI: nothing of
// the family of the attribute at fault; RESET: nothing.
struct bgp_update {
	struct rd withdrawn; // IPv4, checked
	struct rd nlri;      // IPv4, checked
	bool paths;          // a path identifier before each prefix of these two
	struct bgp_path
		path; // IPv6 (and, where a neighbour prefers it, IPv4) is in reach and unreach
	struct bgp_fault fault;
	unsigned
		end_of_rib; // the BGP_FAMILY_* that this message ends (RFC 4724 section 2); 0: none
};

// body: without the header.
void bgp_update_decode(struct bgp_update *ret, struct rd body, const struct bgp_codec *codec);

// The next prefix of a checked list without path identifiers; false at the end.
[[nodiscard]] bool bgp_nlri_next(struct rd *r, unsigned family, struct ip_prefix *ret);

// How many routes it announces and withdraws, the verdict considered.
void bgp_update_count(const struct bgp_update *u, size_t *announced, size_t *withdrawn);

// ---- Writing ----

// Packs prefixes that share a family and a set of attributes into one message.
struct bgp_update_writer {
	struct wr w;
	size_t max; // octets of the message
	unsigned family;
	bool withdraw;
	bool mp;         // the list stands in MP_REACH_NLRI or MP_UNREACH_NLRI
	bool paths;      // path identifier 1 before each prefix
	size_t field_at; // of the length field that the list stands under; 0: none
	size_t attrs_at; // of the length field of all attributes
	size_t list_at, list_end;
	size_t tail_len;
	uint8_t tail[BGP_MSG_MAX]; // attributes that follow MP_REACH_NLRI
};

// buf: room for bgp_codec_max() octets. attrs NULL: withdraw. codec->next_hop4 or next_hop6
// must be there for an announcement.
void bgp_update_begin(struct bgp_update_writer *u, uint8_t *buf, unsigned family,
	const struct bgp_attrs *attrs, const struct bgp_codec *codec);
// False: it does not fit any more; end this message and begin another.
[[nodiscard]] bool bgp_update_add(struct bgp_update_writer *u, const struct ip_prefix *prefix);
// Returns the message's size.
size_t bgp_update_end(struct bgp_update_writer *u);
// The whole message that ends the family's first round of routes (RFC 4724 section 2); its size.
size_t bgp_end_of_rib_build(struct wr *w, unsigned family);
// The prefixes of the message after its end, for bgp_nlri_next_path(); a view of buf.
struct rd bgp_update_list(const struct bgp_update_writer *u);
