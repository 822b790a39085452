// A world: the namespaces of one lab, its directory, and the process that holds it together.
//
//	nearcast-lab ----pipe----> world's init (PID 1 of a PID namespace of its own)
//	     |                          holds the namespaces; when it goes, the kernel
//	     | forks into that          kills every process of the world, and the
//	     v PID namespace            network namespaces go with the last of them
//	bird, nsd, nearcastd, delay line, ...
//
// The init leaves when the pipe closes, so a lab that is killed with SIGKILL
// takes its world along: nothing but the directory can remain, and the next
// run of that name removes it. A world that was detached (`up`) lives until its init is killed.
//
// The directory is $NEARCAST_LAB_DIR/NAME, or /run/nearcast-lab/NAME: the file `world` (locked as
// long as the init lives, holds its process id), and a directory a node.
// Inside the world /run/netns names the nodes, so `ip netns` works there.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "lab/topology.h"
#include "lib/strbuf.h"

// The BPF file system in the directory of a node with a keeper; only the world sees it.
#define WORLD_BPF "bpf"

struct world {
	char *name;
	char *dir;
	struct topology *topology; // the caller's
	int lock;
	pid_t init;
	int hold; // write end of the pipe
	int pidns, own_pidns, mntns;
};

// Makes the directory, a network namespace a node, and the init. Removes what
// a dead world of that name left. 0, or negative errno with a sentence in
// *error; -EBUSY: that world is up.
[[nodiscard]] int world_new(
	struct world **ret, const char *name, struct topology *t, struct strbuf *error);

// Kills every process of the world, waits until they are gone, removes the directory. NULL
// inside is fine. Reaps all children of this process.
void world_end(struct world **w);

// False when its init has ended, or is about to: by `down`, or by whoever killed it.
bool world_is_up(const struct world *w);

// From now on the world outlives this process. Frees *w.
[[nodiscard]] int world_detach(struct world **w);

// Fills b with the path of a file in a node's directory and returns its text.
const char *world_path(
	const struct world *w, const struct lab_node *node, const char *file, struct strbuf *b);

// Writes a file there. -errno.
[[nodiscard]] int world_write(const struct world *w, const struct lab_node *node, const char *file,
	const struct strbuf *text);

// Adds what stands in the file from that offset on to b. -errno.
[[nodiscard]] int world_read(const struct world *w, const struct lab_node *node, const char *file,
	long offset, struct strbuf *b);

// A process in the world: in the node's network namespace, leader of its own
// session, output appended to the file log of the node's directory (NULL: inherited).
// argv[0] is looked for in PATH and the sbin directories. Returns its process
// id here, or -errno (also when the program cannot be executed).
[[nodiscard]] pid_t world_spawn(const struct world *w, const struct lab_node *node, const char *log,
	const char *const argv[]);

// The same, of a program that is handed a listening socket (sd_listen_fds(3)): its descriptor 3, and
// LISTEN_FDS and LISTEN_PID in its environment. listener -1: none.
[[nodiscard]] pid_t world_spawn_listening(const struct world *w, const struct lab_node *node,
	const char *log, const char *const argv[], int listener);

// Forks a child of the world that runs on from here, with only the descriptors
// given and standard error (into log). Returns its process id, 0 in the child, or -errno.
[[nodiscard]] pid_t world_fork(
	const struct world *w, const char *log, const int *keep, size_t keep_count);

// Worlds that are up: calls fn with each name; stops when it returns non-zero. -errno.
int world_each(int (*fn)(const char *name, pid_t init, void *ctx), void *ctx);

// Runs a command in a node of a world that is up (also another process's) and waits. Returns its
// exit status (128 + signal when killed), or -errno: -ESRCH no such world, -ENOENT no such node.
[[nodiscard]] int world_exec(const char *name, const char *node, char *const argv[]);

// Ends a world that is up. -ESRCH when there is none. -ETIMEDOUT when it does not end.
[[nodiscard]] int world_down(const char *name);
