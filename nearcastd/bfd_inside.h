// Between nearcastd/bfd.c (the main loop's side) and nearcastd/bfd_thread.c.
//
// Who may touch what: `main` and `thread` fields belong to that thread alone. `shared` fields
// are guarded by the mutex, which hands its holder the priority of who waits for it, and
// is never held across a system call or an allocation. The thread allocates and frees
// nothing: sessions and watches are made and freed by the main loop.
#pragma once

#include <pthread.h>

#include "lib/list.h"
#include "lib/rng.h"
#include "nearcastd/bfd.h"
#include "nearcastd/bfdsock.h"

// The receiving ports: family and kind of path.
enum bfd_port_kind {
	BFD_PORT_IP4,
	BFD_PORT_IP6,
	BFD_PORT_IP4_MULTIHOP,
	BFD_PORT_IP6_MULTIHOP,
	BFD_PORT_KINDS,
};

enum {
	BFD_ORDER_BEGIN = 1, // the watch is the thread's from now on
	BFD_ORDER_TIMING = 2,
	BFD_ORDER_END = 4, // AdminDown, then hand the watch back
};

struct bfd_watch {
	struct bfd_thread *t;
	struct bfd_watch_options options; // set once, but for the timing, which is the main loop's
	enum bfd_port_kind port;

	// main
	bfd_watch_fn *fn;
	void *ctx;
	bool handed; // the thread has it

	// shared
	struct list order_link; // in orders, while something is to be done
	struct list news_link;  // in news, while something is to be told
	unsigned orders;
	struct bfd_timing timing;
	struct bfd_news news;
	struct bfd_vars vars;
	enum bfd_verdict verdict; // of the neighbour's last packet
	int send_error;           // of this side's last packet: 0 or a negative errno

	// thread; made by the main loop before it hands the watch over
	struct bfd_session *session;
	struct list link; // in watches
	bool ending;
	enum bfd_verdict last_verdict; // published as the shared ones
	int last_send_error;
	uint16_t source_port;
	int fd;           // -1: not open yet
	unsigned ifindex; // of the interface; 0: none, or not found yet
};

struct bfd_thread {
	// main
	uv_loop_t *loop;
	uv_async_t *async; // NULL: the thread was not started
	const struct bfd_thread_ops *ops;
	void *ctx;
	struct rng rng;
	pthread_t thread;
	int start_error; // 0 or a negative errno
	uint16_t last_discriminator;

	// set before the thread starts
	int epoll, wake, timer;

	// shared
	pthread_mutex_t mutex;
	struct list orders, news;
	struct list done; // watches that the thread handed back (by link)
	bool stop;
	int port_errors[BFD_PORT_KINDS]; // 0 or a negative errno
	int priority_error;              // 0: real-time
	unsigned problems;               // not told yet: bits of ports, then of the priority

	// thread
	struct list watches;
	int ports[BFD_PORT_KINDS];
	instant retry_ports; // NEVER: all that are needed are open
	uint16_t next_source_port;
	struct bfdsock_datagram batch[BFDSOCK_BATCH];
};

static inline enum ip_family bfd_port_family(enum bfd_port_kind kind)
{
	return kind == BFD_PORT_IP4 || kind == BFD_PORT_IP4_MULTIHOP ? IP4 : IP6;
}

static inline bool bfd_port_multihop(enum bfd_port_kind kind)
{
	return kind >= BFD_PORT_IP4_MULTIHOP;
}

// The thread's main function; arg: struct bfd_thread *.
void *bfd_thread_run(void *arg);
