#include "lib/conn.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/strbuf.h"

enum {
	READ_BYTES = 65536,
	READS_A_TURN = 4, // then others have their turn
	LINGER_MS = 2000,
	WATCH_IDLE_S = 30, // then it is asked, so often, and so many times
	WATCH_EVERY_S = 10,
	WATCH_TIMES = 3,
};

struct conn {
	uv_poll_t poll;
	uv_timer_t linger;
	int handles; // open ones; freed with the last
	int fd;
	bool connecting;
	bool finishing;
	bool prompt; // acknowledge at once
	bool failed; // a write failed: told from the loop, not from inside conn_send()
	int failure; // errno
	const struct conn_ops *ops;
	void *ctx;
	struct strbuf out;
};

static size_t lingering;

static void on_poll(uv_poll_t *handle, int status, int events);

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_watched(int fd)
{
	int rc = set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, WATCH_IDLE_S);

	if (rc == 0)
		rc = set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, WATCH_EVERY_S);
	if (rc == 0)
		rc = set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, WATCH_TIMES);
	return rc == 0 ? set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1) : rc;
}

static int set_options(int fd, const struct conn_options *o, bool accepted)
{
	bool v4 = o->remote.family == IP4;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	int rc = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);

	if (rc == 0) // network control, RFC 4594 section 3.1
		rc = set_int(fd, level, v4 ? IP_TOS : IPV6_TCLASS, IPTOS_CLASS_CS6);
	if (rc == 0 && o->ttl)
		rc = set_int(fd, level, v4 ? IP_TTL : IPV6_UNICAST_HOPS, o->ttl);
	if (rc == 0 && o->min_ttl)
		rc = set_int(fd, level, v4 ? IP_MINTTL : IPV6_MINHOPCOUNT, o->min_ttl);
	if (rc == 0 && o->watched)
		rc = set_watched(fd);
	if (rc == 0 && o->protect)
		rc = o->protect(o->keys, fd, &o->remote, accepted);
	return rc;
}

static int wanted(const struct conn *c)
{
	bool writes = c->connecting || c->out.len > 0;

	return UV_READABLE | (writes ? UV_WRITABLE : 0);
}

static void watch(struct conn *c)
{
	uv_poll_start(&c->poll, c->connecting ? UV_WRITABLE : wanted(c), on_poll);
}

// Takes *fd unless the loop cannot watch it; then NULL and *error.
static struct conn *conn_new(uv_loop_t *loop, int *fd, const struct conn_options *options,
	const struct conn_ops *ops, void *ctx, int *error)
{
	struct conn *c = mem_zalloc(sizeof(*c));

	*error = uv_poll_init(loop, &c->poll, *fd);
	if (*error < 0) {
		free(c);
		return NULL;
	}
	c->fd = take_fd(fd);
	c->prompt = options->prompt;
	c->ops = ops;
	c->ctx = ctx;
	uv_timer_init(loop, &c->linger);
	c->poll.data = c->linger.data = c;
	c->handles = 2;
	return c;
}

// RFC 4007 section 6: a link-local address is one of a link.
static int set_link(struct sockaddr_storage *ss, const char *interface)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	if (!interface)
		return 0;
	v6->sin6_scope_id = if_nametoindex(interface);
	return v6->sin6_scope_id ? 0 : -errno;
}

bool conn_is_on(int fd, const char *interface)
{
	struct sockaddr_storage ss = {};
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&ss;
	socklen_t len = sizeof(ss);

	return getpeername(fd, (struct sockaddr *)&ss, &len) == 0 && ss.ss_family == AF_INET6 &&
	       v6->sin6_scope_id && v6->sin6_scope_id == if_nametoindex(interface);
}

static int start_connect(int fd, const struct conn_options *o)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int rc = set_options(fd, o, false);

	if (rc < 0)
		return rc;
	if (o->source.family != IP_NONE) {
		len = ip_to_sockaddr(&o->source, 0, &ss);
		if (o->source.family == IP6 && ip_is_link_local(&o->source))
			rc = set_link(&ss, o->interface);
		if (rc < 0)
			return rc;
		if (bind(fd, (struct sockaddr *)&ss, len) < 0)
			return -errno;
	}
	len = ip_to_sockaddr(&o->remote, o->port, &ss);
	rc = set_link(&ss, o->interface);
	if (rc < 0)
		return rc;
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

struct conn *conn_connect(uv_loop_t *loop, const struct conn_options *options,
	const struct conn_ops *ops, void *ctx, int *error)
{
	int domain = options->remote.family == IP4 ? AF_INET : AF_INET6;
	own(close_fd) int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*error = fd < 0 ? -errno : start_connect(fd, options);
	if (*error < 0)
		return NULL;
	struct conn *c = conn_new(loop, &fd, options, ops, ctx, error);
	if (!c)
		return NULL;
	c->connecting = true;
	watch(c);
	return c;
}

