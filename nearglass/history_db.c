#include "nearglass/history_db.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/history_facts.h"

enum { APPLICATION = 0x4e43474c, VERSION = 3, STEPS_A_LOOK = 1000 };

// What is asked again and again is prepared once, when the file is opened.
enum statement { INSERT, PRUNE, PRUNE_MOST, INSERT_CLIENT, PRUNE_CLIENTS, STATEMENTS };

static const char *const statements[] = {
	[INSERT] = "INSERT OR IGNORE INTO event(time_us, site, type, subject, seq, json, upstream)"
		   " VALUES(?,?,?,?,?,?,?)",
	[PRUNE] = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE time_us < ?"
		  " ORDER BY time_us LIMIT ?)",
	[PRUNE_MOST] = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE"
		       " id <= (SELECT max(id) FROM event) - ? ORDER BY id LIMIT ?)",
	[INSERT_CLIENT] = "INSERT INTO client(time_us, client, site, gone, lat, lon, rtt_ms)"
			  " VALUES(?,?,?,?,?,?,?)",
	[PRUNE_CLIENTS] = "DELETE FROM client WHERE id IN (SELECT id FROM client WHERE time_us < ?"
			  " OR id <= (SELECT max(id) FROM client) - ? ORDER BY id LIMIT ?)",
};
static_assert(countof(statements) == STATEMENTS);

struct history_db {
	sqlite3 *sql;
	sqlite3_stmt *prepared[STATEMENTS];
};

// What the file remembers of itself comes last: a file without it is not ours.
static const char layout[] =
	"CREATE TABLE event(id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, site TEXT NOT NULL,"
	" type TEXT NOT NULL, subject TEXT NOT NULL, seq INTEGER NOT NULL, json TEXT NOT NULL);"
	"CREATE UNIQUE INDEX event_once ON event(time_us, site, type, subject, seq);"
	"CREATE INDEX event_subject ON event(subject, time_us);"
	"CREATE INDEX event_type ON event(type, time_us);"
	"PRAGMA application_id = 1313032012; PRAGMA user_version = 1;";
// The second version knows clients.
static const char layout_clients[] =
	"BEGIN IMMEDIATE; CREATE TABLE client(id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL,"
	" client TEXT NOT NULL, site TEXT NOT NULL, gone INTEGER NOT NULL, lat REAL, lon REAL, "
	"rtt_ms "
	"REAL);"
	"CREATE INDEX client_time ON client(time_us); PRAGMA user_version = 2; COMMIT;";
static_assert(APPLICATION == 1313032012);

// A few octets written and taken back: the log is open from here on, and its errors are known now.
static const char settings[] =
	"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	"PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 4194304; PRAGMA trusted_schema = "
	"OFF;";
static const char first_write[] =
	"BEGIN IMMEDIATE; INSERT INTO event VALUES(NULL, 0, '', '', '', 0, '', '');"
	"DELETE FROM event WHERE time_us = 0; COMMIT;";

// The third knows upstreams, and has the index of history_facts.h. Behind these comes that index.
static const char layout_facts[] =
	"BEGIN IMMEDIATE; ALTER TABLE event ADD COLUMN upstream TEXT NOT NULL DEFAULT '';"
	"UPDATE event SET upstream = coalesce(json_extract(json, '$.upstream'), '')"
	" WHERE json_valid(json) AND json_type(json, '$.upstream') = 'text';";

static int run(sqlite3 *sql, const char *text)
{
	return sqlite3_exec(sql, text, NULL, NULL, NULL);
}

