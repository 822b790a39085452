// A network namespace of the test's own and a loop to run in it.
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "lib/ip.h"

// Moves this process into a fresh network namespace with its loopback up. False
// where that is not permitted.
[[nodiscard]] bool world_enter(void);

// What main() returns then: tells that all tests of the program are skipped.
[[nodiscard]] int world_skip(void);

// Runs the loop until *flag is true; false after the guard time, which only
// keeps a failing test from running for ever.
bool world_run(uv_loop_t *loop, const bool *flag);
// The same until *count is at least n.
bool world_run_count(uv_loop_t *loop, const size_t *count, size_t n);
// Runs the loop for that long.
void world_run_ms(uv_loop_t *loop, uint64_t ms);
// Ends all handles that are being closed and fails if one is left open.
void world_close(uv_loop_t *loop);

// Runs a shell command; the test fails unless it exits with 0.
void world_command(const char *text);
// What a shell command prints, cut to the size; its exit status does not matter.
void world_output(const char *text, char *ret, size_t size);

// A socket bound to the address, port 0: any; listening if SOCK_STREAM.
int world_listen(int type, const char *address, uint16_t port);
uint16_t world_port(int fd);
