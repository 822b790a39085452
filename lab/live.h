// What people see on standard error while a scenario runs: one line a happening, with its time.
#pragma once

#include <stdbool.h>

#include "lib/timing.h"

enum live_style { LIVE_PLAIN, LIVE_STRONG, LIVE_DIM, LIVE_GOOD, LIVE_BAD };

struct live {
	instant zero; // times are told from here
	bool colours, unicode;
};

// Colours only on a terminal (and never with NO_COLOR), arrows only where the locale is UTF-8.
struct live live_new(instant zero);

const char *live_arrow(const struct live *l); // "→" or "->"

__attribute__((format(printf, 4, 5))) void live_say(
	const struct live *l, enum live_style style, instant at, const char *fmt, ...);
