// Hold-down: a service that went down is not announced again before a wait
// that doubles with each further failure and halves with each spell of
// stability, in the spirit of route flap damping (RFC 2439) but for the origin.
#pragma once

#include <stdbool.h>

#include "lib/timing.h"

struct holddown {
	span first;    // the wait after the first failure; zero: no hold-down
	span max;      // the longest wait
	span wait;     // in force for the last failure; zero before any
	instant until; // announced again from then on
	instant calm;  // when the wait halves next, unless it fails before
};

void holddown_init(struct holddown *h, span first, span max);

// The service went down now.
void holddown_failed(struct holddown *h, instant now);

// Time passed: lets the wait decay.
void holddown_tick(struct holddown *h, instant now);

bool holddown_active(const struct holddown *h, instant now);

// When holddown_active() turns false or the wait decays next; INSTANT_NEVER: no such moment.
instant holddown_deadline(const struct holddown *h, instant now);
