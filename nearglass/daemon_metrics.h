// nearcastd's status as OpenMetrics.
#pragma once

#include "lib/out.h"

// status: its JSON; NULL or what cannot be read: nothing is written.
void daemon_metrics_write(struct out *o, const char *status);
