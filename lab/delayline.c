#include "lab/delayline.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lab/clock.h"
#include "lab/delayheap.h"
#include "lab/netns.h"
#include "lib/mem.h"
#include "lib/rng.h"

enum {
	FRAME_BYTES = 2048, // more than an Ethernet frame of MTU 1500 with tags
	BATCH = 64,         // frames of one interface per turn, so that none starves the rest
	EVENTS = 64,
	KEEP_FREE = 4096, // frame buffers kept for the next frames
};

struct direction {
	int from, to;
	span delay;
	uint64_t loss_ppm;
	size_t held;
	bool overflowed; // said once
};

struct line {
	int epoll;
	struct direction *directions;
	struct delayheap heap;
	uint8_t *free[KEEP_FREE];
	size_t free_count;
	struct rng rng;
};

// Frames wait in the interface until this process reads them. The kernel's 500 or 1000 are full
// whenever a transfer bursts, and would drop frames of others beside it.
static int lengthen_queue(const char *ifname)
{
	struct ifreq ifr = { .ifr_qlen = DELAYLINE_QUEUE };
	own(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(ifr.ifr_name, ifname, strlen(ifname) + 1);
	return fd < 0 || ioctl(fd, SIOCSIFTXQLEN, &ifr) < 0 ? -errno : 0;
}

int delayline_tap(int ns, const char *ifname)
{
	own(netns_return) struct netns_visit v = { -1 };
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int rc = netns_visit(ns, &v);

	if (rc < 0)
		return rc;
	own(close_fd) int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (strlen(ifname) >= sizeof(ifr.ifr_name))
		return -EINVAL;
	memcpy(ifr.ifr_name, ifname, strlen(ifname) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	rc = lengthen_queue(ifname);
	return rc < 0 ? rc : take_fd(&fd);
}

static uint8_t *take_buffer(struct line *l)
{
	return l->free_count ? l->free[--l->free_count] : mem_zalloc(FRAME_BYTES);
}

static void give_buffer(struct line *l, uint8_t *b)
{
	if (l->free_count < KEEP_FREE)
		l->free[l->free_count++] = b;
	else
		free(b);
}

// An interface that is down refuses frames: they are lost, as on a cut cable.
static void release_due(struct line *l)
{
	struct held_frame f;

	while (delayheap_pop(&l->heap, lab_now(), &f)) {
		struct direction *d = &l->directions[f.to];
		ssize_t n = write(d->to, f.bytes, f.len);
		(void)n;
		d->held--;
		give_buffer(l, f.bytes);
	}
}

static bool is_lost(struct line *l, struct direction *d)
{
	if (d->loss_ppm > 0 && (uint64_t)rng_range(&l->rng, 0, 999999) < d->loss_ppm)
		return true;
	if (d->held < DELAYLINE_QUEUE)
		return false;
	if (!d->overflowed)
		fprintf(stderr, "delay line: a queue of %d frames is full, frames are dropped\n",
			DELAYLINE_QUEUE);
	d->overflowed = true;
	return true;
}

static void take_frames(struct line *l, uint32_t index)
{
	struct direction *d = &l->directions[index];

	for (int i = 0; i < BATCH; i++) {
		uint8_t *b = take_buffer(l);
		ssize_t n = read(d->from, b, FRAME_BYTES);
		if (n <= 0 || is_lost(l, d)) {
			give_buffer(l, b);
			if (n <= 0)
				return;
			continue;
		}
		d->held++;
		delayheap_push(&l->heap, (struct held_frame){
						 .due = instant_add(lab_now(), d->delay),
						 .to = index,
						 .len = (uint32_t)n,
						 .bytes = b,
					 });
	}
}

static int add_direction(struct line *l, uint32_t index, const struct delayline_link *link, int end)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = index };

	l->directions[index] = (struct direction){
		.from = link->tap[end],
		.to = link->tap[!end],
		.delay = link->delay,
		.loss_ppm = (uint64_t)(link->loss * 10000),
	};
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, link->tap[end], &ev) < 0 ? -errno : 0;
}

static int wait_for_frames(struct line *l, struct epoll_event *events)
{
	instant next = delayheap_next(&l->heap);
	struct timespec ts = {};
	int64_t us = instant_diff(next, lab_now()).us;

	if (instant_is_never(next))
		return epoll_pwait2(l->epoll, events, EVENTS, NULL, NULL);
	if (us > 0)
		ts = (struct timespec){ us / 1000000, us % 1000000 * 1000 };
	return epoll_pwait2(l->epoll, events, EVENTS, &ts, NULL);
}

int delayline_run(const struct delayline_link *links, size_t count, uint64_t seed)
{
	struct line *l = mem_zalloc(sizeof(*l));
	int rc = 0;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		rc = -errno;
	l->rng.state = seed;
	l->directions = mem_zalloc(2 * count * sizeof(*l->directions));
	for (size_t i = 0; rc == 0 && i < 2 * count; i++)
		rc = add_direction(l, (uint32_t)i, &links[i / 2], (int)(i % 2));
	lab_be_punctual(SCHED_FIFO); // frames wait here: it must run when one is due
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	while (rc == 0) {
		struct epoll_event events[EVENTS];
		int n = wait_for_frames(l, events);
		if (n < 0 && errno != EINTR)
			rc = -errno;
		for (int i = 0; i < n; i++) {
			take_frames(l, events[i].data.u32);
			release_due(l);
		}
		release_due(l);
	}
	delayheap_free(&l->heap);
	free(l->directions);
	free(l);
	return rc;
}
