// kinds: tcp, exec, file and address.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

static char service_name[] = "dns";
static struct conf_service service = { .name = service_name };

// Runs one attempt to its end.
static struct health_result once(const struct conf_check *conf)
{
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	struct probe *p = probe_new(&loop, &service, conf, on_done, &a);
	probe_start(p);
	assert_true(world_run(&loop, &a.done));
	probe_free(&p);
	world_close(&loop);
	return a.result;
}

static struct conf_check check_of(enum health_kind kind)
{
	static char name[] = "probe";

	return (struct conf_check){ .kind = kind, .name = name };
}

static void test_tcp_connects(void **)
{
	struct conf_check conf = check_of(HEALTH_KIND_TCP);

	int fd = world_listen(SOCK_STREAM, "::1", 0);
	assert_int_equal(ip_parse(&conf.server, "::1"), 0);
	conf.port = world_port(fd);
	assert_int_equal(once(&conf).reason, HEALTH_REASON_OK);
	close(fd);
	struct health_result r = once(&conf);
	assert_int_equal(r.reason, HEALTH_REASON_REFUSED);
	assert_int_equal(r.evidence, EVIDENCE_HARD);
}

static void test_tcp_without_route(void **)
{
	struct conf_check conf = check_of(HEALTH_KIND_TCP);

	assert_int_equal(ip_parse(&conf.server, "192.0.2.1"), 0);
	conf.port = 80;
	struct health_result r = once(&conf);
	assert_int_equal(r.reason, HEALTH_REASON_UNREACHABLE);
	assert_int_equal(r.evidence, EVIDENCE_SOFT);
}

// The network would carry the question to a site that has the address.
static void test_own_address_is_gone(void **)
{
	static const char *const texts[] = { "198.51.100.53", "2001:db8:53::53" };
	struct conf_check conf = check_of(HEALTH_KIND_TCP);

	conf.port = 53;
	for (size_t i = 0; i < countof(texts); i++) {
		assert_int_equal(ip_parse(&conf.server, texts[i]), 0);
		service.addresses = (struct items){ &conf.server, 1 };
		struct health_result r = once(&conf);
		service.addresses = (struct items){};
		assert_int_equal(r.reason, HEALTH_REASON_NOT_CONFIGURED);
		assert_int_equal(r.evidence, EVIDENCE_HARD);
	}
}

static void test_own_address_is_here(void **)
{
	struct conf_check conf = check_of(HEALTH_KIND_TCP);

	int fd = world_listen(SOCK_STREAM, "::1", 0);
	assert_int_equal(ip_parse(&conf.server, "::1"), 0);
	conf.port = world_port(fd);
	service.addresses = (struct items){ &conf.server, 1 };
	assert_int_equal(once(&conf).reason, HEALTH_REASON_OK);
	service.addresses = (struct items){};
	close(fd);
}

static void test_file(void **)
{
	struct conf_check conf = check_of(HEALTH_KIND_FILE);
	char path[] = "/tmp/nearcast-test-XXXXXX";

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	conf.path = path;
	assert_int_equal(once(&conf).reason, HEALTH_REASON_OK);
	conf.expect_absent = true;
	assert_int_equal(once(&conf).reason, HEALTH_REASON_FILE_PRESENT);
	unlink(path);
	assert_int_equal(once(&conf).reason, HEALTH_REASON_OK);
	conf.expect_absent = false;
	assert_int_equal(once(&conf).reason, HEALTH_REASON_FILE_ABSENT);
}

static struct conf_check exec_of(char **words, size_t n)
{
	struct conf_check conf = check_of(HEALTH_KIND_EXEC);

	conf.command = (struct items){ .data = words, .count = n };
	return conf;
}

static struct health_result run_shell(const char *script)
{
	char *text = strdup(script);
	char sh[] = "/bin/sh";
	char dash_c[] = "-c";
	char *words[] = { sh, dash_c, text };
	struct conf_check conf = exec_of(words, countof(words));
	struct health_result r = once(&conf);

	free(text);
	return r;
}

struct exec_row {
	const char *script;
	enum health_reason reason;
	const char *detail;
};

