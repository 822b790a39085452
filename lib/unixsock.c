#include "lib/unixsock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/own.h"

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static bool answers(const struct sockaddr_un *un)
{
	own(close_fd) int fd = new_socket();

	if (fd < 0)
		return false;
	// EAGAIN: it lives, but its queue is full.
	return connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno == EAGAIN;
}

// Removes the socket of a program that died. Anything else there is somebody's.
static int clear_path(const struct sockaddr_un *un)
{
	struct stat st;

	if (lstat(un->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (answers(un))
		return -EADDRINUSE;
	return unlink(un->sun_path) < 0 ? -errno : 0;
}

// The socket's folder (/run/nearcast) is ours to make, its parent is not.
static int make_folder(const char *path)
{
	own(free_ptr) char *folder = mem_strdup(path);
	char *slash = strrchr(folder, '/');

	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return mkdir(folder, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int listen_at(const char *path, mode_t mode)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, path, strlen(path));
	int rc = make_folder(path);
	if (rc == 0)
		rc = clear_path(&un);
	if (rc < 0)
		return rc;
	own(close_fd) int fd = new_socket();
	if (fd < 0)
		return -errno;
	mode_t old = umask(0777 & ~mode);
	rc = bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ? -errno : 0;
	umask(old);
	if (rc < 0)
		return rc;
	if (chmod(path, mode) < 0 || listen(fd, UNIXSOCK_BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

int unixsock_listen(const char *path, mode_t mode, const char *who, struct strbuf *error)
{
	int rc = listen_at(path, mode);

	if (rc == -EADDRINUSE)
		sb_printf(error, "another %s answers at %s", who, path);
	else if (rc == -EEXIST)
		sb_printf(error, "%s is there and is no socket: remove it, or name another path",
			path);
	else if (rc < 0)
		sb_printf(error, "cannot listen at %s: %s", path, strerror(-rc));
	return rc;
}
