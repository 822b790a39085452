// What is to happen, in the order of virtual time; what falls into one moment goes in the
// order in which it was asked for, so that a run depends on its seed alone.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/timing.h"

typedef void sim_event_fn(void *obj, uint64_t arg);

struct sim_event {
	instant at;
	uint64_t seq;
	sim_event_fn *run;
	void *obj;
	uint64_t arg;
};

struct sim_events {
	struct sim_event *heap;
	size_t count, room;
	uint64_t seq;
};

void sim_events_free(struct sim_events *q);
void sim_events_add(struct sim_events *q, instant at, sim_event_fn *run, void *obj, uint64_t arg);
// The earliest one, taken out; false when there is none.
[[nodiscard]] bool sim_events_next(struct sim_events *q, struct sim_event *ret);
