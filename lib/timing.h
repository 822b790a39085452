// Time as types: a point on a clock and a length of time cannot be mixed up,
// and neither is an integer. Engines are told the time, they never read it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// A length of time. Negative spans are allowed.
typedef struct {
	int64_t us;
} span;

// A point in time. For engines and the daemon: CLOCK_MONOTONIC, in
// microseconds; in the simulator: virtual time that starts at 0.
typedef struct {
	int64_t us;
} instant;

#define INSTANT_NEVER ((instant){ INT64_MAX })

static inline span span_us(int64_t n)
{
	return (span){ n };
}

static inline span span_ms(int64_t n)
{
	return (span){ n * 1000 };
}

static inline span span_s(int64_t n)
{
	return (span){ n * 1000000 };
}

// The nearest there is: a double may be far more. Not NaN.
static inline span span_from_s(double seconds)
{
	const double most = 9e18; // microseconds
	double us = seconds * 1e6;

	return (span){ (int64_t)(us < -most ? -most : us > most ? most : us) };
}

static inline int64_t span_to_ms(span s)
{
	return s.us / 1000;
}

static inline double span_to_s(span s)
{
	return (double)s.us / 1e6;
}

// factor in percent: jitter of RFC 4271 section 10 is span_percent(s, 75..100).
static inline span span_percent(span s, int64_t percent)
{
	return (span){ s.us / 100 * percent + s.us % 100 * percent / 100 };
}

static inline span span_min(span a, span b)
{
	return a.us < b.us ? a : b;
}

static inline bool span_is_zero(span s)
{
	return s.us == 0;
}

// NEVER stays never.
static inline instant instant_add(instant t, span s)
{
	return t.us == INT64_MAX ? t : (instant){ t.us + s.us };
}

static inline span instant_diff(instant later, instant earlier)
{
	return (span){ later.us - earlier.us };
}

static inline bool instant_before(instant a, instant b)
{
	return a.us < b.us;
}

// True when the deadline t has come.
static inline bool instant_due(instant t, instant now)
{
	return t.us <= now.us;
}

static inline instant instant_min(instant a, instant b)
{
	return a.us < b.us ? a : b;
}

static inline bool instant_is_never(instant t)
{
	return t.us == INT64_MAX;
}
