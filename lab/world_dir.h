// The directories of worlds: where they are, who holds them, clearing them.
#pragma once

#include <sys/types.h>

#include "lib/strbuf.h"

// $NEARCAST_LAB_DIR or /run/nearcast-lab.
const char *world_base(void);

// Makes the directory of a world, takes its lock and removes what is in it.
// *dir: its path. Returns the descriptor of the lock, or -errno; -EBUSY: somebody holds it.
[[nodiscard]] int world_dir_take(const char *name, struct strbuf *dir);

// Process id of the init that holds the directory; -ESRCH when none does.
[[nodiscard]] pid_t world_dir_holder(const char *name);

// Waits until nobody holds it, at most that long, then removes it. -ETIMEDOUT.
[[nodiscard]] int world_dir_release(const char *name, int timeout_ms);

// Removes the directory with all that is in it, and the base if it is empty then.
void world_dir_remove(const char *dir);
