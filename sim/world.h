// A fleet under virtual time: nodes that do what nearcastd does, with the real engines;
// route reflectors; a router beside each node; and the network between them.
//
//	 checks -> health -> member (fleet/member.h) -> bgp/peer.h ===== router: what upstreams hold
//	                       ^                          ||
//	                 fleet/view.h <-- routes --- bgp/peer.h ===== nodes, reflectors
//
// A `party` is whoever has a clock and ends of sessions. A `session` is two ends, each with
// a real BGP peer, and a link between them that carries bytes as TCP would (sim/net.h).
// Nothing here draws a random number but from the seed, and nothing reads a clock.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/peer.h"
#include "fleet/member.h"
#include "fleet/view.h"
#include "health/service.h"
#include "lib/rng.h"
#include "sim/events.h"
#include "sim/net.h"
#include "sim/trace.h"

struct sim_world;
struct sim_mutant;

enum sim_kind { SIM_NODE, SIM_REFLECTOR, SIM_ROUTER };

// Runs faster or slower than true time, and began elsewhere.
struct sim_clock {
	int64_t offset_us, ppm;
};

struct sim_party {
	enum sim_kind kind;
	unsigned index; // among its kind
	struct sim_world *world;
	bool host_up; // answers with RST where nothing runs
	bool running; // its daemon
	struct sim_clock clock;
	uint32_t id; // BGP identifier
	uint32_t as;
	struct ip_addr address;
	struct sim_end **ends;
	unsigned end_count;
	char name[FLEET_NAME_MAX + 1];
};

// What its service answers to a probe.
enum sim_service {
	SIM_SERVES,
	SIM_CRASHED, // nothing listens: refused
	SIM_HANGS,   // no answer
	SIM_LIES,    // a wrong answer, or a check that asks the wrong thing
	SIM_SERVICE_MAX,
};

enum { SIM_CHECKS = 2 }; // the service itself, and what it depends on

struct sim_probe {
	enum sim_service state; // of what it asks
	unsigned run;           // of the latest run; results of others are stale
};

struct sim_node {
	struct sim_party party;
	unsigned site; // number
	char site_name[FLEET_NAME_MAX + 1];
	uint16_t priority;
	struct check checks[SIM_CHECKS];
	struct sim_probe probes[SIM_CHECKS];
	struct service_health health;
	struct member member;
	struct fleet_view *view;
	bool news;               // of the upstream, to be decided upon
	struct fleet_state said; // to the fleet, the latest
	bool has_said;
	uint32_t serial;
	struct bgp_attrs *said_attrs;
	struct sim_end *upstream; // its end; the others are fleet sessions
	instant timer_at;         // INSTANT_NEVER: no event waits
	uint64_t life;            // grows with each start of the daemon
	instant started;          // true time

	// What is true, apart from what it believes.
	enum announce at_router; // what the router holds
	instant router_since;
	bool forced;          // an operator overrode the guard
	instant broken_since; // the service crashed; INSTANT_NEVER: it did not
	uint8_t *known;       // bit a site: seen since the daemon started, as far as was looked
	size_t known_bytes;
	unsigned changes;    // of at_router since the phase began
	unsigned faults;     // that hit it since the phase began
	instant misled;      // when it went by what was not true any more
	instant beside_able; // hard, announces, and has an able site in reach since then
};

struct batch;

// A route of a client or of another reflector, as it will be passed on.
struct sim_route {
	struct sim_end *from; // NULL: free
	uint32_t path;        // identifier on the session it came by
	uint8_t *message;     // the whole UPDATE; NULL: withdrawn
	size_t len;
	bool dirty;
};

struct sim_reflector {
	struct sim_party party;
	struct sim_route *routes;
	size_t route_count, room;
	bool due; // a turn was asked for
	uint64_t life;
	uint64_t version; // of the routes
	struct sim_table {
		uint64_t version;
		struct batch *batch;
	} tables[2]; // what a new neighbour is told: from other reflectors, from clients
};

struct sim_router {
	struct sim_party party;
	struct sim_node *node;
};

// What a world is made of, drawn from the seed before anything else.
struct sim_plan {
	uint64_t seed;
	unsigned sites, nodes, reflectors; // 0 reflectors: full mesh
	bool halves;   // each node has one of two reflectors, which have a session with each other
	bool own_role; // sessions of the mesh are configured to be with nodes
	span latency_min, latency_max;
	span turn; // of a reflector's loop, which gathers what comes meanwhile
	span hold_time, retry, retry_max;
	span interval, timeout;
	span guard_wait;
	struct member_config member;
	int64_t drift_ppm;
	unsigned phases;
	span burst; // faults of a phase come within it
};

