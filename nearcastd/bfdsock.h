// The sockets of BFD: one that receives for each family and kind of path, one that sends
// for each session. RFC 5881 sections 4 and 5, RFC 5883 section 5.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bfd/packet.h"
#include "lib/ip.h"

// A port that receives control packets. The kernel drops what is too short for one, and for
// a single hop what does not have a TTL of 255, so that a flood from elsewhere wakes nobody.
// A descriptor or a negative errno.
[[nodiscard]] int bfdsock_open_port(enum ip_family family, bool multihop);

// A socket that sends with a TTL of 255 from that source (IP_NONE: the kernel chooses) and
// port. link: the index of the interface that link-local addresses are of; 0: none.
// A descriptor or a negative errno; -EADDRINUSE: the port is taken.
[[nodiscard]] int bfdsock_open_sender(
	enum ip_family family, const struct ip_addr *source, unsigned link, uint16_t port);

// Where a session sends to.
struct bfdsock_remote {
	struct ip_addr address;
	unsigned link; // of a link-local address; 0: none
	bool multihop;
};

// 0 or a negative errno.
[[nodiscard]] int bfdsock_send(
	int fd, const struct bfdsock_remote *remote, const void *data, size_t len);

enum { BFDSOCK_BATCH = 32, BFDSOCK_BYTES = 256 };

struct bfdsock_datagram {
	struct ip_addr from;
	unsigned link; // that a link-local one is of; 0 for others
	uint8_t ttl;   // 0: the kernel did not say
	size_t len;
	uint8_t data[BFDSOCK_BYTES];
};

// What waits, up to BFDSOCK_BATCH at a time; the number, 0 when nothing does.
size_t bfdsock_receive(int fd, struct bfdsock_datagram ret[BFDSOCK_BATCH]);
