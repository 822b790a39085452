// What sessions.c and the kinds of sessions (session_*.c) share.
//
//	sessions.c       the list: opening, last words, the tick, dead nodes
//	session_peer.c   one session: waiting, answers, its end
//	session_tcp.c    its connection
//	session_http.c   http, download, upload      over it
//	session_dns.c    dns-tcp
//	session_quic.c   quic: a process, and the files it writes
#pragma once

#include <uv.h>

#include "lab/sessions.h"

struct peer;

// A kind: one row each, in sessions.c.
struct session_ops {
	uint16_t port;
	// Begins; the session is open when peer_open() is called. -errno.
	int (*open)(struct peer *p);
	void (*up)(struct peer *p); // the connection stands
	void (*data)(struct peer *p, const uint8_t *bytes, size_t n);
	void (*talk)(struct peer *p);              // its interval is over: the next request
	void (*tick)(struct peer *p, instant now); // each SESSION_TICK_MS; NULL
	void (*close)(struct peer *p);             // frees the kind's own
};

enum {
	SESSION_TICK_MS = 20,
	SESSION_HTTP_PORT = 80,
	SESSION_DNS_PORT = 53,
	SESSION_QUIC_PORT = 443
};

extern const struct session_ops session_http_ops, session_download_ops, session_upload_ops,
	session_dns_ops, session_quic_ops;

struct session_tcp;

struct peer {
	struct session *s;
	struct sessions *all;
	const struct session_ops *ops;
	struct session_tcp *tcp; // NULL: none
	uv_timer_t *talk;        // of those that ask again and again; NULL
	instant waiting;         // since when, NEVER: nothing is awaited
	instant asked;           // when the last request left
	bool last;               // what it waits for now is its last word
	uint64_t data_sent;      // segments, when the last node lost sight of the owner
	instant owner_lost;
	void *kind; // of session_*.c
};

struct sessions {
	const struct scenario *scenario;
	const struct topology *topology;
	const struct world *world;
	uv_loop_t *loop;
	struct session_list *list;
	struct peer *peers; // one a session
	const struct sessions_ops *ops;
	void *ctx;
	uv_timer_t *tick;
	size_t begun;     // sessions before it were told to open
	size_t unsettled; // not open yet, or not over: of those begun
	bool opening, closing;
	instant closing_since;
	instant ticked;
	struct session_wait late, late_in_step; // the loop's own
	uint8_t (*digests)[32];                 // one an entry of the scenario; of transfers
	uint8_t *bytes;                         // what the loop reads into
};

const struct ip_addr *peer_service(const struct peer *p);

// The digest that its transfer must have, of STREAM_DIGEST_BYTES.
const uint8_t *peer_digest(const struct peer *p);

// Answers are awaited from now on.
void peer_wait(struct peer *p);
// Something came of what is awaited; whether more is.
void peer_progress(struct peer *p, bool more);
// It stands.
void peer_open(struct peer *p);
// False: it was another node than before, or an unknown one, and the session is broken.
[[nodiscard]] bool peer_answered_by(struct peer *p, const char *name);
// Its request was answered: the next one in its time, or that was the last.
void peer_answered(struct peer *p);
// It talks then, unless it waits for an answer. Nothing for kinds that do not talk.
void peer_talk_after(struct peer *p, uint64_t ms);
void peer_done(struct peer *p);
__attribute__((format(printf, 3, 4))) void peer_break(
	struct peer *p, enum session_break how, const char *fmt, ...);
bool peer_is_over(const struct peer *p);
void peer_close(struct peer *p);

// session_tcp.c. Connects; then ops->up, ops->data.
[[nodiscard]] int tcp_open(struct peer *p);
void tcp_send(struct peer *p, const void *bytes, size_t n);
void tcp_read(struct peer *p, bool on);
size_t tcp_unacked(struct peer *p); // bytes sent that the other side has not acknowledged
int tcp_fd(struct peer *p);         // -1: there is none
void tcp_close(struct peer *p);
