// BFD control packets, RFC 5880 section 4.1, and the numbers of BFD.
//
// Reading a packet judges everything that the packet alone can tell, in the order of
// section 6.8.6. What depends on the session (its discriminator, authentication, its
// state) is bfd/session.h's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/timing.h"
#include "lib/wire.h"

enum {
	BFD_VERSION = 1,
	BFD_PACKET_BYTES = 24,       // without an authentication section
	BFD_PACKET_BYTES_AUTH = 26,  // the least with one
	BFD_PORT = 3784,             // single hop, RFC 5881 section 4
	BFD_PORT_MULTIHOP = 4784,    // RFC 5883 section 5
	BFD_SOURCE_PORT_MIN = 49152, // RFC 5881 section 4: one for each session
	BFD_SOURCE_PORT_MAX = 65535,
	BFD_TTL = 255, // sent always; a single hop takes nothing less (RFC 5881 section 5)
};

// As the Sta field has them.
enum bfd_state {
	BFD_ADMIN_DOWN = 0,
	BFD_DOWN = 1,
	BFD_INIT = 2,
	BFD_UP = 3,
	BFD_STATE_MAX,
};

// Why the session last changed its state, section 4.1.
enum bfd_diag {
	BFD_DIAG_NONE = 0,
	BFD_DIAG_EXPIRED = 1,
	BFD_DIAG_ECHO_FAILED = 2,
	BFD_DIAG_NEIGHBOUR_DOWN = 3,
	BFD_DIAG_FORWARDING_RESET = 4,
	BFD_DIAG_PATH_DOWN = 5,
	BFD_DIAG_CONCATENATED_DOWN = 6,
	BFD_DIAG_ADMIN_DOWN = 7,
	BFD_DIAG_REVERSE_CONCATENATED_DOWN = 8,
	BFD_DIAG_MAX,
};

struct bfd_packet {
	uint8_t diag; // enum bfd_diag, or a number without a name (up to 31)
	enum bfd_state state;
	bool poll, final;
	bool independent; // C: outlives the control plane
	bool auth;        // A: an authentication section follows
	bool demand;
	uint8_t multiplier; // Detect Mult, not 0
	uint32_t my_disc;   // not 0
	uint32_t your_disc; // 0: the sender has not heard of this side yet
	// Whole microseconds that fit 32 bits.
	span desired_min_tx;
	span required_min_rx;
	span required_min_echo_rx;
};

// What became of a packet; all but the first discard it. In the order of section 6.8.6.
enum bfd_verdict {
	BFD_OK,
	BFD_BAD_VERSION,
	BFD_BAD_LENGTH,
	BFD_BAD_MULTIPLIER,
	BFD_MULTIPOINT,
	BFD_NO_DISCRIMINATOR,
	BFD_UNKNOWN_SESSION, // Your Discriminator is another one's
	BFD_BAD_STATE,       // Your Discriminator is 0 in a state that must know it
	BFD_AUTHENTICATED,   // authentication is not supported, so it is not in use
	BFD_DISABLED,        // the session is AdminDown
	BFD_VERDICT_MAX,
};

// The datagram's payload. *ret is set for BFD_OK only.
[[nodiscard]] enum bfd_verdict bfd_packet_parse(
	struct bfd_packet *ret, const void *data, size_t len);

// Appends BFD_PACKET_BYTES; no authentication section, Multipoint 0.
void bfd_packet_build(struct wr *w, const struct bfd_packet *p);

// Names as the RFC has them; never NULL.
const char *bfd_state_name(enum bfd_state s);     // "AdminDown", "Up"
const char *bfd_diag_name(uint8_t diag);          // "Control Detection Time Expired"
const char *bfd_verdict_name(enum bfd_verdict v); // "wrong length"
