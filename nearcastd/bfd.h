// BFD beside BGP: sessions on a thread of their own, so that no check, no table and no
// slow reader can starve them, with real-time priority where the system grants it.
//
//	 main loop                              the thread
//	    | bfd_watch_new, _set_timing, _free --> |  packets, timers: bfd/session.h
//	    | <-- news, as a callback in the loop   |
//
// The thread starts with the first watch; without one no port is open. All functions are
// for the thread of the main loop.
#pragma once

#include <net/if.h>

#include <uv.h>

#include "bfd/session.h"
#include "lib/ip.h"

struct bfd_thread;
struct bfd_watch;

// Something that harms all sessions.
struct bfd_problem {
	const char *reason; // "priority": no real-time scheduling; "port": it cannot be opened
	const char *detail;
};

struct bfd_thread_ops {
	void (*problem)(void *ctx, const struct bfd_problem *problem);
};

// ops and ctx outlive it. seed: for jitter, discriminators and ports.
[[nodiscard]] struct bfd_thread *bfd_thread_new(
	uv_loop_t *loop, const struct bfd_thread_ops *ops, void *ctx, uint64_t seed);

// Tells every neighbour AdminDown once, ends the thread and all watches. NULL inside is fine.
void bfd_thread_free(struct bfd_thread **t);

struct bfd_watch_options {
	struct ip_addr remote;
	char interface[IF_NAMESIZE]; // of a link-local remote; "": none
	struct ip_addr source;       // IP_NONE: the kernel chooses
	bool multihop;               // RFC 5883
	uint8_t min_ttl;             // packets with less are dropped; 255 for a single hop
	struct bfd_timing timing;
};

// What happened to a session since the last news. Several changes may come as one.
struct bfd_news {
	enum bfd_state state; // now
	bool fell;            // it was Up, and did not stay Up
	bool failed;          // and the path is to be taken as broken (RFC 5882 section 3.2)
	enum bfd_diag diag;   // of the fall; else of the last change
	span silence;         // at the fall: since the last packet of the neighbour
};

typedef void bfd_watch_fn(void *ctx, const struct bfd_news *news);

// One neighbour. At most one watch for each remote address, on its link, and kind of path.
[[nodiscard]] struct bfd_watch *bfd_watch_new(
	struct bfd_thread *t, const struct bfd_watch_options *options, bfd_watch_fn *fn, void *ctx);

// Tells the neighbour AdminDown for its detection time; no more news. NULL inside is fine.
void bfd_watch_free(struct bfd_watch **w);

// A new timing is negotiated; the session stays up.
void bfd_watch_set_timing(struct bfd_watch *w, const struct bfd_timing *timing);

const struct bfd_watch_options *bfd_watch_options(const struct bfd_watch *w);

// The session as the thread last left it.
struct bfd_vars bfd_watch_vars(struct bfd_watch *w);

// Why the session does not come up, as far as this side knows: NULL when it knows nothing.
// Writes into and returns buf.
enum { BFD_WATCH_ERROR_TEXT = 128 };
const char *bfd_watch_error(struct bfd_watch *w, char buf[BFD_WATCH_ERROR_TEXT]);