struct conn *conn_adopt(uv_loop_t *loop, int accepted, const struct conn_options *options,
	const struct conn_ops *ops, void *ctx, int *error)
{
	own(close_fd) int fd = accepted;

	*error = set_options(fd, options, true);
	if (*error < 0)
		return NULL;
	struct conn *c = conn_new(loop, &fd, options, ops, ctx, error);
	if (c)
		watch(c);
	return c;
}

// Write what the kernel takes. Negative errno on failure.
static int flush(struct conn *c)
{
	while (c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.s, c->out.len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		sb_consume(&c->out, (size_t)n);
	}
	return 0;
}

void conn_send(struct conn *c, const void *bytes, size_t len)
{
	if (c->failed)
		return;
	sb_add(&c->out, bytes, len);
	if (c->connecting)
		return;
	int rc = flush(c);
	if (rc < 0) {
		c->failed = true;
		c->failure = -rc;
		sb_clear(&c->out);
	}
	watch(c); // a failed socket polls readable: the loop tells
}

size_t conn_backlog(const struct conn *c)
{
	return c->out.len;
}

struct ip_addr conn_local(const struct conn *c)
{
	struct sockaddr_storage ss = {};
	socklen_t len = sizeof(ss);

	if (getsockname(c->fd, (struct sockaddr *)&ss, &len) < 0)
		return (struct ip_addr){};
	return ip_from_sockaddr((struct sockaddr *)&ss);
}

static void on_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	if (--c->handles > 0)
		return;
	if (c->finishing)
		lingering--;
	close_fd(&c->fd);
	sb_free(&c->out);
	free(c);
}

static void destroy(struct conn *c)
{
	if (uv_is_closing((uv_handle_t *)&c->poll))
		return;
	uv_close((uv_handle_t *)&c->poll, on_closed);
	uv_close((uv_handle_t *)&c->linger, on_closed);
}

static void down(struct conn *c, const char *why)
{
	uv_poll_stop(&c->poll);
	if (c->finishing)
		destroy(c);
	else
		c->ops->down(c->ctx, why);
}

static void finish_connect(struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		down(c, strerror(error));
		return;
	}
	c->connecting = false;
	watch(c);
	c->ops->up(c->ctx);
}

static void read_away(struct conn *c)
{
	char scrap[4096];
	ssize_t n = 1;

	// Not for as long as it can send, or the linger timer would never have its turn.
	for (int i = 0; i < READS_A_TURN && n > 0; i++)
		n = recv(c->fd, scrap, sizeof(scrap), 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		destroy(c);
}

static void read_some(struct conn *c)
{
	static uint8_t buf[READ_BYTES];

	for (int i = 0; i < READS_A_TURN && !c->finishing; i++) {
		ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
		if (n > 0) {
			if (c->prompt) // the kernel forgets it again by itself, tcp(7)
				(void)set_int(c->fd, IPPROTO_TCP, TCP_QUICKACK, 1);
			c->ops->data(c->ctx, buf, (size_t)n);
			continue;
		}
		if (n == 0) // or reset, if the error was handed out to a write already
			down(c, c->failed ? strerror(c->failure) : "closed by the neighbour");
		else if (errno != EAGAIN && errno != EINTR)
			down(c, strerror(errno));
		return;
	}
}

// The queue is out: say so to the other side.
static void shut_when_written(struct conn *c)
{
	if (c->finishing && c->out.len == 0)
		shutdown(c->fd, SHUT_WR);
}

static void write_some(struct conn *c)
{
	int rc = flush(c);

	if (rc < 0) {
		c->failed = true;
		c->failure = -rc;
		return;
	}
	watch(c);
	shut_when_written(c);
	if (!c->finishing)
		c->ops->drained(c->ctx);
}

// Callbacks may finish this connection: it stays allocated until the loop
// closes its handles, but nothing more may be told.
static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct conn *c = handle->data;

	if (c->connecting) {
		finish_connect(c);
		return;
	}
	if (status < 0) { // libuv gave an error of the socket up; reading tells which
		watch(c);
		events = UV_READABLE;
	}
	if ((events & UV_WRITABLE) && !c->failed)
		write_some(c);
	if (uv_is_closing((uv_handle_t *)handle) || !uv_is_active((uv_handle_t *)handle))
		return;
	if (c->finishing && (c->failed || (events & UV_READABLE)))
		read_away(c);
	else if (!c->finishing && (c->failed || (events & UV_READABLE)))
		read_some(c);
	// Only now: the neighbour's last word may have been there to be read.
	if (c->failed && !uv_is_closing((uv_handle_t *)handle))
		down(c, strerror(c->failure));
}

static void on_linger_end(uv_timer_t *timer)
{
	destroy(timer->data);
}

void conn_finish(struct conn **cp)
{
	struct conn *c = take(*cp);

	if (!c)
		return;
	c->finishing = true;
	lingering++;
	if (c->connecting || c->failed || !uv_is_active((uv_handle_t *)&c->poll)) {
		destroy(c);
		return;
	}
	if (flush(c) < 0) {
		destroy(c);
		return;
	}
	watch(c);
	shut_when_written(c);
	uv_timer_start(&c->linger, on_linger_end, LINGER_MS, 0);
}

size_t conn_lingering(void)
{
	return lingering;
}
