// The clock of the glass, for engines CLOCK_MONOTONIC and for people Unix time. Read here and
// nowhere below.
#pragma once

#include <time.h>

#include "lib/timing.h"

static inline instant clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (instant){ (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 };
}

static inline int64_t clock_unix_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
