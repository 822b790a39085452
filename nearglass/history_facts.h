// How things stood at a time: of each subject the last event before it that says so. An index has the
// subjects in order, so that this takes a search for each of them and not a walk through the history.
#pragma once

#include "nearglass/history_db.h"

// Events that replace each other for one subject, with its upstream where they have one. Where of_site, all
// of a site are of one subject.
struct history_kind {
	const char *name;
	bool of_site;
	const char *types[9]; // ends with NULL
};
enum { HISTORY_KINDS = 6 };
extern const struct history_kind history_kinds[HISTORY_KINDS];

// Adds the index to *layout, as SQL.
void history_facts_layout(struct strbuf *layout);

struct history_fact {
	size_t kind;
	int64_t time_us;
	const char *site, *subject, *upstream; // subject and upstream "" where of_site
	const char *json;
};

// Each type of a subject on its own: of several facts with the same kind, site, subject and upstream the one with
// the greatest time counts. 0; -ETIME: stopped, and some are missing; -EIO.
[[nodiscard]] int history_facts_read(struct history_db *db, int64_t at_us, bool (*stop)(void *ctx),
	void (*fact)(void *ctx, const struct history_fact *f), void *ctx);