static const struct exec_row exec_rows[] = {
	{ "exit 0", HEALTH_REASON_OK, "" },
	{ "echo fine; echo more", HEALTH_REASON_OK, "fine" },
	{ "echo late >&2; exit 3", HEALTH_REASON_EXIT_STATUS, "exit status 3: late" },
	{ "kill -TERM $$", HEALTH_REASON_SIGNAL, "Terminated" },
	{ "printf 'a\\033[31mb'", HEALTH_REASON_OK, "a?[31mb" },
	{ "cat", HEALTH_REASON_OK, "" }, // its input is empty
	{ "pwd", HEALTH_REASON_OK, "/" },
	{ "echo $NEARCAST_SERVICE $NEARCAST_CHECK $HOME", HEALTH_REASON_OK, "dns probe" },
	// No descriptor beyond the three (the fourth is that of ls), no signal ignored or blocked. 32 and 33 are
	// the C library's own.
	{ "ls /proc/self/fd | wc -l", HEALTH_REASON_OK, "4" },
	{ "grep -c '^Sig[BI].*[08]0000000$' /proc/self/status", HEALTH_REASON_OK, "2" },
	// Far more than a pipe holds: it is read, though not kept.
	{ "head -c 1000000 /dev/zero | tr '\\0' x; exit 4", HEALTH_REASON_EXIT_STATUS,
		"exit status 4: xxxx" },
};

static void test_exec(void **)
{
	own(close_fd) int inherited = open("/dev/null", O_RDONLY);

	signal(SIGPIPE, SIG_IGN); // as the daemon does
	assert_true(inherited > STDERR_FILENO);
	for (size_t i = 0; i < countof(exec_rows); i++) {
		struct health_result r = run_shell(exec_rows[i].script);
		size_t n = strlen(exec_rows[i].detail);

		if (r.reason != exec_rows[i].reason ||
			strncmp(r.detail, exec_rows[i].detail, n) != 0 || (n == 0 && r.detail[0]))
			fail_msg("%s: %s (%s)", exec_rows[i].script, health_reason_name(r.reason),
				r.detail);
	}
}

static void test_exec_that_is_not_there(void **)
{
	char path[] = "/nonexistent/program";
	char *words[] = { path };
	struct conf_check conf = exec_of(words, 1);
	struct health_result r = once(&conf);

	assert_int_equal(r.reason, HEALTH_REASON_COULD_NOT_RUN);
	assert_string_equal(r.detail, "/nonexistent/program: No such file or directory");
}

static void test_exec_user(void **)
{
	char user[] = "daemon";
	char id[] = "/usr/bin/id";
	char dash_un[] = "-un";
	char *words[] = { id, dash_un };
	struct conf_check conf = exec_of(words, countof(words));

	assert_string_equal(once(&conf).detail, "nobody");
	conf.user = user;
	assert_string_equal(once(&conf).detail, "daemon");
	char nobody_such[] = "no-such-user";
	conf.user = nobody_such;
	assert_int_equal(once(&conf).reason, HEALTH_REASON_COULD_NOT_RUN);
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

// A killed process that is not this one's child stays visible until init has
// reaped it. Waits for that.
static bool ends(uv_loop_t *loop, pid_t pid)
{
	for (int i = 0; i < 200 && !is_gone(pid); i++)
		world_run_ms(loop, 10);
	return is_gone(pid);
}

// Reads the two process ids that a script wrote, once it has renamed the file.
static bool read_pids(uv_loop_t *loop, const char *path, int *leader, int *child)
{
	for (int i = 0; i < 1000 && access(path, R_OK) < 0; i++)
		world_run_ms(loop, 5);
	own(close_file) FILE *f = fopen(path, "re");

	return f && fscanf(f, "%d %d", leader, child) == 2;
}

// The program and what it started in its group are killed together.
static void test_exec_cancel_kills_the_group(void **)
{
	char folder[] = "/tmp/nearcast-test-XXXXXX";
	char sh[] = "/bin/sh";
	char dash_c[] = "-c";
	char script[256];
	char path[64];
	char *words[] = { sh, dash_c, script };
	struct conf_check conf = exec_of(words, countof(words));
	struct attempt a = {};
	uv_loop_t loop;
	int leader = 0;
	int child = 0;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0777), 0); // the script is nobody's
	snprintf(path, sizeof(path), "%s/pids", folder);
	snprintf(script, sizeof(script),
		"sleep 1000 & echo so far; echo $$ $! > %s.new; mv %s.new %s; wait", path, path,
		path);
	assert_int_equal(uv_loop_init(&loop), 0);
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	probe_start(p);
	assert_true(read_pids(&loop, path, &leader, &child));
	uv_run(&loop, UV_RUN_NOWAIT); // its output was written before the file
	probe_cancel(p);
	assert_string_equal(p->seen, "so far");
	assert_true(ends(&loop, leader));
	assert_true(ends(&loop, child));
	assert_false(a.done);
	probe_free(&p);
	world_close(&loop);
	unlink(path);
	rmdir(folder);
}

