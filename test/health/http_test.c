// kind: http against a scripted server in a process of its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/own.h"
#include "nearcastd/probe.h"
#include "test/health/world.h"

enum { HUGE_BYTES = 200000 };

static void reply_ok(int fd)
{
	dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n");
}

static void reply_no_content(int fd)
{
	dprintf(fd, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void reply_redirect(int fd)
{
	dprintf(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
}

static void reply_error(int fd)
{
	dprintf(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\nready\n");
}

// The wanted text comes after the limit.
static void reply_huge(int fd)
{
	dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", HUGE_BYTES + 6);
	for (int i = 0; i < HUGE_BYTES / 10; i++)
		if (dprintf(fd, "0123456789") < 0)
			return;
	dprintf(fd, "ready\n");
}

// The wanted text comes in two pieces.
static void reply_split(int fd)
{
	dprintf(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "3\r\nrea\r\n3\r\ndy\n\r\n0\r\n\r\n");
}

static void reply_garbage(int fd)
{
	dprintf(fd, "SSH-2.0-OpenSSH_9.2\r\n");
}

static void reply_nothing(int) {}

static void reply_never(int)
{
	pause();
}

struct page {
	const char *path;
	void (*reply)(int fd);
};

static const struct page pages[] = {
	{ "/ok", reply_ok },
	{ "/none", reply_no_content },
	{ "/redirect", reply_redirect },
	{ "/error", reply_error },
	{ "/huge", reply_huge },
	{ "/split", reply_split },
	{ "/garbage", reply_garbage },
	{ "/nothing", reply_nothing },
	{ "/never", reply_never },
};

static void serve_one(int fd)
{
	char request[2048];
	char path[64];
	ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

	request[n > 0 ? n : 0] = '\0';
	if (sscanf(request, "GET %63s HTTP/1.1", path) != 1)
		return;
	for (size_t i = 0; i < countof(pages); i++)
		if (strcmp(path, pages[i].path) == 0)
			pages[i].reply(fd);
}

struct server {
	pid_t pid;
	uint16_t port;
};

// Each connection has a process, so that one that never ends stops no other.
static struct server serve(void)
{
	int fd = world_listen(SOCK_STREAM, "127.0.0.1", 0);
	struct server s = { .port = world_port(fd) };

	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid > 0) {
		close(fd);
		return s;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve_one(client);
			_exit(0);
		}
		close(client);
	}
}

static void stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

struct attempt {
	bool done;
	struct health_result result;
};

static void on_done(void *ctx, const struct health_result *r)
{
	struct attempt *a = ctx;

	a->done = true;
	a->result = *r;
}

struct row {
	const char *path;
	uint64_t status;
	const char *body;
	enum health_reason reason;
};

static const struct row rows[] = {
	{ "/ok", 0, NULL, HEALTH_REASON_OK },
	{ "/ok", 200, "ready", HEALTH_REASON_OK },
	{ "/ok", 204, NULL, HEALTH_REASON_BAD_STATUS },
	{ "/ok", 0, "steady", HEALTH_REASON_WRONG_ANSWER },
	{ "/none", 204, NULL, HEALTH_REASON_OK },
	{ "/none", 0, "ready", HEALTH_REASON_WRONG_ANSWER },
	{ "/redirect", 0, NULL, HEALTH_REASON_BAD_STATUS },
	{ "/redirect", 302, NULL, HEALTH_REASON_OK },
	{ "/error", 0, "ready", HEALTH_REASON_BAD_STATUS },
	{ "/error", 503, "ready", HEALTH_REASON_OK },
	{ "/huge", 0, NULL, HEALTH_REASON_OK },
	{ "/huge", 0, "01234", HEALTH_REASON_OK },
	{ "/huge", 0, "ready", HEALTH_REASON_TOO_LARGE },
	{ "/split", 0, "ready", HEALTH_REASON_OK },
	{ "/garbage", 0, NULL, HEALTH_REASON_BAD_REPLY },
	{ "/nothing", 0, NULL, HEALTH_REASON_BAD_REPLY },
};

static const struct conf_service service;

static struct probe *probe_of(uv_loop_t *loop, struct conf_check *conf, uint16_t port,
	const struct row *row, struct attempt *a, char **url)
{
	assert_true(asprintf(url, "http://127.0.0.1:%u%s", port, row->path) > 0);
	*conf = (struct conf_check){
		.kind = HEALTH_KIND_HTTP,
		.url = *url,
		.status = row->status,
		.body = row->body ? strdup(row->body) : NULL,
	};
	return probe_new(loop, &service, conf, on_done, a);
}

static void test_replies(void **)
{
	uv_loop_t loop;

	struct server s = serve();
	assert_int_equal(uv_loop_init(&loop), 0);
	for (size_t i = 0; i < countof(rows); i++) {
		struct attempt a = {};
		struct conf_check conf;
		own(free_ptr) char *url = NULL;
		struct probe *p = probe_of(&loop, &conf, s.port, &rows[i], &a, &url);

		// Twice: an attempt leaves nothing behind that the next one trips over.
		for (int n = 0; n < 2; n++) {
			a.done = false;
			probe_start(p);
			assert_true(world_run(&loop, &a.done));
			if (a.result.reason != rows[i].reason)
				fail_msg("%s, row %zu: %s (%s)", rows[i].path, i,
					health_reason_name(a.result.reason), a.result.detail);
		}
		probe_free(&p);
		free(conf.body);
	}
	world_close(&loop);
	stop(&s);
}

static void test_refused_is_hard(void **)
{
	struct row row = { .path = "/" };
	struct attempt a = {};
	struct conf_check conf;
	own(free_ptr) char *url = NULL;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	int fd = world_listen(SOCK_STREAM, "127.0.0.1", 0);
	uint16_t port = world_port(fd);
	close(fd);
	struct probe *p = probe_of(&loop, &conf, port, &row, &a, &url);
	probe_start(p);
	assert_true(world_run(&loop, &a.done));
	assert_int_equal(a.result.reason, HEALTH_REASON_REFUSED);
	assert_int_equal(a.result.evidence, EVIDENCE_HARD);
	probe_free(&p);
	world_close(&loop);
}

static void test_cancel_while_waiting(void **)
{
	struct row row = { .path = "/never" };
	struct attempt a = {};
	struct conf_check conf;
	own(free_ptr) char *url = NULL;
	uv_loop_t loop;

	struct server s = serve();
	assert_int_equal(uv_loop_init(&loop), 0);
	struct probe *p = probe_of(&loop, &conf, s.port, &row, &a, &url);
	probe_start(p);
	world_run_ms(&loop, 50);
	probe_cancel(p);
	world_run_ms(&loop, 20);
	assert_false(a.done);
	probe_start(p);
	world_run_ms(&loop, 20);
	probe_free(&p); // also ends what is under way
	world_close(&loop);
	assert_false(a.done);
	stop(&s);
}

// A proxy of the environment would answer for a dead server.
static void test_no_proxy(void **)
{
	struct row row = { .path = "/ok" };
	struct attempt a = {};
	struct conf_check conf;
	own(free_ptr) char *url = NULL;
	uv_loop_t loop;

	struct server s = serve();
	assert_int_equal(uv_loop_init(&loop), 0);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	struct probe *p = probe_of(&loop, &conf, s.port, &row, &a, &url);
	probe_start(p);
	assert_true(world_run(&loop, &a.done));
	assert_int_equal(a.result.reason, HEALTH_REASON_OK);
	unsetenv("http_proxy");
	probe_free(&p);
	world_close(&loop);
	stop(&s);
}

int main(void)
{
	if (!world_enter())
		return world_skip();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_refused_is_hard),
		cmocka_unit_test(test_cancel_while_waiting),
		cmocka_unit_test(test_no_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
