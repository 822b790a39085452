// Hold-down: a service that goes down again and again is not announced before a
// wait that doubles with each further failure and halves with each spell of
// stability, in the spirit of route flap damping (RFC 2439) but for the origin.
//
// One failure alone costs nothing: a server that crashed and was restarted is
// announced as soon as it is healthy. The wait begins with the second one.
//
//	failure     1st      2nd          3rd                 none for a while
//	wait        none     first        2 x first ... max   halves, down to none
//
// From a calm start, failures that come as they may are announced and withdrawn
// at most three times within three times the first wait.
#pragma once

#include <stdbool.h>

#include "lib/timing.h"

struct holddown {
	span first;    // the wait after the second failure; zero: no hold-down
	span max;      // the longest wait, and how long a failure is remembered
	span wait;     // in force for the last failure; zero before any
	instant until; // announced again from then on
	instant calm;  // when the wait halves next, unless it fails before
	instant alert; // a failure before then is not the first one
};

void holddown_init(struct holddown *h, span first, span max);

// After a reload. A wait that runs ends sooner where it would be shorter by now; it is not made longer.
void holddown_configure(struct holddown *h, span first, span max);

// The service went down now.
void holddown_failed(struct holddown *h, instant now);

// Time passed: lets the wait decay.
void holddown_tick(struct holddown *h, instant now);

bool holddown_active(const struct holddown *h, instant now);

// When holddown_active() turns false or the wait decays next; INSTANT_NEVER: no such moment.
instant holddown_deadline(const struct holddown *h, instant now);
