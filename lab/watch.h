// Follows the events of every nearcastd of a world over its read-only socket.
#pragma once

#include <uv.h>

#include "lab/world.h"

struct watch;

struct daemon_event {
	const struct lab_node *node;
	instant at; // of the daemon's clock, which is this machine's
	uint64_t seq, cause_seq;
	const char *type, *subject, *reason, *upstream, *detail; // "" when absent
};

typedef void watch_fn(void *ctx, const struct daemon_event *e);

// Connects to each site's socket as soon as it is there, and again after the
// daemon came back. Events from before the connection come first.
struct watch *watch_new(
	uv_loop_t *loop, const struct scenario *s, const struct world *w, watch_fn *fn, void *ctx);
// Handles end in the next turn of the loop. NULL inside is fine.
void watch_free(struct watch **w);
