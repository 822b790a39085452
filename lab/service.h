// The processes of a world that a timeline can name: network/bird, site/dns,
// site/web, site/quic, site/nearcastd, reflector/bird, reflector/bgpd. Each leads a process group of its own, and signals go to
// the whole group: what kills a server kills its workers.
#pragma once

#include <uv.h>

#include "lab/world.h"

struct services;

struct service {
	const struct lab_node *node;
	const char *name; // "dns"
	char **argv;      // ends with NULL
	pid_t pid;        // 0: not running
	bool stopped;     // by SIGSTOP
	int listener;     // the caller's; handed to it as systemd does; -1: none
	// private
	struct services *all;
	int pidfd;
	uv_poll_t *watch;
};

struct services_ops {
	// A service ended, by itself or by a signal. status as waitpid(2) gives it.
	void (*on_exit)(void *ctx, struct service *s, int status);
};

// Writes the configuration files and makes the list; starts nothing. page: the listening socket of the
// page, which stays the caller's and open; -1: there is none, and no glass. 0, or negative errno with a
// sentence in *error.
[[nodiscard]] int services_new(struct services **ret, const struct scenario *s,
	const struct world *w, int page, struct strbuf *error);

// Watching ends; processes stay. NULL inside is fine. Handles end in the next turn of the loop.
void services_free(struct services **s);

// Reports ends of processes from now on.
void services_watch(struct services *s, uv_loop_t *loop, const struct services_ops *ops, void *ctx);

// NULL when there is none of that name ("fra1/dns").
struct service *services_find(struct services *s, const char *target);
struct service *services_at(struct services *s, size_t i); // NULL past the end

// -EALREADY when it runs; else as world_spawn().
[[nodiscard]] int service_start(struct service *s);
[[nodiscard]] int services_start_all(struct services *s, struct strbuf *error);

// To the process group, or for SIGTERM to the leader, as an init system does. -ESRCH when it does not run.
[[nodiscard]] int service_signal(struct service *s, int signal);

// Last lines of its log, for messages.
void service_log_tail(const struct service *s, struct strbuf *b);
