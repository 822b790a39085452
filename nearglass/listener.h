// A port on the loop that hands its connections over.
#pragma once

#include <stdint.h>
#include <uv.h>

#include "lib/ip.h"

struct listener;
typedef void listener_accept(void *ctx, int fd, const struct ip_addr *remote); // takes fd

// 0 and *ret; negative errno.
[[nodiscard]] int listener_new(struct listener **ret, uv_loop_t *loop,
	const struct ip_addr *address, uint16_t port, listener_accept *accept, void *ctx);
void listener_free(struct listener **l); // NULL inside is fine
