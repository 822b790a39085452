// A BGP neighbour over TCP: the engine of bgp/peer.h, the connections of its session (lib/conn.h)
// and its timer, on a program's loop. It does what the engine wants done and hands events on; what
// the neighbour is told, and what becomes of its routes, is the program's.
//
//	 program             speaker                         bgp/peer.h
//	    | start, accept --> | clock, bytes, timer -------> |
//	    |                   | <--- CONNECT, SEND, CLOSE    | done here
//	    | <-- event(what)   | <--- EVENT                   | handed on
//	    | <-- bgp_peer_config.routes --------------------- |
//
// A call returns when the engine wants nothing more. Within an event every call but speaker_free()
// is allowed too; what it leads to is done after that event.
#pragma once

#include <uv.h>

#include "bgp/peer.h"
#include "lib/conn.h"

struct speaker;

// what lives for this call only. All events of the engine come here, in their order; ANNOUNCED
// and WITHDRAWN after their UPDATE was handed to the kernel.
typedef void speaker_event_fn(void *ctx, const struct bgp_action *what);

// Idle until speaker_start(). config is copied; its routes are called from within calls of the loop
// and of this module, and must call nothing here. socket is what speaker_set_socket() takes. loop and
// ctx outlive it.
[[nodiscard]] struct speaker *speaker_new(uv_loop_t *loop, const struct bgp_peer_config *config,
	const struct conn_options *socket, speaker_event_fn *event, void *ctx);

// Says nothing more: speaker_stop() comes before. Connections that still have something to write are
// seen off by the loop, which also frees the rest. NULL inside is fine; sets *s to NULL.
void speaker_free(struct speaker **s);

// Of connections from now on; those there are stay as they are. Copied; what interface and keys
// point to is borrowed until the next call or speaker_free().
void speaker_set_socket(struct speaker *s, const struct conn_options *socket);

// ManualStart, RFC 4271 section 8.1.2; also ends the wait after too many prefixes.
void speaker_start(struct speaker *s);
// ManualStop: Cease with the subcode (RFC 4486) and text (RFC 9003; NULL: none), then Idle until start.
void speaker_stop(struct speaker *s, uint8_t cease_subcode, const char *text);
// AutomaticStop: the same, but the session comes back by itself.
void speaker_reset(struct speaker *s, uint8_t cease_subcode, const char *text);
// Its connections are ended as if the network had ended them, for the reason why, and no NOTIFICATION
// is sent: for a neighbour that is known to have lost them (RFC 4724 section 5).
void speaker_drop(struct speaker *s, const char *why);

// A connection that came from the neighbour; takes fd. Closed when its socket does not get its
// options or keys, which leaves an earlier one alone, or when the engine refuses it
// (bgp_peer_accepted(); collisions, RFC 4271 section 6.8).
void speaker_accept(struct speaker *s, int fd);

// Changes to Adj-RIB-Out, as bgp_peer_announce() and bgp_peer_withdraw() take them; they are sent
// by speaker_flush(), packed, or with whatever else makes the engine go on.
void speaker_announce(struct speaker *s, const struct ip_prefix *prefix, struct bgp_attrs *attrs);
void speaker_withdraw(struct speaker *s, const struct ip_prefix *prefix);
void speaker_flush(struct speaker *s);

// Has the neighbour tell its routes again (RFC 2918); one that is up and does not know how begins its
// session anew, with Cease/Other Configuration Change.
void speaker_ask_again(struct speaker *s);

// The engine, to look at. Lives as long as the speaker.
const struct bgp_peer *speaker_peer(const struct speaker *s);
