// Recovery: a service that failed has to be healthy for a while, without a break,
// before it is announced again. Where hold-down meets flapping that was seen,
// this asks for a proof after each failure, the first one too.
#pragma once

#include <stdbool.h>

#include "health/service.h"
#include "lib/timing.h"

struct recovery {
	span after;  // how long; zero: announced at once
	bool failed; // was down, and has not proved itself since
	instant due; // when it has; INSTANT_NEVER while it is down
};

void recovery_init(struct recovery *r, span after);
// Another length, also of a wait that has begun: counted from where that did.
void recovery_set_after(struct recovery *r, span after);

// The health as of now, told whenever it may have changed. A service that was
// never down needs no proof.
void recovery_health(struct recovery *r, enum health health, instant now);

// Healthy, but not yet for long enough.
bool recovery_waits(const struct recovery *r, instant now);

// When recovery_waits() turns false; INSTANT_NEVER: no such moment.
instant recovery_deadline(const struct recovery *r, instant now);
