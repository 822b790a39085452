#include "nearcastd/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/list.h"
#include "lib/mem.h"
#include "nearcastd/daemon.h"
#include "nearcastd/status.h"

enum {
	REQUEST_MAX = 64 * 1024,
	BACKLOG_MAX = 4 * 1024 * 1024, // a subscriber that reads nothing is dropped
	CLIENTS_MAX = 64,
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
	size_t count;
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
		c->control->count--;
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

static void send_line(struct client *c, struct strbuf *line)
{
	struct write *w = mem_zalloc(sizeof(*w));
	size_t len = line->len;

	w->text = sb_take(line);
	uv_buf_t buf = uv_buf_init(w->text, (unsigned)len);
	if (uv_write(&w->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		free(w->text);
		free(w);
		drop(c);
	} else if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > BACKLOG_MAX) {
		drop(c);
	}
}

static void send_error(struct client *c, const char *code, const char *message)
{
	struct strbuf line = {};
	struct out *o = out_new(OUT_JSON, &line);

	out_object(o, NULL);
	out_bool(o, "ok", false);
	out_object(o, "error");
	out_str(o, "code", code);
	out_str(o, "message", message);
	out_end(o);
	out_end(o);
	out_free(&o);
	send_line(c, &line);
}

// ---- Commands ----

// A request being answered; exactly one of: o written to, or fail() called.
struct call {
	struct client *client;
	struct daemon *d;
	const json_t *request;
	struct out *o;
	bool failed;
};

static void fail(struct call *call, const char *code, const char *message)
{
	call->failed = true;
	send_error(call->client, code, message);
}

static const char *text_of(const struct call *call, const char *key)
{
	return json_string_value(json_object_get(call->request, key));
}

static void do_status(struct call *call)
{
	status_write(call->o, "result", call->d);
}

static void do_why(struct call *call)
{
	const char *text = text_of(call, "prefix");
	struct ip_prefix prefix;

	if (!text || prefix_parse(&prefix, text) < 0) {
		fail(call, "bad-request", "why wants a prefix, as 198.51.100.0/24");
		return;
	}
	const struct service *s = service_of_prefix(call->d, &prefix);
	if (!s)
		fail(call, "not-found", "no service has this prefix");
	else
		why_write(call->o, "result", call->d, s, &prefix);
}

static const struct {
	const char *what;
	void (*write)(struct out *o, const char *name, const struct daemon *d);
} shows[] = {
	{ "upstreams", upstreams_write },
	{ "services", services_write },
	{ "checks", checks_write },
	{ "memory", memory_write },
};

static void do_show(struct call *call)
{
	const char *what = text_of(call, "what");

	for (size_t i = 0; what && i < countof(shows); i++) {
		if (strcmp(shows[i].what, what) != 0)
			continue;
		out_object(call->o, "result");
		shows[i].write(call->o, what, call->d);
		out_end(call->o);
		return;
	}
	fail(call, "bad-request", "show wants one of: upstreams, services, checks, memory");
}

static uint64_t after_of(const struct call *call)
{
	json_int_t after = json_integer_value(json_object_get(call->request, "after"));

	return after > 0 ? (uint64_t)after : 0;
}

static void do_events(struct call *call)
{
	uint64_t seq = after_of(call);

	out_object(call->o, "result");
	out_array(call->o, "events");
	for (const struct event *ev; (ev = events_next(call->d->events, seq)); seq = ev->seq)
		event_write(call->o, NULL, call->d->events, ev);
	out_end(call->o);
	out_end(call->o);
}

static void send_event(struct client *c, const struct events *events, const struct event *ev)
{
	struct strbuf line = {};
	struct out *o = out_new(OUT_JSON, &line);

	event_write(o, NULL, events, ev);
	out_free(&o);
	send_line(c, &line);
}

static void do_subscribe(struct call *call)
{
	out_object(call->o, "result");
	out_end(call->o);
	call->client->subscribed = true; // past events follow the reply: see answer()
}

static void do_admin(struct call *call, enum admin admin)
{
	const char *name = text_of(call, "service"), *reason = text_of(call, "reason");
	struct service *s = name ? service_find(call->d, name) : NULL;

	if (!name) {
		fail(call, "bad-request", "which service?");
		return;
	}
	if (!s) {
		fail(call, "not-found", "no service has this name");
		return;
	}
	uint64_t seq = service_set_admin(call->d, s, admin, reason);
	out_object(call->o, "result");
	out_str(call->o, "service", name);
	out_str(call->o, "admin", admin_name(s->admin));
	out_bool(call->o, "changed", seq != 0);
	out_str(call->o, "announce", announce_name(s->decision.announce));
	out_end(call->o);
}

static void do_off(struct call *call)
{
	do_admin(call, ADMIN_OFF);
}

static void do_on(struct call *call)
{
	do_admin(call, ADMIN_ACTIVE);
}

static void do_reload(struct call *call)
{
	struct strbuf error = {};

	if (daemon_reload(call->d, &error) < 0) {
		fail(call, "refused", sb_text(&error));
	} else {
		out_object(call->o, "result");
		out_end(call->o);
	}
	sb_free(&error);
}

static const struct {
	const char *name;
	bool changes; // not on the readonly socket
	void (*run)(struct call *call);
} commands[] = {
	{ "status", false, do_status },
	{ "why", false, do_why },
	{ "show", false, do_show },
	{ "events", false, do_events },
	{ "subscribe", false, do_subscribe },
	{ "off", true, do_off },
	{ "on", true, do_on },
	{ "reload", true, do_reload },
};

static void run_command(struct call *call, size_t index)
{
	struct strbuf line = {};
	struct client *c = call->client;

	call->o = out_new(OUT_JSON, &line);
	out_object(call->o, NULL);
	out_bool(call->o, "ok", true);
	commands[index].run(call);
	out_end(call->o);
	out_free(&call->o);
	if (call->failed)
		sb_free(&line);
	else
		send_line(c, &line);
	if (!c->subscribed || strcmp(commands[index].name, "subscribe") != 0)
		return;
	uint64_t seq = json_object_get(call->request, "after") ? after_of(call) : UINT64_MAX - 1;
	for (const struct event *ev; (ev = events_next(call->d->events, seq)); seq = ev->seq)
		send_event(c, call->d->events, ev);
}

static void answer(struct client *c, const char *line, size_t len)
{
	json_error_t error;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	struct call call = { .client = c, .d = c->control->d, .request = request };
	const char *cmd = request ? text_of(&call, "cmd") : NULL;

	if (!cmd) {
		send_error(c, "bad-request", "a request is one JSON object with cmd, on one line");
		json_decref(request);
		return;
	}
	size_t i = 0;
	while (i < countof(commands) && strcmp(commands[i].name, cmd) != 0)
		i++;
	if (i == countof(commands))
		send_error(c, "bad-request", "no such command");
	else if (commands[i].changes && !c->may_change)
		send_error(c, "not-permitted", "this is the read-only socket");
	else
		run_command(&call, i);
	json_decref(request);
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
	while (c->in.len && (end = memchr(c->in.s, '\n', c->in.len))) {
		size_t len = (size_t)(end - c->in.s);
		answer(c, c->in.s, len);
		sb_consume(&c->in, len + 1);
	}
	if (c->in.len > REQUEST_MAX)
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
	control->count++;
	if (uv_accept(server, (uv_stream_t *)&c->pipe) < 0 || control->count > CLIENTS_MAX) {
		drop(c);
		return;
	}
	uv_read_start((uv_stream_t *)&c->pipe, give_room, on_read);
}

static void on_event(void *ctx, const struct event *ev)
{
	struct control *control = ctx;
	struct client *c;

	list_for_each(c, &control->clients, link)
		if (c->subscribed)
			send_event(c, control->d->events, ev);
}

static bool answers(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	own(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	return fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
}

// The socket's folder (/run/nearcast) is ours to make, its parent is not.
static int make_folder(const char *path)
{
	own(free_ptr) char *folder = mem_strdup(path);
	char *slash = strrchr(folder, '/');

	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return mkdir(folder, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int listen_at(struct control *control, uv_pipe_t *pipe, const char *path, mode_t mode)
{
	struct sockaddr_un un;

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	if (answers(path))
		return -EADDRINUSE;
	int rc = make_folder(path);
	if (rc < 0)
		return rc;
	unlink(path);
	mode_t old = umask(0777 & ~mode);
	rc = uv_pipe_bind(pipe, path);
	umask(old);
	if (rc == 0 && chmod(path, mode) < 0)
		rc = -errno;
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)pipe, 16, on_connect);
	pipe->data = control;
	return rc;
}

static int open_socket(struct control *control, uv_pipe_t **ret, char **path_ret, const char *path,
	mode_t mode, struct strbuf *error)
{
	uv_pipe_t *pipe = mem_zalloc(sizeof(*pipe));

	uv_pipe_init(control->d->loop, pipe, 0);
	pipe->data = control;
	*ret = pipe;
	int rc = listen_at(control, pipe, path, mode);
	if (rc == -EADDRINUSE)
		sb_printf(error, "another nearcastd answers at %s", path);
	else if (rc < 0)
		sb_printf(error, "cannot listen at %s: %s", path, strerror(-rc));
	else
		*path_ret = mem_strdup(path);
	return rc;
}

int control_new(struct control **ret, struct daemon *d, struct strbuf *error)
{
	struct control *control = mem_zalloc(sizeof(*control));

	control->d = d;
	list_init(&control->clients);
	int rc = open_socket(control, &control->full, &control->full_path, d->conf->control, 0660,
		error);
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
	list_for_each(c, &control->clients, link) {
		drop(c);
		c->control = NULL;
	}
	close_socket(control->full, control->full_path);
	close_socket(control->readonly, control->readonly_path);
	free(control);
}
