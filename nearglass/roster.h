// The fleet as nearcastd at the site tells it: a part for each service, a row in it for each node. A part
// is asked for when its generation has moved, and then only the rows that changed (doc/fleet.md, "See
// it"), so that a fleet of a thousand nodes and a hundred services costs what changes in it.
//
//	nearcastd --status, parts--> roster (the loop's) --roster_publish()--> snapshots (any thread's)
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fleet/state.h"
#include "lib/ip.h"

struct roster_row {
	uint32_t router_id; // which node it is of; names may change
	char site[FLEET_NAME_MAX + 1], node[FLEET_NAME_MAX + 1];
	struct ip_addr address;
	enum health health;
	enum health_evidence evidence;
	enum admin admin;
	enum announce announce;
	enum standing standing;
	char min_sites[8];
	bool own, lost, has_load, has_capacity;
	uint32_t id, priority, load, capacity, paths;
	int64_t since_us, seen_us; // Unix time
};

struct roster_part {
	_Atomic unsigned holders;
	char *service;
	uint64_t generation;     // of the rows
	uint64_t told;           // the latest there is; the loop's alone
	int64_t heard_us;        // Unix time of the rows
	struct roster_row *rows; // by site and node
	size_t count;
};

// In the order of what a site may be called at best.
enum roster_state {
	ROSTER_UP,
	ROSTER_DEGRADED,
	ROSTER_DRAINED,
	ROSTER_DOWN,
	ROSTER_UNKNOWN,
	ROSTER_STATE_MAX
};

const char *roster_state_name(enum roster_state s); // "up"
enum roster_state roster_row_state(const struct roster_row *r);
// What health and operator ask for is not what is announced.
bool roster_row_is_wrong(const struct roster_row *r);

struct roster_site {
	char name[FLEET_NAME_MAX + 1];
	enum roster_state state; // the best of its nodes and services
	bool announces;          // any of them
	size_t nodes;            // the most of any service
	size_t lost, wrong;      // rows
};

// Of one moment; nothing in it changes.
struct roster_snapshot {
	_Atomic unsigned holders;
	struct roster_part **parts; // in nearcastd's order
	size_t part_count;
	struct roster_site *sites; // by name
	size_t site_count;
	size_t rows, wrong;
};

// Any thread.
struct roster_snapshot *roster_hold(struct roster_snapshot *s);
void roster_put(struct roster_snapshot **s); // NULL inside is fine

struct roster;

[[nodiscard]] struct roster *roster_new(void);
void roster_free(struct roster **r); // NULL inside is fine

// From a status: which services there are, and how far each has come.
void roster_hear_services(struct roster *r, const json_t *fleet_services);
// A service of which something is to be asked, and after which generation; false: none.
[[nodiscard]] bool roster_wants(const struct roster *r, const char **service, uint64_t *since);
// The answer to that (`show fleet`), or NULL: there was none, and the service waits for the next status.
void roster_hear_part(struct roster *r, const char *service, const json_t *result);
// All is made new when something was heard. Good until the next publish; hold it for longer.
struct roster_snapshot *roster_publish(struct roster *r);
struct roster_snapshot *roster_now(const struct roster *r);
