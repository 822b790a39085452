#include "nearglass/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/mem.h"
#include "lib/own.h"

enum {
	READ_BYTES = 256 << 10,
	READS_A_TURN = 2, // then others have their turn
	LINGER_MS = 2000,
	BACKLOG = 64,
	ACCEPTS_A_TURN = 16,
	PAUSE_MS = 1000,
};

struct tcp {
	uv_poll_t poll;
	uv_timer_t linger;
	int handles; // open ones; freed with the last
	int fd;
	bool connecting, finishing;
	const struct tcp_ops *ops;
	void *ctx;
	struct strbuf out;
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void watch(struct tcp *t)
{
	int events = t->connecting ? UV_WRITABLE : UV_READABLE;

	uv_poll_start(&t->poll, events | (t->out.len > 0 ? UV_WRITABLE : 0), on_poll);
}

static int set_options(int fd, enum ip_family family, int ttl)
{
	bool v4 = family == IP4;
	int one = 1, class = IPTOS_CLASS_CS6; // network control, RFC 4594 section 3.1

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
		setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &class,
			sizeof(class)) < 0)
		return -errno;
	if (ttl && setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS,
			   &ttl, sizeof(ttl)) < 0)
		return -errno;
	return 0;
}

static struct tcp *tcp_new(uv_loop_t *loop, int fd, const struct tcp_ops *ops, void *ctx)
{
	struct tcp *t = mem_zalloc(sizeof(*t));

	t->fd = fd;
	t->ops = ops;
	t->ctx = ctx;
	uv_poll_init(loop, &t->poll, fd);
	uv_timer_init(loop, &t->linger);
	t->poll.data = t->linger.data = t;
	t->handles = 2;
	return t;
}

static int start_connect(int fd, const struct tcp_to *to)
{
	struct sockaddr_storage ss;
	int rc = set_options(fd, (enum ip_family)to->address.family, to->ttl);

	if (rc < 0)
		return rc;
	if (to->source.family != IP_NONE) {
		socklen_t len = ip_to_sockaddr(&to->source, 0, &ss);
		if (bind(fd, (struct sockaddr *)&ss, len) < 0)
			return -errno;
	}
	socklen_t len = ip_to_sockaddr(&to->address, to->port, &ss);
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

int tcp_connect(struct tcp **ret, uv_loop_t *loop, const struct tcp_to *to,
	const struct tcp_ops *ops, void *ctx)
{
	int domain = to->address.family == IP4 ? AF_INET : AF_INET6;
	own(close_fd) int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc = fd < 0 ? -errno : start_connect(fd, to);

	if (rc < 0)
		return rc;
	struct tcp *t = tcp_new(loop, take_fd(&fd), ops, ctx);
	t->connecting = true;
	watch(t);
	*ret = t;
	return 0;
}

int tcp_adopt(struct tcp **ret, uv_loop_t *loop, int accepted, int ttl, const struct tcp_ops *ops,
	void *ctx)
{
	own(close_fd) int fd = accepted;
	struct sockaddr_storage ss = {};
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	int rc = set_options(fd, ss.ss_family == AF_INET ? IP4 : IP6, ttl);
	if (rc < 0)
		return rc;
	*ret = tcp_new(loop, take_fd(&fd), ops, ctx);
	watch(*ret);
	return 0;
}

// ---- Closing ----

static void on_closed(uv_handle_t *handle)
{
	struct tcp *t = handle->data;

	if (--t->handles > 0)
		return;
	close_fd(&t->fd);
	sb_free(&t->out);
	free(t);
}

static void destroy(struct tcp *t)
{
	if (uv_is_closing((uv_handle_t *)&t->poll))
		return;
	uv_close((uv_handle_t *)&t->poll, on_closed);
	uv_close((uv_handle_t *)&t->linger, on_closed);
}

static void on_linger_end(uv_timer_t *timer)
{
	destroy(timer->data);
}

void tcp_finish(struct tcp **which)
{
	struct tcp *t = take(*which);

	if (!t)
		return;
	t->finishing = true;
	if (t->connecting || t->out.len == 0) {
		destroy(t);
		return;
	}
	uv_timer_start(&t->linger, on_linger_end, LINGER_MS, 0);
}

static void down(struct tcp *t, const char *why)
{
	uv_poll_stop(&t->poll);
	if (t->finishing)
		destroy(t);
	else
		t->ops->down(t->ctx, why);
}

// ---- Reading and writing ----

// Negative errno on failure.
static int flush(struct tcp *t)
{
	while (t->out.len > 0) {
		ssize_t n = send(t->fd, t->out.s, t->out.len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		sb_consume(&t->out, (size_t)n);
	}
	return 0;
}

// A failure shows when the loop next reads the socket.
void tcp_send(struct tcp *t, const void *bytes, size_t n)
{
	sb_add(&t->out, bytes, n);
	if (t->connecting)
		return;
	if (flush(t) < 0)
		sb_clear(&t->out);
	watch(t);
}

static void read_some(struct tcp *t)
{
	static uint8_t buf[READ_BYTES];

	for (int i = 0; i < READS_A_TURN && !t->finishing; i++) {
		ssize_t n = recv(t->fd, buf, sizeof(buf), 0);
		if (n > 0)
			t->ops->data(t->ctx, buf, (size_t)n);
		else if (n == 0)
			down(t, "closed by the neighbour");
		else if (errno != EAGAIN && errno != EINTR)
			down(t, strerror(errno));
		if (n < (ssize_t)sizeof(buf))
			return;
	}
}

static void finish_connect(struct tcp *t)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		down(t, strerror(error));
		return;
	}
	t->connecting = false;
	watch(t);
	t->ops->up(t->ctx);
}

