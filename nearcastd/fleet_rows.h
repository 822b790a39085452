// The rows of `fleet`: what each node says of a service, this node among them.
#pragma once

#include "fleet/view.h"

struct daemon;
struct service;

// Of one service, all of one moment. By the names of site and node.
struct fleet_rows {
	struct fleet_entry *list;
	size_t count, room;
};

// The rows that changed after the generation since (0: all). Those of a node that has gone are missing: see
// fleet_rows_generation().
void fleet_rows_take(
	struct fleet_rows *r, const struct daemon *d, const struct service *s, uint64_t since);
void fleet_rows_clear(struct fleet_rows *r);

// Of all prefixes of the service (fleet/view.h).
struct fleet_generation fleet_rows_generation(const struct daemon *d, const struct service *s);
