// The main loop's side: watches are made, ordered about and freed here, and told about.
#include "nearcastd/bfd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/bfd_inside.h"

enum { STACK_BYTES = 512 * 1024 };

// ---- The thread ----

static void init_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
}

struct bfd_thread *bfd_thread_new(
	uv_loop_t *loop, const struct bfd_thread_ops *ops, void *ctx, uint64_t seed)
{
	struct bfd_thread *t = mem_zalloc(sizeof(*t));

	t->loop = loop;
	t->ops = ops;
	t->ctx = ctx;
	t->rng.state = seed;
	t->epoll = t->wake = t->timer = -1;
	t->retry_ports = INSTANT_NEVER;
	t->last_discriminator = (uint16_t)rng_next(&t->rng);
	t->next_source_port =
		(uint16_t)rng_range(&t->rng, BFD_SOURCE_PORT_MIN, BFD_SOURCE_PORT_MAX);
	for (int i = 0; i < BFD_PORT_KINDS; i++)
		t->ports[i] = -1;
	list_init(&t->orders);
	list_init(&t->news);
	list_init(&t->done);
	list_init(&t->watches);
	init_mutex(&t->mutex);
	return t;
}

static int watch_fd(int epoll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	return 0;
}

static int open_fds(struct bfd_thread *t)
{
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll < 0)
		return -errno;
	t->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int rc = watch_fd(t->epoll, t->wake);
	if (rc < 0)
		return rc;
	t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return watch_fd(t->epoll, t->timer);
}

static void close_fds(struct bfd_thread *t)
{
	close_fd(&t->epoll);
	close_fd(&t->wake);
	close_fd(&t->timer);
}

static void on_async(uv_async_t *handle);

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

// Signals are for the main loop.
static int create(struct bfd_thread *t)
{
	sigset_t all, before;
	pthread_attr_t attr;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	int rc = -pthread_create(&t->thread, &attr, bfd_thread_run, t);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		(void)pthread_setname_np(t->thread, "nearcastd-bfd");
	return rc;
}

static int start(struct bfd_thread *t)
{
	int rc = open_fds(t);

	if (rc == 0) {
		t->async = mem_zalloc(sizeof(*t->async));
		uv_async_init(t->loop, t->async, on_async);
		t->async->data = t;
		rc = create(t);
		if (rc < 0) {
			uv_close((uv_handle_t *)t->async, on_closed);
			t->async = NULL;
		}
	}
	if (rc < 0)
		close_fds(t);
	return rc;
}

static void wake(struct bfd_thread *t)
{
	uint64_t one = 1;

	(void)!write(t->wake, &one, sizeof(one));
}

static void destroy(struct bfd_watch *w)
{
	bfd_session_free(&w->session);
	free(w);
}

static void destroy_all(struct list *watches)
{
	struct bfd_watch *w;

	list_for_each(w, watches, link) destroy(w);
}

