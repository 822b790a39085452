// Echo requests, UDP packets to ports where nobody listens, and what comes back for them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/wire.h"

enum {
	PROBE_TOKEN = 8,
	PROBE_REQUEST = 8 + PROBE_TOKEN,
	PROBE_UDP_PORT = 33434, // and up: traceroute's, where nobody is meant to listen
};

// Of UDP the identifier is the source port, the sequence the destination's distance from PROBE_UDP_PORT.
struct probe_echo {
	uint16_t id, sequence;
	uint8_t token[PROBE_TOKEN];
};

enum probe_answer_kind { PROBE_NOTHING, PROBE_REPLY, PROBE_EXCEEDED, PROBE_UNREACHABLE };

struct probe_answer {
	enum probe_answer_kind kind;
	struct probe_echo echo; // token: of a reply only
	struct ip_addr target;  // of the quoted request; IP_NONE: a reply
	bool udp;               // the quoted one
	bool port; // PROBE_UNREACHABLE: nobody listens there, so the packet has arrived
};

// PROBE_REQUEST octets.
void probe_build(enum ip_family family, const struct probe_echo *e, struct wr *w);
// What a raw socket of that family hands over: IPv4 with its header, IPv6 without.
struct probe_answer probe_read(enum ip_family family, const uint8_t *data, size_t n);
