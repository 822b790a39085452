#include "nearglass/history.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/timetext.h"

enum { BATCH = 500, PRUNE_EVERY_S = 600, PRUNE_BATCH = 500 };

static const int64_t DAY_US = INT64_C(86400000000);

// An event; or what is known of a client, which is no text.
struct waiting {
	struct waiting *next;
	bool is_client;
	struct history_client client;
	char json[];
};

struct history {
	pthread_mutex_t disk; // the file; held while it is written or read
	struct history_db *db;
	const struct glass_history *conf;

	pthread_mutex_t lock; // all below
	pthread_cond_t more;
	struct waiting *first, **last;
	size_t count, client_count;
	bool stopping, running;
	struct history_info info;
	struct strbuf why; // of the latest loss

	pthread_t thread;
	uv_async_t turned;
	const struct history_ops *ops;
	void *ctx;
	bool told_losing;
};

// ---- Losing ----

// With the lock held.
static void set_losing(struct history *h, bool losing, const char *why)
{
	if (h->info.losing == losing)
		return;
	h->info.losing = losing;
	sb_clear(&h->why);
	sb_str(&h->why, why);
	uv_async_send(&h->turned);
}

static void on_turned(uv_async_t *handle)
{
	struct history *h = handle->data;
	own(sb_free) struct strbuf why = {};

	pthread_mutex_lock(&h->lock);
	bool losing = h->info.losing;
	sb_str(&why, sb_text(&h->why));
	pthread_mutex_unlock(&h->lock);
	if (losing != h->told_losing)
		h->ops->lost(h->ctx, losing ? sb_text(&why) : NULL);
	h->told_losing = losing;
}

// ---- The queue ----

void history_add(struct history *h, const char *json)
{
	size_t n = strlen(json) + 1;
	struct waiting *w = mem_zalloc(sizeof(*w) + n);

	memcpy(w->json, json, n);
	pthread_mutex_lock(&h->lock);
	if (h->count < HISTORY_WAITING_MAX && !h->stopping) {
		*h->last = take(w);
		h->last = &(*h->last)->next;
		h->count++;
		pthread_cond_signal(&h->more);
	} else {
		h->info.lost++;
		set_losing(h, true, "the disk is too slow");
	}
	pthread_mutex_unlock(&h->lock);
	free(w);
}

void history_add_client(struct history *h, const struct history_client *client)
{
	struct waiting *w = mem_zalloc(sizeof(*w) + 1);

	w->is_client = true;
	w->client = *client;
	pthread_mutex_lock(&h->lock);
	if (h->client_count < HISTORY_CLIENTS_WAITING_MAX && !h->stopping) {
		*h->last = take(w);
		h->last = &(*h->last)->next;
		h->client_count++;
		pthread_cond_signal(&h->more);
	} else {
		h->info.clients_lost++;
		set_losing(h, true, "the disk is too slow");
	}
	pthread_mutex_unlock(&h->lock);
	free(w);
}

// Takes all there is, after waiting for something, or for the time to prune. With the lock held.
static struct waiting *take_waiting(struct history *h, const struct timespec *until)
{
	while (!h->first && !h->stopping)
		if (pthread_cond_timedwait(&h->more, &h->lock, until) != 0)
			break;
	struct waiting *taken = take(h->first);
	h->last = &h->first;
	return taken;
}

// ---- The thread ----

static const char *text_of(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text ? text : "";
}

static struct history_event read_event(const struct waiting *w, const json_t *event)
{
	struct history_event e = {
		.site = text_of(event, "site"),
		.type = text_of(event, "type"),
		.subject = text_of(event, "subject"),
		.upstream = text_of(event, "upstream"),
		.seq = json_integer_value(json_object_get(event, "seq")),
		.json = w->json,
	};

	// What another site says is later than any clock can be would never grow old.
	int64_t now_us = clock_unix_us();
	if (time_parse(text_of(event, "time"), &e.time_us) < 0 || e.time_us > now_us + DAY_US)
		e.time_us = now_us;
	return e;
}

static size_t write_batch(struct history *h, struct waiting *const *batch, size_t n)
{
	own(sb_free) struct strbuf why = {};
	struct history_event events[BATCH];
	json_t *parsed[BATCH];

	for (size_t i = 0; i < n; i++) {
		parsed[i] = json_loads(batch[i]->json, 0, NULL);
		events[i] = read_event(batch[i], parsed[i]);
	}
	pthread_mutex_lock(&h->disk);
	int rc = history_db_add(h->db, events, n, &why);
	pthread_mutex_unlock(&h->disk);
	for (size_t i = 0; i < n; i++)
		json_decref(parsed[i]);
	pthread_mutex_lock(&h->lock);
	h->count -= n;
	*(rc < 0 ? &h->info.lost : &h->info.written) += n;
	set_losing(h, rc < 0, sb_text(&why));
	pthread_mutex_unlock(&h->lock);
	return n;
}

