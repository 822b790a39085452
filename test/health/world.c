#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/health/world.h"

enum { GUARD_MS = 10000 };

static bool loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0;

	if (fd >= 0)
		close(fd);
	return up;
}

bool world_enter(void)
{
	return unshare(CLONE_NEWNET) == 0 && loopback_up();
}

int world_skip(void)
{
	printf("1..0 # SKIP needs root, for a network namespace of its own\n");
	return 0;
}

static void on_guard(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

static void start_guard(uv_loop_t *loop, uv_timer_t *timer, bool *over, uint64_t ms)
{
	*over = false;
	uv_update_time(loop);
	uv_timer_init(loop, timer);
	timer->data = over;
	uv_timer_start(timer, on_guard, ms, 0);
}

static void no_callback(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

static void end_guard(uv_loop_t *loop, uv_timer_t *timer)
{
	bool closed = false;

	timer->data = &closed;
	uv_close((uv_handle_t *)timer, no_callback);
	while (!closed)
		uv_run(loop, UV_RUN_NOWAIT);
}

bool world_run(uv_loop_t *loop, const bool *flag)
{
	uv_timer_t guard;
	bool over;

	start_guard(loop, &guard, &over, GUARD_MS);
	while (!*flag && !over)
		uv_run(loop, UV_RUN_ONCE);
	end_guard(loop, &guard);
	return *flag;
}

bool world_run_count(uv_loop_t *loop, const size_t *count, size_t n)
{
	uv_timer_t guard;
	bool over;

	start_guard(loop, &guard, &over, GUARD_MS);
	while (*count < n && !over)
		uv_run(loop, UV_RUN_ONCE);
	end_guard(loop, &guard);
	return *count >= n;
}

void world_run_ms(uv_loop_t *loop, uint64_t ms)
{
	uv_timer_t guard;
	bool over;

	start_guard(loop, &guard, &over, ms);
	while (!over)
		uv_run(loop, UV_RUN_ONCE);
	end_guard(loop, &guard);
}

void world_close(uv_loop_t *loop)
{
	if (uv_loop_alive(loop) && uv_run(loop, UV_RUN_NOWAIT) != 0) {
		// Processes that were killed end in a moment.
		uv_timer_t guard;
		bool over;

		start_guard(loop, &guard, &over, GUARD_MS);
		uv_unref((uv_handle_t *)&guard);
		while (!over && uv_loop_alive(loop))
			uv_run(loop, UV_RUN_ONCE);
		uv_ref((uv_handle_t *)&guard);
		end_guard(loop, &guard);
	}
	assert_int_equal(uv_loop_close(loop), 0);
}

// Runs a shell command with its output to fd, or to the test's own when fd is -1.
static int run(const char *text, int fd)
{
	char sh[] = "sh";
	char dash_c[] = "-c";
	char *script = strdup(text);
	char *argv[] = { sh, dash_c, script, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status = -1;

	posix_spawn_file_actions_init(&actions);
	if (fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	assert_int_equal(posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	free(script);
	return status;
}

void world_command(const char *text)
{
	if (run(text, -1) != 0)
		fail_msg("%s", text);
}

void world_output(const char *text, char *ret, size_t size)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	assert_true(fd >= 0);
	(void)run(text, fd);
	ssize_t n = pread(fd, ret, size - 1, 0);
	assert_true(n >= 0);
	ret[n] = '\0';
	close(fd);
}

int world_listen(int type, const char *address, uint16_t port)
{
	struct sockaddr_storage sa;
	struct ip_addr a;
	int one = 1;

	assert_int_equal(ip_parse(&a, address), 0);
	socklen_t len = ip_to_sockaddr(&a, port, &sa);
	int fd = socket(sa.ss_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, type == SOCK_STREAM ? SO_REUSEADDR : SO_REUSEPORT, &one,
		sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}

uint16_t world_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
					     : ((struct sockaddr_in6 *)&sa)->sin6_port);
}
