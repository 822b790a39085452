// The thread: it waits for packets, for the next timer and for orders of the main loop.
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "nearcastd/bfd_inside.h"

enum {
	// A socket's default buffer holds fewer packets than this: what waits is read before a
	// timer may say that nothing came, and yet a flood cannot keep the timers from running.
	BATCHES_A_TURN = 16,
	SOURCE_PORT_TRIES = 1000,
	RETRY_S = 1,
};

// ---- To the main loop ----

static void lock(struct bfd_thread *t)
{
	pthread_mutex_lock(&t->mutex);
}

static void unlock(struct bfd_thread *t)
{
	pthread_mutex_unlock(&t->mutex);
}

// News that the main loop has not taken yet grow; a fall is never lost.
static void merge(struct bfd_news *all, const struct bfd_news *more)
{
	bool failed = all->failed || more->failed;

	all->state = more->state;
	if (more->fell || !all->fell) {
		all->fell = more->fell;
		all->diag = more->diag;
		all->silence = more->silence;
	}
	all->failed = failed;
}

static void publish(struct bfd_watch *w, const struct bfd_news *news)
{
	struct bfd_thread *t = w->t;

	lock(t);
	w->vars = *bfd_session_vars(w->session);
	w->verdict = w->last_verdict;
	w->send_error = w->last_send_error;
	if (news) {
		merge(&w->news, news);
		if (list_empty(&w->news_link))
			list_push_back(&t->news, &w->news_link);
	}
	unlock(t);
	if (news)
		uv_async_send(t->async);
}

static void report(struct bfd_thread *t, unsigned problem, int *shared, int error)
{
	lock(t);
	if (error && *shared != error)
		t->problems |= 1u << problem;
	*shared = error;
	unlock(t);
	if (error)
		uv_async_send(t->async);
}

// ---- Sending ----

static bool source_port_taken(const struct bfd_thread *t, uint16_t port)
{
	const struct bfd_watch *w;

	list_for_each(w, &t->watches, link)
	{
		if (w->fd >= 0 && w->source_port == port)
			return true;
	}
	return false;
}

static int open_sender(struct bfd_watch *w)
{
	struct bfd_thread *t = w->t;

	if (*w->options.interface) {
		w->ifindex = if_nametoindex(w->options.interface);
		if (!w->ifindex)
			return -errno;
	}
	for (int i = 0; i < SOURCE_PORT_TRIES; i++) {
		uint16_t port = t->next_source_port;
		t->next_source_port =
			port == BFD_SOURCE_PORT_MAX ? BFD_SOURCE_PORT_MIN : (uint16_t)(port + 1);
		if (source_port_taken(t, port))
			continue;
		int fd = bfdsock_open_sender(
			bfd_port_family(w->port), &w->options.source, w->ifindex, port);
		if (fd == -EADDRINUSE)
			continue;
		if (fd < 0)
			return fd;
		w->source_port = port;
		w->fd = fd;
		return 0;
	}
	return -EADDRINUSE;
}

// A packet that cannot be sent is one that is lost: the next one tries again.
static void send_packet(struct bfd_watch *w, const struct bfd_action *a)
{
	int rc = w->fd < 0 ? open_sender(w) : 0;

	const struct bfdsock_remote to = { w->options.remote, w->ifindex, w->options.multihop };
	if (rc == 0)
		rc = bfdsock_send(w->fd, &to, a->data, a->len);
	if (rc < 0 && w->ifindex) // the interface may have come back as another one
		close_fd(&w->fd);
	w->last_send_error = rc;
}

// silence: how long nothing had been heard before this call.
static void drain(struct bfd_watch *w, span silence)
{
	struct bfd_action a;

	while (bfd_session_next(w->session, &a)) {
		if (a.kind == BFD_DO_SEND) {
			send_packet(w, &a);
			continue;
		}
		struct bfd_news news = {
			.state = a.to,
			.fell = a.from == BFD_UP && a.to != BFD_UP,
			.failed = a.failed,
			.diag = a.diag,
			.silence = silence,
		};
		publish(w, &news); // before anything is sent
	}
	publish(w, NULL);
}

