// The kernel's news of addresses that are added to this host or removed from
// it: multicast groups of NETLINK_ROUTE.
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "lib/ip.h"

struct addrwatch;

// address is NULL when the kernel could not tell all changes.
typedef void addrwatch_fn(void *ctx, const struct ip_addr *address, bool gone);

// 0 or a negative errno.
[[nodiscard]] int addrwatch_new(
	struct addrwatch **ret, uv_loop_t *loop, addrwatch_fn *fn, void *ctx);
// Take the news that wait, as the loop would in its next turn.
void addrwatch_read(struct addrwatch *w);
// No callback any more; sets *w to NULL. NULL inside is fine.
void addrwatch_free(struct addrwatch **w);
