// The network: sessions between two ends, over links with latency, loss (which TCP shows as
// delay), partitions, stalls and slow readers.
//
//	end 0 ===== connection opened by 0 ===== end 1      two places for connections, since
//	      ===== connection opened by 1 =====            both ends may open one (RFC 4271
//	      ------------- link --------------             section 6.8); one link under both
//
// What is sent lies in a pipe, in order: SYN, data and FIN alike. A cut link keeps it, as the
// retransmissions of TCP would, and hands it over after it is whole again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/peer.h"
#include "lib/timing.h"

struct sim_world;
struct sim_party;
struct sim_session;

// Bytes that several pipes may share.
struct sim_buffer {
	unsigned refs;
	size_t len;
	uint8_t bytes[];
};

struct sim_slice {
	size_t from, to;
	struct sim_party *of; // whose route it is
};

struct sim_buffer *sim_buffer_new(size_t len);
void sim_buffer_unref(struct sim_buffer **b);

enum sim_chunk_kind { SIM_SYN, SIM_SYN_ACK, SIM_REFUSED, SIM_DATA, SIM_FIN, SIM_RST };

struct sim_chunk {
	struct sim_chunk *next;
	instant sent, at;
	uint32_t generation; // of the connection
	enum sim_chunk_kind kind;
	struct sim_buffer *buffer;
	size_t from, to;
};

// One direction of one connection.
struct sim_pipe {
	struct sim_session *session;
	int opener, to;
	struct sim_chunk *head, *tail;
	instant last; // arrival of the latest chunk
	size_t bytes; // under way
	bool armed;
	bool reported; // the sender knows of a backlog
};

enum sim_tcp_state { SIM_TCP_CLOSED, SIM_TCP_CONNECTING, SIM_TCP_OPEN };

struct sim_tcp {
	struct {
		enum sim_tcp_state state;
		uint32_t generation;
	} side[2]; // as each side sees it
	uint32_t generations;
	struct sim_pipe to[2];
};

struct sim_link {
	span latency[2]; // towards that side
	unsigned loss_permille;
	bool cut;
	instant stalled[2]; // towards that side: nothing arrives before
	unsigned rate[2];   // bytes a second that the reader there takes; 0: any
};

struct sim_end {
	struct sim_party *party;
	struct sim_session *session;
	int side;
	unsigned index; // among the party's
	struct bgp_peer_config config;
	struct bgp_peer *peer; // NULL: the daemon does not run
	bool up;               // established
	enum bgp_dir dir;      // by which connection
	instant timer_at;      // INSTANT_NEVER: no event waits
	uint32_t *routes;      // of a reflector: the places of what came from here
	size_t route_count;
};

struct sim_session {
	struct sim_world *world;
	unsigned index;
	struct sim_end end[2];
	struct sim_tcp tcp[2]; // by who opens
	struct sim_link link;
};

static inline struct sim_end *sim_end_other(const struct sim_end *e)
{
	return &e->session->end[!e->side];
}

// A session that nobody has opened yet.
struct sim_session *sim_session_new(struct sim_world *w, struct sim_party *a, struct sim_party *b);
void sim_session_free(struct sim_session **s);

// Makes the peer and starts it.
void sim_end_start(struct sim_end *e);
// The daemon behind it is gone; with a word to the other side if the host still lives.
void sim_end_kill(struct sim_end *e, bool silent);
// Carries out what the peer asks for. After each call of the peer.
void sim_end_pump(struct sim_end *e);
// Bytes of whole messages behind what the peer has sent; only while it is established.
void sim_end_send(struct sim_end *e, struct sim_buffer *b, size_t from, size_t to);

void sim_session_cut(struct sim_session *s, bool cut);
// Both ends see the connection reset.
void sim_session_reset(struct sim_session *s);
void sim_session_stall(struct sim_session *s, int towards, span time);

// Both ends are established and the link is whole.
bool sim_session_is_up(const struct sim_session *s);
// Since when the oldest data towards that side is under way; INSTANT_NEVER: none is.
instant sim_session_oldest(const struct sim_session *s, int towards);
