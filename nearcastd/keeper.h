// The keeper as this daemon runs it (flow/keeper.h): loads and attaches the programs, tells them of
// the fleet, and carries notices between keepers.
//
//	fleet view, configuration --> nodes, addresses, ports --> tables in the kernel
//	ring buffer --"this flow is mine", "these clients come here now"--> UDP to other nodes
//
// What it loaded goes on when the daemon ends.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/out.h"

struct conf;
struct daemon;
struct keep;
struct service;

// NULL when the configuration has no keeper; every function here takes that NULL. A keeper that
// does not load is an event, and is tried again: serving is worth more.
[[nodiscard]] struct keep *keep_new(struct daemon *d);
void keep_free(struct keep **k);
// After a reload, with the new configuration in place.
void keep_reload(struct daemon *d);

// TCP sessions of the service at this node, as counted last; false: not known.
bool keep_sessions(const struct keep *k, const struct service *s, uint64_t *ret);

// Tables, counters and nodes, for `nearcast show flows`.
void keep_write(struct out *o, const char *name, const struct daemon *d);

// Takes everything off this host that the configuration's keeper put there. Exit status.
int keep_detach(const struct conf *conf);
