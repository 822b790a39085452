// MRT out: the store as TABLE_DUMP_V2 (RFC 6396 section 4.3, with path identifiers RFC 8050), and
// messages and states of sessions as BGP4MP_ET (sections 4.4 and 3).
//
// Writers take a cursor; when it went bad the record did not fit, and is to be written again with
// more room. No record is longer than MRT_RECORD_MAX as far as routes of one prefix allow.
#pragma once

#include "rib/mrt.h"
#include "rib/rib.h"

// PEER_INDEX_TABLE of all neighbours of the store; view: up to 65535 octets of text.
void mrt_write_peers(
	struct wr *w, uint32_t time_s, uint32_t collector, const char *view, const struct rib *r);

// The records of one prefix: one of the neighbours without path identifiers, one of the others;
// none of whom nobody has a route. *sequence counts them.
void mrt_write_prefix(struct wr *w, uint32_t time_s, uint32_t *sequence, const struct rib *r,
	enum ip_family family, uint32_t prefix);

// The session that a message or a state belongs to. Both addresses are of one family.
struct mrt_session {
	uint32_t peer_as, local_as;
	struct ip_addr peer, local;
	bool as4, add_path; // of the UPDATEs that follow
};

// One BGP message with its header. from_local: this side sent it.
void mrt_write_message(struct wr *w, int64_t time_us, const struct mrt_session *s, bool from_local,
	const void *message, size_t n);
// States as RFC 4271 numbers them: 1 Idle to 6 Established.
void mrt_write_state(
	struct wr *w, int64_t time_us, const struct mrt_session *s, uint16_t from, uint16_t to);
