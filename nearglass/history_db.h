// The file of the history: one table of events in SQLite. Everything is opened at once and kept open,
// so that it works inside the sandbox, where no file can be opened: write-ahead log, exclusive
// locking, nothing temporary on the disk. One thread at a time may use it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/strbuf.h"

struct history_db;

struct history_event {
	int64_t time_us; // Unix time
	const char *site, *type, *subject;
	const char *upstream; // "": none
	int64_t seq;          // 0: none
	const char *json;
};

// Which site a client reached from then on.
struct history_client {
	int64_t time_us;
	char client[65]; // "": all of them are unknown from then on
	char site[64];   // "": nobody answered
	bool gone;       // nothing more was heard
	bool has_place;
	double lat, lon, rtt_ms; // rtt_ms below 0: not measured
};

enum { HISTORY_TYPES_MAX = 16 };

struct history_question {
	int64_t from_us, to_us;   // both within
	const char *const *types; // none: any
	size_t type_count;
	const char *subject;        // NULL: any
	int64_t after_us, after_id; // what comes behind this one; both 0: from the first on
	size_t limit;
	bool backwards; // the latest first; after: what comes before that one
};

// Opens or makes the file. One that is damaged, or no database at all, is renamed and a new one is made:
// then *note says so. 0; negative errno with *error set.
[[nodiscard]] int history_db_open(
	struct history_db **ret, const char *path, struct strbuf *note, struct strbuf *error);
void history_db_close(struct history_db **db); // NULL inside is fine
// For those who ask it questions of their own (history_facts.c).
struct sqlite3 *history_db_sql(struct history_db *db);

// All or none of them. One that is there already is passed over. 0; -EIO with *error set.
[[nodiscard]] int history_db_add(
	struct history_db *db, const struct history_event *events, size_t n, struct strbuf *error);

// All or none, as above.
[[nodiscard]] int history_db_add_clients(struct history_db *db,
	const struct history_client *clients, size_t n, struct strbuf *error);

// At most limit events older than that are removed, or of those written first where there are more than
// most. Their number; -EIO.
[[nodiscard]] int64_t history_db_prune(
	struct history_db *db, int64_t before_us, uint64_t most, size_t limit);
// The same of words on clients; the earliest go as well where there are more than most.
[[nodiscard]] int64_t history_db_prune_clients(
	struct history_db *db, int64_t before_us, uint64_t most, size_t limit);

// stop: asked every now and then; true ends it. Events in the order of their time.
struct history_reader {
	bool (*stop)(void *ctx);
	bool (*event)(void *ctx, int64_t id, int64_t time_us, const char *json); // false: enough
	void *ctx;
};

// 0; -ETIME: stopped, and some may be missing; -EIO.
[[nodiscard]] int history_db_read(struct history_db *db, const struct history_question *q,
	const struct history_reader *reader);
// How many there are for that question, paging aside; as above.
[[nodiscard]] int history_db_count(struct history_db *db, const struct history_question *q,
	const struct history_reader *reader, uint64_t *ret);

// Each client as it was at that time, by what was written since from_us; by name, at most limit behind
// `after`. As above.
struct history_clients_question {
	int64_t from_us, at_us;
	const char *after; // a client's name; "" for the first
	size_t limit;
};
[[nodiscard]] int history_db_clients(struct history_db *db,
	const struct history_clients_question *q, bool (*stop)(void *ctx),
	void (*client)(void *ctx, const struct history_client *c), void *ctx);