// A program that ends and leaves another one running, with its output open, is
// judged at once, and what it left is killed.
static void test_exec_leaves_nothing(void **)
{
	struct health_result r = run_shell("sleep 1000 & echo $!");
	uv_loop_t loop;

	assert_int_equal(r.reason, HEALTH_REASON_OK);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_true(ends(&loop, (pid_t)strtol(r.detail, NULL, 10)));
	world_close(&loop);
}

static void test_exec_freed_while_running(void **)
{
	char sleep_path[] = "/bin/sleep";
	char forever[] = "1000";
	char *words[] = { sleep_path, forever };
	struct conf_check conf = exec_of(words, countof(words));
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	probe_start(p);
	probe_free(&p);
	world_close(&loop); // fails if the process were not reaped
	assert_false(a.done);
}

static void test_address(void **)
{
	struct conf_check conf = check_of(HEALTH_KIND_ADDRESS);
	struct ip_addr list[2];

	assert_int_equal(ip_parse(&list[0], "198.51.100.53"), 0);
	assert_int_equal(ip_parse(&list[1], "2001:db8:53::53"), 0);
	service.addresses = (struct items){ .data = list, .count = countof(list) };
	struct health_result r = once(&conf);
	assert_int_equal(r.reason, HEALTH_REASON_NOT_CONFIGURED);
	assert_int_equal(r.evidence, EVIDENCE_HARD);
	assert_string_equal(r.detail, "198.51.100.53");
	world_command("ip addr add 198.51.100.53/32 dev lo");
	assert_string_equal(once(&conf).detail, "2001:db8:53::53");
	conf.server = list[0];
	assert_int_equal(once(&conf).reason, HEALTH_REASON_OK);
	conf.server = (struct ip_addr){};
	// The kernel makes an IPv6 address usable a moment after the command.
	world_command("ip addr add 2001:db8:53::53/128 dev lo nodad; n=0; "
		      "until ip -6 route show table local | grep -q '^local 2001:db8:53::53 ' || "
		      "[ $((n += 1)) -gt 500 ]; do :; done");
	assert_int_equal(once(&conf).reason, HEALTH_REASON_OK);
	// An address that is routed elsewhere is not this host's.
	world_command("ip addr del 198.51.100.53/32 dev lo");
	world_command("ip route add 198.51.100.0/24 dev lo");
	assert_int_equal(once(&conf).reason, HEALTH_REASON_NOT_CONFIGURED);
	world_command("ip route add blackhole 198.51.100.53/32");
	assert_int_equal(once(&conf).reason, HEALTH_REASON_NOT_CONFIGURED);
	service.addresses = (struct items){};
}

// Without the rights for a network namespace of its own.
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_file),
	cmocka_unit_test(test_exec),
	cmocka_unit_test(test_exec_that_is_not_there),
	cmocka_unit_test(test_exec_cancel_kills_the_group),
	cmocka_unit_test(test_exec_leaves_nothing),
	cmocka_unit_test(test_exec_freed_while_running),
};

static const struct CMUnitTest tests_of_root[] = {
	cmocka_unit_test(test_file),
	cmocka_unit_test(test_exec),
	cmocka_unit_test(test_exec_that_is_not_there),
	cmocka_unit_test(test_exec_cancel_kills_the_group),
	cmocka_unit_test(test_exec_leaves_nothing),
	cmocka_unit_test(test_exec_freed_while_running),
	cmocka_unit_test(test_exec_user),
	cmocka_unit_test(test_tcp_connects),
	cmocka_unit_test(test_tcp_without_route),
	cmocka_unit_test(test_own_address_is_gone),
	cmocka_unit_test(test_own_address_is_here),
	cmocka_unit_test(test_address),
};

int main(void)
{
	return world_enter() ? cmocka_run_group_tests(tests_of_root, NULL, NULL)
			     : cmocka_run_group_tests(tests, NULL, NULL);
}
