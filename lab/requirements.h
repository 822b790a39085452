// What a scenario needs of the machine, looked at before anything is made of it: programs of others, and room
// for what sessions transfer.
#pragma once

#include "lab/session.h"
#include "lib/strbuf.h"

// -ENOENT with a line in *error for each program that is not installed, with its Debian package.
[[nodiscard]] int requirements_programs(const struct scenario *s, struct strbuf *error);

// Bytes of files that a run writes: what servers send, once for all; and what each upload leaves at its server
// and each client of QUIC at its own place. NULL: no sessions are opened, servers stand ready all the same.
uint64_t requirements_bytes(const struct scenario *s, const struct session_list *opened);

// -ENOSPC with a sentence in *error when the file system of the directory has not that much free.
[[nodiscard]] int requirements_room(const char *dir, uint64_t bytes, struct strbuf *error);
