#include "nearglass/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/own.h"

// The sanitizers read files of their own when they have something to say.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool under_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
static const bool under_sanitizer = true;
#else
static const bool under_sanitizer = false;
#endif
#else
static const bool under_sanitizer = false;
#endif

static int failed(struct strbuf *error, const char *what, int rc)
{
	sb_printf(error, "%s: %s", what, strerror(-rc));
	return rc;
}

// ---- User ----

static int become(const char *user, struct strbuf *error)
{
	const struct passwd *p;

	if (!user)
		return 0;
	errno = 0;
	p = getpwnam(user);
	if (!p) {
		sb_printf(error, "there is no user `%s`", user);
		return errno ? -errno : -ENOENT;
	}
	if (getuid() != 0 && getuid() == p->pw_uid)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(p->pw_gid, p->pw_gid, p->pw_gid) < 0 ||
		setresuid(p->pw_uid, p->pw_uid, p->pw_uid) < 0)
		return failed(error, "cannot change the user", -errno);
	return 0;
}

// Also those that a service manager gave to a user other than root: the ports and the sockets of the probes
// are open.
static int drop_capabilities(struct strbuf *error)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
		syscall(SYS_capset, &head, none) < 0)
		return failed(error, "cannot drop capabilities", -errno);
	return 0;
}

// ---- Landlock: no file may be opened any more ----

static int lock_files(bool *without, struct strbuf *error)
{
	const struct landlock_ruleset_attr all = {
		// Every right of the first version; no rule gives any of them back.
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	own(close_fd) int fd =
		(int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all.handled_access_fs), 0);

	*without = fd < 0 && (errno == ENOSYS || errno == EOPNOTSUPP);
	if (*without)
		return 0;
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return failed(error, "Landlock", -errno);
	return 0;
}

// ---- seccomp: the calls of a program that has sockets, memory and threads ----

static const char *const calls[] = { "read", "readv", "write", "writev", "close", "fcntl", "lseek",
	"fstat", "newfstatat", "dup", "recvfrom", "recvmsg", "sendto", "sendmsg", "sendfile",
	"accept4", "bind", "listen", "connect", "shutdown", "getsockopt", "getsockname",
	"getpeername", "ioctl", "pipe2", "eventfd2", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "epoll_pwait2", "poll", "ppoll", "munmap", "mremap", "madvise", "brk",
	"futex", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"restart_syscall", "exit", "exit_group", "getpid", "gettid", "tgkill", "getuid", "geteuid",
	"getrandom", "clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "prlimit64",
	"sysinfo", "uname", "prctl" };
// Of a file that is open: SQLite's.
static const char *const disk_calls[] = { "pread64", "pwrite64", "fsync", "fdatasync",
	"ftruncate" };
static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
static const int types[] = { SOCK_STREAM, SOCK_DGRAM }; // none that needs a privilege

static int allow(scmp_filter_ctx filter, const char *const *names, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		if (number != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return rc;
}

// Any option but those by which the raw sockets of the probes would send packets of any kind.
static int allow_options(scmp_filter_ctx filter)
{
	int call = SCMP_SYS(setsockopt);
	const struct scmp_arg_cmp socket[] = { SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET) };
	const struct scmp_arg_cmp tcp[] = { SCMP_A1(SCMP_CMP_EQ, IPPROTO_TCP) };
	const struct scmp_arg_cmp ip4[] = { SCMP_A1(SCMP_CMP_EQ, IPPROTO_IP),
		SCMP_A2(SCMP_CMP_NE, IP_HDRINCL) };
	const struct scmp_arg_cmp ip6[] = { SCMP_A1(SCMP_CMP_EQ, IPPROTO_IPV6),
		SCMP_A2(SCMP_CMP_NE, IPV6_HDRINCL) };
	int rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, countof(socket), socket);

	if (rc == 0)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, countof(tcp), tcp);
	if (rc == 0)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, countof(ip4), ip4);
	return rc == 0 ? seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, countof(ip6), ip6)
		       : rc;
}

// Memory, but none that could be run: what is to be run was there before.
static int allow_memory(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp data[] = { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) };
	int rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, data);

	return rc == 0 ? seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, data)
		       : rc;
}

// Threads, but no processes. clone3(2) hides its flags in memory, where no filter sees them: who is told
// that there is no such call uses clone(2).
static int allow_threads(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp thread[] = { SCMP_A0(
		SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD) };
	int rc = seccomp_rule_add_array(
		filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), countof(thread), thread);

	return rc == 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) : rc;
}

static int allow_sockets(scmp_filter_ctx filter, int family)
{
	const unsigned type = 0xf; // without SOCK_CLOEXEC and SOCK_NONBLOCK
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < countof(types); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_EQ, (unsigned)family),
			SCMP_A1(SCMP_CMP_MASKED_EQ, type, (unsigned)types[i]));
	return rc;
}

static int add_rules(scmp_filter_ctx filter, bool disk)
{
	int rc = allow(filter, calls, countof(calls));

	if (rc == 0)
		rc = allow_threads(filter);
	if (rc == 0)
		rc = allow_memory(filter);
	if (rc == 0)
		rc = allow_options(filter);
	if (rc == 0 && disk)
		rc = allow(filter, disk_calls, countof(disk_calls));
	for (size_t i = 0; rc == 0 && i < countof(families); i++)
		rc = allow_sockets(filter, families[i]);
	return rc;
}

static int filter_calls(bool disk, struct strbuf *error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = filter ? add_rules(filter, disk) : -ENOMEM;

	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc < 0 ? failed(error, "seccomp", rc) : 0;
}

int sandbox_enter(const char *user, bool disk, bool *without_landlock, struct strbuf *error)
{
	int rc = become(user, error);

	*without_landlock = false;
	if (rc < 0 || under_sanitizer)
		return rc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		rc = failed(error, "no new privileges", -errno);
	if (rc == 0)
		rc = drop_capabilities(error);
	if (rc == 0)
		rc = lock_files(without_landlock, error);
	return rc == 0 ? filter_calls(disk, error) : rc;
}
