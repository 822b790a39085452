#include "lab/daemonask.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/own.h"

enum { ANSWER_MAX_BYTES = 1 << 22, WAIT_S = 1 };

int daemon_ask(const struct world *w, const struct lab_node *node, const char *request,
	struct strbuf *answer)
{
	own(sb_free) struct strbuf path = {};
	const struct timeval wait = { .tv_sec = WAIT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	own(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char bytes[16384];

	if (fd < 0)
		return -errno;
	if (strlen(world_path(w, node, "readonly", &path)) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, sb_text(&path), path.len + 1);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
		connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		write(fd, request, strlen(request)) != (ssize_t)strlen(request))
		return -errno;
	while (answer->len < ANSWER_MAX_BYTES) {
		ssize_t n = read(fd, bytes, sizeof(bytes));
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		sb_add(answer, bytes, (size_t)n);
		if (bytes[n - 1] == '\n')
			return 0;
	}
	return -EMSGSIZE;
}
