// What the process gives up once its BGP ports are open and before it has heard anybody: its user,
// the file system (Landlock), and every system call it does not need (seccomp), exec among them.
// Threads that start later have given up the same.
#pragma once

#include <stdbool.h>

#include "lib/strbuf.h"

// user NULL: stays who it is. disk: files that are open already may be written, cut and synced; still
// none can be opened. 0; negative errno with *error set, and then the process must end.
// A kernel without Landlock is no error: *without_landlock says so.
[[nodiscard]] int sandbox_enter(
	const char *user, bool disk, bool *without_landlock, struct strbuf *error);
