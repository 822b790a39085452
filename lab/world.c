#include "lab/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/netns.h"
#include "lab/world_dir.h"
#include "lib/mem.h"

enum { DOWN_TIMEOUT_MS = 5000 };

static const char netns_dir[] = "/run/netns";

static int name_node(const struct lab_node *node)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", node->netns);
	snprintf(to, sizeof(to), "%s/%s", netns_dir, node->name);
	own(close_fd) int fd = open(to, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
	if (fd < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0)
		return -errno;
	return 0;
}

// A keeper pins its tables; those of one node are no other's business.
static int mount_bpf(const struct world *w, const struct lab_node *node)
{
	own(sb_free) struct strbuf path = {};
	const char *at = world_path(w, node, WORLD_BPF, &path);

	if (mkdir(at, 0700) < 0 || mount("bpf", at, "bpf", 0, "mode=700") < 0)
		return -errno;
	return 0;
}

// Mounts that only the world sees: its processes, and its nodes by name.
static int mount_world(const struct world *w)
{
	const struct topology *t = w->topology;
	int rc = 0;

	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL) < 0 ||
		mount("netns", netns_dir, "tmpfs", 0, "mode=755") < 0)
		return -errno;
	for (size_t i = 0; rc == 0 && i < t->node_count; i++)
		rc = name_node(&t->nodes[i]);
	for (size_t i = 0; rc == 0 && i < t->node_count; i++)
		if (t->nodes[i].keeper)
			rc = mount_bpf(w, &t->nodes[i]);
	return rc;
}

