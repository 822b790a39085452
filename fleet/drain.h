// Drain: taking a service away in steps that clients do not notice, each of
// which can be walked back. Pure; the program carries out what the stage asks for.
//
//	 none --begin--> demoted --soft--> withdrawn --hard--> drained
//	  ^                 |                  |                  |
//	  +-----------------+----- cancel, or the end of --for ---+
//
// In a fleet the guard may hold a service that is to be withdrawn; it then waits in that stage.
//
// demoted: announced with GSHUT (RFC 8326) and prepends, so that routers move
// their clients to other sites while this one still serves. withdrawn: serves
// what still arrives. drained: the service addresses are released.
#pragma once

#include <stdbool.h>

#include "lib/timing.h"

enum drain_stage { DRAIN_NONE, DRAIN_DEMOTED, DRAIN_WITHDRAWN, DRAIN_DRAINED, DRAIN_STAGE_MAX };

struct drain {
	enum drain_stage stage;
	span soft, hard;
	instant next;  // end of the stage; INSTANT_NEVER: it does not end by itself
	instant until; // when the whole drain is walked back; INSTANT_NEVER: when told to
};

void drain_init(struct drain *d);

// soft: from demoted to withdrawn; hard: from withdrawn to drained; both may be zero. lasts: after
// that long the service comes back by itself; zero: only when told to. Begun again in
// a later stage it goes on from there: only `lasts` is taken anew.
void drain_begin(struct drain *d, instant now, span soft, span hard, span lasts);

// Back to none, from any stage.
void drain_cancel(struct drain *d);

// Whether the service is announced, as it was decided. What the guard holds in the stage
// `withdrawn` is not drained after a time: `hard` begins when it was let go.
void drain_announces(struct drain *d, bool announced, instant now);

// True when the stage changed; at most one stage a call, so that each is carried out.
[[nodiscard]] bool drain_tick(struct drain *d, instant now);

instant drain_deadline(const struct drain *d); // INSTANT_NEVER: nothing to wait for

const char *drain_stage_name(enum drain_stage s);
