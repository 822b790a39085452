#include "nearglass/link.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/strbuf.h"
#include "nearglass/once.h"

enum {
	RETRY_MS = 1000,
	SOON_MS = 50,        // after an event, so that several cost one round
	REFRESH_MS = 5000,   // of what changes without an event, as ages and counters
	SILENT_MS = 10000,   // of a round: then nearcastd hangs
	OCTETS_A_MS = 10000, // 10 MB a second: so large a round keeps the next one away so long
	LINE_MAX_BYTES = 16 << 20,
};

// One connection: asks, and reads lines.
struct wire {
	struct link *l;
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write;
	struct strbuf question, in;
	size_t searched; // of `in`, for the end of a line
	bool open;
	bool writing; // the question is not out yet, and no line is taken before it is
	bool greeted; // the reply to the subscription has come
	void (*line)(struct wire *w, const char *text, size_t n);
};

struct link {
	uv_loop_t *loop;
	char *path;
	const struct link_ops *ops;
	void *ctx;
	struct wire events, status;
	uv_timer_t retry, refresh;
	bool stopped, connected;
	int64_t since_us;
	char *status_json;
	int64_t heard_us;
	const char *error; // why there is no newer status; NULL: there is
	struct roster *roster;
	// A round: the status, then the parts of the fleet that changed.
	instant round_ended, round_moved; // its last octet, or its begin
	size_t round_octets;
	bool soon;        // the next one was asked for by an event
	char *part;       // the service being asked for; NULL: none
	struct once once; // after a reconnect the earlier events come again
};

// What happened during a round is asked for after it.
static bool take_soon(struct link *l)
{
	bool soon = l->soon && !l->stopped;

	l->soon = false;
	return soon;
}

static void connect_events(struct link *l);
static void ask_soon(struct link *l);
static void end_round(struct link *l);

// ---- A wire ----

static void wire_close(struct wire *w);

