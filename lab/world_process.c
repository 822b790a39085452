// Processes of a world: how they get into its namespaces.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/programs.h"
#include "lab/world.h"
#include "lab/world_dir.h"

// What a new process must not inherit: blocked and ignored signals.
static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

static void widen_path(void)
{
	const char *path = getenv("PATH");
	own(sb_free) struct strbuf b = {};

	if (path && path[0])
		sb_printf(&b, "%s:", path);
	programs_path(&b);
	setenv("PATH", sb_text(&b), 1);
}

static int redirect(const char *log)
{
	own(close_fd) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	own(close_fd) int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		return -errno;
	return 0;
}

// A fork that is born in the world's PID namespace.
static pid_t fork_inside(const struct world *w)
{
	if (setns(w->pidns, CLONE_NEWPID) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		return 0;
	int rc = pid < 0 ? -errno : 0;
	if (setns(w->own_pidns, CLONE_NEWPID) < 0) {
		perror("cannot return to the home PID namespace");
		abort();
	}
	return rc < 0 ? rc : pid;
}

static int enter_and_exec(const struct world *w, const struct lab_node *node, const char *log,
	const char *const argv[])
{
	setsid();
	reset_signals();
	widen_path();
	if (log) {
		int rc = redirect(log);
		if (rc < 0)
			return rc;
	}
	if (setns(node->netns, CLONE_NEWNET) < 0 || setns(w->mntns, CLONE_NEWNS) < 0 ||
		chdir(w->dir) < 0)
		return -errno;
	// execvp(3) takes what it does not change as if it did.
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	return -errno;
}

enum { LISTENER_FD = 3, OUT_OF_THE_WAY = 10 };

// In the child. *report may stand where the socket has to.
static int hand_over(int listener, int *report)
{
	char pid[16];

	if (listener < 0)
		return 0;
	int moved = fcntl(*report, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	int socket = fcntl(listener, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	if (moved < 0 || socket < 0)
		return -errno;
	*report = moved;
	if (dup2(socket, LISTENER_FD) < 0)
		return -errno;
	snprintf(pid, sizeof(pid), "%d", (int)getpid()); // as the world numbers it
	return setenv("LISTEN_PID", pid, 1) < 0 || setenv("LISTEN_FDS", "1", 1) < 0 ? -errno : 0;
}

pid_t world_spawn(const struct world *w, const struct lab_node *node, const char *log,
	const char *const argv[])
{
	return world_spawn_listening(w, node, log, argv, -1);
}

pid_t world_spawn_listening(const struct world *w, const struct lab_node *node, const char *log,
	const char *const argv[], int listener)
{
	own(sb_free) struct strbuf path = {};
	int report[2], rc = 0;

	if (log)
		world_path(w, node, log, &path);
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork_inside(w);
	if (pid == 0) {
		rc = hand_over(listener, &report[1]);
		if (rc == 0)
			rc = enter_and_exec(w, node, log ? sb_text(&path) : NULL, argv);
		ssize_t n = write(report[1], &rc, sizeof(rc));
		_exit(n == sizeof(rc) ? 127 : 126);
	}
	close(report[1]);
	// Nothing comes when the program was executed: close-on-exec closed the pipe.
	if (pid > 0 && read(report[0], &rc, sizeof(rc)) == sizeof(rc)) {
		waitpid(pid, NULL, 0);
		pid = rc;
	}
	close(report[0]);
	return pid;
}

static bool is_kept(int fd, const int *keep, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return fd <= STDERR_FILENO;
}

static void close_others(const int *keep, size_t count)
{
	long max = sysconf(_SC_OPEN_MAX);

	for (int fd = 0; fd < (int)(max > 0 && max < 65536 ? max : 65536); fd++)
		if (!is_kept(fd, keep, count))
			close(fd);
}

pid_t world_fork(const struct world *w, const char *log, const int *keep, size_t keep_count)
{
	own(sb_free) struct strbuf path = {};
	pid_t pid = fork_inside(w);

	if (pid != 0)
		return pid;
	setsid();
	reset_signals();
	if (redirect(world_path(w, NULL, log, &path)) < 0)
		_exit(1);
	close_others(keep, keep_count);
	return 0;
}

static int enter(pid_t init, const char *which, int type)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)init, which);
	own(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || setns(fd, type) < 0 ? -errno : 0;
}

static int enter_node(const char *name, const char *node)
{
	own(sb_free) struct strbuf path = {};

	sb_printf(&path, "/run/netns/%s", node);
	own(close_fd) int fd = open(sb_text(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	sb_clear(&path);
	sb_printf(&path, "%s/%s/%s", world_base(), name, node);
	return chdir(sb_text(&path)) < 0 ? -errno : 0;
}

static int wait_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int enter_world(pid_t init, const char *name, const char *node)
{
	int rc = enter(init, "pid", CLONE_NEWPID);

	if (rc == 0)
		rc = enter(init, "mnt", CLONE_NEWNS);
	return rc < 0 ? rc : enter_node(name, node);
}

// Goes into the world and runs the command as a child there, since nobody
// changes his own PID namespace. *report gets why it could not.
__attribute__((noreturn)) static void exec_inside(
	pid_t init, const char *name, const char *node, char *const argv[], int report)
{
	widen_path(); // while /proc still is the one that knows this process
	int rc = enter_world(init, name, node);
	pid_t pid = rc < 0 ? rc : fork();

	if (pid == 0) {
		reset_signals();
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0) {
		rc = rc < 0 ? rc : -errno;
		_exit(write(report, &rc, sizeof(rc)) == sizeof(rc) ? 126 : 125);
	}
	close(report);
	_exit(wait_status(pid));
}

int world_exec(const char *name, const char *node, char *const argv[])
{
	pid_t init = world_dir_holder(name);
	int report[2], rc = 0;

	if (init < 0)
		return init;
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	// The terminal's signals are the command's.
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	pid_t pid = fork();
	if (pid == 0) {
		close(report[0]);
		exec_inside(init, name, node, argv, report[1]);
	}
	close(report[1]);
	bool failed = pid < 0 || read(report[0], &rc, sizeof(rc)) == sizeof(rc);
	close(report[0]);
	if (pid < 0)
		return -EAGAIN;
	int status = wait_status(pid);
	return failed ? rc : status;
}
