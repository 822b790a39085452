#include "nearcastd/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/own.h"

// ---- The child, up to the program ----
//
// Only calls that are safe after a fork of a process with threads (signal-safety(7)).

enum { FAULT_FD = 3 };

// What was caught would be told to the loop of the parent, and what it ignores is not for the
// program to ignore.
static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int n = 1; n < NSIG; n++)
		(void)sigaction(n, &dfl, NULL); // some cannot be set
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

// Descriptors of the daemon close with the program's start, and that may hang: a session must not
// stay open for the neighbour because of it.
static int set_descriptors(int output, int fault)
{
	int null = open("/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	// The three are taken in the daemon, so none of these is among them.
	if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		return -errno;
	if (fault != FAULT_FD && dup2(fault, FAULT_FD) < 0)
		return -errno;
	if (fcntl(FAULT_FD, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	(void)close_range(FAULT_FD + 1, UINT_MAX, 0);
	return 0;
}

// What the daemon may do without being root is not for its checks. Root loses all with its user.
static int change_user(const struct spawn_options *o)
{
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (!o->becomes_other)
		return 0;
	if (setgroups(0, NULL) < 0 || setgid(o->gid) < 0 || setuid(o->uid) < 0)
		return -errno;
	return 0;
}

__attribute__((noreturn)) static void become(const struct spawn_options *o, int fault)
{
	(void)setsid();
	reset_signals();
	int error = chdir("/") < 0 ? -errno : 0;
	if (!error)
		error = set_descriptors(o->output, fault);
	else
		(void)dup2(fault, FAULT_FD);
	if (!error)
		error = change_user(o);
	if (!error) {
		environ = (char **)(uintptr_t)o->env;
		(void)execvp(o->argv[0], o->argv);
		error = -errno;
	}
	(void)!write(FAULT_FD, &error, sizeof(error));
	_exit(127);
}

// ---- The parent ----

static pid_t fork_quietly(const struct spawn_options *o, int fault)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		become(o, fault);
	int error = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? error : pid;
}

int spawn_start(struct spawned *ret, const struct spawn_options *o)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	own(close_fd) int read_end = ends[0];
	own(close_fd) int write_end = ends[1];
	pid_t pid = fork_quietly(o, write_end);
	if (pid < 0)
		return pid;
	close_fd(&write_end); // and so there is a descriptor for the next
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		int error = -errno;
		spawn_abandon(&(struct spawned){ .pid = pid, .pidfd = -1, .fault = -1 });
		return error;
	}
	*ret = (struct spawned){ .pid = pid, .pidfd = pidfd, .fault = take_fd(&read_end) };
	return 0;
}

// Right after its start it may not have a group of its own yet.
void spawn_kill(const struct spawned *s)
{
	(void)kill(-s->pid, SIGKILL);
	(void)kill(s->pid, SIGKILL);
}

void spawn_abandon(struct spawned *s)
{
	spawn_kill(s);
	(void)waitpid(s->pid, NULL, WNOHANG);
	close_fd(&s->fault);
	close_fd(&s->pidfd);
}

bool spawn_reap(struct spawned *s, struct spawn_end *ret)
{
	struct spawn_end end = {};
	siginfo_t info = {};

	// While it is not reaped its number is not another's.
	if (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0 || !info.si_pid)
		return false;
	(void)kill(-s->pid, SIGKILL);
	(void)waitid(P_PID, (id_t)s->pid, &info, WEXITED);
	if (info.si_code == CLD_EXITED)
		end.status = info.si_status;
	else
		end.signal = info.si_status;
	if (read(s->fault, &end.error, sizeof(end.error)) != sizeof(end.error))
		end.error = 0;
	close_fd(&s->fault);
	close_fd(&s->pidfd);
	*ret = end;
	return true;
}