// A world that stays must not keep the pipe or terminal of the command that made it.
static void leave_terminal(void)
{
	own(close_fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
}

// PID 1 of the world. Children that lost their parents are reaped by the
// kernel (SIGCHLD ignored). One byte on the pipe means: stay without the lab.
__attribute__((noreturn)) static void init_main(const struct world *w, int hold, int ready)
{
	char byte;

	setsid();
	(void)!chdir("/");
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_NAME, "nearcast-world");
	int rc = mount_world(w);
	if (write(ready, &rc, sizeof(rc)) != sizeof(rc) || rc < 0)
		_exit(1);
	close(ready);
	ssize_t n;
	do
		n = read(hold, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(0);
	leave_terminal();
	for (;;)
		pause();
}

static int make_namespaces(struct topology *t)
{
	for (size_t i = 0; i < t->node_count; i++) {
		struct lab_node *node = &t->nodes[i];
		int fd = netns_new();
		if (fd < 0)
			return fd;
		node->netns = fd;
		int rc = netns_set_up(fd, node->kind == NODE_KIND_ROUTER);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int open_ns(pid_t pid, const char *which)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, which);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int await_ready(struct world *w, int ready)
{
	int rc = -ECHILD;

	if (read(ready, &rc, sizeof(rc)) != sizeof(rc))
		return -ECHILD;
	if (rc < 0)
		return rc;
	w->mntns = open_ns(w->init, "mnt");
	w->pidns = open_ns(w->init, "pid");
	if (w->mntns < 0)
		return w->mntns;
	return w->pidns < 0 ? w->pidns : 0;
}

// Children forked between enter and leave belong to the PID namespace; this process does not.
static int start_init(struct world *w)
{
	int hold[2], ready[2];

	w->own_pidns = open_ns(getpid(), "pid");
	if (w->own_pidns < 0)
		return w->own_pidns;
	if (pipe2(hold, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0 || unshare(CLONE_NEWPID) < 0)
		return -errno;
	w->init = fork();
	if (w->init == 0) {
		close(hold[1]);
		close(ready[0]);
		init_main(w, hold[0], ready[1]);
	}
	int rc = w->init < 0 ? -errno : 0;
	close(hold[0]);
	close(ready[1]);
	w->hold = hold[1];
	if (setns(w->own_pidns, CLONE_NEWPID) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0)
		rc = await_ready(w, ready[0]);
	close(ready[0]);
	return rc;
}

static int make_dirs(const struct world *w)
{
	for (size_t i = 0; i < w->topology->node_count; i++) {
		own(sb_free) struct strbuf path = {};
		if (mkdir(world_path(w, &w->topology->nodes[i], "", &path), 0755) < 0)
			return -errno;
	}
	if (mkdir(netns_dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int note_init(const struct world *w)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)w->init);

	if (ftruncate(w->lock, 0) < 0 || pwrite(w->lock, text, (size_t)n, 0) != n)
		return -errno;
	return 0;
}

int world_new(struct world **ret, const char *name, struct topology *t, struct strbuf *error)
{
	struct world *w = mem_zalloc(sizeof(*w));
	own(sb_free) struct strbuf dir = {};

	*w = (struct world){ .topology = t, .hold = -1, .pidns = -1, .own_pidns = -1, .mntns = -1 };
	w->name = mem_strdup(name);
	w->lock = world_dir_take(name, &dir);
	w->dir = sb_take(&dir);
	int rc = w->lock < 0 ? w->lock : make_dirs(w);
	if (rc == 0)
		rc = make_namespaces(t);
	if (rc == 0)
		rc = start_init(w);
	if (rc == 0)
		rc = note_init(w);
	if (rc == -EBUSY)
		sb_printf(error, "world %s is up already; `nearcast-lab down %s` ends it", name,
			name);
	else if (rc < 0)
		sb_printf(error, "cannot make the world in %s: %s", w->dir, strerror(-rc));
	if (rc < 0)
		world_end(&w);
	else
		*ret = w;
	return rc;
}

static void world_free(struct world **w)
{
	close_fd(&(*w)->hold);
	close_fd(&(*w)->pidns);
	close_fd(&(*w)->own_pidns);
	close_fd(&(*w)->mntns);
	close_fd(&(*w)->lock);
	free((*w)->name);
	free((*w)->dir);
	free_ptr(w);
}

// The init cannot go before every process of its namespace was reaped, and
// those that this process started are reaped here.
static void reap_all(pid_t init)
{
	pid_t pid;

	do
		pid = wait(NULL);
	while (pid != init && (pid > 0 || errno == EINTR));
}

void world_end(struct world **w)
{
	struct world *gone = *w;

	if (!gone)
		return;
	close_fd(&gone->hold);
	if (gone->init > 0) {
		kill(gone->init, SIGKILL);
		reap_all(gone->init);
	}
	if (gone->lock >= 0)
		world_dir_remove(gone->dir);
	world_free(w);
}

// The init has the only reading end of the pipe, and closes it before the processes of the world go.
bool world_is_up(const struct world *w)
{
	struct pollfd p = { .fd = w->hold };

	return poll(&p, 1, 0) <= 0;
}

int world_detach(struct world **w)
{
	if (write((*w)->hold, "d", 1) != 1)
		return -errno;
	world_free(w);
	return 0;
}

const char *world_path(
	const struct world *w, const struct lab_node *node, const char *file, struct strbuf *b)
{
	sb_clear(b);
	sb_str(b, w->dir);
	if (node)
		sb_printf(b, "/%s", node->name);
	if (file[0])
		sb_printf(b, "/%s", file);
	return sb_text(b);
}

int world_write(const struct world *w, const struct lab_node *node, const char *file,
	const struct strbuf *text)
{
	own(sb_free) struct strbuf path = {};
	own(close_file) FILE *f = fopen(world_path(w, node, file, &path), "we");

	if (!f)
		return -errno;
	if (fwrite(sb_text(text), 1, text->len, f) != text->len || fflush(f) != 0)
		return -EIO;
	return 0;
}

int world_read(const struct world *w, const struct lab_node *node, const char *file, long offset,
	struct strbuf *b)
{
	own(sb_free) struct strbuf path = {};
	own(close_file) FILE *f = fopen(world_path(w, node, file, &path), "re");
	char bytes[4096];
	size_t n;

	if (!f)
		return -errno;
	if (fseek(f, offset, SEEK_SET) < 0)
		return -errno;
	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		sb_add(b, bytes, n);
	return ferror(f) ? -EIO : 0;
}

int world_each(int (*fn)(const char *name, pid_t init, void *ctx), void *ctx)
{
	DIR *d = opendir(world_base());
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *e = readdir(d); e && rc == 0; e = readdir(d)) {
		pid_t init = e->d_name[0] == '.' ? -ESRCH : world_dir_holder(e->d_name);
		if (init > 0)
			rc = fn(e->d_name, init, ctx);
	}
	closedir(d);
	return rc;
}

int world_down(const char *name)
{
	pid_t init = world_dir_holder(name);

	if (init < 0)
		return init;
	if (kill(init, SIGKILL) < 0 && errno != ESRCH)
		return -errno;
	return world_dir_release(name, DOWN_TIMEOUT_MS);
}
