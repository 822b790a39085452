// nearcastd at the site, followed over its readonly socket: each of its events, and after them in
// rounds its status and what changed in its fleet, 10 MB a second at most, so that neither end spends
// much of its time on a large fleet in which much changes. Killing either end disturbs nothing
// at the other.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "nearglass/roster.h"

struct link;

struct link_ops {
	void (*event)(void *ctx, const char *json); // one object, without a newline
	void (*changed)(void *ctx);                 // connected, lost, or another status
	void (*turned)(void *ctx, bool connected);  // after that
};

struct link_info {
	bool connected;
	int64_t since_us;   // Unix time, of that
	const char *status; // JSON; NULL: none. Good until the loop runs on
	int64_t heard_us;   // Unix time of the status; 0: none
	const char *error;  // why it is not newer; NULL: none
};

[[nodiscard]] struct link *link_new(
	uv_loop_t *loop, const char *path, const struct link_ops *ops, void *ctx);
void link_stop(struct link *l);  // nothing more is told
void link_free(struct link **l); // when the loop runs no more; NULL inside is fine
void link_info(const struct link *l, struct link_info *ret);
struct roster_snapshot *link_roster(const struct link *l); // good until the loop runs on
