// The sandbox from inside: what is shut, and beside it the same call before, which must work.
#include "test/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/own.h"
#include "nearglass/sandbox.h"

typedef bool attempt(void);

static bool opens(void)
{
	own(close_fd) int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd >= 0;
}

static bool lists(void)
{
	own(close_fd) int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0;
}

static bool forks(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool packets(void)
{
	own(close_fd) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd >= 0;
}

// As fork(3) asks, in a way that a filter can see.
static bool clones(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid((pid_t)pid, NULL, 0) == pid;
}

static void *end_at_once(void *)
{
	return NULL;
}

static bool threads(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, end_at_once, NULL) == 0 &&
	       pthread_join(thread, NULL) == 0;
}

static bool has_capability(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3] = {};

	return syscall(SYS_capget, &head, have) == 0 && have[0].effective != 0;
}

static bool raw_sockets(void)
{
	own(close_fd) int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	return fd >= 0;
}

// Not shut: the control of the other direction.
static bool streams(void)
{
	own(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0;
}

static bool maps(int protection)
{
	void *m = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return m != MAP_FAILED && munmap(m, 4096) == 0;
}

static bool maps_data(void)
{
	return maps(PROT_READ | PROT_WRITE);
}

static bool maps_code(void)
{
	return maps(PROT_READ | PROT_EXEC);
}

static bool turns_to_code(void)
{
	void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool turned = m != MAP_FAILED && mprotect(m, 4096, PROT_READ | PROT_EXEC) == 0;

	return munmap(m, 4096) == 0 && turned;
}

static bool execs(void)
{
	char *const argv[] = { (char[]){ "/bin/true" }, NULL };

	execve("/bin/true", argv, NULL);
	return false; // only when it failed
}

// A file that was opened before.
static int kept = -1;

static bool syncs(void)
{
	return kept >= 0 && pwrite(kept, "x", 1, 0) == 1 && fdatasync(kept) == 0 &&
	       ftruncate(kept, 0) == 0;
}

// A raw socket that was opened before must not write headers of its own; other options it may.
static int raw = -1;

static bool forges(void)
{
	int one = 1;

	return raw >= 0 && setsockopt(raw, IPPROTO_IP, IP_HDRINCL, &one, sizeof(one)) == 0;
}

static bool sets_options(void)
{
	int ttl = 7, one = 1;

	return raw >= 0 && setsockopt(raw, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) == 0 &&
	       setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0;
}

static const struct {
	const char *name;
	attempt *try;
	bool inside;
	bool disk; // with a history
} attempts[] = {
	{ "write", syncs, true, true },
	{ "write without a history", syncs, false },
	{ "open with a history", opens, false, true },
	{ "open", opens, false },
	{ "list", lists, false },
	{ "fork", forks, false },
	{ "clone", clones, false },
	{ "thread", threads, true },
	{ "netlink", packets, false },
	{ "raw", raw_sockets, false },
	{ "tcp", streams, true },
	{ "memory", maps_data, true },
	{ "code", maps_code, false },
	{ "data to code", turns_to_code, false },
	{ "own headers", forges, false },
	{ "options", sets_options, true },
};

// Those that only root can try at all.
static bool is_for_root(attempt *a)
{
	return a == forges || a == raw_sockets;
}

enum { NO_SANDBOX = 100, DIFFERENT = 1 };

// A process of its own, since there is no way out. Its exit status: 0 as it should be.
static int child(size_t i)
{
	own(sb_free) struct strbuf error = {};
	bool without_landlock;

	kept = memfd_create("kept", MFD_CLOEXEC);
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (raw < 0) // without CAP_NET_RAW there are no headers to forge
		raw = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (is_for_root(attempts[i].try) && !attempts[i].try())
		return 0;
	if (!attempts[i].try())
		return DIFFERENT;
	if (sandbox_enter(NULL, attempts[i].disk, &without_landlock, &error) < 0)
		return NO_SANDBOX;
	return attempts[i].try() == attempts[i].inside ? 0 : DIFFERENT + 1;
}

static void test_shut(void **)
{
	for (size_t i = 0; i < countof(attempts); i++) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0)
			_exit(child(i));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) != 0)
			fail_msg("%s: %d", attempts[i].name, WEXITSTATUS(status));
	}
}

// Root stays root here, but can no more than anybody; after the filter nobody can ask, so this is without.
static void test_capabilities(void **)
{
	own(sb_free) struct strbuf error = {};
	bool without_landlock;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		own(close_fd) int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
		char text[4096] = "";
		if (!has_capability())
			_exit(42); // nothing to lose
		if (sandbox_enter(NULL, false, &without_landlock, &error) < 0)
			_exit(NO_SANDBOX);
		ssize_t n = read(fd, text, sizeof(text) - 1);
		_exit(n > 0 && strstr(text, "CapEff:\t0000000000000000\n") &&
					strstr(text, "CapPrm:\t0000000000000000\n")
				? 42
				: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 42);
}

static void test_exec(void **)
{
	own(sb_free) struct strbuf error = {};
	bool without_landlock;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter(NULL, false, &without_landlock, &error) < 0)
			_exit(NO_SANDBOX);
		(void)execs();
		_exit(errno == EPERM || errno == EACCES ? 42 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_shut),
		cmocka_unit_test(test_capabilities), cmocka_unit_test(test_exec) };

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