// Callbacks may finish the connection: it stays allocated until the loop closes its handles.
static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct tcp *t = handle->data;

	if (t->connecting) {
		finish_connect(t);
		return;
	}
	if (status < 0)
		events = UV_READABLE; // reading tells which error
	if (events & UV_WRITABLE) {
		if (flush(t) < 0)
			sb_clear(&t->out);
		watch(t);
	}
	if (t->finishing && t->out.len == 0)
		destroy(t);
	else if (!t->finishing && events & UV_READABLE)
		read_some(t);
}

struct ip_addr tcp_local(const struct tcp *t)
{
	struct sockaddr_storage ss = {};
	socklen_t len = sizeof(ss);

	if (getsockname(t->fd, (struct sockaddr *)&ss, &len) < 0)
		return (struct ip_addr){};
	return ip_from_sockaddr((struct sockaddr *)&ss);
}

// ---- Listening ----

struct tcp_listener {
	uv_poll_t poll;
	uv_timer_t pause;
	int handles;
	int fd;
	tcp_accept_fn *accept;
	void *ctx;
};

static void on_connection(uv_poll_t *handle, int status, int);

static void on_pause_end(uv_timer_t *timer)
{
	struct tcp_listener *l = timer->data;

	uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

// Without a free descriptor the connection stays in the queue: looking again at once would be all
// that the glass does.
static void on_connection(uv_poll_t *handle, int, int)
{
	struct tcp_listener *l = handle->data;

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

int tcp_listen(struct tcp_listener **ret, uv_loop_t *loop, const struct ip_addr *address,
	uint16_t port, tcp_accept_fn *accept, void *ctx)
{
	int fd = bound_socket(address, port);

	if (fd < 0)
		return fd;
	struct tcp_listener *l = mem_zalloc(sizeof(*l));
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
	struct tcp_listener *l = handle->data;

	if (--l->handles > 0)
		return;
	close_fd(&l->fd);
	free(l);
}

void tcp_listener_free(struct tcp_listener **which)
{
	struct tcp_listener *l = take(*which);

	if (!l)
		return;
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	uv_close((uv_handle_t *)&l->pause, on_listener_closed);
}
