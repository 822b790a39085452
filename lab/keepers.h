// What the keepers of a world did, by their own counters.
#pragma once

#include "lab/world.h"
#include "lib/out.h"

struct keeper_count {
	const struct lab_node *node;
	bool known;                                   // its daemon answered
	uint64_t local, forwarded, received, refused; // packets, as `show flows` has them
};

// Asks each. Frees *list and fills it; empty where no node has a keeper.
void keepers_ask(const struct world *w, struct keeper_count **list, size_t *count);

// Reads the reply to `show flows`. -EBADMSG when it is none, or there is no keeper.
[[nodiscard]] int keepers_read(const char *json, size_t len, struct keeper_count *ret);

// A table a node, for text and JSON.
void keepers_print(const struct keeper_count *list, size_t count, const char *name, struct out *o);
