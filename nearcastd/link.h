// The link that carries service addresses: a port to nowhere.
#pragma once

#include "nearcastd/netlink.h"

#define LINK_NAME "nearcast0"

// The interface's index, or 0 when there is none of that name.
[[nodiscard]] int link_index(const char *name);

// Makes sure that the interface exists and is up; creates it as a dummy, or where
// the kernel has none as a bridge without ports, or as one end of a veth pair. Its alias then
// says that it is ours. 0 and *index, or a negative errno.
[[nodiscard]] int link_ensure(struct netlink *n, const char *name, int *index);

// Deletes it when it is ours: named LINK_NAME or so by its alias. 0 also when it is not.
[[nodiscard]] int link_release(struct netlink *n, const char *name, int index);