static span silence_of(const struct bfd_watch *w, instant now)
{
	instant heard = bfd_session_vars(w->session)->heard;

	return instant_is_never(heard) ? span_us(0) : instant_diff(now, heard);
}

// ---- Receiving ----

static bool is_from(const struct bfd_watch *w, const struct bfdsock_datagram *d)
{
	bool any_link = !*w->options.interface;

	return ip_equal(&w->options.remote, &d->from) &&
	       (any_link || (w->ifindex && w->ifindex == d->link));
}

// RFC 5880 section 6.3: by Your Discriminator, and where that is 0 by the address. A
// discriminator has to come from its neighbour's address as well.
static struct bfd_watch *find(struct bfd_thread *t, enum bfd_port_kind port,
	const struct bfdsock_datagram *d, uint32_t your_disc)
{
	struct bfd_watch *w;

	list_for_each(w, &t->watches, link)
	{
		if (w->port != port || !is_from(w, d))
			continue;
		if (your_disc ? bfd_session_vars(w->session)->local_disc == your_disc : !w->ending)
			return w;
	}
	return NULL;
}

static void take_datagram(struct bfd_thread *t, enum bfd_port_kind port,
	const struct bfdsock_datagram *d, instant now)
{
	struct bfd_packet p = {};
	enum bfd_verdict verdict = bfd_packet_parse(&p, d->data, d->len);
	struct bfd_watch *w = find(t, port, d, p.your_disc);

	if (!w || d->ttl < w->options.min_ttl)
		return;
	span silence = silence_of(w, now);
	if (verdict == BFD_OK)
		verdict = bfd_session_received(w->session, now, &p);
	w->last_verdict = verdict;
	drain(w, silence);
}

static void receive_port(struct bfd_thread *t, enum bfd_port_kind port)
{
	for (int i = 0; i < BATCHES_A_TURN; i++) {
		size_t n = bfdsock_receive(t->ports[port], t->batch);
		instant now = clock_now();
		for (size_t k = 0; k < n; k++)
			take_datagram(t, port, &t->batch[k], now);
		if (n < BFDSOCK_BATCH)
			return;
	}
}

static void receive(struct bfd_thread *t)
{
	for (int port = 0; port < BFD_PORT_KINDS; port++)
		if (t->ports[port] >= 0)
			receive_port(t, (enum bfd_port_kind)port);
}

// ---- Ports ----

static bool is_used(const struct bfd_thread *t, enum bfd_port_kind port)
{
	const struct bfd_watch *w;

	list_for_each(w, &t->watches, link)
	{
		if (w->port == port)
			return true;
	}
	return false;
}

static int open_port(struct bfd_thread *t, enum bfd_port_kind port)
{
	int fd = bfdsock_open_port(bfd_port_family(port), bfd_port_multihop(port));
	struct epoll_event ev = { .events = EPOLLIN };

	if (fd < 0)
		return fd;
	if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	t->ports[port] = fd;
	return 0;
}

// Another daemon may hold a port: it is tried again until it is free. Ports that no watch
// needs are not kept from others.
static void set_ports(struct bfd_thread *t, instant now)
{
	t->retry_ports = INSTANT_NEVER;
	for (int i = 0; i < BFD_PORT_KINDS; i++) {
		enum bfd_port_kind port = (enum bfd_port_kind)i;
		if (!is_used(t, port)) {
			close_fd(&t->ports[port]);
			continue;
		}
		if (t->ports[port] >= 0)
			continue;
		int rc = open_port(t, port);
		report(t, (unsigned)port, &t->port_errors[port], rc);
		if (rc < 0)
			t->retry_ports = instant_add(now, span_s(RETRY_S));
	}
}

// ---- Orders ----

static void finish(struct bfd_watch *w)
{
	struct bfd_thread *t = w->t;

	close_fd(&w->fd);
	list_remove(&w->link);
	lock(t);
	list_remove(&w->order_link);
	list_remove(&w->news_link);
	list_push_back(&t->done, &w->link);
	unlock(t);
	uv_async_send(t->async);
}

