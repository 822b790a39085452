#include "nearcast/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/own.h"
#include "lib/text.h"

enum { PATIENCE_S = 5, LINE_BYTES_MAX = 512 << 20, TRIES = 3 };

void client_close(struct client *c)
{
	close_fd(&c->fd);
	sb_free(&c->in);
}

static int dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	own(close_fd) int fd = -1;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int send_all(int fd, const char *s, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, s, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		s += sent;
		n -= (size_t)sent;
	}
	return 0;
}

int client_line(struct client *c, struct strbuf *line)
{
	char buf[65536];
	size_t searched = 0;

	for (;;) {
		char *end = c->in.len > searched
				    ? memchr(c->in.s + searched, '\n', c->in.len - searched)
				    : NULL;
		if (end) {
			size_t n = (size_t)(end - c->in.s);
			sb_clear(line);
			sb_add(line, c->in.s, n);
			sb_consume(&c->in, n + 1);
			return 1;
		}
		searched = c->in.len;
		if (searched > LINE_BYTES_MAX)
			return -EMSGSIZE;
		ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		sb_add(&c->in, buf, (size_t)n);
	}
}

// As view.h shows texts, but in the lines that it has: a refused configuration is shown with its place.
static void add_message(const char *text, struct strbuf *b)
{
	size_t n;

	for (; text[n = strcspn(text, "\n")]; text += n + 1) {
		text_add_visible(b, text, n);
		sb_char(b, '\n');
	}
	text_add_visible(b, text, n);
}

// With -j an error is JSON too, so that a script reads one thing.
static enum cli_exit report(const struct cli *cli, enum cli_exit status, json_t *error)
{
	own(json_free) json_t *whole = json_pack("{s:O}", "error", error);
	const char *message = json_string_value(json_object_get(error, "message"));
	own(sb_free) struct strbuf b = {};

	add_message(message ? message : "refused", &b);
	if (!cli->json)
		return cli_fail(status, "%s", sb_text(&b));
	json_dumpf(whole, stdout, JSON_COMPACT);
	fputc('\n', stdout);
	return status;
}

static enum cli_exit unreachable(const struct cli *cli, const char *path, const char *why)
{
	own(sb_free) struct strbuf b = {};

	if (strcmp(why, strerror(EACCES)) == 0)
		sb_printf(&b, "%s: %s: it is for its owner and its group", path, why);
	else
		sb_printf(&b, "nearcastd does not answer at %s: %s", path, why);
	own(json_free) json_t *error =
		json_pack("{s:s,s:s}", "code", "not-reachable", "message", sb_text(&b));
	return report(cli, CLI_UNREACHABLE, error);
}

static const char *reading_problem(int rc)
{
	if (rc == 0)
		return "it closed the connection";
	if (rc == -EMSGSIZE)
		return "its answer is larger than 512 MiB";
	return rc == -EAGAIN ? "no reply within 5 s" : strerror(-rc);
}

static enum cli_exit take_reply(
	const struct cli *cli, const char *path, const char *line, json_t **result)
{
	own(json_free) json_t *reply = json_loads(line, 0, NULL);
	json_t *ok = json_object_get(reply, "ok"), *error = json_object_get(reply, "error");

	if (json_is_true(ok) && json_object_get(reply, "result")) {
		*result = json_incref(json_object_get(reply, "result"));
		return CLI_DONE;
	}
	if (json_is_false(ok) && json_is_object(error))
		return report(cli, CLI_REFUSED, error);
	return unreachable(cli, path, "what it says is no reply");
}

static const char *socket_of(const struct cli *cli)
{
	return cli->socket ? cli->socket : cli->verb->changes ? CLI_CONTROL : CLI_READONLY;
}

// Sends the text of a request and reads one line of reply; NULL, or why that failed.
static const char *try_exchange(
	struct client *c, const char *path, const char *request, struct strbuf *line)
{
	sb_clear(line);
	c->fd = dial(path);
	if (c->fd < 0) {
		const char *why = strerror(-c->fd);
		c->fd = -1;
		return why;
	}
	sb_printf(line, "%s\n", request);
	int rc = send_all(c->fd, sb_text(line), line->len);
	if (rc < 0 && rc != -EPIPE) // it may have said why it hung up
		return strerror(-rc);
	rc = client_line(c, line);
	return rc <= 0 ? reading_problem(rc) : NULL;
}

// A reload in the middle of a long answer ends the connection. What changes anything is answered
// shortly, so nothing is done twice.
static const char *exchange(
	struct client *c, const char *path, const char *request, struct strbuf *line)
{
	const char *why = try_exchange(c, path, request, line);

	for (int tries = 1; why && c->in.len > 0 && tries < TRIES; tries++) {
		client_close(c);
		why = try_exchange(c, path, request, line);
	}
	return why;
}

enum cli_exit client_ask(struct client *c, const struct cli *cli, json_t *request, json_t **result)
{
	own(json_free) json_t *taken = request;
	own(free_ptr) char *text = taken ? json_dumps(taken, JSON_COMPACT) : NULL;
	own(sb_free) struct strbuf line = {};

	*c = (struct client){ .fd = -1 };
	if (!text)
		return cli_fail(CLI_USAGE, "the argument is not UTF-8");
	const char *why = exchange(c, socket_of(cli), text, &line);
	if (why)
		return unreachable(cli, socket_of(cli), why);
	return take_reply(cli, socket_of(cli), sb_text(&line), result);
}

enum cli_exit client_ask_once(const struct cli *cli, json_t *request, json_t **result)
{
	own(client_close) struct client c = { .fd = -1 };
	own(json_free) json_t *got = NULL;
	enum cli_exit rc = client_ask(&c, cli, request, &got);

	if (rc != CLI_DONE)
		return rc;
	if (!cli->json) {
		*result = take(got);
		return CLI_DONE;
	}
	*result = NULL;
	// 15 digits: a number of the daemon comes out as it came in.
	if (json_dumpf(got, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) < 0 ||
		fputc('\n', stdout) == EOF || fflush(stdout) != 0)
		return cli_fail(CLI_REFUSED, "cannot write: %s", strerror(errno));
	return CLI_DONE;
}

json_t *client_peek(const struct cli *cli, json_t *request)
{
	own(client_close) struct client c = { .fd = -1 };
	own(json_free) json_t *taken = request, *reply = NULL;
	own(free_ptr) char *text = taken ? json_dumps(taken, JSON_COMPACT) : NULL;
	own(sb_free) struct strbuf line = {};

	if (!text || exchange(&c, socket_of(cli), text, &line))
		return NULL;
	reply = json_loads(sb_text(&line), 0, NULL);
	return json_incref(json_object_get(reply, "result"));
}

json_t *client_status_request(void)
{
	return json_pack("{s:s,s:b}", "cmd", "status", "rows", 0);
}

json_t *client_service_request(const struct cli *cli, const char *cmd, const char *service)
{
	json_t *request = json_pack("{s:s,s:s}", "cmd", cmd, "service", service);

	if (request && cli->reason &&
		json_object_set_new(request, "reason", json_string(cli->reason)) < 0)
		json_free(&request);
	if (request && cli->has_lasts &&
		json_object_set_new(request, "for_seconds", json_real(span_to_s(cli->lasts))) < 0)
		json_free(&request);
	if (request && cli->force && json_object_set_new(request, "force", json_true()) < 0)
		json_free(&request);
	return request;
}
