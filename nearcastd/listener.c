#include "nearcastd/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/tcpauth.h"

enum { BACKLOG = 64, ACCEPTS_A_TURN = 16, PAUSE_MS = 1000 };

struct port {
	uv_poll_t poll;
	uv_timer_t pause;
	int handles; // open ones; freed with the last
	struct listener *l;
	enum ip_family family;
	int fd;
};

struct listener {
	listener_accept *accept;
	void *ctx;
	struct port **ports;
	size_t count;
};

static void on_connection(uv_poll_t *handle, int status, int);

static void on_pause_end(uv_timer_t *timer)
{
	struct port *p = timer->data;

	uv_poll_start(&p->poll, UV_READABLE, on_connection);
}

// Without a free descriptor a connection stays in the queue and the port readable:
// looking again at once would be all that the daemon does.
static void pause_port(struct port *p)
{
	uv_poll_stop(&p->poll);
	uv_timer_start(&p->pause, on_pause_end, PAUSE_MS, 0);
}

static void on_connection(uv_poll_t *handle, int status, int)
{
	struct port *p = handle->data;

	if (status < 0)
		pause_port(p);

	for (int i = 0; status == 0 && i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage ss = {};
		socklen_t len = sizeof(ss);
		int fd = accept4(p->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED)
			pause_port(p);
		if (fd < 0)
			return;
		struct ip_addr remote = ip_from_sockaddr((struct sockaddr *)&ss);
		p->l->accept(p->l->ctx, fd, &remote);
	}
}

// A neighbour that demands a TTL of 255 (RFC 5082) demands it of the SYN-ACK
// too, which the kernel sends before anybody knows whose connection it is.
static int set_ttl(int fd, enum ip_family family)
{
	bool v4 = family == IP4;
	int ttl = 255;

	return setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &ttl,
		       sizeof(ttl)) < 0
		       ? -errno
		       : 0;
}

static int bound_socket(const struct ip_addr *address, uint16_t port)
{
	int one = 1;
	struct sockaddr_storage ss;
	socklen_t len = ip_to_sockaddr(address, port, &ss);
	own(close_fd) int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	if (ss.ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	return take_fd(&fd);
}

static const char *problem(int error)
{
	if (error == -EADDRNOTAVAIL)
		return "this host does not have the address (yet)";
	if (error == -EACCES)
		return "CAP_NET_BIND_SERVICE is needed";
	return strerror(-error);
}

static int open_port(struct listener *l, uv_loop_t *loop, const struct conf *conf,
	const struct ip_addr *address, struct strbuf *error)
{
	char text[IP_TEXT];
	own(close_fd) int fd = bound_socket(address, (uint16_t)conf->listen_port);
	int rc = fd < 0 ? fd : set_ttl(fd, address->family);

	if (rc == 0)
		rc = tcpauth_listen(fd, address->family, NULL, conf);
	if (rc == 0 && listen(fd, BACKLOG) < 0)
		rc = -errno;
	struct port *p = mem_zalloc(sizeof(*p));
	if (rc == 0)
		rc = uv_poll_init(loop, &p->poll, fd);
	if (rc < 0) {
		free(p);
		sb_printf(error, "cannot listen on %s port %lu: %s", ip_print(address, text),
			conf->listen_port, problem(rc));
		return rc;
	}
	p->l = l;
	p->family = address->family;
	p->fd = take_fd(&fd);
	uv_timer_init(loop, &p->pause);
	p->handles = 2;
	p->poll.data = p->pause.data = p;
	uv_poll_start(&p->poll, UV_READABLE, on_connection);
	l->ports = mem_resize(l->ports, l->count + 1, sizeof(struct port *));
	l->ports[l->count++] = p;
	return 0;
}

// A host without IPv6 is no reason not to start.
static bool no_such_family(int rc)
{
	return rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL;
}

static int open_all(
	struct listener *l, uv_loop_t *loop, const struct conf *conf, struct strbuf *error)
{
	if (conf->listen.count == 0) {
		struct ip_addr any4 = { .family = IP4 }, any6 = { .family = IP6 };
		int rc = open_port(l, loop, conf, &any4, error);
		if (rc < 0)
			return rc;
		rc = open_port(l, loop, conf, &any6, error);
		return no_such_family(rc) ? 0 : rc;
	}
	items_for_each(struct ip_addr, address, conf->listen)
	{
		int rc = open_port(l, loop, conf, address, error);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int listener_new(struct listener **ret, uv_loop_t *loop, const struct conf *conf,
	listener_accept *accept, void *ctx, struct strbuf *error)
{
	struct listener *l = mem_zalloc(sizeof(*l));

	l->accept = accept;
	l->ctx = ctx;
	int rc = conf->listen_port ? open_all(l, loop, conf, error) : 0;
	if (rc < 0)
		listener_free(&l);
	else
		*ret = l;
	return rc;
}

int listener_set_keys(struct listener *l, const struct conf *old, const struct conf *conf)
{
	int rc = 0;

	for (size_t i = 0; i < l->count && rc == 0; i++)
		rc = tcpauth_listen(l->ports[i]->fd, l->ports[i]->family, old, conf);
	return rc;
}

static void on_closed(uv_handle_t *handle)
{
	struct port *p = handle->data;

	if (--p->handles == 0)
		free(p);
}

void listener_free(struct listener **lp)
{
	struct listener *l = take(*lp);

	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++) {
		uv_close((uv_handle_t *)&l->ports[i]->poll, on_closed);
		uv_close((uv_handle_t *)&l->ports[i]->pause, on_closed);
		close_fd(&l->ports[i]->fd);
	}
	free(l->ports);
	free(l);
}
