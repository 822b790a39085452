// The daemon's state and its one flow: checks -> health -> decision -> upstreams.
#pragma once

#include <stdbool.h>

#include <uv.h>

#include "conf/conf.h"
#include "fleet/member.h"
#include "nearcastd/address.h"
#include "nearcastd/checks.h"
#include "nearcastd/events.h"
#include "nearcastd/fleet.h"
#include "nearcastd/listener.h"
#include "nearcastd/upstream.h"

// What the daemon knows of one service; the configuration's order.
struct service {
	const struct conf_service *conf;
	struct member member; // all that leads to a decision, and the decision
	// After a reload new checks have no verdict yet: until they have one, the
	// service keeps the health it had, so that adding a check withdraws nothing.
	bool health_carried;
	struct service_health carried;
	char *drain_reason;        // the operator's words; NULL: none
	int64_t since_unix_us;     // of the decision
	struct guard_result guard; // how the fleet stands; without one all zero
	struct fleet_word word;    // what the fleet was told last
	struct load_file *load;    // NULL: none
	enum load_problem load_problem;
	instant load_told; // to the fleet
	struct daemon *daemon;
	instant empty_since;      // withdrawn and without a session; INSTANT_NEVER: not so
	instant look_back;        // after a withdrawal: whether neighbours still send it back
	uint64_t socket_event;    // seq of the last unexplained socket event; 0: none
	uint64_t check_event;     // seq of the check verdict that changes health next
	uint64_t decision_event;  // seq, the cause of what upstreams are told
	struct bgp_attrs **attrs; // of upstream i in grade g: [i * GRADE_MAX + g]
	size_t attrs_count;
};

struct daemon {
	uv_loop_t *loop;
	const char *path; // of the configuration
	struct conf *conf;
	struct events *events;
	struct addresses *addresses;
	struct checks *checks;
	struct service *services;
	size_t service_count;
	struct upstream **upstreams;
	size_t upstream_count;
	struct bfd_thread *bfd;
	struct listener *listener;
	struct fleet *fleet; // NULL: none
	struct keep *keep;   // NULL: no keeper
	struct control *control;
	uv_timer_t address_timer; // tries again what could not be had
	char *address_fault;      // as last told; NULL: none
	uv_timer_t range_timer;   // the next neighbour of a range to be forgotten
	instant range_refused;    // last told that a range is full
	uv_timer_t load_timer;    // the next reading of load files
	uv_timer_t service_timer; // the next moment at which time alone changes a decision
	uint64_t rng_seed;
	instant started;
	uint64_t start_event;
	uint64_t reloads; // done
	bool reloading;   // services and upstreams are not all in place: nothing is decided
	enum stopping stopping;
};

// daemon.c: start and stop.
// 0 with everything running; negative errno with *error set and nothing left behind.
[[nodiscard]] int daemon_start(struct daemon *d, struct strbuf *error);
// Put the service addresses where they belong; a service without them is not announced.
// What fails is tried again every few seconds.
void daemon_put_addresses(struct daemon *d);
// The same for one that somebody else removed, or once more: then decide anew.
void daemon_keep_addresses(struct daemon *d, uint64_t cause);
// The end comes nearer: everything is demoted, then withdrawn. Addresses and sessions stay.
void daemon_stopping(struct daemon *d, enum stopping how, const char *why);
// Cease with the reason to every upstream.
void daemon_close_sessions(struct daemon *d, const char *why);
// Remove the addresses, close and free all; the loop then drains.
void daemon_end(struct daemon *d);

// service.c: one service's decisions.
void service_init(struct service *s, struct daemon *d, const struct conf *conf,
	const struct conf_service *cs);
void service_clear(struct service *s);
// One of the same name goes on after a reload; old keeps nothing that it has to know.
void service_adopt(struct daemon *d, struct service *new, struct service *old);
struct service_health service_health(const struct daemon *d, const struct service *s);
size_t service_index(const struct daemon *d, const struct service *s);
// Decide anew and tell the upstreams if anything changed. cause: an event's seq.
void service_decide(struct daemon *d, struct service *s, uint64_t cause);
// Tell one upstream (a new one) what the services announce now.
void services_tell(struct daemon *d, struct upstream *u);
// The operator's word; reason: free text. Returns the event's seq, 0: no change. forced: the guard
// has no say.
uint64_t service_set_admin(
	struct daemon *d, struct service *s, enum admin admin, const char *reason, bool forced);
// Nothing is left to be drained: the stage in which the node waits for that is over.
void service_emptied(struct daemon *d, struct service *s);
// Begin to drain, or walk back; lasts: see drain_begin(). Returns the event's seq.
uint64_t service_drain(
	struct daemon *d, struct service *s, span lasts, const char *reason, bool forced);
uint64_t service_undrain(struct daemon *d, struct service *s, const char *reason); // 0: no change
struct service *service_find(const struct daemon *d, const char *name);
struct service *service_of_prefix(const struct daemon *d, const struct ip_prefix *prefix);
// The prefix of a service that the address lies in, and the service; NULL: none.
const struct ip_prefix *prefix_of_address(
	const struct daemon *d, const struct ip_addr *address, const struct service **service);
extern const struct checks_ops service_checks_ops;

// ranges.c: neighbours that are known by a range of addresses.
// The range that a remote address belongs to, the longest; NULL: none. interface: of a
// link-local address; NULL: none.
const struct conf_upstream *range_of(
	const struct conf *conf, const struct ip_addr *remote, const char *interface);
// A connection from an address that no upstream has: of a neighbour to be, if a range has
// the address. Takes the descriptor.
void range_accept(struct daemon *d, int fd, const struct ip_addr *remote);
// Neighbours in a range that are upstreams now.
size_t range_neighbours(const struct daemon *d, const struct conf_upstream *range);
// When the next neighbour of a range is to be forgotten may have changed.
void ranges_arm(struct daemon *d);

// reload.c: read the file again. 0; negative errno with *error holding the faults, and the
// running configuration untouched. Without yes, refused when more than one prefix that is
// announced now would be withdrawn by it, also for as long as sessions take to come back.
[[nodiscard]] int daemon_reload(struct daemon *d, bool yes, struct strbuf *error);
// Shared by start and reload: the upstream's events.
extern const struct upstream_ops daemon_upstream_ops;
// Some upstream has a session. Without one nobody hears what is announced here, and the fleet
// must not count on it: tell_heard says so to the services after any change of that.
bool daemon_is_heard(const struct daemon *d);
void daemon_tell_heard(struct daemon *d, uint64_t cause);
// That a session came up or went down; returns the event's seq.
uint64_t daemon_session_event(
	struct daemon *d, enum event_type type, struct upstream *u, const struct bgp_action *what);
