// TCP connections of BGP sessions on the loop: connect or accept, read, write, close in order.
#pragma once

#include <stdint.h>
#include <uv.h>

#include "lib/ip.h"
#include "lib/strbuf.h"

struct tcp;

struct tcp_ops {
	void (*up)(void *ctx);
	void (*data)(void *ctx, const uint8_t *bytes, size_t n);
	void (*down)(void *ctx, const char *why); // the callee gives it up
};

struct tcp_to {
	struct ip_addr address, source; // source IP_NONE: the kernel chooses
	uint16_t port;
	int ttl; // 0: the system's
};

// 0 and *ret; negative errno.
[[nodiscard]] int tcp_connect(struct tcp **ret, uv_loop_t *loop, const struct tcp_to *to,
	const struct tcp_ops *ops, void *ctx);
// Takes an accepted descriptor, also on failure.
[[nodiscard]] int tcp_adopt(
	struct tcp **ret, uv_loop_t *loop, int fd, int ttl, const struct tcp_ops *ops, void *ctx);
void tcp_send(struct tcp *t, const void *bytes, size_t n);
struct ip_addr tcp_local(const struct tcp *t);
// Closes after what was sent has been written, within two seconds; *t becomes NULL, nothing more
// is told. NULL inside is fine.
void tcp_finish(struct tcp **t);

// ---- Listening ----

struct tcp_listener;
typedef void tcp_accept_fn(void *ctx, int fd, const struct ip_addr *remote); // takes fd

[[nodiscard]] int tcp_listen(struct tcp_listener **ret, uv_loop_t *loop,
	const struct ip_addr *address, uint16_t port, tcp_accept_fn *accept, void *ctx);
void tcp_listener_free(struct tcp_listener **l); // NULL inside is fine
