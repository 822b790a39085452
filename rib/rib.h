// The route store: full tables of many neighbours, IPv4 and IPv6 unicast.
//
//	              prefixes                      lanes                    sets
//	 lookup ---> trie of 8-bit strides         neighbour 0, 1, ...
//	              | prefix -> number 17 -----> [17] set 5, time -------> 5 { path, hop, rest }
//	              | number -> prefix                                          |     |     |
//	                                                                     strings, each kept once
//
// Attributes are kept once (rib/attrs.h), prefixes once for all neighbours (rib/prefixes.h), and a
// route is eight octets in a lane (rib/lane.h). The best path is not kept: it is worked out where
// it is asked for, with the reason of each step (rib/best.h).
//
// One thread writes. rib_snapshot() gives what any other thread can read while writing goes on:
// the pages that change meanwhile are copied, nothing else is.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "rib/attrs.h"
#include "rib/prefixes.h"

struct rib;

enum {
	RIB_NONE = UINT32_MAX, // no prefix, no set
	RIB_NEIGHBOURS_MAX = 65535,
	RIB_ANY = RIB_NEIGHBOURS_MAX, // stands for every neighbour
	RIB_FAMILIES = 2,
};

[[nodiscard]] struct rib *rib_new(void);
void rib_free(struct rib **r); // its snapshots live on; NULL inside is fine

// What the store is at this moment, for reading, by another thread if need be. A snapshot of a
// snapshot is one more holder of the same.
[[nodiscard]] const struct rib *rib_snapshot(struct rib *r);
void rib_snapshot_free(const struct rib **s); // any thread; NULL inside is fine

// Grows by one with every change of a route: equal numbers, equal routes.
uint64_t rib_version(const struct rib *r);

// ---- Neighbours ----

struct rib_neighbour {
	struct ip_addr addr;
	uint32_t as;
	uint32_t id;   // host order; 0: not known yet
	bool internal; // IBGP
	bool paths;    // its routes have path identifiers
};

// A number below RIB_NEIGHBOURS_MAX, the lowest free one. -ENOSPC: there is none.
[[nodiscard]] int rib_neighbour_add(struct rib *r, const struct rib_neighbour *n);
// What is known of it changed. `paths` only while it has no routes.
void rib_neighbour_set(struct rib *r, unsigned number, const struct rib_neighbour *n);
void rib_neighbour_remove(struct rib *r, unsigned number);                       // and its routes
const struct rib_neighbour *rib_neighbour(const struct rib *r, unsigned number); // NULL: none
unsigned rib_neighbours_top(const struct rib *r); // numbers are below it

// ---- Writing ----

// The number of that set of attributes for routes of the family, held until released; announce
// with it any number of times.
[[nodiscard]] uint32_t rib_set_hold(
	struct rib *r, enum ip_family family, const struct rib_attrs *a);
void rib_set_release(struct rib *r, uint32_t set);

enum rib_change { RIB_SAME, RIB_ADDED, RIB_REPLACED };

// path_id: 0 where the neighbour sends none. RIB_SAME: the route was there with those attributes;
// it keeps its time.
enum rib_change rib_announce(struct rib *r, unsigned neighbour, const struct ip_prefix *p,
	uint32_t path_id, uint32_t set, uint32_t time_s);
// False: there was no such route.
bool rib_withdraw(struct rib *r, unsigned neighbour, const struct ip_prefix *p, uint32_t path_id);

// Routes of a neighbour and a family (IP_NONE: of both). All gone; returns how many.
size_t rib_flush(struct rib *r, unsigned neighbour, enum ip_family family);
// Stale from here on, until announced again (RFC 4724 section 4.2, RFC 7313 section 4).
void rib_mark_stale(struct rib *r, unsigned neighbour, enum ip_family family);
// Those that still are: gone; returns how many.
size_t rib_sweep_stale(struct rib *r, unsigned neighbour, enum ip_family family);

// ---- Marks: two bits with each route, for its owner ----
//
// They are kept, counted and searched (rib/search.h) with the routes. The glass has the validity of
// their origins there (rib/payloads.h).

enum { RIB_MARKS = 4 };

// The mark, below RIB_MARKS, of a route to p with that AS path.
typedef unsigned rib_mark_fn(void *ctx, const struct ip_prefix *p, struct rd path);

// Asked for every route that is announced from here on; without it marks are 0.
void rib_set_marker(struct rib *r, rib_mark_fn *fn, void *ctx);

// Asks anew for the routes that `under` covers, of at most max prefixes after *at (family IP_NONE: from
// the first), and moves *at to the last of them. True: there are more.
[[nodiscard]] bool rib_remark(
	struct rib *r, const struct ip_prefix *under, struct ip_prefix *at, size_t max);

// ---- Reading: the store itself, or a snapshot ----

struct rib_route {
	uint32_t neighbour;
	uint32_t path_id;
	uint32_t set;
	uint32_t time_s; // seconds since 1970, of the last change
	bool stale;
	uint8_t mark;
};

// Views; in the store itself good until its next change.
struct rib_attrs rib_set_read(const struct rib *r, uint32_t set);
uint32_t rib_set_routes(const struct rib *r, uint32_t set);       // routes that have it
enum ip_family rib_set_family(const struct rib *r, uint32_t set); // IP_NONE: no such set
uint32_t rib_sets_top(const struct rib *r);                       // numbers are below it

// The prefixes with any route, with their numbers, walks, and matches.
const struct prefixes *rib_prefixes(const struct rib *r, enum ip_family family);

// The routes of a prefix, neighbour by neighbour; fills up to max and returns how many there are.
size_t rib_routes(const struct rib *r, enum ip_family family, uint32_t prefix,
	struct rib_route *ret, size_t max);
// Only those of a neighbour (RIB_ANY: of all).
size_t rib_routes_of(const struct rib *r, enum ip_family family, uint32_t prefix,
	unsigned neighbour, struct rib_route *ret, size_t max);
// The longest prefix around p of which that neighbour (RIB_ANY: anyone) has a route; RIB_NONE.
uint32_t rib_match(const struct rib *r, unsigned neighbour, const struct ip_prefix *p);

size_t rib_route_count(const struct rib *r, unsigned neighbour, enum ip_family family);
// Those of them that are stale, by a look at each block of 256.
size_t rib_stale_count(const struct rib *r, unsigned neighbour, enum ip_family family);
size_t rib_prefix_count(const struct rib *r, enum ip_family family);

// ---- Memory that explains itself ----

struct rib_memory {
	const char *name; // "prefix nodes"
	uint64_t count;   // of what it holds
	uint64_t bytes;   // taken from the system
};

enum { RIB_MEMORY_ROWS = 16 };
// Returns the number of rows. What a snapshot keeps of the past is not among them.
size_t rib_memory(const struct rib *r, struct rib_memory ret[RIB_MEMORY_ROWS]);
