// One service at one node, from health to announcement: what the operator said, hold-down,
// recovery, drain and the guard together. The daemon and the simulator run this same
// object; it reads no clock and tells nobody.
//
//	member_health() member_set_admin() member_drain() ... and fleet_view news
//	        |
//	        v
//	member_decide() -> struct decision: what upstreams are told, and why
//	member_say()    -> struct fleet_state: what the fleet is told
//	member_deadline() -> when to call member_tick() and member_decide() again
//
// With a fleet, a withdrawal that is not forced by hard evidence or by the operator takes two
// steps: the fleet is told first, while the node announces demoted for another
// guard_wait; then it withdraws if the guard still lets it. Nodes that fail at
// the same time so hear of each other before the last one goes.
#pragma once

#include <stdbool.h>

#include "fleet/decide.h"
#include "fleet/drain.h"
#include "fleet/holddown.h"
#include "fleet/recovery.h"
#include "fleet/view.h"
#include "lib/ip.h"
#include "lib/timing.h"

struct member_config {
	span hold_down_first, hold_down_max, announce_after;
	span drain_soft, drain_hard;
	bool guarded; // there is a fleet
	struct guard_policy policy;
	span guard_wait; // at least twice as long as the fleet's news travel (sim/guard.pml)
	uint16_t priority;
};

struct member {
	struct member_config config;
	enum health health;
	enum health_evidence evidence;
	enum admin admin;
	bool addresses_ready;
	bool keeper_waits; // see fleet/decide.h
	bool unheard;      // no upstream has a session: what is announced, nobody hears
	enum stopping stopping;
	bool forced; // the operator overrides the guard
	struct holddown holddown;
	struct recovery recovery;
	struct drain drain;
	instant health_since, admin_since;
	struct decision decision;
	instant since;             // of the decision
	struct guard_result guard; // as of the decision; meaningful if guarded and not able
	// Since when the fleet has been told that this node is not able; INSTANT_NEVER: it is,
	// or did not announce anyway.
	instant told;
	enum standing standing; // as of the latest decision
	instant next;           // when time alone may change it
	bool has_load, has_capacity;
	uint32_t load, capacity;
};

void member_init(struct member *m, const struct member_config *config, instant now);
// After a reload; what goes on goes on.
void member_configure(struct member *m, const struct member_config *config);

// What the checks say; also whenever only the evidence changed.
void member_health(
	struct member *m, instant now, enum health health, enum health_evidence evidence);
// The sessions with upstreams: whether none is established. Such a node stands in for nobody.
void member_set_unheard(struct member *m, bool unheard);
// The operator. forced: also against the guard. A drain under way ends.
void member_set_admin(struct member *m, instant now, enum admin admin, bool forced);
void member_drain(struct member *m, instant now, span lasts, bool forced);
void member_undrain(struct member *m, instant now);

// One stage of the drain or none passed: true when admin changed. Call until false.
[[nodiscard]] bool member_tick(struct member *m, instant now);

// Decides anew; true when the decision is another one. view NULL: no fleet. prefixes: of
// the service; the guard holds the service when it would hold one of them.
[[nodiscard]] bool member_decide(struct member *m, instant now, struct fleet_view *view,
	const struct ip_prefix *prefixes, size_t count);

// When to call member_tick() and member_decide() again if nothing happens before; as of the
// latest decision. INSTANT_NEVER: no such moment.
instant member_deadline(const struct member *m);

// What the fleet is told; identity and serial are the caller's to fill in.
struct fleet_state member_say(const struct member *m);

// Would the guard object to taking the service away, and whom does it miss?
struct guard_result member_may_leave(const struct member *m, struct fleet_view *view,
	const struct ip_prefix *prefixes, size_t count);
