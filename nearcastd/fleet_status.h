// What the control socket answers about the fleet. Field names are the contract of the design,
// section 6.
#pragma once

#include "lib/out.h"

struct daemon;
struct service;

// A row a node and service, this node's among them, by names: `fleet` of status.
void fleet_nodes_write(struct out *o, const char *name, const struct daemon *d);
void fleet_sessions_write(struct out *o, const char *name, const struct daemon *d);
void fleet_conflicts_write(struct out *o, const char *name, const struct daemon *d);
// How the guard stands towards a service; null without a fleet.
void fleet_guard_write(
	struct out *o, const char *name, const struct daemon *d, const struct service *s);
// All of it, for `show fleet`: several members.
void fleet_write(struct out *o, const char *name, const struct daemon *d);
