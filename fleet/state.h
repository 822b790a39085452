// What a node says of itself to its fleet, for one service prefix: the large communities
// (RFC 8092) of one BGP route.
//
//	route    the service prefix, NEXT_HOP = the node's address, NO_EXPORT (RFC 1997)
//	(64500, 9001, 11)    node id
//	(64500, 9003, 1)     health up
//	 |      |     +----- value
//	 |      +----------- what it is: the table in state.c, and doc/fleet.md for people
//	 +------------------ the AS of the fleet
//
// Names are text in pieces of four ASCII octets, the first one highest: (AS, 9020, 0x66726131)
// is "fra1", (AS, 9021, ...) would go on.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/community.h"
#include "fleet/decide.h"
#include "lib/wire.h"

enum {
	FLEET_NAME_MAX = 32, // octets of a node's or site's name
	FLEET_COMMUNITIES_MAX = 16 + 2 * FLEET_NAME_MAX / 4,
	FLEET_NODE_ID_MAX = 4095,
	FLEET_KEY_FIRST = 9000, // what stands in the middle of a fleet community
	FLEET_KEY_LAST = 9099,
};

// How many sites have to announce: a number, or a share of those known.
struct min_sites {
	bool share;
	uint32_t value; // share: 1..100 percent, rounded up to sites; else 0 (no guard) or more
};

// How well a node could stand in for the service, the best first: what it says of itself, and
// what the guard goes by.
enum standing {
	STANDING_ABLE,     // health up or degraded, admin active, announces
	STANDING_DAMPED,   // healthy, but hold-down or announce-after keeps it back
	STANDING_DRAINING, // serves, and the operator wants it away
	STANDING_DEGRADED, // the same, degraded
	STANDING_SOFT,     // down by timeouts, wrong answers, a check that could not run
	STANDING_HARD,     // down by a socket that is gone or a refused connection
	STANDING_OUT, // off, drained, starting, stopping, without address or upstream: never held
	STANDING_MAX,
};

struct fleet_state {
	uint16_t node;                 // 1..4095
	char site[FLEET_NAME_MAX + 1]; // printable ASCII without blanks, not empty
	char name[FLEET_NAME_MAX + 1]; // of the node
	enum health health;
	enum health_evidence evidence; // of being down or degraded
	enum admin admin;
	enum announce announce;
	enum standing standing;
	uint16_t priority; // among nodes alike the highest is held first
	struct min_sites min_sites;
	bool has_load, has_capacity;
	uint32_t load, capacity; // in whatever the operator counts
	// Grows with each change of the node's state, in serial number arithmetic (RFC 1982): of
	// two copies that came by two reflectors the later one counts.
	uint32_t serial;
};

// Why a route of a fleet session is not taken.
enum fleet_refusal {
	FLEET_TAKEN,
	FLEET_NO_STATE,      // no communities of the fleet: somebody else's route
	FLEET_BAD_VERSION,   // of this encoding
	FLEET_MISSING,       // a community that has to be there is not
	FLEET_TWICE,         // two that contradict each other
	FLEET_BAD_VALUE,     // out of range
	FLEET_BAD_NAME,      // empty, or not of printable ASCII
	FLEET_BAD_NEXT_HOP,  // not a node's unicast address
	FLEET_NOT_ITS_OWN,   // a node speaks for others, as only reflectors may
	FLEET_OTHER_SERVICE, // a prefix that is no service's here
	FLEET_TOO_MANY,      // more nodes or paths than there can be
	FLEET_MALFORMED,     // RFC 7606: treat as withdraw
	FLEET_REFUSAL_MAX,
};

const char *standing_name(enum standing s);           // "able", "draining-degraded"
const char *fleet_refusal_name(enum fleet_refusal r); // "not-its-own"
const char *fleet_refusal_text(enum fleet_refusal r); // for people

// The communities of a state, NO_EXPORT among them; returns how many. as: the fleet's.
size_t fleet_state_encode(const struct fleet_state *state, uint32_t as,
	struct bgp_community ret[FLEET_COMMUNITIES_MAX]);

// From the value of LARGE_COMMUNITIES, checked by bgp_path_decode(). FLEET_TAKEN, or why
// not, with *ret untouched. Keys that are not known are passed over: a later version may add some.
[[nodiscard]] enum fleet_refusal fleet_state_decode(
	struct fleet_state *ret, struct rd large, uint32_t as);

bool fleet_state_equal(const struct fleet_state *a, const struct fleet_state *b); // serial apart
// b is later than a (RFC 1982 section 3.2).
bool fleet_serial_after(uint32_t a, uint32_t b);

// For names of the configuration: what a site or node may be called in a fleet.
bool fleet_name_is_valid(const char *name);

// The sites that must announce, of `known` ones; at least 1 unless the number is 0.
unsigned min_sites_of(const struct min_sites *m, unsigned known);
bool min_sites_equal(const struct min_sites *a, const struct min_sites *b);
