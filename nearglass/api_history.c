// /api/v1/history: events from the disk, by time, type and subject, in pages.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "nearglass/api.h"
#include "nearglass/history.h"
#include "nearglass/timetext.h"

enum { LIMIT = 100, LIMIT_MAX = 1000, DISK_WAIT_MS = 200 };

// Names for several types at once.
static const struct {
	const char *name, *types[HISTORY_TYPES_MAX];
} groups[] = {
	{ "sessions", { "neighbour-up", "neighbour-down", "upstream_up", "upstream_down",
			      "fleet_up", "fleet_down", "bfd_up", "bfd_down", "site-reachable",
			      "site-unreachable" } },
	{ "announcements", { "decided", "announced", "withdrawn", "hold_down", "guard_hold",
				   "guard_release", "admin_changed", "drain" } },
	{ "health", { "health_changed", "check_passed", "check_failed", "socket_closed" } },
	{ "sites", { "started", "stopping", "stopped", "daemon-up", "daemon-lost", "site_seen",
			   "site_lost" } },
};

struct answer {
	struct call *call;
	struct out *out;
	size_t count;
	int64_t id, time_us; // of the last
};

static bool is_late(void *ctx)
{
	const struct answer *a = ctx;

	return call_is_late(a->call);
}

static bool add_event(void *ctx, int64_t id, int64_t time_us, const char *json)
{
	struct answer *a = ctx;

	out_raw_json(a->out, NULL, json);
	a->count++;
	a->id = id;
	a->time_us = time_us;
	return true;
}

// ---- The question ----

static bool refuse(struct call *c, const char *name, const char *text, const char *expected)
{
	call_fail(c, 400, "bad-parameter", "%s `%s` is not %s", name, text, expected);
	return false;
}

bool api_time(struct call *c, const char *name, int64_t *ret)
{
	const char *text = call_arg(c, name);

	return !text || time_parse(text, ret) == 0 ||
	       refuse(c, name, text, "a time like 2026-01-02T03:04:05Z or 2026-01-02");
}

bool api_limit(struct call *c, size_t most, size_t *ret)
{
	const char *text = call_arg(c, "limit");
	size_t n = text ? strlen(text) : 0;
	char expected[64];

	if (!text)
		return true;
	size_t value =
		n > 0 && n <= 6 && strspn(text, "0123456789") == n ? strtoul(text, NULL, 10) : 0;
	if (value > 0 && value <= most) {
		*ret = value;
		return true;
	}
	snprintf(expected, sizeof(expected), "a number from 1 to %zu", most);
	return refuse(c, "limit", text, expected);
}

static bool read_after(struct call *c, struct history_question *q)
{
	const char *text = call_arg(c, "after");
	int end = 0;

	return !text ||
	       (sscanf(text, "%" SCNd64 "-%" SCNd64 "%n", &q->after_us, &q->after_id, &end) == 2 &&
		       end > 0 && text[end] == '\0') ||
	       refuse(c, "after", text, "the `next` of an earlier answer");
}

static bool read_order(struct call *c, struct history_question *q)
{
	const char *text = call_arg(c, "order");

	q->backwards = text && strcmp(text, "latest") == 0;
	return !text || q->backwards || strcmp(text, "oldest") == 0 ||
	       refuse(c, "order", text, "`oldest` or `latest`, whichever is to be first");
}

static bool is_in_order(struct call *c, const struct history_question *q)
{
	if (q->from_us > q->to_us)
		call_fail(c, 400, "bad-parameter", "to `%s` is before from `%s`", call_arg(c, "to"),
			call_arg(c, "from"));
	return q->from_us <= q->to_us;
}

static void read_types(const struct call *c, struct history_question *q, const char **one)
{
	*one = call_arg(c, "type");
	q->types = one;
	q->type_count = *one != NULL;
	for (size_t i = 0; *one && i < countof(groups); i++)
		if (strcmp(groups[i].name, *one) == 0) {
			q->types = groups[i].types;
			for (q->type_count = 0; q->types[q->type_count];)
				q->type_count++;
		}
}

static bool read_question(struct call *c, struct history_question *q, const char **one)
{
	*q = (struct history_question){
		.to_us = INT64_MAX, .limit = LIMIT, .subject = call_arg(c, "subject")
	};
	read_types(c, q, one);
	return api_time(c, "from", &q->from_us) && api_time(c, "to", &q->to_us) &&
	       is_in_order(c, q) && api_limit(c, LIMIT_MAX, &q->limit) && read_order(c, q) &&
	       read_after(c, q);
}

// ---- The answer ----

static void print_value(const char *text, struct strbuf *b)
{
	for (const char *p = text; *p; p++)
		if (strchr("-_.~", *p) || (*p >= '0' && *p <= '9') ||
			((*p | 32) >= 'a' && (*p | 32) <= 'z'))
			sb_char(b, *p);
		else
			sb_printf(b, "%%%02X", (unsigned char)*p);
}

void api_next(const struct call *c, const char *after, struct strbuf *b)
{
	for (size_t i = 0; i < c->arg_count; i++) {
		if (strcmp(c->args[i].name, "after") == 0)
			continue;
		sb_printf(b, "%s=", c->args[i].name);
		print_value(c->args[i].value, b);
		sb_char(b, '&');
	}
	sb_str(b, "after=");
	print_value(after, b);
}

// From behind the last event.
static void print_next(const struct call *c, const struct answer *a, struct strbuf *b)
{
	char after[48];

	snprintf(after, sizeof(after), "%" PRId64 "-%" PRId64, a->time_us, a->id);
	api_next(c, after, b);
}

static void write_answer(struct call *c, struct history_db *db, const struct history_question *q)
{
	own(sb_free) struct strbuf next = {};
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	struct answer a = { .call = c, .out = o };
	const struct history_reader reader = { is_late, add_event, &a };
	uint64_t total = 0;

	out_object(o, NULL);
	out_array(o, "events");
	int rc = history_db_read(db, q, &reader);
	out_end(o);
	int rc_count = rc == 0 ? history_db_count(db, q, &reader, &total) : rc;
	if (a.count > 0 && (a.count == q->limit || rc == -ETIME))
		print_next(c, &a, &next);
	const struct page_meta m = {
		.page_size = q->limit,
		.total = total,
		.truncated = rc == -ETIME || rc_count == -ETIME,
		.next = next.len > 0 ? sb_text(&next) : NULL,
	};
	api_meta(o, c, &m);
	out_end(o);
	out_free(&o); // it ends its document
	if (rc == -EIO || rc_count == -EIO)
		call_fail(c, 500, "history", "the file of the history cannot be read");
}

void api_history(struct call *c)
{
	struct history_question q;
	const char *one;

	if (!c->history) {
		call_fail(c, 404, "no-history", "this glass keeps no history");
		return;
	}
	if (!read_question(c, &q, &one))
		return;
	struct history_db *db = history_hold(c->history, span_ms(DISK_WAIT_MS));
	if (!db) {
		call_fail(c, 503, "busy", "the history is being written");
		return;
	}
	write_answer(c, db, &q);
	history_release(c->history);
}
