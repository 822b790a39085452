// Questions to the nearcastd of a node, over its read-only socket.
#pragma once

#include "lab/world.h"

// Sends a request, a line of JSON with its end, and adds the answer, a line too, to *answer. Waits for
// it, for a second at most: the daemons answer within a turn of their loops. -errno.
[[nodiscard]] int daemon_ask(const struct world *w, const struct lab_node *node,
	const char *request, struct strbuf *answer);
