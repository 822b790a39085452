#include "nearcastd/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/list.h"
#include "lib/mem.h"
#include "lib/unixsock.h"
#include "nearcastd/daemon.h"
#include "nearcastd/request.h"

enum {
	REQUEST_MAX = 64 * 1024,
	BACKLOG_MAX = 4 * 1024 * 1024, // a client that does not read is dropped
	CLIENTS_MAX = 64,              // of each socket
};

struct client {
	uv_pipe_t pipe;
	struct control *control; // NULL once the control is gone
	struct list link;
	struct strbuf in;
	bool may_change;
	bool subscribed;
};

struct control {
	struct daemon *d;
	uv_pipe_t *full, *readonly;
	char *full_path, *readonly_path;
	struct list clients;
	size_t counts[2]; // by struct client's may_change
};

// ---- Replies ----

struct write {
	uv_write_t req;
	char *text;
};

static void on_client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	sb_free(&c->in);
	free(c);
}

static void drop(struct client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	list_remove(&c->link);
	if (c->control)
		c->control->counts[c->may_change]--;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static void on_written(uv_write_t *req, int status)
{
	struct write *w = container_of(req, struct write, req);
	struct client *c = req->handle->data;

	free(w->text);
	free(w);
	if (status < 0)
		drop(c);
}

// One line may be larger than the backlog: the status of many services at many upstreams.
static void send_line(struct client *c, struct strbuf *line)
{
	if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > BACKLOG_MAX) {
		sb_free(line);
		drop(c);
		return;
	}
	struct write *w = mem_zalloc(sizeof(*w));
	size_t len = line->len;

	w->text = sb_take(line);
	uv_buf_t buf = uv_buf_init(w->text, (unsigned)len);
	if (uv_write(&w->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		free(w->text);
		free(w);
		drop(c);
	}
}

static void send_event(struct client *c, const struct events *events, const struct event *ev)
{
	struct strbuf line = {};
	struct out *o = out_new(OUT_JSON, &line);

	event_write(o, NULL, events, ev);
	out_free(&o);
	send_line(c, &line);
}

static void answer(struct client *c, const char *line, size_t len)
{
	struct reply reply = {};
	const struct events *events = c->control->d->events;

	request_answer(c->control->d, c->may_change, line, len, &reply);
	send_line(c, &reply.line);
	if (!reply.subscribe)
		return;
	c->subscribed = true;
	uint64_t seq = reply.after;
	for (const struct event *ev; seq != REQUEST_ONLY_NEW && (ev = events_next(events, seq));
		seq = ev->seq)
		send_event(c, events, ev);
}

// ---- Sockets ----

static void give_room(uv_handle_t *, size_t, uv_buf_t *buf)
{
	static char room[16384]; // read and taken in one turn of the loop

	*buf = uv_buf_init(room, sizeof(room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;
	char *end;

	if (n < 0) {
		drop(c);
		return;
	}
	sb_add(&c->in, buf->base, (size_t)n);
	while (!uv_is_closing((uv_handle_t *)stream) && c->in.len &&
		(end = memchr(c->in.s, '\n', c->in.len))) {
		size_t len = (size_t)(end - c->in.s);
		answer(c, c->in.s, len);
		sb_consume(&c->in, len + 1);
	}
	if (c->in.len > REQUEST_MAX)
		drop(c);
}

static void turn_away(struct client *c)
{
	struct strbuf line = {};

	request_refuse(&line, "busy", "too many clients are connected");
	send_line(c, &line);
	drop(c);
}

static void on_connect(uv_stream_t *server, int status)
{
	struct control *control = server->data;

	if (status < 0)
		return;
	struct client *c = mem_zalloc(sizeof(*c));
	c->control = control;
	c->may_change = server == (uv_stream_t *)control->full;
	uv_pipe_init(server->loop, &c->pipe, 0);
	c->pipe.data = c;
	list_push_back(&control->clients, &c->link);
	control->counts[c->may_change]++;
	if (uv_accept(server, (uv_stream_t *)&c->pipe) < 0)
		drop(c);
	else if (control->counts[c->may_change] > CLIENTS_MAX)
		turn_away(c);
	else
		uv_read_start((uv_stream_t *)&c->pipe, give_room, on_read);
}

static void on_event(void *ctx, const struct event *ev)
{
	struct control *control = ctx;
	struct client *c;

	list_for_each(c, &control->clients, link) if (c->subscribed)
		send_event(c, control->d->events, ev);
}

static int open_socket(struct control *control, uv_pipe_t **ret, char **path_ret, const char *path,
	mode_t mode, struct strbuf *error)
{
	int fd = unixsock_listen(path, mode, "nearcastd", error);

	if (fd < 0)
		return fd;
	uv_pipe_t *pipe = mem_zalloc(sizeof(*pipe));
	uv_pipe_init(control->d->loop, pipe, 0);
	pipe->data = control;
	*ret = pipe;
	*path_ret = mem_strdup(path);
	int rc = uv_pipe_open(pipe, fd);
	if (rc < 0)
		close(fd);
	else
		rc = uv_listen((uv_stream_t *)pipe, UNIXSOCK_BACKLOG, on_connect);
	if (rc < 0)
		sb_printf(error, "cannot listen at %s: %s", path, uv_strerror(rc));
	return rc;
}

int control_new(struct control **ret, struct daemon *d, struct strbuf *error)
{
	struct control *control = mem_zalloc(sizeof(*control));

	control->d = d;
	list_init(&control->clients);
	int rc = open_socket(
		control, &control->full, &control->full_path, d->conf->control, 0660, error);
	if (rc == 0)
		rc = open_socket(control, &control->readonly, &control->readonly_path,
			d->conf->readonly, 0666, error);
	if (rc < 0) {
		control_free(&control);
		return rc;
	}
	events_listen(d->events, on_event, control);
	*ret = control;
	return 0;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void close_socket(uv_pipe_t *pipe, char *path)
{
	if (pipe)
		uv_close((uv_handle_t *)pipe, free_handle);
	if (path)
		unlink(path);
	free(path);
}

void control_free(struct control **cp)
{
	struct control *control = take(*cp);
	struct client *c;

	if (!control)
		return;
	events_listen(control->d->events, NULL, NULL);
	list_for_each(c, &control->clients, link)
	{
		drop(c);
		c->control = NULL;
	}
	close_socket(control->full, control->full_path);
	close_socket(control->readonly, control->readonly_path);
	free(control);
}
