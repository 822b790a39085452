// Frames that wait for their time: a binary heap ordered by due time, and by
// arrival among those due at once, so that a link never reorders.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/timing.h"

struct held_frame {
	instant due;
	uint64_t seq; // set by delayheap_push
	uint32_t to;  // whatever the caller wants back
	uint32_t len;
	uint8_t *bytes; // the caller's
};

struct delayheap {
	struct held_frame *frames;
	size_t count, cap;
	uint64_t next_seq;
};

void delayheap_free(struct delayheap *h); // not the bytes
void delayheap_push(struct delayheap *h, struct held_frame f);
// INSTANT_NEVER when empty.
instant delayheap_next(const struct delayheap *h);
// Takes the first frame out if it is due. False: nothing is due.
bool delayheap_pop(struct delayheap *h, instant now, struct held_frame *ret);
