#include "nearcastd/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/list.h"
#include "lib/mem.h"
#include "lib/unixsock.h"
#include "nearcastd/daemon.h"
#include "nearcastd/request.h"

enum {
	REQUEST_MAX = 64 * 1024,
	BACKLOG_MAX = 4 * 1024 * 1024, // of events; a subscriber that does not read is dropped
	CLIENTS_MAX = 64,              // of each socket
	PIECE_BYTES = 32 * 1024,       // of an answer that wait in our memory for its reader
	TURN_MS = 2,                   // of each turn of the loop, for all answers
	PATIENCE_MS = 30000,           // with a reader that takes nothing of its answer
};

struct client {
	uv_pipe_t pipe;
	struct control *control; // NULL once the control is gone
	struct list link;
	struct strbuf in;
	struct answer *answer; // NULL: none is on its way; then requests are read
	struct list ready;     // in control->ready: the next piece can be written
	struct strbuf events;  // that happened since the answer began, which they must not divide
	instant moved;         // when its reader took a piece last
	bool may_change;
	bool subscribed;
};

struct control {
	struct daemon *d;
	uv_pipe_t *full, *readonly;
	char *full_path, *readonly_path;
	uv_idle_t *turn;      // runs while a client is ready
	uv_timer_t *patience; // runs while an answer is on its way
	struct list clients, ready;
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
	sb_free(&c->events);
	free(c);
}

static void drop(struct client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	list_remove(&c->link);
	list_remove(&c->ready);
	answer_free(&c->answer);
	if (c->control)
		c->control->counts[c->may_change]--;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static void free_write(struct write *w)
{
	free(w->text);
	free(w);
}

static void on_written(uv_write_t *req, int status)
{
	struct client *c = req->handle->data;

	free_write(container_of(req, struct write, req));
	if (status < 0)
		drop(c);
}

// Takes the text.
static void send_text(struct client *c, struct strbuf *text, uv_write_cb then)
{
	struct write *w = mem_zalloc(sizeof(*w));
	size_t len = text->len;

	w->text = sb_take(text);
	uv_buf_t buf = uv_buf_init(w->text, (unsigned)len);
	if (uv_write(&w->req, (uv_stream_t *)&c->pipe, &buf, 1, then) < 0) {
		free_write(w);
		drop(c);
	}
}

static void send_events(struct client *c, struct strbuf *lines)
{
	if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > BACKLOG_MAX ||
		lines->len > BACKLOG_MAX) {
		sb_free(lines);
		drop(c);
		return;
	}
	send_text(c, lines, on_written);
}

static void on_event(void *ctx, const struct event *ev)
{
	struct control *control = ctx;
	struct client *c;

	list_for_each(c, &control->clients, link)
	{
		struct strbuf line = {};
		if (!c->subscribed)
			continue;
		struct out *o = out_new(OUT_JSON, c->answer ? &c->events : &line);
		event_write(o, NULL, control->d->events, ev);
		out_free(&o);
		if (!c->answer)
			send_events(c, &line);
		else if (c->events.len > BACKLOG_MAX)
			drop(c);
	}
}

// ---- Answers, piece by piece ----

static void read_requests(struct client *c);
static void make_ready(struct client *c, bool first);

static void on_piece_written(uv_write_t *req, int status)
{
	struct client *c = req->handle->data;

	free_write(container_of(req, struct write, req));
	if (status < 0 || uv_is_closing((uv_handle_t *)&c->pipe)) {
		drop(c);
		return;
	}
	c->moved = clock_now();
	if (c->answer)
		make_ready(c, false);
	else
		read_requests(c);
}

static void end_answer(struct client *c)
{
	c->subscribed |= answer_subscribes(c->answer);
	answer_free(&c->answer);
}

// Writes the next piece.
static void advance(struct client *c)
{
	struct strbuf piece = {};
	int rc = answer_more(c->answer, &piece, PIECE_BYTES);

	if (rc < 0) {
		sb_free(&piece);
		drop(c);
		return;
	}
	if (rc > 0 && piece.len == 0) { // its time went into finding out
		make_ready(c, false);
		return;
	}
	if (rc == 0)
		end_answer(c);
	send_text(c, &piece, on_piece_written);
	if (rc == 0 && c->events.len > 0 && !uv_is_closing((uv_handle_t *)&c->pipe))
		send_events(c, &c->events);
}

