// What happened, in order, with causes: a ring of the last events, the log on
// standard error, and whoever subscribed.
//
//	#41 socket_closed   dns              udp 198.51.100.53:53
//	#42 check_failed    dns/dns          refused           <- 41
//	#43 health_changed  dns              down              <- 42
//	#44 decided         198.51.100.0/24  check-failed      <- 43
//	#45 withdrawn       198.51.100.0/24  at transit-a      <- 44
#pragma once

#include <stdint.h>

#include "lib/out.h"

enum event_type {
	EVENT_STARTED,
	EVENT_STOPPING,
	EVENT_STOPPED,
	EVENT_RELOADED,
	EVENT_RELOAD_REFUSED,
	EVENT_ADMIN_CHANGED,
	EVENT_DRAIN,
	EVENT_ADDRESS_ADDED,
	EVENT_ADDRESS_REMOVED,
	EVENT_ADDRESS_FAILED,
	EVENT_SOCKET_CLOSED,
	EVENT_CHECK_PASSED,
	EVENT_CHECK_FAILED,
	EVENT_HEALTH_CHANGED,
	EVENT_HOLD_DOWN,
	EVENT_DECIDED,
	EVENT_ANNOUNCED,
	EVENT_WITHDRAWN,
	EVENT_UNSENDABLE,
	EVENT_STILL_VISIBLE,
	EVENT_UPSTREAM_UP,
	EVENT_UPSTREAM_DOWN,
	EVENT_UPSTREAM_REFUSED,
	EVENT_UPSTREAM_FORGOTTEN,
	EVENT_FLEET_UP,
	EVENT_FLEET_DOWN,
	EVENT_FLEET_REFUSED,
	EVENT_FLEET_CONFLICT,
	EVENT_FLEET_AGREED,
	EVENT_SITE_SEEN,
	EVENT_SITE_LOST,
	EVENT_GUARD_HOLD,
	EVENT_GUARD_RELEASE,
	EVENT_LOAD_UNKNOWN,
	EVENT_LOAD_KNOWN,
	EVENT_BFD_UP,
	EVENT_BFD_DOWN,
	EVENT_BFD_PROBLEM,
	EVENT_KEEPER_ATTACHED,
	EVENT_KEEPER_FAILED,
	EVENT_KEEPER_REFUSED,
	EVENT_KEEPER_DEAD,
	EVENT_KEEPER_ALIVE,
	EVENT_KEEPER_APART,
	EVENT_TYPE_MAX,
};

const char *event_type_name(enum event_type t); // "socket_closed"

struct event {
	uint64_t seq;    // from 1
	int64_t time_us; // Unix time
	enum event_type type;
	uint64_t cause_seq; // 0: none
	char *subject;      // what it is about: a service, service/check, prefix, upstream
	char *reason;       // a printable name of an enum reason
	char *upstream;     // NULL: none
	char *detail;       // for people; NULL: none
};

struct events;

// Told of each event as it is added, after the log.
typedef void events_listener(void *ctx, const struct event *e);

[[nodiscard]] struct events *events_new(void);
void events_free(struct events **e);

// The site's name in every event; copied.
void events_set_site(struct events *e, const char *site);
void events_listen(struct events *e, events_listener *fn, void *ctx);

struct event_fields {
	const char *subject;
	const char *reason;
	const char *upstream;
	const char *detail;
	uint64_t cause_seq;
};

// Returns the new event's seq. The strings are copied.
uint64_t events_add(struct events *e, enum event_type type, const struct event_fields *f);

// Writes what the log has collected to standard error. Kept apart from adding so that a
// withdrawal is on the wire before a slow terminal or journal is waited for.
void events_flush_log(struct events *e);

// Walk the kept events with seq > after, oldest first; NULL at the end.
const struct event *events_next(const struct events *e, uint64_t after);

uint64_t events_last(const struct events *e); // the seq of the latest; 0: none

// One JSON object as DESIGN's events have it, as the member or element name.
void event_write(struct out *o, const char *name, const struct events *e, const struct event *ev);
size_t events_bytes(const struct events *e);