void bfd_thread_free(struct bfd_thread **tp)
{
	struct bfd_thread *t = take(*tp);

	if (!t)
		return;
	if (t->async) {
		pthread_mutex_lock(&t->mutex);
		t->stop = true;
		pthread_mutex_unlock(&t->mutex);
		wake(t);
		pthread_join(t->thread, NULL);
		uv_close((uv_handle_t *)t->async, on_closed);
	}
	destroy_all(&t->watches);
	destroy_all(&t->done);
	close_fds(t);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

// ---- News ----

static struct bfd_watch *next_news(struct bfd_thread *t, struct bfd_news *ret)
{
	pthread_mutex_lock(&t->mutex);
	struct bfd_watch *w = list_first(&t->news, struct bfd_watch, news_link);
	if (w) {
		list_remove(&w->news_link);
		*ret = w->news;
		w->news = (struct bfd_news){};
	}
	pthread_mutex_unlock(&t->mutex);
	return w;
}

static void tell_problem(struct bfd_thread *t, unsigned n, int error)
{
	char detail[160];
	struct bfd_problem p = { .reason = n == BFD_PORT_KINDS ? "priority" : "port",
		.detail = detail };

	if (n == BFD_PORT_KINDS)
		snprintf(detail, sizeof(detail),
			"no real-time scheduling, packets may be late on a busy machine: %s",
			strerror(-error));
	else
		snprintf(detail, sizeof(detail), "cannot receive on UDP port %d (%s): %s",
			bfd_port_multihop((enum bfd_port_kind)n) ? BFD_PORT_MULTIHOP : BFD_PORT,
			bfd_port_family((enum bfd_port_kind)n) == IP4 ? "IPv4" : "IPv6",
			strerror(-error));
	t->ops->problem(t->ctx, &p);
}

static void tell_problems(struct bfd_thread *t)
{
	int errors[BFD_PORT_KINDS + 1];

	pthread_mutex_lock(&t->mutex);
	unsigned problems = t->problems;
	t->problems = 0;
	memcpy(errors, t->port_errors, sizeof(t->port_errors));
	errors[BFD_PORT_KINDS] = t->priority_error;
	pthread_mutex_unlock(&t->mutex);
	for (unsigned n = 0; n < countof(errors); n++)
		if (problems >> n & 1 && errors[n])
			tell_problem(t, n, errors[n]);
}

static void reap(struct bfd_thread *t)
{
	struct bfd_watch *w;

	do {
		pthread_mutex_lock(&t->mutex);
		w = list_first(&t->done, struct bfd_watch, link);
		if (w)
			list_remove(&w->link);
		pthread_mutex_unlock(&t->mutex);
		if (w)
			destroy(w);
	} while (w);
}

// A listener may free any watch, also its own; the memory lasts until it is handed back.
static void on_async(uv_async_t *handle)
{
	struct bfd_thread *t = handle->data;
	struct bfd_watch *w;
	struct bfd_news news;

	while ((w = next_news(t, &news)))
		if (w->fn)
			w->fn(w->ctx, &news);
	tell_problems(t);
	reap(t);
}

// ---- Watches ----

static enum bfd_port_kind port_of(const struct bfd_watch_options *o)
{
	if (o->multihop)
		return o->remote.family == IP4 ? BFD_PORT_IP4_MULTIHOP : BFD_PORT_IP6_MULTIHOP;
	return o->remote.family == IP4 ? BFD_PORT_IP4 : BFD_PORT_IP6;
}

// RFC 5880 section 10 wants them hard to guess; the counter keeps them apart.
static uint32_t next_discriminator(struct bfd_thread *t)
{
	uint32_t high = (uint32_t)rng_range(&t->rng, 1, UINT16_MAX);

	return high << 16 | ++t->last_discriminator;
}

static void order(struct bfd_watch *w, unsigned what)
{
	struct bfd_thread *t = w->t;

	pthread_mutex_lock(&t->mutex);
	w->orders |= what;
	if (what & BFD_ORDER_TIMING)
		w->timing = w->options.timing;
	if (list_empty(&w->order_link))
		list_push_back(&t->orders, &w->order_link);
	pthread_mutex_unlock(&t->mutex);
	wake(t);
}

struct bfd_watch *bfd_watch_new(
	struct bfd_thread *t, const struct bfd_watch_options *options, bfd_watch_fn *fn, void *ctx)
{
	struct bfd_watch *w = mem_zalloc(sizeof(*w));
	struct bfd_config config = {
		.discriminator = next_discriminator(t),
		.timing = options->timing,
		.seed = rng_next(&t->rng),
	};

	w->t = t;
	w->options = *options;
	w->port = port_of(options);
	w->fn = fn;
	w->ctx = ctx;
	w->fd = -1;
	list_init(&w->order_link);
	list_init(&w->news_link);
	list_init(&w->link);
	w->session = bfd_session_new(&config, clock_now());
	w->vars = *bfd_session_vars(w->session);
	if (!t->async)
		t->start_error = start(t);
	w->handed = t->async != NULL;
	if (w->handed)
		order(w, BFD_ORDER_BEGIN);
	return w;
}

void bfd_watch_free(struct bfd_watch **wp)
{
	struct bfd_watch *w = take(*wp);

	if (!w)
		return;
	w->fn = NULL;
	if (w->handed)
		order(w, BFD_ORDER_END);
	else
		destroy(w);
}

void bfd_watch_set_timing(struct bfd_watch *w, const struct bfd_timing *timing)
{
	w->options.timing = *timing;
	if (w->handed)
		order(w, BFD_ORDER_TIMING);
}

const struct bfd_watch_options *bfd_watch_options(const struct bfd_watch *w)
{
	return &w->options;
}

struct bfd_vars bfd_watch_vars(struct bfd_watch *w)
{
	pthread_mutex_lock(&w->t->mutex);
	struct bfd_vars v = w->vars;
	pthread_mutex_unlock(&w->t->mutex);
	return v;
}

const char *bfd_watch_error(struct bfd_watch *w, char buf[BFD_WATCH_ERROR_TEXT])
{
	struct bfd_thread *t = w->t;

	pthread_mutex_lock(&t->mutex);
	int port = t->port_errors[w->port], sending = w->send_error;
	enum bfd_verdict verdict = w->verdict;
	pthread_mutex_unlock(&t->mutex);
	if (!w->handed)
		snprintf(buf, BFD_WATCH_ERROR_TEXT, "cannot start: %s", strerror(-t->start_error));
	else if (port)
		snprintf(buf, BFD_WATCH_ERROR_TEXT, "cannot receive on UDP port %d: %s",
			w->options.multihop ? BFD_PORT_MULTIHOP : BFD_PORT, strerror(-port));
	else if (sending)
		snprintf(buf, BFD_WATCH_ERROR_TEXT, "cannot send: %s", strerror(-sending));
	else if (verdict != BFD_OK)
		snprintf(
			buf, BFD_WATCH_ERROR_TEXT, "packet refused: %s", bfd_verdict_name(verdict));
	else
		return NULL;
	return buf;
}