// The clients take their turns, so that many or large answers delay nothing else.
static void on_turn(uv_idle_t *idle)
{
	struct control *control = idle->data;
	instant end = instant_add(clock_now(), span_ms(TURN_MS));
	struct client *c;

	while (!instant_due(end, clock_now()) &&
		(c = list_first(&control->ready, struct client, ready))) {
		list_remove(&c->ready);
		advance(c);
	}
	if (list_empty(&control->ready))
		uv_idle_stop(idle);
}

static void on_patience(uv_timer_t *timer)
{
	struct control *control = timer->data;
	instant limit = instant_add(clock_now(), span_ms(-PATIENCE_MS));
	struct client *c;
	bool any = false;

	list_for_each(c, &control->clients, link)
	{
		if (c->answer && instant_diff(limit, c->moved).us > 0)
			drop(c);
		else
			any |= c->answer != NULL;
	}
	if (!any)
		uv_timer_stop(timer);
}

// A new answer comes before those that are being written: most end with their first piece.
static void make_ready(struct client *c, bool first)
{
	struct control *control = c->control;

	if (first)
		list_push_front(&control->ready, &c->ready);
	else
		list_push_back(&control->ready, &c->ready);
	uv_idle_start(control->turn, on_turn);
	if (!uv_is_active((uv_handle_t *)control->patience))
		uv_timer_start(control->patience, on_patience, PATIENCE_MS / 4, PATIENCE_MS / 4);
}

// ---- Sockets ----

static void give_room(uv_handle_t *, size_t, uv_buf_t *buf)
{
	static char room[16384]; // read and taken in one turn of the loop

	*buf = uv_buf_init(room, sizeof(room));
}

// The next request, if a whole one is there. Others wait until it is answered.
static bool take_request(struct client *c)
{
	char *end = c->in.len ? memchr(c->in.s, '\n', c->in.len) : NULL;

	if (!end) {
		if (c->in.len > REQUEST_MAX)
			drop(c);
		return false;
	}
	size_t len = (size_t)(end - c->in.s);
	struct answer *answer = request_answer(c->control->d, c->may_change, c->in.s, len);
	// An event of the request itself may have been one too many for its reader.
	if (uv_is_closing((uv_handle_t *)&c->pipe)) {
		answer_free(&answer);
		return false;
	}
	c->answer = answer;
	sb_consume(&c->in, len + 1);
	c->moved = clock_now();
	make_ready(c, true);
	return true;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	if (n < 0) {
		drop(c);
		return;
	}
	sb_add(&c->in, buf->base, (size_t)n);
	if (take_request(c))
		uv_read_stop(stream);
}

static void read_requests(struct client *c)
{
	if (!take_request(c) && !uv_is_closing((uv_handle_t *)&c->pipe))
		uv_read_start((uv_stream_t *)&c->pipe, give_room, on_read);
}

static void turn_away(struct client *c)
{
	struct strbuf line = {};

	request_refuse(&line, "busy", "too many clients are connected");
	send_text(c, &line, on_written);
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
	list_init(&c->ready);
	list_push_back(&control->clients, &c->link);
	control->counts[c->may_change]++;
	if (uv_accept(server, (uv_stream_t *)&c->pipe) < 0)
		drop(c);
	else if (control->counts[c->may_change] > CLIENTS_MAX)
		turn_away(c);
	else
		read_requests(c);
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
	list_init(&control->ready);
	control->turn = mem_zalloc(sizeof(*control->turn));
	control->patience = mem_zalloc(sizeof(*control->patience));
	uv_idle_init(d->loop, control->turn);
	uv_timer_init(d->loop, control->patience);
	control->turn->data = control->patience->data = control;
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
	uv_close((uv_handle_t *)control->turn, free_handle);
	uv_close((uv_handle_t *)control->patience, free_handle);
	close_socket(control->full, control->full_path);
	close_socket(control->readonly, control->readonly_path);
	free(control);
}
