#include "nearglass/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/strbuf.h"

enum { LAST_WORDS_S = 1 };

struct log {
	pthread_mutex_t lock; // all below
	pthread_cond_t more, idle;
	struct strbuf waiting;
	uint64_t lost; // lines
	bool running, stopping;
	pthread_t thread;
};

// The reader of a pipe may be gone, and then nobody cares.
static void write_all(const struct strbuf *b)
{
	for (size_t at = 0; at < b->len;) {
		struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
		ssize_t n = write(STDERR_FILENO, b->s + at, b->len - at);
		if (n < 0 && errno == EAGAIN) // whoever shares it made it so
			(void)poll(&room, 1, -1);
		else if (n <= 0 && errno != EINTR)
			return;
		at += n > 0 ? (size_t)n : 0;
	}
}

// With the lock held.
static void take_waiting(struct log *l, struct strbuf *b)
{
	sb_add(b, sb_text(&l->waiting), l->waiting.len);
	if (l->lost > 0)
		sb_printf(b, "%lu lines more were lost here\n", (unsigned long)l->lost);
	l->lost = 0;
	sb_clear(&l->waiting);
}

static void *work(void *ctx)
{
	own(sb_free) struct strbuf b = {};
	struct log *l = ctx;

	pthread_mutex_lock(&l->lock);
	while (l->waiting.len > 0 || !l->stopping) {
		if (l->waiting.len == 0) {
			pthread_cond_wait(&l->more, &l->lock);
			continue;
		}
		take_waiting(l, &b);
		pthread_mutex_unlock(&l->lock);
		write_all(&b);
		sb_clear(&b);
		pthread_mutex_lock(&l->lock);
	}
	l->running = false;
	pthread_cond_signal(&l->idle);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

struct log *log_new(void)
{
	struct log *l = mem_zalloc(sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->more, NULL);
	pthread_cond_init(&l->idle, NULL);
	return l;
}

void log_start(struct log *l)
{
	l->running = pthread_create(&l->thread, NULL, work, l) == 0;
	if (!l->running)
		mem_abort("a thread");
}

void log_line(struct log *l, const char *fmt, ...)
{
	own(sb_free) struct strbuf line = {};
	va_list ap;

	va_start(ap, fmt);
	sb_vprintf(&line, fmt, ap);
	va_end(ap);
	sb_char(&line, '\n');
	pthread_mutex_lock(&l->lock);
	if (!l->running)
		write_all(&line);
	else if (l->waiting.len + line.len > LOG_WAITING_MAX)
		l->lost++;
	else
		sb_add(&l->waiting, sb_text(&line), line.len);
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);
}

// True: the thread has ended.
static bool wait_ended(struct log *l)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LAST_WORDS_S;
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_cond_signal(&l->more);
	while (l->running &&
		pthread_cond_clockwait(&l->idle, &l->lock, CLOCK_MONOTONIC, &until) == 0)
		;
	bool ended = !l->running;
	pthread_mutex_unlock(&l->lock);
	return ended;
}

void log_free(struct log **which)
{
	struct log *l = take(*which);

	if (!l)
		return;
	bool started = l->running;
	if (started && !wait_ended(l)) {
		pthread_detach(l->thread); // it hangs in its write, and ends with the process
		return;
	}
	if (started)
		pthread_join(l->thread, NULL);
	sb_free(&l->waiting);
	pthread_cond_destroy(&l->more);
	pthread_cond_destroy(&l->idle);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