static int64_t number_of(sqlite3 *sql, const char *text)
{
	sqlite3_stmt *s = NULL;
	int64_t value = -1;

	if (sqlite3_prepare_v2(sql, text, -1, &s, NULL) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

// ---- Opening ----

static bool is_damage(int code)
{
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

// Makes the file of an earlier version one of this.
static int take_over(sqlite3 *sql)
{
	own(sb_free) struct strbuf facts = {};
	int code = SQLITE_OK;

	if (number_of(sql, "PRAGMA user_version") == 1)
		code = run(sql, layout_clients);
	if (code == SQLITE_OK && number_of(sql, "PRAGMA user_version") == 2) {
		sb_str(&facts, layout_facts);
		history_facts_layout(&facts);
		sb_str(&facts, "PRAGMA user_version = 3; COMMIT;");
		code = run(sql, sb_text(&facts));
	}
	if (!sqlite3_get_autocommit(sql))
		(void)run(sql, "ROLLBACK");
	return code;
}

// SQLITE_OK; another code of SQLite, SQLITE_MISMATCH for a file of somebody else.
static int check(sqlite3 *sql)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(sql, "PRAGMA quick_check(1)", -1, &s, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(s);
		const char *answer =
			code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
		if (code == SQLITE_ROW)
			code = answer && strcmp(answer, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
	}
	sqlite3_finalize(s);
	if (code != SQLITE_OK)
		return code & 0xff;
	if (number_of(sql, "SELECT count(*) FROM sqlite_master") == 0 &&
		(code = run(sql, layout)) != SQLITE_OK)
		return code & 0xff;
	if (number_of(sql, "PRAGMA application_id") == APPLICATION &&
		(code = take_over(sql)) != SQLITE_OK)
		return code & 0xff;
	return number_of(sql, "PRAGMA application_id") == APPLICATION &&
			       number_of(sql, "PRAGMA user_version") == VERSION
		       ? SQLITE_OK
		       : SQLITE_MISMATCH;
}

static int prepare_all(struct history_db *db)
{
	int code = SQLITE_OK;

	for (int i = 0; i < STATEMENTS && code == SQLITE_OK; i++)
		code = sqlite3_prepare_v3(db->sql, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			&db->prepared[i], NULL);
	return code;
}

static int open_at(struct history_db *db, const char *path, struct strbuf *error)
{
	int code = sqlite3_open_v2(path, &db->sql,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_NOFOLLOW,
		NULL);
	int stay = 1; // the log is not removed at the end: the sandbox would not allow it

	if (code == SQLITE_OK)
		code = run(db->sql, settings);
	if (code == SQLITE_OK)
		code = check(db->sql);
	if (code == SQLITE_OK)
		code = run(db->sql, first_write);
	if (code == SQLITE_OK)
		code = sqlite3_file_control(db->sql, NULL, SQLITE_FCNTL_PERSIST_WAL, &stay);
	if (code == SQLITE_OK)
		code = prepare_all(db);
	if (code != SQLITE_OK)
		sb_printf(error, "history %s: %s", path,
			code == SQLITE_MISMATCH ? "the database of another program or version"
						: sqlite3_errstr(code & 0xff));
	return code & 0xff;
}

static void shut(struct history_db *db)
{
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(take(db->prepared[i]));
	sqlite3_close(take(db->sql));
}

// With its log, which would be applied to the new file else.
static int set_aside(const char *path, struct strbuf *note, struct strbuf *error)
{
	static const char *const parts[] = { "-wal", "" };
	own(sb_free) struct strbuf to = {};
	time_t now = time(NULL);
	struct tm t;
	char stamp[32];

	gmtime_r(&now, &t);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &t);
	for (size_t i = 0; i < countof(parts); i++) {
		own(sb_free) struct strbuf from = {};
		sb_printf(&from, "%s%s", path, parts[i]);
		sb_clear(&to);
		sb_printf(&to, "%s.damaged-%s%s", path, stamp, parts[i]);
		if (rename(sb_text(&from), sb_text(&to)) < 0 && errno != ENOENT) {
			int rc = -errno;
			sb_printf(error, " and cannot be set aside: %s", strerror(-rc));
			return rc;
		}
	}
	sb_printf(note, "%s is damaged; it was set aside as %s and a new one begun", path,
		sb_text(&to));
	return 0;
}

int history_db_open(
	struct history_db **ret, const char *path, struct strbuf *note, struct strbuf *error)
{
	struct history_db *db = mem_zalloc(sizeof(*db));
	int code = open_at(db, path, error);

	if (is_damage(code)) {
		shut(db);
		int rc = set_aside(path, note, error);
		if (rc < 0) {
			free(db);
			return rc;
		}
		sb_clear(error);
		code = open_at(db, path, error);
	}
	if (code != SQLITE_OK) {
		history_db_close(&db);
		return -EIO;
	}
	*ret = db;
	return 0;
}

void history_db_close(struct history_db **which)
{
	struct history_db *db = take(*which);

	if (!db)
		return;
	shut(db);
	free(db);
}

struct sqlite3 *history_db_sql(struct history_db *db)
{
	return db->sql;
}

// ---- Writing ----

// SQLITE_OK or what went wrong. What is not bound the next time is NULL.
static int carry_out(sqlite3_stmt *s)
{
	int code = sqlite3_step(s);

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int insert(struct history_db *db, const struct history_event *e)
{
	sqlite3_stmt *s = db->prepared[INSERT];

	sqlite3_bind_int64(s, 1, e->time_us);
	sqlite3_bind_text(s, 2, e->site, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, e->type, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, e->subject, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, e->seq);
	sqlite3_bind_text(s, 6, e->json, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 7, e->upstream, -1, SQLITE_STATIC);
	return carry_out(s);
}

static int commit(struct history_db *db, int code, struct strbuf *error)
{
	if (code == SQLITE_OK)
		code = run(db->sql, "COMMIT");
	if (code == SQLITE_OK)
		return 0;
	sb_str(error, sqlite3_errstr(code & 0xff));
	if (!sqlite3_get_autocommit(db->sql))
		(void)run(db->sql, "ROLLBACK");
	return -EIO;
}

int history_db_add(
	struct history_db *db, const struct history_event *events, size_t n, struct strbuf *error)
{
	int code = run(db->sql, "BEGIN IMMEDIATE");

	for (size_t i = 0; code == SQLITE_OK && i < n; i++)
		code = insert(db, &events[i]);
	return commit(db, code, error);
}

static int insert_client(struct history_db *db, const struct history_client *c)
{
	sqlite3_stmt *s = db->prepared[INSERT_CLIENT];

	sqlite3_bind_int64(s, 1, c->time_us);
	sqlite3_bind_text(s, 2, c->client, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, c->site, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 4, c->gone);
	if (c->has_place) {
		sqlite3_bind_double(s, 5, c->lat);
		sqlite3_bind_double(s, 6, c->lon);
	}
	if (c->rtt_ms >= 0)
		sqlite3_bind_double(s, 7, c->rtt_ms);
	return carry_out(s);
}

int history_db_add_clients(
	struct history_db *db, const struct history_client *clients, size_t n, struct strbuf *error)
{
	int code = run(db->sql, "BEGIN IMMEDIATE");

	for (size_t i = 0; code == SQLITE_OK && i < n; i++)
		code = insert_client(db, &clients[i]);
	return commit(db, code, error);
}

// Their number, or -EIO.
static int64_t remove_rows(struct history_db *db, sqlite3_stmt *s)
{
	return carry_out(s) == SQLITE_OK ? sqlite3_changes(db->sql) : -EIO;
}

static int64_t prune_by(struct history_db *db, enum statement which, int64_t bound, size_t limit)
{
	sqlite3_stmt *s = db->prepared[which];

	sqlite3_bind_int64(s, 1, bound);
	sqlite3_bind_int64(s, 2, (int64_t)limit);
	return remove_rows(db, s);
}

int64_t history_db_prune(struct history_db *db, int64_t before_us, uint64_t most, size_t limit)
{
	int64_t n = prune_by(db, PRUNE, before_us, limit);

	return n == 0 ? prune_by(db, PRUNE_MOST, (int64_t)most, limit) : n;
}

int64_t history_db_prune_clients(
	struct history_db *db, int64_t before_us, uint64_t most, size_t limit)
{
	sqlite3_stmt *s = db->prepared[PRUNE_CLIENTS];

	sqlite3_bind_int64(s, 1, before_us);
	sqlite3_bind_int64(s, 2, (int64_t)most);
	sqlite3_bind_int64(s, 3, (int64_t)limit);
	return remove_rows(db, s);
}

// ---- Reading ----

static int look(void *ctx)
{
	const struct history_reader *r = ctx;

	return r->stop(r->ctx);
}

// The condition; only marks of parameters come from the question.
static void print_where(const struct history_question *q, bool paging, struct strbuf *b)
{
	sb_str(b, " FROM event WHERE time_us BETWEEN ?1 AND ?2");
	if (q->subject)
		sb_str(b, " AND subject = ?3");
	if (paging && !q->backwards)
		sb_str(b, " AND (time_us, id) > (?4, ?5)");
	if (paging && q->backwards && q->after_us)
		sb_str(b, " AND (time_us, id) < (?4, ?5)");
	for (size_t i = 0; i < q->type_count; i++)
		sb_printf(b, "%s?%zu", i ? ", " : " AND type IN (", 7 + i);
	if (q->type_count > 0)
		sb_char(b, ')');
}

static sqlite3_stmt *prepare(
	struct history_db *db, const struct history_question *q, const struct strbuf *text)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db->sql, sb_text(text), -1, &s, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_bind_int64(s, 1, q->from_us);
	sqlite3_bind_int64(s, 2, q->to_us);
	if (q->subject)
		sqlite3_bind_text(s, 3, q->subject, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, q->after_us);
	sqlite3_bind_int64(s, 5, q->after_id);
	sqlite3_bind_int64(s, 6, (int64_t)q->limit);
	for (size_t i = 0; i < q->type_count; i++)
		sqlite3_bind_text(s, (int)(7 + i), q->types[i], -1, SQLITE_STATIC);
	return s;
}

static int finish(struct history_db *db, sqlite3_stmt *s, int code)
{
	sqlite3_finalize(s);
	sqlite3_progress_handler(db->sql, 0, NULL, NULL);
	if (code == SQLITE_DONE)
		return 0;
	return code == SQLITE_INTERRUPT ? -ETIME : -EIO;
}

static int read_rows(struct history_db *db, const struct history_question *q,
	const struct history_reader *reader, const struct strbuf *text,
	bool (*row)(const struct history_reader *reader, sqlite3_stmt *s, void *ctx), void *ctx)
{
	union {
		const struct history_reader *read;
		void *given;
	} r = { .read = reader };
	sqlite3_stmt *s = prepare(db, q, text);
	int code;

	if (!s)
		return -EIO;
	sqlite3_progress_handler(db->sql, STEPS_A_LOOK, look, r.given);
	while ((code = sqlite3_step(s)) == SQLITE_ROW)
		if (!row(reader, s, ctx)) {
			code = SQLITE_DONE;
			break;
		}
	return finish(db, s, code);
}

static bool hand_over(const struct history_reader *reader, sqlite3_stmt *s, void *)
{
	const char *json = (const char *)sqlite3_column_text(s, 2);

	return reader->event(reader->ctx, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
		json ? json : "null");
}

int history_db_read(struct history_db *db, const struct history_question *q,
	const struct history_reader *reader)
{
	own(sb_free) struct strbuf text = {};

	sb_str(&text, "SELECT id, time_us, json");
	print_where(q, true, &text);
	sb_str(&text, q->backwards ? " ORDER BY time_us DESC, id DESC LIMIT ?6"
				   : " ORDER BY time_us, id LIMIT ?6");
	return read_rows(db, q, reader, &text, hand_over, NULL);
}

static bool take_number(const struct history_reader *, sqlite3_stmt *s, void *ctx)
{
	*(uint64_t *)ctx = (uint64_t)sqlite3_column_int64(s, 0);
	return true;
}

int history_db_count(struct history_db *db, const struct history_question *q,
	const struct history_reader *reader, uint64_t *ret)
{
	own(sb_free) struct strbuf text = {};

	sb_str(&text, "SELECT count(*)");
	print_where(q, false, &text);
	return read_rows(db, q, reader, &text, take_number, ret);
}

// ---- Clients ----

// Of each client the latest row counts; SQLite takes the other columns of a group from the row that has
// the greatest of max(). Equal times: what was written last. What lies before the last row without a
// client is not known.
static const char clients_text[] =
	"SELECT client, site, gone, lat, lon, rtt_ms, time_us, max(id) FROM client"
	" WHERE time_us BETWEEN max(?1, coalesce((SELECT max(time_us) FROM client WHERE time_us"
	" BETWEEN ?1 AND ?2 AND client = ''), 0)) AND ?2 AND client > ?3"
	" GROUP BY client HAVING gone = 0 ORDER BY client LIMIT ?4";

static double real_of(sqlite3_stmt *s, int column, double otherwise)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? otherwise
							     : sqlite3_column_double(s, column);
}

static void text_of(sqlite3_stmt *s, int column, char *to, size_t n)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	snprintf(to, n, "%s", text ? text : "");
}

