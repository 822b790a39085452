// What a stream of queries says about an event: pure arithmetic on records.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/timing.h"

enum { SITE_NONE = -1 };

// One query. Records stand in the order of sending.
struct query_record {
	instant sent;
	instant answered; // INSTANT_NEVER: not, or not in time
	int16_t site;     // that gave a good answer; SITE_NONE
	int16_t node;     // of it
};

struct outage {
	size_t sent;                 // queries that the event could have touched
	size_t lost;                 // of those
	span longest;                // longest time without a good answer, see below
	bool open;                   // it had not ended
	int site_before, site_after; // the last good answer's, SITE_NONE
	span rtt_before, rtt_after;  // median of the last RTT_SAMPLES answers; zero: none
};

enum { RTT_SAMPLES = 25 };

// Looks at the queries that were on their way when the event came, and those
// sent after it, up to `end`. Queries whose fate is open at the end (younger than
// timeout) count as sent only if answered.
//
//	sent:     |  |  |  x  x  x  x  |  |        x: lost
//	event:            ^
//	outage:            <---------->            first lost to first answered again
//
// The longest such run counts, of any length; a single lost query is an outage, too.
struct outage outage_measure(
	const struct query_record *q, size_t n, span timeout, instant event, instant end);

// Both streams of a client: the sum of queries, the worse outage. Sites that differ give SITE_NONE.
struct outage outage_worse(struct outage a, struct outage b);
