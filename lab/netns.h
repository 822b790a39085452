// Network namespaces: making them, visiting them, and what is set in each.
#pragma once

#include <stdbool.h>

#include "lib/own.h"

// Makes an unnamed namespace. Returns its descriptor, to be closed, or a
// negative errno (-EPERM without the rights).
[[nodiscard]] int netns_new(void);

// The calling thread is in another namespace until netns_return().
struct netns_visit {
	int home; // -1: not away
};
[[nodiscard]] int netns_visit(int ns, struct netns_visit *ret);
// For own(). Aborts when there is no way back: nothing sensible can follow.
void netns_return(struct netns_visit *v);

// Opens a socket that belongs to the namespace; for ever, wherever it is used. -errno.
[[nodiscard]] int netns_socket(int ns, int domain, int type, int protocol);

// Settings of a node: addresses usable at once and kept while a link is down,
// no filter on the source of what comes in, and forwarding for routers. -errno.
[[nodiscard]] int netns_set_up(int ns, bool router);

// Its TCP offers no timestamps (RFC 7323) and takes none. -errno.
[[nodiscard]] int netns_no_timestamps(int ns);