static struct history_client client_of(sqlite3_stmt *s)
{
	struct history_client c = {
		.has_place = sqlite3_column_type(s, 3) != SQLITE_NULL,
		.lat = real_of(s, 3, 0),
		.lon = real_of(s, 4, 0),
		.rtt_ms = real_of(s, 5, -1),
		.time_us = sqlite3_column_int64(s, 6),
	};

	text_of(s, 0, c.client, sizeof(c.client));
	text_of(s, 1, c.site, sizeof(c.site));
	return c;
}

int history_db_clients(struct history_db *db, const struct history_clients_question *q,
	bool (*stop)(void *ctx), void (*client)(void *ctx, const struct history_client *c),
	void *ctx)
{
	const struct history_reader reader = { .stop = stop, .ctx = ctx };
	union {
		const struct history_reader *read;
		void *given;
	} r = { .read = &reader };
	sqlite3_stmt *s = NULL;
	int code;

	if (sqlite3_prepare_v2(db->sql, clients_text, -1, &s, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(s, 1, q->from_us);
	sqlite3_bind_int64(s, 2, q->at_us);
	sqlite3_bind_text(s, 3, q->after, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, (int64_t)q->limit);
	sqlite3_progress_handler(db->sql, STEPS_A_LOOK, look, r.given);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct history_client c = client_of(s);
		client(ctx, &c);
	}
	return finish(db, s, code);
}