static void lost(struct wire *w)
{
	struct link *l = w->l;

	wire_close(w);
	if (l->stopped)
		return;
	if (w == &l->status)
		end_round(l);
	if (w != &l->events)
		return;
	if (l->connected) {
		l->connected = false;
		l->since_us = clock_unix_us();
		l->ops->changed(l->ctx);
		l->ops->turned(l->ctx, false);
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct wire *w = handle->data;

	sb_free(&w->in);
	sb_free(&w->question);
	w->open = false;
	if (w == &w->l->status && take_soon(w->l))
		ask_soon(w->l);
}

static void wire_close(struct wire *w)
{
	if (w->open && !uv_is_closing((uv_handle_t *)&w->pipe))
		uv_close((uv_handle_t *)&w->pipe, on_closed);
}

static void give_room(uv_handle_t *, size_t, uv_buf_t *buf)
{
	static char room[65536]; // read and taken in one turn of the loop

	*buf = uv_buf_init(room, sizeof(room));
}

static void take_lines(struct wire *w)
{
	char *end;

	while (!w->writing && w->in.len > w->searched &&
		(end = memchr(w->in.s + w->searched, '\n', w->in.len - w->searched))) {
		size_t n = (size_t)(end - w->in.s);
		*end = '\0';
		w->line(w, w->in.s, n);
		if (!w->open || uv_is_closing((uv_handle_t *)&w->pipe))
			return;
		sb_consume(&w->in, n + 1);
		w->searched = 0;
	}
	if (!w->writing)
		w->searched = w->in.len;
	if (w->in.len > LINE_MAX_BYTES) {
		w->l->error = "an answer is larger than 16 MiB";
		lost(w);
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct wire *w = stream->data;

	if (n < 0) {
		lost(w);
		return;
	}
	if (w == &w->l->status) {
		w->l->round_octets += (size_t)n;
		w->l->round_moved = clock_now();
	}
	sb_add(&w->in, buf->base, (size_t)n);
	take_lines(w);
}

static void on_written(uv_write_t *req, int status)
{
	struct wire *w = req->handle->data;

	w->writing = false;
	if (status == 0 && !uv_is_closing((uv_handle_t *)req->handle))
		take_lines(w);
}

static void wire_send(struct wire *w)
{
	uv_buf_t buf = uv_buf_init(w->question.s, (unsigned)w->question.len);

	w->writing = true;
	if (uv_write(&w->write, (uv_stream_t *)&w->pipe, &buf, 1, on_written) < 0)
		lost(w);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct wire *w = req->handle->data;

	if (status < 0) {
		lost(w);
		return;
	}
	wire_send(w);
	if (w->open && !uv_is_closing((uv_handle_t *)&w->pipe))
		uv_read_start((uv_stream_t *)&w->pipe, give_room, on_read);
}

static void wire_open(struct wire *w, const char *question)
{
	if (w->open)
		return; // the last question is still being answered
	w->open = true;
	w->writing = w->greeted = false;
	w->searched = 0;
	sb_str(&w->question, question);
	uv_pipe_init(w->l->loop, &w->pipe, 0);
	w->pipe.data = w;
	uv_pipe_connect(&w->connect, &w->pipe, w->l->path, on_connected);
}

static void refused(struct link *l)
{
	l->error = "it refuses to answer";
	l->ops->changed(l->ctx);
}

// ---- Events ----

// The reply to the subscription; one that refuses it is no nearcastd that answers.
static void take_greeting(struct wire *w, const json_t *reply)
{
	struct link *l = w->l;

	if (!json_is_true(json_object_get(reply, "ok"))) {
		refused(l);
		wire_close(w);
		return;
	}
	w->greeted = true;
	l->connected = true;
	l->since_us = clock_unix_us();
	l->ops->turned(l->ctx, true);
	ask_soon(l);
}

static void on_event_line(struct wire *w, const char *text, size_t n)
{
	struct link *l = w->l;
	json_t *event = json_loadb(text, n, 0, NULL);

	if (!w->greeted) {
		take_greeting(w, event);
		json_decref(event);
		return;
	}
	if (once_is_new(&l->once, event)) {
		l->ops->event(l->ctx, text);
		ask_soon(l);
	}
	json_decref(event);
}

static void connect_events(struct link *l)
{
	wire_open(&l->events, "{\"cmd\":\"subscribe\",\"after\":0}\n");
}

static void on_retry(uv_timer_t *timer)
{
	connect_events(timer->data);
}

// ---- Rounds ----

// A connection to a process that is stopped stays open without end: only its silence tells.
static bool is_silent(const struct link *l)
{
	return l->status.open &&
	       instant_due(instant_add(l->round_moved, span_ms(SILENT_MS)), clock_now());
}

static void give_up(struct link *l)
{
	l->error = "it does not answer";
	lost(&l->events);
	lost(&l->status);
}

static void on_refresh(uv_timer_t *timer)
{
	struct link *l = timer->data;

	if (is_silent(l)) {
		give_up(l);
		return;
	}
	l->soon = l->status.open;
	if (!l->connected || l->status.open)
		return;
	l->round_octets = 0;
	l->round_moved = clock_now();
	wire_open(&l->status, "{\"cmd\":\"status\",\"rows\":false}\n");
}

// When the next round begins.
static void ask_soon(struct link *l)
{
	int64_t since_ms = instant_diff(clock_now(), l->round_ended).us / 1000;
	int64_t wait_ms = (int64_t)(l->round_octets / OCTETS_A_MS) - since_ms;

	if (l->soon)
		return;
	l->soon = true;
	if (l->status.open)
		return; // at its end
	uv_timer_start(&l->refresh, on_refresh, (uint64_t)(wait_ms > SOON_MS ? wait_ms : SOON_MS),
		REFRESH_MS);
}

static void end_round(struct link *l)
{
	free_ptr(&l->part);
	roster_publish(l->roster);
	l->round_ended = clock_now();
	l->ops->changed(l->ctx);
}

// The next part on the same connection; without one the round ends.
static void ask_part(struct wire *w)
{
	struct link *l = w->l;
	const char *service;
	uint64_t since;

	free_ptr(&l->part);
	if (!roster_wants(l->roster, &service, &since)) {
		wire_close(w);
		end_round(l);
		return;
	}
	l->part = mem_strdup(service);
	json_t *request = json_pack("{s:s,s:s,s:s,s:I}", "cmd", "show", "what", "fleet", "service",
		service, "since", (json_int_t)since);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	sb_clear(&w->question);
	sb_printf(&w->question, "%s\n", text ? text : "{}");
	free(text);
	json_decref(request);
	wire_send(w);
}

static void take_status(struct link *l, json_t *result)
{
	free(l->status_json);
	l->status_json = json_dumps(result, JSON_COMPACT);
	l->heard_us = clock_unix_us();
	l->error = NULL;
	roster_hear_services(l->roster, json_object_get(result, "fleet_services"));
	l->ops->changed(l->ctx);
}

static void on_answer(struct wire *w, const char *text, size_t n)
{
	struct link *l = w->l;
	json_t *reply = json_loadb(text, n, 0, NULL);
	json_t *result = json_object_get(reply, "result");

	if (l->part)
		roster_hear_part(l->roster, l->part, result);
	else if (json_is_object(result))
		take_status(l, result);
	else
		refused(l);
	json_decref(reply);
	ask_part(w);
}

// ---- The link ----

struct link *link_new(uv_loop_t *loop, const char *path, const struct link_ops *ops, void *ctx)
{
	struct link *l = mem_zalloc(sizeof(*l));

	l->loop = loop;
	l->path = mem_strdup(path);
	l->ops = ops;
	l->ctx = ctx;
	l->since_us = clock_unix_us();
	l->events = (struct wire){ .l = l, .line = on_event_line };
	l->status = (struct wire){ .l = l, .line = on_answer };
	l->roster = roster_new();
	l->round_ended = clock_now();
	uv_timer_init(loop, &l->retry);
	uv_timer_init(loop, &l->refresh);
	l->retry.data = l->refresh.data = l;
	uv_timer_start(&l->retry, on_retry, 0, RETRY_MS);
	uv_timer_start(&l->refresh, on_refresh, REFRESH_MS, REFRESH_MS);
	return l;
}

void link_stop(struct link *l)
{
	l->stopped = true;
	wire_close(&l->events);
	wire_close(&l->status);
	uv_close((uv_handle_t *)&l->retry, NULL);
	uv_close((uv_handle_t *)&l->refresh, NULL);
}

void link_free(struct link **which)
{
	struct link *l = take(*which);

	if (!l)
		return;
	free(l->status_json);
	free(l->part);
	roster_free(&l->roster);
	free(l->path);
	free(l);
}

void link_info(const struct link *l, struct link_info *ret)
{
	*ret = (struct link_info){
		.connected = l->connected,
		.since_us = l->since_us,
		.status = l->status_json,
		.heard_us = l->heard_us,
		.error = l->error,
	};
}

struct roster_snapshot *link_roster(const struct link *l)
{
	return roster_now(l->roster);
}
