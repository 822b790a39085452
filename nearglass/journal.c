#include "nearglass/journal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

struct journal {
	pthread_mutex_t lock;
	int64_t start_ms;
	uint64_t last; // number of the latest; event n is at n % JOURNAL_EVENTS
	char *texts[JOURNAL_EVENTS];
	bool closed;
	struct journal_waiter *waiters;
};

struct journal *journal_new(int64_t started_us)
{
	struct journal *j = mem_zalloc(sizeof(*j));

	pthread_mutex_init(&j->lock, NULL);
	j->start_ms = started_us / 1000;
	return j;
}

void journal_free(struct journal **which)
{
	struct journal *j = take(*which);

	if (!j)
		return;
	for (size_t i = 0; i < JOURNAL_EVENTS; i++)
		free(j->texts[i]);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

// ---- Waiting ----

static void wake_all(struct journal *j)
{
	struct journal_waiter *w = take(j->waiters);

	while (w) {
		struct journal_waiter *next = w->next;
		w->waiting = false;
		w->wake(w->ctx);
		w = next;
	}
}

bool journal_wait(struct journal *j, struct journal_waiter *w, uint64_t after)
{
	pthread_mutex_lock(&j->lock);
	bool waits = !j->closed && j->last <= after && !w->waiting;
	if (waits) {
		w->waiting = true;
		w->next = j->waiters;
		j->waiters = w;
	}
	pthread_mutex_unlock(&j->lock);
	return waits;
}

void journal_leave(struct journal *j, struct journal_waiter *w)
{
	pthread_mutex_lock(&j->lock);
	for (struct journal_waiter **at = &j->waiters; *at; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			break;
		}
	w->waiting = false;
	pthread_mutex_unlock(&j->lock);
}

void journal_beat(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	wake_all(j);
	pthread_mutex_unlock(&j->lock);
}

void journal_close(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->closed = true;
	wake_all(j);
	pthread_mutex_unlock(&j->lock);
}

bool journal_is_closed(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	bool closed = j->closed;
	pthread_mutex_unlock(&j->lock);
	return closed;
}

// ---- Events ----

void journal_add(struct journal *j, const char *json)
{
	pthread_mutex_lock(&j->lock);
	char **at = &j->texts[++j->last % JOURNAL_EVENTS];
	free(*at);
	*at = mem_strdup(json);
	wake_all(j);
	pthread_mutex_unlock(&j->lock);
}

uint64_t journal_after(struct journal *j, const char *id)
{
	int64_t start;
	uint64_t number, last = journal_last(j);
	int end = 0;

	if (!id || sscanf(id, "%" SCNd64 "-%" SCNu64 "%n", &start, &number, &end) != 2 ||
		id[end] != '\0' || start != j->start_ms)
		return 0;
	return number < last ? number : last;
}

const char *journal_id(const struct journal *j, uint64_t number, char buf[JOURNAL_ID])
{
	snprintf(buf, JOURNAL_ID, "%" PRId64 "-%" PRIu64, j->start_ms, number);
	return buf;
}

uint64_t journal_next(struct journal *j, uint64_t after, struct strbuf *b)
{
	pthread_mutex_lock(&j->lock);
	uint64_t first = j->last > JOURNAL_EVENTS ? j->last - JOURNAL_EVENTS + 1 : 1;
	uint64_t number = after + 1 > first ? after + 1 : first;
	if (number <= j->last)
		sb_str(b, j->texts[number % JOURNAL_EVENTS]);
	else
		number = 0;
	pthread_mutex_unlock(&j->lock);
	return number;
}

uint64_t journal_last(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	uint64_t last = j->last;
	pthread_mutex_unlock(&j->lock);
	return last;
}
