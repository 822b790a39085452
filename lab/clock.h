// The lab's clock, and how its processes come to look at it in time.
#pragma once

#include "lib/timing.h"

// CLOCK_MONOTONIC.
instant lab_now(void);

// What measures, or delays frames, must not be late because what it measures, or somebody else, is busy:
// this process gets a real-time priority where that is allowed. policy: SCHED_FIFO or SCHED_RR, perhaps
// with SCHED_RESET_ON_FORK.
void lab_be_punctual(int policy);
