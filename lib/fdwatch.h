// Waiting for a descriptor on the loop. libuv wants a handle's memory until its
// close callback; a struct fdwatch outlives its owner for that long, so that
// owners may come and go with every run of a check.
#pragma once

#include <uv.h>

struct fdwatch;

// events: UV_READABLE, UV_WRITABLE as they came; also on an error of the
// descriptor, which the next read or write of it reports.
typedef void fdwatch_fn(void *ctx, int events);

// The descriptor stays the caller's, who closes it after fdwatch_close().
// 0 or a negative errno.
[[nodiscard]] int fdwatch_new(
	struct fdwatch **ret, uv_loop_t *loop, int fd, int events, fdwatch_fn *fn, void *ctx);
// Wait for other events from now on.
void fdwatch_events(struct fdwatch *w, int events);
// No callback any more; sets *w to NULL. NULL inside is fine.
void fdwatch_close(struct fdwatch **w);
