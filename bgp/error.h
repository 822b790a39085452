// What can be wrong with a message, and what is done about it.
//
// A fault has a kind (which names the NOTIFICATION that fits it), a verb (how
// far its consequences go, RFC 7606 section 2) and the bytes that go into the
// NOTIFICATION's data field.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Ordered from the weakest to the strongest: of several faults in one message
// the strongest verb wins (RFC 7606 section 3, h).
enum bgp_verb {
	BGP_VERB_NONE,
	BGP_VERB_DISCARD,   // drop the attribute, keep the route
	BGP_VERB_WITHDRAW,  // treat the routes as withdrawn
	BGP_VERB_RESET_AFI, // ignore this address family for the rest of the session
	BGP_VERB_RESET,     // NOTIFICATION and close
	BGP_VERB_MAX,
};

enum bgp_fault_kind {
	BGP_FAULT_NONE,
	// Header, RFC 4271 section 6.1
	BGP_FAULT_MARKER,
	BGP_FAULT_MSG_LENGTH,
	BGP_FAULT_MSG_TYPE,
	// OPEN, RFC 4271 section 6.2
	BGP_FAULT_OPEN_FORMAT,
	BGP_FAULT_VERSION,
	BGP_FAULT_PEER_AS,
	BGP_FAULT_ID,
	BGP_FAULT_PARAM,
	BGP_FAULT_HOLD_TIME,
	BGP_FAULT_CAPABILITY, // RFC 5492 section 5
	BGP_FAULT_ROLE,       // RFC 9234 section 4.2
	// UPDATE, RFC 4271 section 6.3 as revised by RFC 7606
	BGP_FAULT_UPDATE_LENGTH,
	BGP_FAULT_ATTR_LIST,
	BGP_FAULT_ATTR_TWICE,
	BGP_FAULT_ATTR_UNKNOWN,
	BGP_FAULT_ATTR_MISSING,
	BGP_FAULT_ATTR_FLAGS,
	BGP_FAULT_ATTR_LENGTH,
	BGP_FAULT_ATTR_UNEXPECTED, // not from this kind of neighbour
	BGP_FAULT_ORIGIN,
	BGP_FAULT_NEXT_HOP,
	BGP_FAULT_OPTIONAL,
	BGP_FAULT_NETWORK,
	BGP_FAULT_AS_PATH,
	BGP_FAULT_FIRST_AS,
	// ROUTE-REFRESH, RFC 7313 section 5
	BGP_FAULT_REFRESH_LENGTH,
	BGP_FAULT_MAX,
};

struct bgp_fault {
	enum bgp_fault_kind kind; // BGP_FAULT_NONE: all is well
	enum bgp_verb verb;
	uint8_t attr;        // path attribute at fault; 0: none
	const uint8_t *data; // for the NOTIFICATION; borrowed from the message
	size_t data_len;
};

// The NOTIFICATION that names the fault.
uint8_t bgp_fault_code(enum bgp_fault_kind kind);
uint8_t bgp_fault_subcode(enum bgp_fault_kind kind);
const char *bgp_fault_name(enum bgp_fault_kind kind); // "wrong marker"
const char *bgp_verb_name(enum bgp_verb verb);        // "treat as withdraw"

// Keep the stronger of *f and other; of equals the first.
void bgp_fault_raise(struct bgp_fault *f, const struct bgp_fault *other);
