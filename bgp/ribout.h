// Adj-RIB-Out: what one neighbour is to be told, what it was told, and the
// UPDATEs that lead from the one to the other. RFC 4271 section 3.2.
//
// Changes are only noted. They turn into messages when the next one is asked
// for, so that all that happened in between is packed together, and what was
// changed and changed back is not sent at all. Withdrawals go first.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bgp/attr.h"
#include "bgp/slots.h"
#include "bgp/update.h"
#include "lib/hash.h"
#include "lib/list.h"

struct bgp_ribout {
	struct bgp_slots slots;
	bgp_slot_id withdraw4, withdraw6, unsendable; // rings of what is to be sent or said
	struct list groups; // one a set of attributes and family: routes that share messages
	struct hmap by_attrs;
	bool fleet;  // of a fleet's session: only such attributes are announced, and elsewhere none
	size_t told; // routes the neighbour has
	bool up;
	struct bgp_codec codec; // of the session, while up
	// Sets of families. Nothing of a refresh is said before the first round has ended:
	// RFC 7313 section 4.
	unsigned end_due;     // End-of-RIB follows when all routes are out
	unsigned refresh_due; // asked for again
	unsigned refreshing;  // the end of the refresh follows
};

void bgp_ribout_init(struct bgp_ribout *r, bool fleet);
void bgp_ribout_free(struct bgp_ribout *r);

// What the neighbour is to be told; kept while no session is up. Takes a reference of its own.
// Attributes that are not for this session (attrs->fleet) withdraw instead.
void bgp_ribout_announce(
	struct bgp_ribout *r, const struct ip_prefix *prefix, struct bgp_attrs *attrs);
void bgp_ribout_withdraw(struct bgp_ribout *r, const struct ip_prefix *prefix);

// A session begins: all is to be sent. It ends: the neighbour has forgotten all.
void bgp_ribout_up(struct bgp_ribout *r, const struct bgp_codec *codec);
void bgp_ribout_down(struct bgp_ribout *r);
// The neighbour asks for a family again (RFC 2918).
void bgp_ribout_refresh(struct bgp_ribout *r, unsigned family);

// The next message, packed by writer into buf, which has room for bgp_codec_max() octets; 0:
// nothing to send. Afterwards bgp_update_list(writer) has its prefixes; it has none for
// End-of-RIB and for a ROUTE-REFRESH, which tells where a refresh begins or ends.
[[nodiscard]] size_t bgp_ribout_next(
	struct bgp_ribout *r, struct bgp_update_writer *writer, uint8_t *buf);

// The next prefix that this session cannot carry, once each; *why is a sentence without a stop.
[[nodiscard]] bool bgp_ribout_next_unsendable(
	struct bgp_ribout *r, struct ip_prefix *ret, const char **why);

// What the neighbour was told; NULL: nothing.
const struct bgp_attrs *bgp_ribout_told(const struct bgp_ribout *r, const struct ip_prefix *prefix);
