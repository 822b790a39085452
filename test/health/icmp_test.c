// kind: icmp, over ping sockets and raw ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/own.h"
#include "nearcastd/probe.h"
#include "test/health/world.h"

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

static struct health_result run(const char *address)
{
	static const struct conf_service service;
	struct conf_check conf = { .kind = HEALTH_KIND_ICMP };
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(ip_parse(&conf.server, address), 0);
	assert_int_equal(uv_loop_init(&loop), 0);
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	for (int i = 0; i < 2; i++) {
		a.done = false;
		probe_start(p);
		assert_true(world_run(&loop, &a.done));
	}
	probe_free(&p);
	world_close(&loop);
	return a.result;
}

static void both_families(void)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };

	for (size_t i = 0; i < countof(addresses); i++) {
		struct health_result r = run(addresses[i]);
		if (!r.pass)
			fail_msg("%s: %s", addresses[i], r.detail);
	}
}

static void test_ping_socket(void **)
{
	world_command("echo 0 0 > /proc/sys/net/ipv4/ping_group_range");
	both_families();
}

static void test_raw_socket(void **)
{
	world_command("echo 1 0 > /proc/sys/net/ipv4/ping_group_range");
	both_families();
}

static void unreachable(void)
{
	struct health_result r = run("192.0.2.1"); // no route at all
	assert_int_equal(r.reason, HEALTH_REASON_UNREACHABLE);
	assert_int_equal(r.evidence, EVIDENCE_SOFT);
	r = run("203.0.113.7"); // the router says so
	assert_int_equal(r.reason, HEALTH_REASON_UNREACHABLE);
	assert_string_equal(r.detail, "203.0.113.7: No route to host");
	r = run("2001:db8:7::7");
	assert_int_equal(r.reason, HEALTH_REASON_UNREACHABLE);
}

// A process that keeps a namespace: the router.
static pid_t start_router(void)
{
	int ready[2];
	char byte = 0;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (world_enter() && write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

__attribute__((format(printf, 1, 2))) static void command(const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	world_command(text);
}

// The kernel makes an IPv6 address usable a moment after the command.
static void answers(const char *address)
{
	struct health_result r = {};

	for (int i = 0; i < 1000 && !r.pass; i++)
		r = run(address);
	if (!r.pass)
		fail_msg("%s: %s", address, r.detail);
}

static void connect_router(int pid)
{
	command("ip link add name this0 type veth peer name there0 netns %d", pid);
	command("nsenter -t %d -n sh -c 'sysctl -qw net.ipv4.ip_forward=1 "
		"net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 && "
		"ip link set there0 up && ip addr add 198.51.100.2/24 dev there0 && "
		"ip addr add 2001:db8::2/64 dev there0 nodad && "
		"ip route add unreachable 203.0.113.0/24 && "
		"ip route add unreachable 2001:db8:7::/48'",
		pid);
	command("ip link set this0 up && ip addr add 198.51.100.1/24 dev this0 && "
		"ip addr add 2001:db8::1/64 dev this0 nodad && "
		"ip route add 203.0.113.0/24 via 198.51.100.2 && "
		"ip route add 2001:db8:7::/48 via 2001:db8::2");
	answers("198.51.100.2");
	answers("2001:db8::2");
}

static void test_unreachable(void **)
{
	pid_t router = start_router();

	connect_router(router);
	command("echo 0 0 > /proc/sys/net/ipv4/ping_group_range");
	unreachable();
	command("echo 1 0 > /proc/sys/net/ipv4/ping_group_range");
	unreachable();
	kill(router, SIGKILL);
	assert_int_equal(waitpid(router, NULL, 0), router);
}

// Nobody answers: the attempt waits until it is cancelled. Other people's replies do not count.
static void test_silence(void **)
{
	static const struct conf_service service;
	struct conf_check conf = { .kind = HEALTH_KIND_ICMP };
	struct attempt a = {};
	uv_loop_t loop;

	world_command("echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all");
	assert_int_equal(ip_parse(&conf.server, "127.0.0.1"), 0);
	assert_int_equal(uv_loop_init(&loop), 0);
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	probe_start(p);
	world_run_ms(&loop, 30);
	assert_false(a.done);
	probe_cancel(p);
	world_command("echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_all");
	probe_start(p);
	assert_true(world_run(&loop, &a.done));
	assert_true(a.result.pass);
	probe_free(&p);
	world_close(&loop);
}

int main(void)
{
	if (!world_enter())
		return world_skip();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ping_socket),
		cmocka_unit_test(test_raw_socket),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
