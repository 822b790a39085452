// What the glass says on standard error. A thread of its own writes: where the disk or the journal hangs,
// lines are lost and counted, and neither sessions nor answers wait.
#pragma once

#include <stddef.h>

enum { LOG_WAITING_MAX = 64 << 10 }; // octets that were not taken yet

struct log;

[[nodiscard]] struct log *log_new(void);
// The thread, inside the sandbox. Before, lines are written at once.
void log_start(struct log *l);
// Any thread; never waits once the thread runs. One line, without its newline.
__attribute__((format(printf, 2, 3))) void log_line(struct log *l, const char *fmt, ...);
// Writes what waits, but for no longer than a second; NULL inside is fine.
void log_free(struct log **l);
