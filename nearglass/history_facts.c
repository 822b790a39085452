#include "nearglass/history_facts.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "lib/own.h"

const struct history_kind history_kinds[HISTORY_KINDS] = {
	{ "sites", true, { "started", "stopped", "daemon-up", "daemon-lost" } },
	{ "sessions", false,
		{ "neighbour-up", "neighbour-down", "upstream_up", "upstream_down", "fleet_up",
			"fleet_down", "site-reachable", "site-unreachable" } },
	{ "announcements", false, { "announced", "withdrawn" } },
	{ "decisions", false, { "decided" } },
	{ "admin", false, { "admin_changed" } },
	{ "health", false, { "health_changed" } },
};

// The condition of the index; a question has to repeat it to the letter for SQLite to see that the index
// will do.
static void print_condition(struct strbuf *b)
{
	const char *comma = "";

	sb_str(b, "type IN (");
	for (size_t k = 0; k < HISTORY_KINDS; k++)
		for (const char *const *t = history_kinds[k].types; *t; t++) {
			sb_printf(b, "%s'%s'", comma, *t);
			comma = ",";
		}
	sb_char(b, ')');
}

void history_facts_layout(struct strbuf *layout)
{
	sb_str(layout,
		"CREATE INDEX event_fact ON event(type, site, subject, upstream, time_us) WHERE ");
	print_condition(layout);
	sb_char(layout, ';');
}

// A subject of a type.
struct key {
	struct strbuf site, subject, upstream;
};

struct walk {
	sqlite3_stmt *next, *last;
	int64_t at_us;
	bool (*stop)(void *ctx);
	void (*fact)(void *ctx, const struct history_fact *f);
	void *ctx;
};

static void key_free(struct key *k)
{
	sb_free(&k->site);
	sb_free(&k->subject);
	sb_free(&k->upstream);
}

static void take_text(sqlite3_stmt *s, int column, struct strbuf *to)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	sb_clear(to);
	sb_str(to, text ? text : "");
}

static void bind_key(sqlite3_stmt *s, const char *type, const struct key *k)
{
	sqlite3_reset(s);
	sqlite3_bind_text(s, 1, type, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, sb_text(&k->site), -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 3, sb_text(&k->subject), -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 4, sb_text(&k->upstream), -1, SQLITE_TRANSIENT);
}

// SQLITE_ROW with the key behind *k in *k, SQLITE_DONE behind the last.
static int next_key(struct walk *w, const char *type, struct key *k)
{
	bind_key(w->next, type, k);
	int code = sqlite3_step(w->next);
	if (code == SQLITE_ROW) {
		take_text(w->next, 0, &k->site);
		take_text(w->next, 1, &k->subject);
		take_text(w->next, 2, &k->upstream);
	}
	return code;
}

static int tell_last(struct walk *w, size_t kind, const char *type, const struct key *k)
{
	bool of_site = history_kinds[kind].of_site;

	bind_key(w->last, type, k);
	sqlite3_bind_int64(w->last, 5, w->at_us);
	int code = sqlite3_step(w->last);
	if (code != SQLITE_ROW)
		return code;
	const char *json = (const char *)sqlite3_column_text(w->last, 1);
	const struct history_fact f = {
		.kind = kind,
		.time_us = sqlite3_column_int64(w->last, 0),
		.site = sb_text(&k->site),
		.subject = of_site ? "" : sb_text(&k->subject),
		.upstream = of_site ? "" : sb_text(&k->upstream),
		.json = json ? json : "null",
	};
	w->fact(w->ctx, &f);
	return SQLITE_DONE;
}

static int walk_type(struct walk *w, size_t kind, const char *type)
{
	own(key_free) struct key k = {};
	int code;

	while ((code = next_key(w, type, &k)) == SQLITE_ROW) {
		if (w->stop(w->ctx))
			return SQLITE_INTERRUPT;
		code = tell_last(w, kind, type, &k);
		if (code != SQLITE_DONE)
			break;
	}
	return code;
}

static int prepare(sqlite3 *sql, const char *what, const char *more, sqlite3_stmt **ret)
{
	own(sb_free) struct strbuf text = {};

	sb_printf(&text, "SELECT %s FROM event INDEXED BY event_fact WHERE ", what);
	print_condition(&text);
	sb_printf(&text, " AND type = ?1 AND %s", more);
	return sqlite3_prepare_v2(sql, sb_text(&text), -1, ret, NULL);
}

int history_facts_read(struct history_db *db, int64_t at_us, bool (*stop)(void *ctx),
	void (*fact)(void *ctx, const struct history_fact *f), void *ctx)
{
	sqlite3 *sql = history_db_sql(db);
	struct walk w = { .at_us = at_us, .stop = stop, .fact = fact, .ctx = ctx };
	int code = prepare(sql, "site, subject, upstream",
		"(site, subject, upstream) > (?2, ?3, ?4) ORDER BY site, subject, upstream LIMIT 1",
		&w.next);

	if (code == SQLITE_OK)
		code = prepare(sql, "time_us, json",
			"site = ?2 AND subject = ?3 AND upstream = ?4 AND time_us <= ?5"
			" ORDER BY time_us DESC LIMIT 1",
			&w.last);
	if (code == SQLITE_OK)
		code = SQLITE_DONE;
	for (size_t k = 0; k < HISTORY_KINDS; k++)
		for (const char *const *t = history_kinds[k].types; *t && code == SQLITE_DONE; t++)
			code = walk_type(&w, k, *t);
	sqlite3_finalize(w.next);
	sqlite3_finalize(w.last);
	if (code == SQLITE_DONE)
		return 0;
	return code == SQLITE_INTERRUPT ? -ETIME : -EIO;
}
