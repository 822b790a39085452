// The daemon's clock for engines: CLOCK_MONOTONIC. Read here and nowhere below.
#pragma once

#include <time.h>

#include "lib/timing.h"

static inline instant clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (instant){ (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 };
}

// Unix time of now in microseconds, for people.
static inline int64_t clock_unix_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

// Whole milliseconds until t for a uv timer, rounded up so that it is due when the timer fires.
static inline uint64_t clock_ms_until(instant t, instant now)
{
	return instant_due(t, now) ? 0 : (uint64_t)((t.us - now.us + 999) / 1000);
}
