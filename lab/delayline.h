// Links with delay and loss on kernels without netem: both ends are TAP
// interfaces, and one process carries frames between them, each held for the
// link's delay. Delays are kept to well under 0.3 ms on a machine that is not
// overloaded; a direction holds at most DELAYLINE_QUEUE frames and drops what
// comes beyond that, as a router does.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/timing.h"

enum { DELAYLINE_QUEUE = 8192 };

struct delayline_link {
	int tap[2];  // non-blocking descriptors of both ends
	span delay;  // one way
	double loss; // percent
};

// Makes a TAP interface in the namespace, down, gone when the descriptor is
// closed. Returns the descriptor (non-blocking, close-on-exec) or -errno.
[[nodiscard]] int delayline_tap(int ns, const char *ifname);

// Carries frames until killed. Does not return except with -errno when it
// cannot begin. seed: for the losses.
int delayline_run(const struct delayline_link *links, size_t count, uint64_t seed);
