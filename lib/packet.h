// Captured frames down to TCP: link layer, IPv4 or IPv6, TCP. No I/O.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/wire.h"

// Link types of capture files, as registered at tcpdump.org.
enum packet_link {
	PACKET_LINK_NULL = 0,
	PACKET_LINK_ETHERNET = 1,
	PACKET_LINK_PPP = 9,
	PACKET_LINK_RAW_OLD = 12,
	PACKET_LINK_RAW_OPENBSD = 14,
	PACKET_LINK_C_HDLC = 104,
	PACKET_LINK_RAW = 101,
	PACKET_LINK_LOOP = 108,
	PACKET_LINK_LINUX_SLL = 113,
	PACKET_LINK_IPV4 = 228,
	PACKET_LINK_IPV6 = 229,
	PACKET_LINK_LINUX_SLL2 = 276,
};

struct tcp_segment {
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
	uint32_t seq;
	bool syn, fin, rst;
	struct rd payload; // as far as it was captured
	size_t missing;    // octets of payload that were on the wire and not captured
};

// 0; -ENOMSG: something else than TCP, or not its first fragment; -EBADMSG: a header is cut
// or contradicts itself; -EOPNOTSUPP: the link type is not known.
[[nodiscard]] int packet_tcp(struct tcp_segment *ret, uint32_t link_type, struct rd frame);
