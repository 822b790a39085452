#include "nearglass/link.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/strbuf.h"

enum {
	RETRY_MS = 1000,
	SOON_MS = 50,      // after an event, so that several cost one status
	REFRESH_MS = 5000, // of what changes without an event, as ages and counters
	LINE_MAX_BYTES = 16 << 20,
};

// One connection: asks one line and reads lines.
struct wire {
	struct link *l;
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write;
	uv_buf_t question;
	struct strbuf in;
	bool open;
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
	char last_time
		[40]; // of the latest event told: after a reconnect the earlier ones come again
};

static void connect_events(struct link *l);
static void ask_status(struct link *l);
static void on_refresh(uv_timer_t *timer);

// ---- A wire ----

static void wire_close(struct wire *w);

static void lost(struct wire *w)
{
	struct link *l = w->l;

	wire_close(w);
	if (w != &l->events || l->stopped)
		return;
	if (l->connected) {
		l->connected = false;
		l->since_us = clock_unix_us();
		l->ops->changed(l->ctx);
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct wire *w = handle->data;

	sb_free(&w->in);
	w->open = false;
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

	while (w->in.len > 0 && (end = memchr(w->in.s, '\n', w->in.len))) {
		size_t n = (size_t)(end - w->in.s);
		*end = '\0';
		w->line(w, w->in.s, n);
		if (!w->open || uv_is_closing((uv_handle_t *)&w->pipe))
			return;
		sb_consume(&w->in, n + 1);
	}
	if (w->in.len > LINE_MAX_BYTES)
		lost(w);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct wire *w = stream->data;

	if (n < 0) {
		lost(w);
		return;
	}
	sb_add(&w->in, buf->base, (size_t)n);
	take_lines(w);
}

static void on_written(uv_write_t *, int) {}

static void on_connected(uv_connect_t *req, int status)
{
	struct wire *w = req->handle->data;

	if (status < 0) {
		lost(w);
		return;
	}
	uv_write(&w->write, (uv_stream_t *)&w->pipe, &w->question, 1, on_written);
	uv_read_start((uv_stream_t *)&w->pipe, give_room, on_read);
}

static void wire_ask(struct wire *w, const char *question)
{
	if (w->open)
		return; // the last question is still being answered
	w->open = true;
	w->greeted = false;
	w->question = uv_buf_init(NULL, 0);
	w->question.base = (char *)(uintptr_t)question; // only read
	w->question.len = strlen(question);
	uv_pipe_init(w->l->loop, &w->pipe, 0);
	w->pipe.data = w;
	uv_pipe_connect(&w->connect, &w->pipe, w->l->path, on_connected);
}

// ---- Events ----

static void on_event_line(struct wire *w, const char *text, size_t n)
{
	struct link *l = w->l;
	json_t *event = json_loadb(text, n, 0, NULL);
	const char *time = json_string_value(json_object_get(event, "time"));

	if (!w->greeted) {
		w->greeted = true;
		l->connected = true;
		l->since_us = clock_unix_us();
		ask_status(l);
	} else if (time && strcmp(time, l->last_time) > 0) {
		snprintf(l->last_time, sizeof(l->last_time), "%s", time);
		l->ops->event(l->ctx, text);
		uv_timer_start(&l->refresh, on_refresh, SOON_MS, REFRESH_MS);
	}
	json_decref(event);
}

static void connect_events(struct link *l)
{
	wire_ask(&l->events, "{\"cmd\":\"subscribe\",\"after\":0}\n");
}

static void on_retry(uv_timer_t *timer)
{
	connect_events(timer->data);
}

// ---- Status ----

static void on_status_line(struct wire *w, const char *text, size_t n)
{
	struct link *l = w->l;
	json_t *reply = json_loadb(text, n, 0, NULL);
	json_t *result = json_object_get(reply, "result");

	if (json_is_object(result)) {
		free(l->status_json);
		l->status_json = json_dumps(result, JSON_COMPACT);
		l->ops->changed(l->ctx);
	}
	json_decref(reply);
	wire_close(w);
}

static void ask_status(struct link *l)
{
	wire_ask(&l->status, "{\"cmd\":\"status\"}\n");
}

static void on_refresh(uv_timer_t *timer)
{
	struct link *l = timer->data;

	if (l->connected)
		ask_status(l);
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
	l->status = (struct wire){ .l = l, .line = on_status_line };
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
	free(l->path);
	free(l);
}

void link_info(const struct link *l, struct link_info *ret)
{
	*ret = (struct link_info){
		.connected = l->connected,
		.since_us = l->since_us,
		.status = l->status_json,
	};
}
