// One TCP connection of a BGP session: connecting or accepted, a write queue,
// and an orderly end. Knows nothing of BGP.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "lib/ip.h"

struct conn;

// What a socket towards a neighbour needs, on both sides.
struct conn_options {
	struct ip_addr remote;
	const char *interface; // of a link-local remote; NULL: none
	uint16_t port;
	struct ip_addr source; // IP_NONE: the kernel chooses
	uint8_t ttl;           // of what is sent; 0: the system's
	uint8_t min_ttl;       // GTSM, RFC 5082: drop what arrives with less; 0: off
	// Acknowledge what comes at once: a neighbour with Nagle's algorithm (RFC 1122 section
	// 4.2.3.4) sends the next short message only then, up to 40 ms later.
	bool prompt;
	// Ask an end that says nothing whether it is there (RFC 9293 section 3.8.4): for who only listens, and
	// hears nothing of a host that was switched off. It is down after a minute.
	bool watched;
	// Keys of its segments: set before connect(2), or looked at on an accepted connection.
	// 0 or a negative errno, which ends it. NULL: none.
	int (*protect)(const void *keys, int fd, const struct ip_addr *remote, bool accepted);
	const void *keys;
};

// Callbacks never run from inside a call of this module, only from the loop.
struct conn_ops {
	void (*up)(void *ctx); // connected (never called for an accepted one)
	void (*data)(void *ctx, const uint8_t *bytes, size_t len);
	void (*drained)(void *ctx);               // some of the backlog was written
	void (*down)(void *ctx, const char *why); // ended by the network; conn_finish() it
};

// Starts to connect. NULL and *error (negative errno) when that fails at once.
[[nodiscard]] struct conn *conn_connect(uv_loop_t *loop, const struct conn_options *options,
	const struct conn_ops *ops, void *ctx, int *error);

// Takes over an accepted socket (closed on failure).
[[nodiscard]] struct conn *conn_adopt(uv_loop_t *loop, int fd, const struct conn_options *options,
	const struct conn_ops *ops, void *ctx, int *error);

// Writes what the kernel takes now and queues the rest.
void conn_send(struct conn *c, const void *bytes, size_t len);
size_t conn_backlog(const struct conn *c);

// Whether the other end of a socket is on that interface; only a link-local one is on any.
bool conn_is_on(int fd, const char *interface);

// This side's address of a connection that is up.
struct ip_addr conn_local(const struct conn *c);

// No more callbacks. The queue is written, the sending side shut down, and what the other side
// still sends is read away until it closes too or two seconds passed: closing with unread
// input would make the kernel send RST, which can overtake the last NOTIFICATION. Sets *c to NULL.
void conn_finish(struct conn **c);

// Connections that conn_finish() has not seen off yet, in the whole process.
size_t conn_lingering(void);
