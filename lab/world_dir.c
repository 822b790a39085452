#include "lab/world_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/own.h"

enum { TAKE_TRIES = 40, TAKE_WAIT_MS = 50, TREE_FDS = 16 };

const char *world_base(void)
{
	const char *dir = getenv("NEARCAST_LAB_DIR");

	return dir && dir[0] ? dir : "/run/nearcast-lab";
}

static int make_dir(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int remove_entry(const char *path, const struct stat *, int, struct FTW *)
{
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_inside(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	bool keep = ftw->level == 0 || (ftw->level == 1 && strcmp(path + ftw->base, "world") == 0);

	return keep ? 0 : remove_entry(path, st, type, ftw);
}

void world_dir_remove(const char *dir)
{
	(void)nftw(dir, remove_entry, TREE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)rmdir(world_base());
}

// -EAGAIN: the directory was removed under our hands by its last holder.
static int lock_dir(const char *dir)
{
	own(sb_free) struct strbuf path = {};
	struct stat mine, there;

	int rc = make_dir(world_base());
	if (rc == 0)
		rc = make_dir(dir);
	if (rc < 0)
		return rc;
	sb_printf(&path, "%s/world", dir);
	own(close_fd) int fd = open(sb_text(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (stat(sb_text(&path), &there) < 0 || fstat(fd, &mine) < 0 || there.st_ino != mine.st_ino)
		return -EAGAIN;
	return take_fd(&fd);
}

// A world whose lab was killed is gone within milliseconds: wait that out before refusing.
int world_dir_take(const char *name, struct strbuf *dir)
{
	int fd = -EAGAIN;

	sb_printf(dir, "%s/%s", world_base(), name);
	for (int i = 0; i < TAKE_TRIES && (fd == -EAGAIN || fd == -EBUSY); i++) {
		fd = lock_dir(sb_text(dir));
		if (fd == -EBUSY)
			(void)poll(NULL, 0, TAKE_WAIT_MS);
	}
	if (fd >= 0)
		(void)nftw(sb_text(dir), remove_inside, TREE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return fd;
}

static int open_world(const char *name)
{
	own(sb_free) struct strbuf path = {};

	sb_printf(&path, "%s/%s/world", world_base(), name);
	int fd = open(sb_text(&path), O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -ESRCH : fd;
}

pid_t world_dir_holder(const char *name)
{
	char text[32] = {};
	own(close_fd) int fd = open_world(name);

	if (fd < 0)
		return -ESRCH;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return -ESRCH;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return -ESRCH;
	long pid = strtol(text, NULL, 10);
	return pid > 0 ? (pid_t)pid : -ESRCH;
}

int world_dir_release(const char *name, int timeout_ms)
{
	own(sb_free) struct strbuf dir = {};
	own(close_fd) int fd = open_world(name);

	if (fd < 0)
		return 0;
	for (; flock(fd, LOCK_EX | LOCK_NB) < 0; timeout_ms -= TAKE_WAIT_MS) {
		if (timeout_ms <= 0)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, TAKE_WAIT_MS);
	}
	sb_printf(&dir, "%s/%s", world_base(), name);
	world_dir_remove(sb_text(&dir));
	return 0;
}
