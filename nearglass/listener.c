#include "nearglass/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { BACKLOG = 64, ACCEPTS_A_TURN = 16, PAUSE_MS = 1000 };

struct listener {
	uv_poll_t poll;
	uv_timer_t pause;
	int handles;
	int fd;
	listener_accept *accept;
	void *ctx;
};

static void on_connection(uv_poll_t *handle, int status, int);

static void on_pause_end(uv_timer_t *timer)
{
	struct listener *l = timer->data;

	uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

// Without a free descriptor the connection stays in the queue: looking again at once would be all
// that the glass does.
static void on_connection(uv_poll_t *handle, int, int)
{
	struct listener *l = handle->data;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage ss = {};
		socklen_t len = sizeof(ss);
		int fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED) {
			uv_poll_stop(&l->poll);
			uv_timer_start(&l->pause, on_pause_end, PAUSE_MS, 0);
		}
		if (fd < 0)
			return;
		struct ip_addr remote = ip_from_sockaddr((struct sockaddr *)&ss);
		l->accept(l->ctx, fd, &remote);
	}
}

static int bound_socket(const struct ip_addr *address, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = ip_to_sockaddr(address, port, &ss);
	own(close_fd) int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	if (ss.ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

int listener_new(struct listener **ret, uv_loop_t *loop, const struct ip_addr *address,
	uint16_t port, listener_accept *accept, void *ctx)
{
	int fd = bound_socket(address, port);

	if (fd < 0)
		return fd;
	struct listener *l = mem_zalloc(sizeof(*l));
	l->fd = fd;
	l->accept = accept;
	l->ctx = ctx;
	l->handles = 2;
	uv_poll_init(loop, &l->poll, fd);
	uv_timer_init(loop, &l->pause);
	l->poll.data = l->pause.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_connection);
	*ret = l;
	return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	if (--l->handles > 0)
		return;
	close_fd(&l->fd);
	free(l);
}

void listener_free(struct listener **which)
{
	struct listener *l = take(*which);

	if (!l)
		return;
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	uv_close((uv_handle_t *)&l->pause, on_listener_closed);
}
