// /api/v1/past: how things stood at a time, from the history: of every site, session, prefix at an
// upstream, and service the last event before then, and of every client the site it reached.
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/api.h"

enum {
	LIMIT = 2000,
	LIMIT_MAX = 10000,
	DISK_WAIT_MS = 200,
	PAGE = 500,
	FACTS_MAX = 5000,
	KIND_TYPES = 8,
};

// Events that replace each other for one subject; with its upstream where they have one.
static const struct kind {
	const char *name;
	const char *types[KIND_TYPES + 1];
} kinds[] = {
	{ "sites", { "started", "stopped", "daemon-up", "daemon-lost" } },
	{ "sessions", { "neighbour-up", "neighbour-down", "upstream_up", "upstream_down",
			      "fleet_up", "fleet_down", "site-reachable", "site-unreachable" } },
	{ "announcements", { "announced", "withdrawn" } },
	{ "decisions", { "decided" } },
	{ "admin", { "admin_changed" } },
	{ "health", { "health_changed" } },
};
enum { KINDS = countof(kinds), TYPES_MAX = KINDS * KIND_TYPES };

struct fact {
	struct hnode by_key;
	struct fact *next;
	char *key, *json;
};

struct past {
	struct call *call;
	struct hmap keys;
	struct fact *kinds[KINDS];
	size_t facts, read;
	int64_t id, time_us; // of the last event read
	bool clients_more;
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

static const char *text_of(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text ? text : "";
}

static int kind_of(const char *type)
{
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; kinds[k].types[i]; i++)
			if (strcmp(kinds[k].types[i], type) == 0)
				return (int)k;
	return -1;
}

static bool is_known(const struct past *p, const char *key, uint64_t hash)
{
	for (struct hnode *n = hmap_find(&p->keys, hash); n; n = hmap_find_next(n))
		if (strcmp(container_of(n, struct fact, by_key)->key, key) == 0)
			return true;
	return false;
}

// Of a site the daemon as a whole is one fact, whatever the event's subject.
static void print_key(int kind, const json_t *event, struct strbuf *b)
{
	sb_printf(b, "%d %s", kind, text_of(event, "site"));
	if (kind != 0)
		sb_printf(b, " %s %s", text_of(event, "subject"), text_of(event, "upstream"));
}

// They come latest first, so the first of a key is how it stood.
static bool take_event(void *ctx, int64_t id, int64_t time_us, const char *json)
{
	own(sb_free) struct strbuf key = {};
	struct past *p = ctx;
	json_t *event = json_loads(json, 0, NULL);
	int kind = kind_of(text_of(event, "type"));

	p->id = id;
	p->time_us = time_us;
	p->read++;
	print_key(kind, event, &key);
	json_decref(event);
	uint64_t hash = hash_bytes(key.s, key.len);
	if (kind < 0 || is_known(p, key.s, hash))
		return true;
	struct fact *f = mem_zalloc(sizeof(*f));
	f->key = sb_take(&key);
	f->json = mem_strdup(json);
	f->next = p->kinds[kind];
	p->kinds[kind] = f;
	hmap_insert(&p->keys, &f->by_key, hash);
	return ++p->facts < FACTS_MAX;
}

static void free_facts(struct past *p)
{
	for (size_t k = 0; k < KINDS; k++)
		while (p->kinds[k]) {
			struct fact *f = p->kinds[k];
			p->kinds[k] = f->next;
			free(f->key);
			free(f->json);
			free(f);
		}
	hmap_free(&p->keys);
}

// In pieces, and the disk is let go in between: the history is written meanwhile. 0; -ETIME when
// not all was read; -EIO; -EBUSY.
static int read_facts(struct past *p, int64_t at_us)
{
	const char *types[TYPES_MAX];
	struct history_question q = {
		.to_us = at_us, .types = types, .limit = PAGE, .backwards = true
	};
	const struct history_reader reader = { is_late, take_event, p };
	int rc = 0;

	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; kinds[k].types[i]; i++)
			types[q.type_count++] = kinds[k].types[i];
	do {
		struct history_db *db = history_hold(p->call->history, span_ms(DISK_WAIT_MS));
		if (!db)
			return -EBUSY;
		p->read = 0;
		rc = history_db_read(db, &q, &reader);
		history_release(p->call->history);
		q.after_us = p->time_us;
		q.after_id = p->id;
		if (p->facts == FACTS_MAX || (rc == 0 && call_is_late(p->call)))
			rc = -ETIME;
	} while (rc == 0 && p->read == PAGE);
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
	for (size_t k = 0; k < KINDS; k++) {
		out_array(p->out, kinds[k].name);
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
	if (p->clients == limit)
		api_next(c, p->last_client, &next);
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
