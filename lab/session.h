// Sessions of clients with the service: connections that stand while routes move.
//
//	start settled     event         event        last step settled
//	  |                 |             |             |
//	  open ---- talk, send, take ------------------ last word -- over
//	  |   <------------- must not end ------------------------>|
//	  zero of the timeline
//
//	http      GET /node over one connection, again and again
//	dns-tcp   id.server CH TXT over one connection, again and again (RFC 7766, 4892)
//	download  GET /node, GET /stream/SIZE, GET /node
//	upload    GET /node, PUT /upload/NAME slowly, GET /upload/NAME, GET /node
//	quic      GET /node and /stream/SIZE by a client of its own, over HTTP/3
//
// Whoever answers says his name. The first one to do so owns the session; another name later on the same
// connection is a defect of its own kind. What is here is what is known of a session, and is pure.
#pragma once

#include "lab/scenario.h"

enum { NODE_NONE = -1 };

enum session_state {
	SESSION_OPENING, // not yet; before the first event all are open
	SESSION_OPEN,
	SESSION_DONE, // it said its last word, or everything was carried
	SESSION_BROKEN,
	SESSION_STATE_MAX,
};
const char *session_state_name(enum session_state s);

enum session_break {
	BREAK_NONE,
	BREAK_REFUSED,    // no connection came about
	BREAK_RESET,      // by an RST
	BREAK_CLOSED,     // in order, or by the kernel's own timeout
	BREAK_STALLED,    // no answer, or no bytes, for `stall`
	BREAK_ANSWER,     // not what was asked for
	BREAK_BYTES,      // others than were sent, by their digest or their number
	BREAK_OTHER_NODE, // another node answered on the same connection
	BREAK_PROGRAM,    // the client's program gave up
	BREAK_MAX,
};
const char *session_break_name(enum session_break b); // "reset"

// A time for which nothing came that was waited for.
struct session_wait {
	instant from;
	span length;
};

struct session {
	const struct scn_session *scn;
	size_t client; // in the scenario's clients
	enum ip_family family;
	unsigned number; // from 1, within its client and family
	enum session_state state;
	int node;                    // that owns it, in the scenario's sites; NODE_NONE: not known
	instant opened, ended;       // NEVER
	struct session_wait longest; // since it was opened
	struct session_wait in_step; // since the last event; the whole of a wait that began before
	bool awaits;                 // an answer to what its client sent
	uint64_t answers;
	uint64_t bytes;         // carried so far
	enum session_break how; // it broke
	char detail[96];        // more about that
	bool owner_lost;        // every other node has lost sight of the owner
	bool spoke_since;       // the client sent data since then
	bool has_reset_took;
	span reset_took; // from that data (of the last one, if it was broken before) to the RST
};

// Sessions of one entry, client and family stand together.
struct session_group {
	const struct scn_session *scn;
	size_t client;
	enum ip_family family;
	size_t first, count; // in the list
};

struct session_list {
	struct session *all;
	size_t count;
	struct session_group *groups;
	size_t group_count;
};

// Those that the scenario asks for, in its order, none of them open.
struct session_list session_list_new(const struct scenario *s);
void session_list_free(struct session_list *l);

// Counts a wait from `from` to now.
void session_waited(struct session *s, instant from, instant now);

// "rome chatty 17 (IPv6)"
void session_print(const struct scenario *scn, const struct session *s, struct strbuf *b);
