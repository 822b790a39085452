// One BGP neighbour: both directions of opening, collision handling, timers,
// and what it is told (Adj-RIB-Out). RFC 4271.
//
// The engine does no I/O and reads no clock. The program tells it what
// happened (start, connected, received, closed, time passed) and afterwards
// drains what is to be done with bgp_peer_next(). Everything here is
// deterministic: the same inputs and seed give the same outputs.
//
//	 program                          engine
//	    | bgp_peer_received(bytes) ---> |
//	    | bgp_peer_tick(now) ---------> |  state table, timers, RIB-Out
//	    | <--- bgp_peer_next(): CONNECT, SEND, CLOSE, EVENT
//	    | <--- bgp_peer_deadline(): when to tick next
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/community.h"
#include "bgp/fsm.h"
#include "bgp/proto.h"
#include "lib/ip.h"
#include "lib/rng.h"
#include "lib/timing.h"

struct bgp_peer;
struct bgp_attrs;  // bgp/attr.h: a set of path attributes, reference-counted
struct bgp_update; // bgp/update.h: what an UPDATE said

// Takes the routes of a session, one UPDATE at a time, in their order. update and what it
// points to live for this call only, and the peer must not be called from here. Its verdict
// (RFC 7606) is to be heeded: bgp/update.h. The session's end withdraws them all: it is told by
// the event DOWN, after the last of them; the first comes after ESTABLISHED was handed out.
typedef void bgp_routes_fn(void *ctx, const struct bgp_update *update);

// A connection's place in its peer: the one this side opened or the one that
// was accepted. At most one of each lives at a time.
enum bgp_dir { BGP_OUT, BGP_IN, BGP_DIR_MAX };

struct bgp_peer_config {
	uint32_t local_as; // 1..4294967295
	uint32_t peer_as;
	uint32_t router_id; // host order, not 0
	span hold_time;     // 0 or at least 3 s (RFC 4271 section 4.2)
	span connect_retry; // first wait after a failure; doubles up to connect_retry_max, jittered
	span connect_retry_max;
	bool passive;      // never opens
	unsigned families; // BGP_FAMILY_IP4 | BGP_FAMILY_IP6 offered
	// Next hops for announcements; IP_NONE: the session's local address (a link-local one too,
	// which is also sent beside a global one: RFC 2545 section 3) where
	// the family fits, and otherwise the route is not sent (and reported).
	struct ip_addr next_hop4;
	struct ip_addr next_hop6;
	uint64_t seed;          // jitter
	bool extended_messages; // RFC 8654: takes, and is willing to send, up to 65535 octets
	// Restarting side of RFC 4724. 0: off, then a neighbour drops the routes as soon as the
	// session is gone; else whole seconds up to 4095, for which it may keep them. This side
	// is always a helper: it says End-of-RIB to a neighbour that wants it.
	span restart_time;
	bool restarted; // for the first session: this side comes back after a restart
	// Families to receive and to send with path identifiers (RFC 7911). What is announced has
	// one path a prefix.
	unsigned paths_receive, paths_send;
	// RFC 8950: IPv4 routes with IPv6 next hops. Where agreed on they are announced so on a
	// session over IPv6, and wherever there is no IPv4 next hop.
	bool extended_next_hop;
	// RFC 9234, towards external neighbours: what this side is to the other. strict_role
	// refuses a neighbour that says no role.
	bool has_role, strict_role;
	enum bgp_role role;
	bool first_as; // routes of an external neighbour begin with its AS (RFC 4271 section 6.3)
	// So many routes are taken; more end the session with Cease/1 for that wait, 1 s or more.
	// 0: any number.
	size_t max_prefixes;
	span max_prefixes_wait;
	// A community that only this site puts on its routes: routes that carry it and come
	// from this neighbour are ours, sent back. bgp_peer_hears() tells of them.
	bool has_tag;
	struct bgp_community tag;
	bool no_llgr;          // announce with NO_LLGR (RFC 9494): nobody keeps the routes as stale
	bool fleet;            // a fleet's session: see bgp_peer_announce()
	bgp_routes_fn *routes; // NULL: they are counted and forgotten
	void *routes_ctx;
};

// What the program must do, in this order.
enum bgp_action_kind {
	BGP_DO_CONNECT, // open TCP towards the peer; report connected or closed for BGP_OUT
	BGP_DO_SEND,    // write data on dir; whole messages, keep the order
	BGP_DO_CLOSE, // close dir after what was sent before has been written, within a few seconds;
		      // do not report it as closed
	BGP_DO_EVENT, // tell whoever listens
};

enum bgp_event_kind {
	BGP_EVENT_STATE,       // state changed: from -> to
	BGP_EVENT_ESTABLISHED, // session up: bgp_peer_negotiated() says on what terms, and nothing
			       // that came behind it has been looked at yet
	BGP_EVENT_DOWN,        // session went down or an attempt failed: error holds why
	BGP_EVENT_ANNOUNCED,   // an UPDATE that announces prefix was produced
	BGP_EVENT_WITHDRAWN,   // an UPDATE that withdraws prefix was produced
	BGP_EVENT_UNSENDABLE,  // prefix of an offered family cannot be sent: text says why
	BGP_EVENT_RECEIVED,    // UPDATEs came, and their routes were told: once for all in a queue
};

// Why a session ended or an attempt failed. code 0: no NOTIFICATION was involved.
struct bgp_error {
	uint8_t code, subcode; // RFC 4271 section 4.5, RFC 4486
	bool sent;             // by this side
	char text[256];        // for people: "hold timer expired", shutdown text, TCP error
};

struct bgp_action {
	enum bgp_action_kind kind;
	enum bgp_dir dir;
	const uint8_t *data; // SEND: valid until the next call on this peer
	size_t len;
	enum bgp_event_kind event;
	enum bgp_state from, to;
	struct bgp_error error;
	struct ip_prefix prefix;
};

