// UPDATEs as a fleet session brings them, and a view that takes them in.
#pragma once

#include "bgp/update.h"
#include "fleet/view.h"
#include "lib/strbuf.h"
#include "test/unit.h"

enum { FLEET_AS = 64500 };

struct route {
	const char *prefix;              // "198.51.100.0/24", IPv4
	uint32_t path;                   // identifier
	uint32_t originator;             // ORIGINATOR_ID; 0: none
	const char *next_hop;            // NULL: 192.0.2.<id>
	const struct fleet_state *state; // NULL: withdrawn
};

// Feeds one UPDATE, with path identifiers, as session `index` whose neighbour has identifier
// 10.0.0.<index> and that role.
void feed(struct fleet_view *v, instant now, unsigned index, enum fleet_role role,
	const struct route *route);
// A state of node `id` at a site: able and announcing, min-sites 50 %.
struct fleet_state node_state(uint16_t id, const char *site, const char *name, uint32_t serial);

// Node 1 of site "own", following 198.51.100.0/24 and 203.0.113.0/24.
struct fleet_view *view_new(void);
// All news there are, a line each: "seen fra1", "changed 198.51.100.0/24".
void view_news(struct fleet_view *v, struct strbuf *log);
