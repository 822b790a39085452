// What the control socket answers about the daemon's state. Field names are the
// contract of the design, section 6.
#pragma once

#include "nearcastd/walk.h"

struct daemon;
struct service;
struct ip_prefix;
struct upstream;

// Members of the result, in their order.
extern const struct section status_sections[], services_sections[], upstreams_sections[],
	checks_sections[], memory_sections[];

void why_write(struct out *o, const char *name, const struct daemon *d, const struct service *s,
	const struct ip_prefix *prefix);
// Where a drain stands; null when none runs.
void drain_write(struct out *o, const char *name, const struct service *s);
// Its members, into the object that o is in.
void upstream_write(struct out *o, const struct upstream *u);
