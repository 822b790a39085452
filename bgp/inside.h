// What a peer is made of, for the files that make it up; others include bgp/peer.h.
//
//	peer.c   the calls of bgp/peer.h, time, and what is handed out
//	conn.c   one run of the state machine: events, failures
//	act.c    its actions: timers, what is sent
//	agree.c  what OPEN offers, and what comes of both
//	rx.c     bytes to messages to events; collisions
//	queue.c  actions that wait to be handed out
#pragma once

#include "bgp/msg.h"
#include "bgp/open.h"
#include "bgp/peer.h"
#include "bgp/ribin.h"
#include "bgp/ribout.h"
#include "bgp/update.h"
#include "lib/list.h"

enum bgp_timer {
	BGP_TIMER_CONNECT, // section 8: ConnectRetryTimer
	BGP_TIMER_IDLE,    // IdleHoldTimer
	BGP_TIMER_HOLD,
	BGP_TIMER_KEEPALIVE,
	BGP_TIMER_SEND_HOLD, // RFC 9687
	BGP_TIMER_MAX,
};

// What an event brings with it: why the session ends, and the NOTIFICATION that says so.
struct bgp_cause {
	uint8_t code, subcode; // of the NOTIFICATION to send, or that came
	bool received;
	const void *data; // for the NOTIFICATION to send
	size_t len;
	char text[256];
};

// One connection, or the place where one will be.
struct bgp_conn {
	struct bgp_peer *peer;
	enum bgp_dir dir;
	enum bgp_state state;
	bool tcp;   // the program holds a connection, or tries to open one
	bool bare;  // its OPEN offers no capabilities
	bool rival; // its OPEN was out before the other connection was confirmed
	struct ip_addr local;
	instant timer[BGP_TIMER_MAX];
	struct bgp_open theirs; // from OpenConfirm on
	struct bgp_negotiated agreed;
	struct bgp_codec codec;
	uint8_t *in; // while connected: a message that is not whole yet
	size_t in_len, in_size;
	bool held; // ESTABLISHED waits to be told: so does all that came behind the KEEPALIVE
	size_t backlog;
	instant established;
};

struct bgp_peer {
	struct bgp_peer_config config;
	struct rng rng;
	bool started;
	unsigned failures; // ConnectRetryCounter: attempts and sessions that failed in a row
	struct bgp_conn conn[BGP_DIR_MAX];
	enum bgp_state state; // as the outside sees it
	instant since;
	instant now; // of the latest call
	struct bgp_counters counters;
	struct bgp_error error;
	bool has_error;
	bool was_up;        // since it was made
	bool bare;          // the next OPEN is to offer no capabilities
	instant rest_until; // nothing is opened or accepted before

	struct list queue;        // struct bgp_queued
	struct bgp_queued *given; // handed out, lives until the next bgp_peer_next()
	bool received_queued;     // one BGP_EVENT_RECEIVED waits: more say the same

	struct bgp_ribin in;   // only with max_prefixes
	struct bgp_ribin echo; // only with a tag: routes of ours that came back
	struct bgp_ribout out;
	struct bgp_update_writer writer;
	uint8_t *message; // the latest UPDATE
	size_t message_size;
	struct rd report; // its prefixes that were not reported yet
};

// ---- queue.c ----

struct bgp_queued {
	struct list link;
	struct bgp_action action;
	uint8_t data[];
};

void bgp_queue_free(struct bgp_peer *p);
void bgp_queue_connect(struct bgp_peer *p);
void bgp_queue_send(struct bgp_conn *c, const uint8_t *message, size_t len);
void bgp_queue_close(struct bgp_conn *c);
// error may be NULL.
void bgp_queue_event(struct bgp_conn *c, enum bgp_event_kind event, const struct bgp_error *error);
void bgp_queue_state(struct bgp_conn *c, enum bgp_state from, enum bgp_state to);
// Takes back what was to be done to a connection that is gone.
void bgp_queue_forget(struct bgp_conn *c);
bool bgp_queue_next(struct bgp_peer *p, struct bgp_action *ret);

// ---- conn.c ----

static inline struct bgp_conn *bgp_conn_other(struct bgp_conn *c)
{
	return &c->peer->conn[c->dir == BGP_OUT ? BGP_IN : BGP_OUT];
}

// An event of the state machine; cause may be NULL where none is needed.
void bgp_conn_event(struct bgp_conn *c, enum bgp_fsm_event event, const struct bgp_cause *cause);
// A timer that is due runs out.
void bgp_conn_timer(struct bgp_conn *c, enum bgp_timer timer);

// ---- act.c ----

void bgp_conn_act(struct bgp_conn *c, enum bgp_fsm_action action, const struct bgp_cause *cause);
void bgp_conn_stop_timer(struct bgp_conn *c, enum bgp_timer timer);
// A backlog of bytes that the transport has not taken.
void bgp_conn_backlog(struct bgp_conn *c, size_t bytes);
// Something other than a KEEPALIVE was sent, which does as well (section 4.4).
void bgp_conn_spoke(struct bgp_conn *c);
// Forgets the connection without a word: the program has it no more.
void bgp_conn_forget(struct bgp_conn *c);
// Ends what is going on with that cause, and begins again after the wait.
void bgp_peer_rest(struct bgp_peer *p, span wait, const struct bgp_cause *cause);
bool bgp_peer_rests(const struct bgp_peer *p);
// Tries to open again, later, when nothing else is going on.
void bgp_peer_rearm(struct bgp_peer *p);

// ---- agree.c ----

struct bgp_open bgp_conn_open(const struct bgp_conn *c);
bool bgp_peer_may_be_bare(const struct bgp_peer *p);
// From c->theirs: c->agreed and c->codec.
void bgp_conn_negotiate(struct bgp_conn *c);

// ---- rx.c ----

void bgp_conn_received(struct bgp_conn *c, const uint8_t *data, size_t len);
// Goes on with what was held; false: nothing was.
bool bgp_conn_unhold(struct bgp_conn *c);
