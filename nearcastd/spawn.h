// Starts a program without waiting for it. uv_spawn() and posix_spawn() come back when the program
// was loaded: where it lies on a file system that does not answer, the daemon would stand still
// with it, and its sessions would go.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct spawn_options {
	char *const *argv; // argv[0] is looked for in the PATH of env
	char *const *env;  // both end with NULL
	int output;        // for standard output and standard error; the input is empty
	bool becomes_other;
	uid_t uid; // if it does
	gid_t gid;
};

// One that runs, in a process group of its own. Each has to be reaped.
struct spawned {
	pid_t pid;
	int pidfd; // readable once it has ended
	int fault; // read end: why it could not be started
};

// How it ended.
struct spawn_end {
	int error;  // it was not started: negative errno; 0: it was
	int status; // of exit
	int signal; // 0: none
};

// 0 or a negative errno. That there is no such program is told when it is reaped.
[[nodiscard]] int spawn_start(struct spawned *ret, const struct spawn_options *o);

// Kills the group; it still has to be reaped.
void spawn_kill(const struct spawned *s);

// The same where it cannot be waited for: it may stay as a zombie for as long as this process lives.
void spawn_abandon(struct spawned *s);

// False while it runs. Else what it left running in its group is killed, s is closed and *ret set.
[[nodiscard]] bool spawn_reap(struct spawned *s, struct spawn_end *ret);
