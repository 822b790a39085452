// One BFD session in asynchronous mode, RFC 5880: is the path to a neighbour alive?
//
// The engine does no I/O and reads no clock. The program hands in packets and the time,
// and drains what is to be done with bfd_session_next() after every call. The same
// inputs and seed give the same outputs.
//
//	 program                             engine
//	    | bfd_session_received(packet) --> |
//	    | bfd_session_tick(now) ---------> |  states, negotiated timers, jitter
//	    | <--- bfd_session_next(): EVENT, SEND
//	    | <--- bfd_session_deadline(): when to tick next
//
// A program that was kept from running hands in every packet that waits before it
// ticks: then its own delay does not look like the neighbour's death.
//
// Left out: the echo function (Required Min Echo RX is 0), Demand mode of this side (a
// neighbour's is honoured), authentication (such packets are refused), and the passive
// role; RFC 5881 section 3 wants both sides active.
#pragma once

#include "bfd/fsm.h"
#include "bfd/packet.h"

struct bfd_session;

// What may change while the session runs.
struct bfd_timing {
	span min_tx;        // wished between packets sent, before jitter; 1 us .. 2^32-1 us
	span min_rx;        // wished between packets received; the same range
	uint8_t multiplier; // 1..255: a neighbour gives up after so many of its intervals
};

struct bfd_config {
	uint32_t discriminator; // not 0, no other session of this system has it
	struct bfd_timing timing;
	uint64_t seed; // jitter
};

// The session variables of section 6.8.1 under plain names, and what follows from them.
struct bfd_vars {
	enum bfd_state state;
	enum bfd_state remote_state; // as last received; Down before
	enum bfd_diag diag;          // of the last change of state
	uint8_t remote_diag;
	uint32_t local_disc;
	uint32_t remote_disc;                 // 0: not known
	span desired_min_tx, required_min_rx; // as sent; at least 1 s for the first while not Up
	span remote_min_tx, remote_min_rx;    // as received
	uint8_t multiplier, remote_multiplier;
	bool remote_demand;
	span tx_interval;    // in force, before jitter; zero: nothing is sent periodically
	span detection_time; // in force; zero: nothing was received yet
	instant since;       // of the state
	instant heard;       // last packet that was taken; NEVER: none, or forgotten
	uint64_t sent, received;
};

enum bfd_action_kind {
	BFD_DO_EVENT, // the state changed
	BFD_DO_SEND,  // send the bytes to the neighbour, now
};

struct bfd_action {
	enum bfd_action_kind kind;
	const uint8_t *data; // SEND: BFD_PACKET_BYTES, valid until the next call
	size_t len;
	// EVENT
	enum bfd_state from, to;
	enum bfd_diag diag; // of the change
	// The session was Up and the path is to be taken as broken: clients act on it
	// (RFC 5882 section 3.2). Not set when either operator took the session down.
	bool failed;
};

// Starts in Down and sends at once.
[[nodiscard]] struct bfd_session *bfd_session_new(const struct bfd_config *config, instant now);
void bfd_session_free(struct bfd_session **s);

// AdminDown (section 6.8.16), or back to Down. A disabled session tells the neighbour
// for its detection time and is then silent: its deadline is NEVER.
void bfd_session_disable(struct bfd_session *s, instant now);
void bfd_session_enable(struct bfd_session *s, instant now);

// Changes the timing by a Poll Sequence (section 6.8.3); the session stays up.
void bfd_session_set_timing(struct bfd_session *s, instant now, const struct bfd_timing *timing);

// A packet that bfd_packet_parse() took, and that belongs to this session: by Your
// Discriminator, or where that is 0 by the addresses (section 6.3). The verdict is the
// rest of section 6.8.6.
enum bfd_verdict bfd_session_received(
	struct bfd_session *s, instant now, const struct bfd_packet *p);

// Time. tick: let every timer run out that is due.
instant bfd_session_deadline(const struct bfd_session *s); // INSTANT_NEVER: no timer runs
void bfd_session_tick(struct bfd_session *s, instant now);

// The next thing to do; false when there is none. Of several changes of state that were not
// drained in between, one event is left, from the first state to the last.
[[nodiscard]] bool bfd_session_next(struct bfd_session *s, struct bfd_action *ret);

const struct bfd_vars *bfd_session_vars(const struct bfd_session *s);
