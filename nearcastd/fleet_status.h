// What the control socket answers about the fleet. Field names are the contract of the design,
// section 6.
#pragma once

#include "nearcastd/walk.h"

struct daemon;
struct service;

// A row a node and service, this node's among them, by names: `fleet` of status.
bool fleet_nodes_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w);
// A row a service: how many nodes say what.
bool fleet_services_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w);
bool fleet_sessions_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w);
void fleet_conflicts_write(struct out *o, const char *name, const struct daemon *d);
// How the guard stands towards a service; null without a fleet.
void fleet_guard_write(
	struct out *o, const char *name, const struct daemon *d, const struct service *s);
// All of it, for `show fleet`: several members.
extern const struct section fleet_sections[];
