// Health x admin x hold-down x guard gives one announce state per service, and the
// reason. A pure function, so that the daemon, the tests and a simulator decide
// alike.
#pragma once

#include <stdbool.h>

#include "health/service.h"

// What the operator said.
enum admin { ADMIN_ACTIVE, ADMIN_DRAINING, ADMIN_DRAINED, ADMIN_OFF, ADMIN_MAX };

// What upstreams are told. Demoted: announced with worse attributes.
enum announce { ANNOUNCE_WITHDRAWN, ANNOUNCE_DEMOTED, ANNOUNCE_ANNOUNCED, ANNOUNCE_MAX };

enum decide_reason {
	REASON_HEALTHY,
	REASON_DEGRADED,     // a dependency failed: announced with the degraded attributes
	REASON_STARTING,     // no first verdict of the checks yet
	REASON_KEEPER_WAITS, // its keeper does not know the fleet yet
	REASON_CHECK_FAILED,
	REASON_HOLD_DOWN,  // healthy again, but it flapped lately
	REASON_RECOVERING, // healthy again, but not yet for as long as it has to be
	REASON_DRAINING,
	REASON_DRAINED,
	REASON_OFF,
	REASON_NO_ADDRESS, // a service address could not be put on its interface
	REASON_STOPPING,   // the daemon is about to end
	// Not able, and announced all the same, demoted:
	REASON_GUARD_HOLD,  // too few sites are able
	REASON_GUARD_WAITS, // others hold, and are not seen to announce yet
	REASON_GUARD_TELLS, // the fleet is told first
	REASON_ISOLATED,    // no other node of the fleet is heard
	REASON_MAX,
};

// Which attributes of the configuration an announcement carries.
enum announce_grade { GRADE_UP, GRADE_DEGRADED, GRADE_DRAINING, GRADE_MAX };

// How far the end of the daemon is.
enum stopping { STOPPING_NO, STOPPING_DEMOTED, STOPPING_WITHDRAWN };

// What stands against withdrawing a node that is not able (fleet/guard.h).
enum guard_verdict {
	GUARD_FREE,     // nothing
	GUARD_HOLD,     // it is one of the sites that are missing
	GUARD_WAITS,    // those that are held are not seen to announce yet
	GUARD_TELLS,    // the fleet has to hear of it first (fleet/member.h)
	GUARD_ISOLATED, // it hears nobody
	GUARD_VERDICT_MAX,
};

struct decide_input {
	enum health health;
	enum admin admin;
	bool addresses_ready; // every service address is configured, or is not ours to manage
	bool keeper_waits;    // other nodes' sessions would end here
	bool held_down;       // hold-down still runs (fleet/holddown.h)
	bool recovering;      // has yet to prove itself (fleet/recovery.h)
	bool drain_withdrawn; // the drain's time of being demoted is over (fleet/drain.h)
	enum stopping stopping;
	enum guard_verdict guard; // GUARD_FREE without a fleet
};

struct decision {
	enum announce announce;
	enum decide_reason reason;
	enum announce_grade grade; // meaningful unless withdrawn
};

struct decision decide(const struct decide_input *in);

// Withdrawn for a reason that the guard may stand against.
bool decide_is_guarded(const struct decision *d);

const char *admin_name(enum admin a);
const char *announce_name(enum announce a);
const char *decide_reason_name(enum decide_reason r); // "check-failed"
// One sentence for people.
const char *decide_reason_text(enum decide_reason r);
const char *guard_verdict_name(enum guard_verdict v); // "free", "hold", "isolated"
const char *announce_grade_name(enum announce_grade g);
