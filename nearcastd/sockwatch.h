// The kernel's news of sockets that were destroyed: multicast groups of
// NETLINK_SOCK_DIAG, one each for TCP and UDP over IPv4 and IPv6. A listening
// socket of a process that was killed is reported as the kernel tears it down.
//
// Sockets that were connected are filtered out in the kernel (their remote
// port is not 0), and so are those on ports of clients: a busy server or
// resolver costs nothing here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "lib/ip.h"

struct sockwatch;

// A local end: of a socket that went, or one that a check depends on.
struct sock_end {
	uint8_t protocol;    // IPPROTO_TCP, IPPROTO_UDP
	struct ip_addr addr; // of a socket: unspecified when it was bound to all
	uint16_t port;
};

// Both included.
struct port_range {
	uint16_t low, high;
};

enum { SOCKWATCH_PORTS_MAX = 64 };

// Ends that went since the last call, without repetition. lost: the kernel
// could not tell all of them; anything may have gone.
typedef void sockwatch_fn(void *ctx, const struct sock_end *gone, size_t n, bool lost);

// Ports in the range of clients' ports are no news, nor are sockets bound to all addresses on
// ports from 1024 on (resolvers ask from such ones), except those of the list; a
// list longer than SOCKWATCH_PORTS_MAX makes them news again.
// 0, or a negative errno where the kernel has no such groups.
[[nodiscard]] int sockwatch_new(struct sockwatch **ret, uv_loop_t *loop, struct port_range clients,
	const uint16_t *except, size_t n, sockwatch_fn *fn, void *ctx);
// Take the news that wait, as the loop would in its next turn.
void sockwatch_read(struct sockwatch *w);
// No callback any more; sets *w to NULL. NULL inside is fine.
void sockwatch_free(struct sockwatch **w);

// Would a packet to the watched end have met the socket: same protocol and
// port, same address or all addresses?
bool sock_end_serves(const struct sock_end *socket, const struct sock_end *watched);

// Is there a socket that serves the end: listening (TCP), or unconnected (UDP)?
// 0 and *ret, or a negative errno.
[[nodiscard]] int sockwatch_is_served(
	struct sockwatch *w, const struct sock_end *watched, bool *ret);

enum { SOCK_END_TEXT = 64 };
// "udp 198.51.100.53 port 53", "tcp * port 80".
const char *sock_end_print(const struct sock_end *e, char buf[SOCK_END_TEXT]);
