// Routes of a neighbour whose session was lost: kept as stale until it is back and has said all
// that it has, or the time is over (RFC 4724 section 4.2; for BMP, RFC 7854 has End-of-RIB as well).
//
//	          lost()             back()           End-of-RIB of each family
//	 fresh ----------> stale ----------> stale ------------------------------> fresh
//	                     | its time is over | the time for that is over
//	                     v                  v
//	                   gone               what is still stale is gone
#pragma once

#include <uv.h>

#include "lib/timing.h"
#include "rib/rib.h"

struct stale {
	struct rib *rib;
	unsigned neighbour;
	span most;         // that routes are kept; zero: none are
	unsigned families; // BGP_FAMILY_* with stale routes
	uv_timer_t timer;
};

void stale_init(struct stale *s, uv_loop_t *loop, struct rib *rib, unsigned neighbour, span most);
// The session is gone. Routes of these families are kept that long, or as long as may be where that is
// shorter; others go, and so do those that were stale already.
void stale_lost(struct stale *s, unsigned families, span time);
// It is back, and has kept those families on its side: RFC 4724 section 4.2. Others' stale routes go.
void stale_back(struct stale *s, unsigned families);
void stale_end_of_rib(struct stale *s, unsigned families);
void stale_stop(struct stale *s); // the timer; the routes stay as they are
