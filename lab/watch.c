#include "lab/watch.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/mem.h"

enum { RETRY_MS = 100, LINE_MAX_BYTES = 1 << 16 };

static const char request[] = "{\"cmd\":\"subscribe\",\"after\":0}\n";

// One connection; lives until libuv has closed its handle.
struct tap {
	uv_pipe_t pipe;
	uv_connect_t connect;
	struct follower *of; // NULL once given up
	struct strbuf in;
};

struct follower {
	struct watch *all;
	const struct lab_node *node;
	char *path;
	struct tap *tap; // NULL: not connected
};

struct watch {
	uv_loop_t *loop;
	uv_timer_t *retry;
	struct follower *list;
	size_t count;
	watch_fn *fn;
	void *ctx;
	int64_t real_minus_monotonic_us;
};

static void on_closed(uv_handle_t *h)
{
	struct tap *t = h->data;

	sb_free(&t->in);
	free(t);
}

static void give_up(struct tap *t)
{
	if (!t->of)
		return;
	t->of->tap = NULL;
	t->of = NULL;
	uv_close((uv_handle_t *)&t->pipe, on_closed);
}

// RFC 3339 in UTC with a fraction, as the daemon writes it.
static bool parse_time(const char *text, int64_t *us)
{
	struct tm tm = {};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	double fraction = 0;

	if (!rest)
		return false;
	if (*rest == '.')
		fraction = strtod(rest, NULL);
	*us = (int64_t)timegm(&tm) * 1000000 + (int64_t)(fraction * 1e6 + 0.5);
	return true;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static uint64_t number_of(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

static void read_event(struct follower *f, const char *line, size_t len)
{
	json_t *o = json_loadb(line, len, 0, NULL);
	int64_t us;

	// The reply to the request has no type.
	if (o && text_of(o, "type")[0] && parse_time(text_of(o, "time"), &us)) {
		struct daemon_event e = {
			.node = f->node,
			.at = { us - f->all->real_minus_monotonic_us },
			.seq = number_of(o, "seq"),
			.cause_seq = number_of(o, "cause_seq"),
			.type = text_of(o, "type"),
			.subject = text_of(o, "subject"),
			.reason = text_of(o, "reason"),
			.upstream = text_of(o, "upstream"),
			.detail = text_of(o, "detail"),
		};
		f->all->fn(f->all->ctx, &e);
	}
	json_decref(o);
}

static void on_alloc(uv_handle_t *, size_t, uv_buf_t *buf)
{
	static char bytes[16384];

	*buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct tap *t = stream->data;

	if (n > 0)
		sb_add(&t->in, buf->base, (size_t)n);
	for (char *end; t->of && t->in.len > 0 && (end = memchr(t->in.s, '\n', t->in.len));) {
		size_t len = (size_t)(end - t->in.s);
		read_event(t->of, t->in.s, len);
		sb_consume(&t->in, len + 1);
	}
	if (n < 0 || t->in.len > LINE_MAX_BYTES)
		give_up(t);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct tap *t = req->data;
	char text[sizeof(request)];

	if (!t->of)
		return;
	memcpy(text, request, sizeof(request));
	const uv_buf_t buf = uv_buf_init(text, sizeof(request) - 1);
	// The socket's buffer is empty, so the short line goes out whole or something is wrong.
	if (status < 0 || uv_read_start((uv_stream_t *)&t->pipe, on_alloc, on_read) < 0 ||
		uv_try_write((uv_stream_t *)&t->pipe, &buf, 1) != (int)buf.len)
		give_up(t);
}

static void connect_to(struct follower *f)
{
	struct tap *t = mem_zalloc(sizeof(*t));

	if (uv_pipe_init(f->all->loop, &t->pipe, 0) < 0) {
		free(t);
		return;
	}
	t->pipe.data = t->connect.data = t;
	t->of = f;
	f->tap = t;
	uv_pipe_connect(&t->connect, &t->pipe, f->path, on_connected);
}

static void on_retry(uv_timer_t *timer)
{
	struct watch *w = timer->data;

	for (size_t i = 0; i < w->count; i++)
		if (!w->list[i].tap)
			connect_to(&w->list[i]);
}

static int64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct watch *watch_new(
	uv_loop_t *loop, const struct scenario *s, const struct world *w, watch_fn *fn, void *ctx)
{
	struct watch *all = mem_zalloc(sizeof(*all));
	const struct scn_site *sites = s->sites.data;

	all->loop = loop;
	all->fn = fn;
	all->ctx = ctx;
	all->real_minus_monotonic_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
	all->list = mem_zalloc(s->sites.count * sizeof(*all->list));
	for (size_t i = 0; i < s->sites.count; i++) {
		own(sb_free) struct strbuf path = {};
		if (sites[i].announcer != ANNOUNCER_NEARCASTD)
			continue;
		const struct lab_node *node = topology_node(w->topology, sites[i].name);
		world_path(w, node, "readonly", &path);
		all->list[all->count++] = (struct follower){ all, node, sb_take(&path), NULL };
	}
	all->retry = mem_zalloc(sizeof(*all->retry));
	all->retry->data = all;
	uv_timer_init(loop, all->retry);
	uv_timer_start(all->retry, on_retry, RETRY_MS, RETRY_MS);
	return all;
}

void watch_free(struct watch **w)
{
	struct watch *all = *w;

	if (!all)
		return;
	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i].tap)
			give_up(all->list[i].tap);
		free(all->list[i].path);
	}
	uv_close((uv_handle_t *)all->retry, (uv_close_cb)free);
	free(all->list);
	free_ptr(w);
}
