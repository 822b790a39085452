// /api/v1/past: how things stood at a time, from the history: of every site, session, prefix at an
// upstream, and service the last event before then, and of every client the site it reached.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/api.h"
#include "nearglass/history_facts.h"

enum {
	LIMIT = 2000,
	LIMIT_MAX = 10000,
	DISK_WAIT_MS = 200,
	FACTS_MAX = 20000,
	OCTETS_MAX = 32 << 20
};

struct fact {
	struct hnode by_key;
	struct fact *next;
	int64_t time_us;
	char *key, *json;
};

struct past {
	struct call *call;
	struct hmap keys;
	struct fact *kinds[HISTORY_KINDS];
	size_t facts, octets; // so many, so large
	struct out *out;
	size_t clients;
	char last_client[65];
};

static bool is_late(void *ctx)
{
	const struct past *p = ctx;

	return call_is_late(p->call);
}

// ---- Facts ----

static struct fact *find_fact(const struct past *p, const char *key, uint64_t hash)
{
	for (struct hnode *n = hmap_find(&p->keys, hash); n; n = hmap_find_next(n)) {
		struct fact *f = container_of(n, struct fact, by_key);
		if (strcmp(f->key, key) == 0)
			return f;
	}
	return NULL;
}

static struct fact *add_fact(struct past *p, size_t kind, struct strbuf *key, uint64_t hash)
{
	struct fact *f = mem_zalloc(sizeof(*f));

	f->key = sb_take(key);
	f->next = p->kinds[kind];
	p->kinds[kind] = f;
	p->facts++;
	hmap_insert(&p->keys, &f->by_key, hash);
	return f;
}

static void take_fact(void *ctx, const struct history_fact *told)
{
	own(sb_free) struct strbuf key = {};
	struct past *p = ctx;

	sb_printf(&key, "%zu\x1f%s\x1f%s\x1f%s", told->kind, told->site, told->subject,
		told->upstream);
	uint64_t hash = hash_bytes(key.s, key.len);
	struct fact *f = find_fact(p, sb_text(&key), hash);
	if (!f)
		f = add_fact(p, told->kind, &key, hash);
	else if (f->time_us > told->time_us)
		return;
	free(f->json);
	f->json = mem_strdup(told->json);
	p->octets += strlen(f->json);
	f->time_us = told->time_us;
}

static void free_facts(struct past *p)
{
	for (size_t k = 0; k < HISTORY_KINDS; k++)
		while (p->kinds[k]) {
			struct fact *f = p->kinds[k];
			p->kinds[k] = f->next;
			free(f->key);
			free(f->json);
			free(f);
		}
	hmap_free(&p->keys);
}

static bool is_enough(void *ctx)
{
	const struct past *p = ctx;

	return p->facts >= FACTS_MAX || p->octets >= OCTETS_MAX || call_is_late(p->call);
}

static int read_facts(struct past *p, int64_t at_us)
{
	struct history_db *db = history_hold(p->call->history, span_ms(DISK_WAIT_MS));

	if (!db)
		return -EBUSY;
	int rc = history_facts_read(db, at_us, is_enough, take_fact, p);
	history_release(p->call->history);
	return rc;
}

// ---- Clients ----

static void take_client(void *ctx, const struct history_client *client)
{
	struct past *p = ctx;
	char time[TIME_TEXT];

	out_object(p->out, NULL);
	api_client(p->out, client->client, client->site, client->has_place, client->lat,
		client->lon, client->rtt_ms);
	out_str(p->out, "kept", time_print(client->time_us, time));
	out_end(p->out);
	p->clients++;
	snprintf(p->last_client, sizeof(p->last_client), "%s", client->client);
}

static int write_clients(struct past *p, int64_t at_us, size_t limit)
{
	const char *after = call_arg(p->call, "after");
	const struct history_clients_question q = {
		.from_us = at_us - INT64_C(1000000) * (CATCHMENT_REPEAT_S + 60),
		.at_us = at_us,
		.after = after ? after : "",
		.limit = limit,
	};
	struct history_db *db = history_hold(p->call->history, span_ms(DISK_WAIT_MS));
	int rc = db ? 0 : -EBUSY;

	out_array(p->out, "clients");
	if (db) {
		rc = history_db_clients(db, &q, is_late, take_client, p);
		history_release(p->call->history);
	}
	out_end(p->out);
	return rc;
}

// ---- The answer ----

static void write_facts(const struct past *p)
{
	for (size_t k = 0; k < HISTORY_KINDS; k++) {
		out_array(p->out, history_kinds[k].name);
		for (const struct fact *f = p->kinds[k]; f; f = f->next)
			out_raw_json(p->out, NULL, f->json);
		out_end(p->out);
	}
}

static void write_answer(struct past *p, int64_t at_us, size_t limit)
{
	own(sb_free) struct strbuf next = {};
	struct call *c = p->call;
	char time[TIME_TEXT];
	int rc = read_facts(p, at_us);

	p->out = out_new(OUT_JSON, &c->body);
	out_object(p->out, NULL);
	out_str(p->out, "at", time_print(at_us, time));
	write_facts(p);
	int rc_clients = write_clients(p, at_us, limit);
	if (p->clients == limit) {
		if (!call_arg(c, "at")) // the next page is of the same time
			sb_printf(&next, "at=%s&", time);
		api_next(c, p->last_client, &next);
	}
	const struct page_meta m = {
		.page_size = limit,
		.total = p->clients,
		.truncated = rc == -ETIME || rc_clients == -ETIME,
		.next = next.len > 0 ? sb_text(&next) : NULL,
	};
	api_meta(p->out, c, &m);
	out_end(p->out);
	out_free(&p->out);
	if (rc == -EIO || rc_clients == -EIO)
		call_fail(c, 500, "history", "the file of the history cannot be read");
	else if (rc == -EBUSY || rc_clients == -EBUSY)
		call_fail(c, 503, "busy", "the history is being written");
}

void api_past(struct call *c)
{
	struct past p = { .call = c };
	size_t limit = LIMIT;
	int64_t at_us = clock_unix_us();

	if (!c->history) {
		call_fail(c, 404, "no-history", "this glass keeps no history");
		return;
	}
	if (!api_time(c, "at", &at_us) || !api_limit(c, LIMIT_MAX, &limit))
		return;
	write_answer(&p, at_us, limit);
	free_facts(&p);
}
