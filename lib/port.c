#include "lib/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { BACKLOG = 64, ACCEPTS_A_TURN = 16, PAUSE_MS = 1000 };

struct port {
	uv_poll_t poll;
	uv_timer_t pause;
	int handles; // open ones; freed with the last
	int fd;
	enum ip_family family;
	port_accept *accept;
	void *ctx;
};

static void on_connection(uv_poll_t *handle, int status, int);

static void on_pause_end(uv_timer_t *timer)
{
	struct port *p = timer->data;

	uv_poll_start(&p->poll, UV_READABLE, on_connection);
}

static void rest(struct port *p)
{
	uv_poll_stop(&p->poll);
	uv_timer_start(&p->pause, on_pause_end, PAUSE_MS, 0);
}

static void on_connection(uv_poll_t *handle, int status, int)
{
	struct port *p = handle->data;

	if (status < 0)
		rest(p);
	for (int i = 0; status == 0 && i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage ss = {};
		socklen_t len = sizeof(ss);
		int fd = accept4(p->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED)
			rest(p);
		if (fd < 0)
			return;
		struct ip_addr remote = ip_from_sockaddr((struct sockaddr *)&ss);
		p->accept(p->ctx, fd, &remote);
	}
}

int port_bind(const struct ip_addr *address, uint16_t number)
{
	int one = 1;
	struct sockaddr_storage ss;
	socklen_t len = ip_to_sockaddr(address, number, &ss);
	own(close_fd) int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	if (ss.ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	return take_fd(&fd);
}

int port_new(struct port **ret, uv_loop_t *loop, const struct ip_addr *address, uint16_t number,
	port_prepare *prepare, port_accept *accept, void *ctx)
{
	own(close_fd) int fd = port_bind(address, number);
	int rc = fd < 0 ? fd : 0;

	if (rc == 0 && prepare)
		rc = prepare(ctx, fd, address->family);
	if (rc == 0 && listen(fd, BACKLOG) < 0)
		rc = -errno;
	if (rc < 0)
		return rc;
	struct port *p = mem_zalloc(sizeof(*p));
	rc = uv_poll_init(loop, &p->poll, fd);
	if (rc < 0) {
		free(p);
		return rc;
	}
	p->fd = take_fd(&fd);
	p->family = address->family;
	p->accept = accept;
	p->ctx = ctx;
	uv_timer_init(loop, &p->pause);
	p->handles = 2;
	p->poll.data = p->pause.data = p;
	uv_poll_start(&p->poll, UV_READABLE, on_connection);
	*ret = p;
	return 0;
}

const char *port_problem(int error)
{
	if (error == -EADDRNOTAVAIL)
		return "this host does not have the address (yet)";
	if (error == -EACCES)
		return "CAP_NET_BIND_SERVICE is needed";
	return strerror(-error);
}

int port_fd(const struct port *p)
{
	return p->fd;
}

enum ip_family port_family(const struct port *p)
{
	return p->family;
}

static void on_closed(uv_handle_t *handle)
{
	struct port *p = handle->data;

	if (--p->handles == 0)
		free(p);
}

void port_free(struct port **which)
{
	struct port *p = take(*which);

	if (!p)
		return;
	uv_close((uv_handle_t *)&p->poll, on_closed);
	uv_close((uv_handle_t *)&p->pause, on_closed);
	close_fd(&p->fd);
}
