// /api/v1/events: the latest events; /events: all that follow, as server-sent events (the HTML
// standard, section 9.2), resumed by Last-Event-ID or `after`.
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/api.h"
#include "nearglass/journal.h"

enum { FOLLOWERS_MAX = 256 };

static uint64_t start_of(const struct call *c)
{
	const char *id = call_arg(c, "after");

	// A browser that lost the stream asks the same address again, and its header is newer.
	return journal_after(c->journal, c->last_event_id ? c->last_event_id : id);
}

static bool read_limit(const char *text, uint64_t *ret)
{
	size_t n = strlen(text);

	if (n == 0 || n > 4 || strspn(text, "0123456789") != n)
		return false;
	*ret = strtoul(text, NULL, 10);
	return *ret > 0 && *ret <= JOURNAL_EVENTS;
}

void api_events(struct call *c)
{
	const char *text = call_arg(c, "limit");
	uint64_t limit = JOURNAL_EVENTS, after = start_of(c), last = journal_last(c->journal);
	own(sb_free) struct strbuf event = {};
	char id[JOURNAL_ID];

	if (text && !read_limit(text, &limit)) {
		call_fail(c, 400, "bad-parameter", "`%s` is no number from 1 to %d", text,
			JOURNAL_EVENTS);
		return;
	}
	if (last - after > limit)
		after = last - limit; // the latest
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	out_object(o, NULL);
	out_array(o, "events");
	for (uint64_t n; after < last && (n = journal_next(c->journal, after, &event)); after = n) {
		out_raw_json(o, NULL, sb_text(&event));
		sb_clear(&event);
	}
	out_end(o);
	out_str(o, "last_id", journal_id(c->journal, after, id));
	out_end(o);
}

// ---- Following ----

struct follower {
	struct journal *journal;
	uint64_t heard;
	bool began, waited;
};

static _Atomic unsigned followers;

static enum call_more follow(void *ctx, struct strbuf *b)
{
	own(sb_free) struct strbuf event = {};
	struct follower *f = ctx;
	char id[JOURNAL_ID];
	uint64_t n;

	if (!f->began) // so that the headers go out at once
		sb_str(b, "retry: 1000\n\n");
	f->began = true;
	while (b->len < 65536 && (n = journal_next(f->journal, f->heard, &event))) {
		sb_printf(
			b, "id: %s\ndata: %s\n\n", journal_id(f->journal, n, id), sb_text(&event));
		sb_clear(&event);
		f->heard = n;
	}
	if (b->len == 0 &&
		f->waited) // a beat: shows a client that is gone, and proxies that it is not
		sb_str(b, ":\n\n");
	f->waited = b->len == 0;
	if (b->len > 0)
		return CALL_MORE;
	return journal_is_closed(f->journal) ? CALL_END : CALL_WAIT;
}

static void leave(void *ctx)
{
	atomic_fetch_sub(&followers, 1);
	free(ctx);
}

void api_follow(struct call *c)
{
	if (atomic_fetch_add(&followers, 1) >= FOLLOWERS_MAX) {
		atomic_fetch_sub(&followers, 1);
		call_fail(c, 503, "busy", "%d clients follow the events already", FOLLOWERS_MAX);
		return;
	}
	struct follower *f = mem_zalloc(sizeof(*f));
	f->journal = c->journal;
	f->heard = start_of(c);
	c->type = "text/event-stream";
	c->more = follow;
	c->free_stream = leave;
	c->stream = f;
	c->heard = &f->heard;
}
