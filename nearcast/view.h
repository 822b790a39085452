// JSON of the daemon as text for people. Strings may quote what strangers sent;
// control characters in them do not reach the terminal.
#pragma once

#include <jansson.h>

#include "lib/out.h"
#include "lib/strbuf.h"

// The member as text, "" when it is absent or null; writes into and returns b's text.
const char *view_text(const json_t *object, const char *key, struct strbuf *b);

enum view_form {
	VIEW_TEXT,
	VIEW_SPAN,   // a number of seconds
	VIEW_UPTIME, // the same; 0 is "not up"
	VIEW_BYTES,  // a number
	VIEW_LIST,   // an array of texts
};

struct view_column {
	const char *key, *heading;
	enum view_form form;
};

// One cell: writes into and returns b's text.
const char *view_cell(const json_t *object, const struct view_column *column, struct strbuf *b);

// A row of cells inside the table that o is in; columns end with a NULL key.
void view_row(struct out *o, const json_t *object, const struct view_column *columns);

// A whole table, one row an element.
void view_table(struct out *o, const json_t *array, const struct view_column *columns);

// One event on one line, with its newline:
// "03:04:05.678901 #12 check_failed dns/dns-1 refused (caused by #11)".
void view_event(const json_t *event, struct strbuf *b);

// What several views show.
void view_checks(struct out *o, const json_t *services);
void view_prefixes(struct out *o, const json_t *services);
void view_upstreams(struct out *o, const json_t *upstreams);
// Nothing where there are none; else an empty line before them.
void view_ranges(struct out *o, const json_t *ranges);
// How many nodes of the fleet say what of each service. Nothing without a fleet; else an empty
// line before it.
void view_fleet_sums(struct out *o, const json_t *services);
// The answer to `show fleet`: what the guard asks for, nodes, sessions, conflicts.
void view_fleet(const json_t *result, struct strbuf *b);
// The whole of `show flows`.
void view_flows(const json_t *result, struct strbuf *b);
