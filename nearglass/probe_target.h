// Where no probe goes: special-purpose addresses, those of the configuration, and the prefixes of the
// site's own services, which would answer from wherever the network takes it.
#pragma once

#include "nearglass/conf.h"

// NULL: it may be probed; else why not (static text). status: of nearcastd as JSON; NULL: none.
const char *probe_denied(
	const struct glass_conf *conf, const char *status, const struct ip_addr *target);
