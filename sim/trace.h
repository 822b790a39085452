// The log of a run, and its digest: equal for equal seeds, whoever runs it and
// however much of it is printed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/timing.h"

struct sim_trace {
	bool tell; // print it
	uint64_t digest;
};

void sim_trace_mix(struct sim_trace *t, uint64_t value);
__attribute__((format(printf, 3, 4))) void sim_trace(
	struct sim_trace *t, instant now, const char *fmt, ...);
