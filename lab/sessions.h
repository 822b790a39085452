// Opens the sessions of a scenario, keeps them busy, and sees how they end.
#pragma once

#include <uv.h>

#include "lab/session.h"
#include "lab/world.h"

struct sessions;

struct sessions_ops {
	void (*on_break)(void *ctx, const struct session *s);
};

// Opens nothing yet. The list is the caller's, filled in as it goes on, and outlives this.
struct sessions *sessions_new(uv_loop_t *loop, const struct scenario *s, const struct world *w,
	struct session_list *list, const struct sessions_ops *ops, void *ctx);
// Ends what stands. Handles end in the next turns of the loop. NULL inside is fine.
void sessions_free(struct sessions **s);

// Opens them, a few at a time.
void sessions_open(struct sessions *s);
// All of them stand, or broke before.
bool sessions_are_open(const struct sessions *s);

// An event happens: what was waited for from now on counts for it.
void sessions_mark(struct sessions *s);
// Counts what is awaited right now, too.
void sessions_look(struct sessions *s);
// Nothing can reach that node (of the scenario's sites) any more.
void sessions_owner_lost(struct sessions *s, size_t node, instant at);

// Those that talk say one last word; transfers go on to their end.
void sessions_close(struct sessions *s);
bool sessions_are_over(const struct sessions *s);

// The longest time that this process came too late to look at its sessions: as much may be too much
// in every wait.
struct session_wait sessions_late(const struct sessions *s);
struct session_wait sessions_late_in_step(const struct sessions *s);