// Two sessions towards one neighbour would contradict each other: one that is still
// saying good-bye to it has said it often enough.
static void displace(struct bfd_thread *t, const struct bfd_watch *newer)
{
	struct bfd_watch *w;

	list_for_each(w, &t->watches, link)
	{
		if (w->ending && w->port == newer->port &&
			ip_equal(&w->options.remote, &newer->options.remote) &&
			strcmp(w->options.interface, newer->options.interface) == 0)
			finish(w);
	}
}

static void carry_out(struct bfd_watch *w, unsigned orders, const struct bfd_timing *timing)
{
	struct bfd_thread *t = w->t;
	instant now = clock_now();

	if (orders & BFD_ORDER_BEGIN) {
		displace(t, w);
		list_push_back(&t->watches, &w->link);
		set_ports(t, now);
	}
	if (orders & BFD_ORDER_TIMING)
		bfd_session_set_timing(w->session, now, timing);
	if (orders & BFD_ORDER_END) {
		w->ending = true;
		bfd_session_disable(w->session, now);
	}
	drain(w, span_us(0));
}

// False when the thread is to end.
static bool take_orders(struct bfd_thread *t)
{
	struct bfd_watch *w;

	lock(t);
	while ((w = list_first(&t->orders, struct bfd_watch, order_link))) {
		unsigned orders = w->orders;
		struct bfd_timing timing = w->timing;
		w->orders = 0;
		list_remove(&w->order_link);
		unlock(t);
		carry_out(w, orders, &timing);
		lock(t);
	}
	bool stop = t->stop;
	unlock(t);
	return !stop;
}

// ---- Time ----

// Lets run out what is due; the time of what is next.
static instant tick(struct bfd_thread *t)
{
	instant now = clock_now(), next;
	struct bfd_watch *w;
	bool finished = false;

	if (instant_due(t->retry_ports, now))
		set_ports(t, now);
	next = t->retry_ports;
	list_for_each(w, &t->watches, link)
	{
		if (instant_due(bfd_session_deadline(w->session), now)) {
			span silence = silence_of(w, now);
			bfd_session_tick(w->session, now);
			drain(w, silence);
		}
		instant deadline = bfd_session_deadline(w->session);
		next = instant_min(next, deadline);
		if (w->ending && instant_is_never(deadline)) {
			finish(w);
			finished = true;
		}
	}
	if (finished)
		set_ports(t, now);
	return next;
}

// Until something came or the time has come.
static void wait_until(struct bfd_thread *t, instant until)
{
	struct itimerspec when = {};
	struct epoll_event events[BFD_PORT_KINDS + 2];
	uint64_t count;

	if (!instant_is_never(until)) { // 0 would stop the timer
		int64_t us = until.us > 0 ? until.us : 1;
		when.it_value.tv_sec = us / 1000000;
		when.it_value.tv_nsec = us % 1000000 * 1000;
	}
	(void)timerfd_settime(t->timer, TFD_TIMER_ABSTIME, &when, NULL);
	(void)epoll_wait(t->epoll, events, (int)countof(events), -1);
	(void)!read(t->timer, &count, sizeof(count));
	(void)!read(t->wake, &count, sizeof(count));
}

static void say_goodbye(struct bfd_thread *t)
{
	struct bfd_watch *w;

	list_for_each(w, &t->watches, link)
	{
		bfd_session_disable(w->session, clock_now());
		drain(w, span_us(0));
		close_fd(&w->fd);
	}
	for (int port = 0; port < BFD_PORT_KINDS; port++)
		close_fd(&t->ports[port]);
}

// The least real-time priority is above everything that is not.
static int raise_priority(void)
{
	struct sched_param p = { .sched_priority = sched_get_priority_min(SCHED_RR) };

	return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) < 0 ? -errno : 0;
}

void *bfd_thread_run(void *arg)
{
	struct bfd_thread *t = arg;

	report(t, BFD_PORT_KINDS, &t->priority_error, raise_priority());
	while (take_orders(t)) {
		receive(t); // first what came, then what did not
		wait_until(t, tick(t));
	}
	say_goodbye(t);
	return NULL;
}