struct bgp_counters {
	uint64_t opens_in, opens_out, updates_in, updates_out, keepalives_in, keepalives_out,
		notifications_in, notifications_out, refreshes_in, refreshes_out;
	uint64_t established;   // times
	uint64_t prefixes_sent; // announced now
	// NLRI in UPDATEs of this session, none kept; with max_prefixes: routes announced now.
	uint64_t prefixes_received;
};

// What both sides agreed on in the OPENs of the current session.
struct bgp_negotiated {
	span hold_time;
	span keepalive;
	unsigned families;
	bool as4;                  // RFC 6793
	bool refresh;              // RFC 2918
	bool enhanced_refresh;     // RFC 7313
	bool extended_messages;    // may be sent
	bool graceful_restart;     // RFC 4724: the neighbour knows of it
	span restart_time;         // of the neighbour
	unsigned restart_families; // whose routes the neighbour wants kept when it restarts
	unsigned restart_kept;     // those of them that it forwarded while it was away
	unsigned paths_receive, paths_send; // families with path identifiers: RFC 7911
	bool extended_next_hop;             // RFC 8950
	bool has_role;
	enum bgp_role role; // of the neighbour
	uint32_t peer_id;   // host order
};

[[nodiscard]] struct bgp_peer *bgp_peer_new(const struct bgp_peer_config *config);
void bgp_peer_free(struct bgp_peer **p); // NULL inside is fine; sends nothing

// Events from the operator. start: RFC 4271 event 1 (or 4 when passive); also ends the wait
// that followed too many prefixes.
void bgp_peer_start(struct bgp_peer *p, instant now);
// Event 2: Cease with the subcode (RFC 4486) and text (RFC 9003, UTF-8, cut to 255 bytes at
// a character), on every connection that has sent an OPEN; then Idle until start.
void bgp_peer_stop(struct bgp_peer *p, instant now, uint8_t cease_subcode, const char *text);

// Event 8: Cease with the subcode and text on every connection that has sent an OPEN; unlike
// after stop, the session comes back by itself after the wait that follows any failure. For what
// the neighbour did not do: BFD that went down (RFC 9384), a configuration that changed.
void bgp_peer_reset(struct bgp_peer *p, instant now, uint8_t cease_subcode, const char *text);

// Events from TCP. local: this side's address of the connection.
// accepted: true, and the connection is now BGP_IN; or false: refuse (close) it, since the peer
// is not started or has an accepted one that got further than sending OPEN. One that did not is
// replaced: a neighbour that opens again has given it up. Then the program closes the earlier one
// itself, and all that the engine says of BGP_IN is meant for the new one. Of an accepted
// connection beside one that this side opened, RFC 4271 section 6.8 decides when its OPEN comes.
// closed: also for an attempt that failed; why is for people.
void bgp_peer_connected(struct bgp_peer *p, instant now, const struct ip_addr *local);
[[nodiscard]] bool bgp_peer_accepted(struct bgp_peer *p, instant now, const struct ip_addr *local);
void bgp_peer_closed(struct bgp_peer *p, instant now, enum bgp_dir dir, const char *why);
// Any number of bytes; incomplete messages are kept until the rest comes. What comes behind the
// KEEPALIVE that establishes the session is looked at by bgp_peer_next(), which tells of that first.
void bgp_peer_received(
	struct bgp_peer *p, instant now, enum bgp_dir dir, const void *data, size_t len);
// The bytes of earlier SEND actions that the transport has not taken yet; lets the engine hold
// UPDATEs back while a neighbour is slow.
void bgp_peer_set_backlog(struct bgp_peer *p, instant now, enum bgp_dir dir, size_t bytes);

// Time. tick: let every timer run out that is due.
instant bgp_peer_deadline(const struct bgp_peer *p); // INSTANT_NEVER: no timer runs
void bgp_peer_tick(struct bgp_peer *p, instant now);

// The next thing to do; false when there is none. Drain after every call above.
[[nodiscard]] bool bgp_peer_next(struct bgp_peer *p, struct bgp_action *ret);

// Adj-RIB-Out. What is announced stays announced across sessions until withdrawn; calls that
// change nothing send nothing. announce takes a reference of attrs of its own. Attributes of a
// fleet never leave on a session that is none of it, nor others on one that is: announcing them
// withdraws.
void bgp_peer_announce(
	struct bgp_peer *p, instant now, const struct ip_prefix *prefix, struct bgp_attrs *attrs);
void bgp_peer_withdraw(struct bgp_peer *p, instant now, const struct ip_prefix *prefix);

// Asks the neighbour for its routes again (RFC 2918), of the families agreed on. False: there is no
// session, or it does not take that.
[[nodiscard]] bool bgp_peer_ask_again(struct bgp_peer *p, instant now);

// What the neighbour has been told. attrs: borrowed; false when it is not announced.
[[nodiscard]] bool bgp_peer_announced(
	const struct bgp_peer *p, const struct ip_prefix *prefix, const struct bgp_attrs **attrs);

// The neighbour announces the prefix to us now with the tag of the configuration.
bool bgp_peer_hears(const struct bgp_peer *p, const struct ip_prefix *prefix);

enum bgp_state bgp_peer_state(const struct bgp_peer *p); // the furthest of its connections
instant bgp_peer_since(const struct bgp_peer *p);        // of that state
const struct bgp_counters *bgp_peer_counters(const struct bgp_peer *p);
const struct bgp_negotiated *bgp_peer_negotiated(const struct bgp_peer *p); // NULL: not established
const struct bgp_error *bgp_peer_last_error(const struct bgp_peer *p);      // NULL: none yet