static size_t write_clients(struct history *h, struct waiting *const *batch, size_t n)
{
	own(sb_free) struct strbuf why = {};
	struct history_client clients[BATCH];

	for (size_t i = 0; i < n; i++)
		clients[i] = batch[i]->client;
	pthread_mutex_lock(&h->disk);
	int rc = history_db_add_clients(h->db, clients, n, &why);
	pthread_mutex_unlock(&h->disk);
	pthread_mutex_lock(&h->lock);
	h->client_count -= n;
	*(rc < 0 ? &h->info.clients_lost : &h->info.clients_written) += n;
	set_losing(h, rc < 0, sb_text(&why));
	pthread_mutex_unlock(&h->lock);
	return n;
}

// Those of a kind that stand together, at most BATCH.
static void write_all(struct history *h, struct waiting *first)
{
	struct waiting *batch[BATCH];

	while (first) {
		bool clients = first->is_client;
		size_t n = 0;
		for (; first && n < BATCH && first->is_client == clients; first = first->next)
			batch[n++] = first;
		if (clients)
			write_clients(h, batch, n);
		else
			write_batch(h, batch, n);
		for (size_t i = 0; i < n; i++)
			free(batch[i]);
	}
}

// In small pieces, so that readers get in between.
static void prune(struct history *h)
{
	int64_t before = clock_unix_us() - h->conf->keep.us, n = 1;

	while (n > 0) { // what is too old, then what is too many
		pthread_mutex_lock(&h->disk);
		n = history_db_prune(h->db, before, h->conf->max_events, PRUNE_BATCH);
		pthread_mutex_unlock(&h->disk);
		pthread_mutex_lock(&h->lock);
		h->info.removed += n > 0 ? (uint64_t)n : 0;
		n = h->stopping ? 0 : n;
		pthread_mutex_unlock(&h->lock);
	}
}

static void prune_clients(struct history *h)
{
	int64_t before = clock_unix_us() - h->conf->keep.us, n = PRUNE_BATCH;

	while (n == PRUNE_BATCH) {
		pthread_mutex_lock(&h->disk);
		n = history_db_prune_clients(h->db, before, h->conf->max_clients, PRUNE_BATCH);
		pthread_mutex_unlock(&h->disk);
		pthread_mutex_lock(&h->lock);
		h->info.clients_removed += n > 0 ? (uint64_t)n : 0;
		n = h->stopping ? 0 : n;
		pthread_mutex_unlock(&h->lock);
	}
}

static void *work(void *ctx)
{
	struct history *h = ctx;
	struct timespec until;
	bool stopping = false;

	while (!stopping) {
		prune(h);
		prune_clients(h);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += PRUNE_EVERY_S;
		for (bool idle = false; !idle && !stopping;) {
			pthread_mutex_lock(&h->lock);
			struct waiting *taken = take_waiting(h, &until);
			stopping = h->stopping;
			pthread_mutex_unlock(&h->lock);
			idle = !taken;
			write_all(h, taken);
		}
	}
	return NULL;
}

// ---- Life ----

int history_new(struct history **ret, uv_loop_t *loop, const struct glass_history *conf,
	const struct history_ops *ops, void *ctx, struct strbuf *note, struct strbuf *error)
{
	struct history_db *db;
	int rc = history_db_open(&db, conf->file, note, error);

	if (rc < 0)
		return rc;
	struct history *h = mem_zalloc(sizeof(*h));
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&h->more, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_init(&h->disk, NULL);
	h->db = db;
	h->conf = conf;
	h->last = &h->first;
	h->info.configured = true;
	h->ops = ops;
	h->ctx = ctx;
	uv_async_init(loop, &h->turned, on_turned);
	h->turned.data = h;
	*ret = h;
	return 0;
}

void history_start(struct history *h)
{
	h->running = pthread_create(&h->thread, NULL, work, h) == 0;
	if (!h->running)
		mem_abort("a thread");
}

void history_stop(struct history *h)
{
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
	if (h->running)
		pthread_join(h->thread, NULL);
	h->running = false;
	uv_close((uv_handle_t *)&h->turned, NULL);
}

void history_free(struct history **which)
{
	struct history *h = take(*which);

	if (!h)
		return;
	write_all(h, take(h->first));
	history_db_close(&h->db);
	pthread_cond_destroy(&h->more);
	pthread_mutex_destroy(&h->lock);
	pthread_mutex_destroy(&h->disk);
	sb_free(&h->why);
	free(h);
}

void history_info(struct history *h, struct history_info *ret)
{
	pthread_mutex_lock(&h->lock);
	*ret = h->info;
	pthread_mutex_unlock(&h->lock);
}

struct history_db *history_hold(struct history *h, span wait)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t ns = until.tv_nsec + wait.us * 1000;
	until.tv_sec += ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	return pthread_mutex_clocklock(&h->disk, CLOCK_MONOTONIC, &until) == 0 ? h->db : NULL;
}

void history_release(struct history *h)
{
	pthread_mutex_unlock(&h->disk);
}
