// A program's listening Unix socket: a path that people give in its configuration.
#pragma once

#include <sys/types.h>

#include "lib/strbuf.h"

enum { UNIXSOCK_BACKLOG = 128 };

// Listens at path with these permissions. The last folder of the path is made where there is none, and
// the socket of a program that died is removed. Returns a descriptor (non-blocking, close-on-exec); negative
// errno with a sentence in *error, which calls another program that answers there `who`.
[[nodiscard]] int unixsock_listen(
	const char *path, mode_t mode, const char *who, struct strbuf *error);
