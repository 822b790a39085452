// The BGP port: accepts connections and hands each to the upstream it comes from.
#pragma once

#include <uv.h>

#include "conf/conf.h"
#include "lib/strbuf.h"

struct listener;

// A connection came from remote; the callee takes fd.
typedef void listener_accept(void *ctx, int fd, const struct ip_addr *remote);

// Listens as the configuration says (on all addresses of both families unless told) with the
// neighbours' keys. 0; negative errno with *error set. With listen-port 0: listens nowhere.
[[nodiscard]] int listener_new(struct listener **ret, uv_loop_t *loop, const struct conf *conf,
	listener_accept *accept, void *ctx, struct strbuf *error);
void listener_free(struct listener **l);

// After a reload: the keys of the new configuration take the place of the
// old one's. 0 or the negative errno of the first that the kernel refused.
[[nodiscard]] int listener_set_keys(
	struct listener *l, const struct conf *old, const struct conf *conf);
