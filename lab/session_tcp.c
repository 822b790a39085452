// A session's connection: a socket that belongs to the client's namespace, on the lab's loop.
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lab/netns.h"
#include "lab/session_int.h"
#include "lib/mem.h"

enum { READ_BYTES = 1 << 16 };

// Lives until libuv has closed its handle.
struct session_tcp {
	uv_tcp_t handle;
	uv_connect_t connect;
	struct peer *of; // NULL: given up
	bool reading;
};

struct write {
	uv_write_t req;
	struct session_tcp *on;
	char bytes[];
};

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void tcp_close(struct peer *p)
{
	struct session_tcp *t = take(p->tcp);

	if (!t)
		return;
	t->of = NULL;
	uv_close((uv_handle_t *)&t->handle, on_closed);
}

static void lost(struct peer *p, int rc)
{
	bool reset = rc == UV_ECONNRESET || rc == UV_EPIPE;

	if (p->s->state == SESSION_OPENING && instant_is_never(p->asked))
		peer_break(p, BREAK_REFUSED, "%s", uv_strerror(rc));
	else
		peer_break(p, reset ? BREAK_RESET : BREAK_CLOSED, "%s", uv_strerror(rc));
}

static void on_alloc(uv_handle_t *h, size_t, uv_buf_t *buf)
{
	struct session_tcp *t = h->data;

	*buf = uv_buf_init(t->of ? (char *)t->of->all->bytes : NULL, t->of ? READ_BYTES : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct session_tcp *t = stream->data;

	if (!t->of || n == 0)
		return;
	if (n < 0)
		lost(t->of, (int)n);
	else
		t->of->ops->data(t->of, (const uint8_t *)buf->base, (size_t)n);
}

void tcp_read(struct peer *p, bool on)
{
	struct session_tcp *t = p->tcp;

	if (!t || t->reading == on)
		return;
	t->reading = on;
	if (!on)
		uv_read_stop((uv_stream_t *)&t->handle);
	else if (uv_read_start((uv_stream_t *)&t->handle, on_alloc, on_read) < 0)
		peer_break(p, BREAK_CLOSED, "cannot read");
}

static void on_connected(uv_connect_t *req, int status)
{
	struct session_tcp *t = req->data;
	struct peer *p = t->of;

	if (!p)
		return;
	if (status < 0) {
		lost(p, status);
		return;
	}
	uv_tcp_nodelay(&t->handle, 1);
	tcp_read(p, true);
	p->ops->up(p);
}

static int open_socket(const struct peer *p)
{
	const struct scn_client *clients = p->all->scenario->clients.data;
	const struct lab_node *node = topology_node(p->all->topology, clients[p->s->client].name);

	return netns_socket(node->netns, p->s->family == IP4 ? AF_INET : AF_INET6,
		SOCK_STREAM | SOCK_NONBLOCK, 0);
}

int tcp_open(struct peer *p)
{
	struct sockaddr_storage service;
	own(close_fd) int fd = open_socket(p);

	if (fd < 0)
		return fd;
	struct session_tcp *t = mem_zalloc(sizeof(*t));
	int rc = uv_tcp_init(p->all->loop, &t->handle);
	if (rc < 0) {
		free(t);
		return rc;
	}
	t->handle.data = t->connect.data = t;
	t->of = p;
	p->tcp = t;
	rc = uv_tcp_open(&t->handle, fd);
	if (rc < 0)
		return rc;
	(void)take_fd(&fd);
	ip_to_sockaddr(peer_service(p), p->ops->port, &service);
	return uv_tcp_connect(&t->connect, &t->handle, (struct sockaddr *)&service, on_connected);
}

static void on_written(uv_write_t *req, int status)
{
	struct write *w = req->data;

	if (status < 0 && w->on && w->on->of)
		lost(w->on->of, status);
	free(w);
}

void tcp_send(struct peer *p, const void *bytes, size_t n)
{
	if (!p->tcp) // it broke while its request was being made
		return;
	struct write *w = mem_zalloc(sizeof(*w) + n);

	w->req.data = w;
	w->on = p->tcp;
	memcpy(w->bytes, bytes, n);
	const uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)n);
	int rc = uv_write(&w->req, (uv_stream_t *)&p->tcp->handle, &buf, 1, on_written);
	if (rc < 0) {
		free(w);
		lost(p, rc);
	}
}

int tcp_fd(struct peer *p)
{
	int fd = -1;

	return p->tcp && uv_fileno((uv_handle_t *)&p->tcp->handle, &fd) == 0 ? fd : -1;
}

size_t tcp_unacked(struct peer *p)
{
	int n = 0;

	if (ioctl(tcp_fd(p), SIOCOUTQ, &n) < 0 || n < 0)
		return 0;
	return (size_t)n + uv_stream_get_write_queue_size((uv_stream_t *)&p->tcp->handle);
}
