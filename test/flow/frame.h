// Frames for the keeper's programs, made and looked at byte by byte.
#pragma once

#include "flow/shared.h"
#include "lib/ip.h"

enum { FRAME_MAX = 2048, FRAME_L3 = 14 };

struct frame {
	uint8_t b[FRAME_MAX];
	size_t n;
};

enum frame_tcp { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

// One packet of a client. Zero means what a client usually sends.
struct spec {
	const char *from, *to;
	uint8_t proto; // TCP if 0
	uint16_t from_port, to_port;
	uint8_t flags;
	bool stamp;     // TCP timestamps, in the usual place
	bool stamp_odd; // behind one NOP only, so at an odd offset
	uint32_t tsval, tsecr;
	uint32_t seq, ack; // some if 0
	uint16_t mss;      // an option if not 0
	uint8_t ttl;       // 64 if 0
	uint16_t fragment; // IPv4: the field as it is
	const void *payload;
	size_t payload_size;
};

struct frame frame_make(const struct spec *spec);

// An ICMP error from the router, quoting that many bytes of what the service sent to the client:
// the quoted packet is of, turned round.
struct frame frame_icmp(const struct spec *of, const char *router, size_t quoted, uint32_t tsval);

// Around the frame: the tunnel's headers with a tag of that key.
struct tunnel_spec {
	const char *from, *to;
	uint16_t from_id, to_id;
	uint8_t type, hop, phase;
	uint64_t epoch;
	uint8_t key[16];
	uint16_t port;
	uint8_t serial;
};
struct frame frame_wrap(const struct frame *inner, const struct tunnel_spec *t);

// Why the frame is not well formed (lengths and checksums of IP and TCP, UDP or ICMP); NULL: it is.
const char *frame_fault(const struct frame *f);

// Where TSval lies; 0: no timestamps.
size_t frame_stamp(const struct frame *f);
uint32_t frame_u32(const struct frame *f, size_t at);
size_t frame_mss(const struct frame *f); // where its value lies; 0: none