// What was needed, against what was allowed.
struct sim_measure {
	uint64_t count;
	span worst;
	span allowed;
};

enum sim_measured {
	SIM_NEWS,     // a state on its way from node to node, links without stalls
	SIM_HARD,     // a crashed service beside an able site: until its router withdrew
	SIM_FLOOR,    // too few sites announce, after others went: until enough do
	SIM_SETTLING, // from the last fault to the last change of an announcement
	SIM_MEASURED,
};

struct sim_world {
	struct sim_plan plan;
	const struct sim_mutant *mutant;
	struct rng rng; // of the network and of the faults
	instant now;
	struct sim_events events;
	struct ip_prefix prefix;
	struct sim_node *nodes;
	struct sim_reflector *reflectors;
	struct sim_router *routers;
	struct sim_session **sessions;
	unsigned session_count, session_room;
	struct bgp_attrs *grades[GRADE_MAX];
	struct health_result results[SIM_SERVICE_MAX];
	struct sim_trace trace;
	struct sim_measure measures[SIM_MEASURED];
	// Faults
	instant last_fault, last_change;
	unsigned phase;
	uint64_t reach_version; // grows whenever somebody may hear somebody else, or not any more
	// Violations: the first one ends the run.
	bool broken;
	char what[512];
	uint64_t deliveries, decisions, announcements, events_run;
	struct sim_watch *watch;
};

void sim_fail(struct sim_world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline span sim_between(struct sim_world *w, span a, span b)
{
	return span_us(rng_range(&w->rng, a.us, b.us));
}

static inline bool sim_chance(struct sim_world *w, unsigned percent)
{
	return rng_range(&w->rng, 0, 99) < percent;
}

static inline unsigned sim_below(struct sim_world *w, unsigned n)
{
	return (unsigned)rng_range(&w->rng, 0, (int64_t)n - 1);
}

static inline void sim_at(
	struct sim_world *w, instant at, sim_event_fn *run, void *obj, uint64_t arg)
{
	sim_events_add(&w->events, instant_before(at, w->now) ? w->now : at, run, obj, arg);
}

static inline void sim_after(
	struct sim_world *w, span wait, sim_event_fn *run, void *obj, uint64_t arg)
{
	sim_at(w, instant_add(w->now, wait), run, obj, arg);
}

// The party's clock now, and when it will show that time, which may be never.
instant sim_local(const struct sim_party *p);
instant sim_true(const struct sim_party *p, instant local);

// ---- sim/build.c ----

struct sim_world *sim_world_new(
	uint64_t seed, unsigned sites, const struct sim_mutant *mutant, bool tell);
void sim_world_free(struct sim_world **w);
// Until that time, or until something is broken.
void sim_run_until(struct sim_world *w, instant end);

// ---- sim/node.c ----

void sim_node_start(struct sim_node *n);
// The process is gone, and with host the machine: without a word.
void sim_node_kill(struct sim_node *n, bool host);
void sim_node_host_up(struct sim_node *n);
// What a check asks changed its answers; noticed: the kernel tells the daemon of a crash.
void sim_node_set_service(struct sim_node *n, unsigned check, enum sim_service state, bool noticed);
// Operators. False: refused by the guard.
[[nodiscard]] bool sim_node_drain(struct sim_node *n, bool forced);
void sim_node_undrain(struct sim_node *n);
[[nodiscard]] bool sim_node_set_off(struct sim_node *n, bool off, bool forced);
void sim_node_free(struct sim_node *n);
bgp_routes_fn sim_node_routes;
void sim_node_session(struct sim_end *e, bool up);
void sim_node_turn(struct sim_node *n);

// ---- sim/reflector.c ----

void sim_reflector_start(struct sim_reflector *r);
void sim_reflector_kill(struct sim_reflector *r, bool host);
void sim_reflector_free(struct sim_reflector *r);
bgp_routes_fn sim_reflector_routes;
void sim_reflector_session(struct sim_end *e, bool up);

// ---- sim/router.c ----

void sim_router_start(struct sim_router *r);
bgp_routes_fn sim_router_routes;
void sim_router_session(struct sim_end *e, bool up);
