// kind: tcp. Healthy when the connection is accepted by the kernel; nothing is
// sent on it.
#include <errno.h>
#include <sys/socket.h>

#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/probe.h"
#include "nearcastd/probe_socket.h"

struct probe_tcp {
	struct probe base;
	struct fdwatch *watch;
	int fd;
};

static void tcp_cancel(struct probe *p)
{
	struct probe_tcp *t = container_of(p, struct probe_tcp, base);

	fdwatch_close(&t->watch);
	close_fd(&t->fd);
}

static void finish(struct probe_tcp *t, int error)
{
	struct ip_addr server = probe_server(t->base.service, t->base.check);
	uint16_t port = (uint16_t)t->base.check->port;
	struct health_result r = error ? probe_socket_result(error, &server, port)
				       : health_result_of(HEALTH_REASON_OK, "connected");

	tcp_cancel(&t->base);
	probe_report(&t->base, &r);
}

static void on_event(void *ctx, int)
{
	struct probe_tcp *t = ctx;
	int error = probe_connected(t->fd);

	if (error != -EINPROGRESS)
		finish(t, error);
}

static void tcp_start(struct probe *p)
{
	struct probe_tcp *t = container_of(p, struct probe_tcp, base);
	struct ip_addr server = probe_server(p->service, p->check);

	t->fd = probe_connect(SOCK_STREAM, p->service, &server, (uint16_t)p->check->port);
	// On this host the answer is there already, within connect().
	int error = t->fd < 0 ? t->fd : probe_connected(t->fd);
	if (error == -EINPROGRESS)
		error = fdwatch_new(&t->watch, p->loop, t->fd, UV_WRITABLE, on_event, t);
	else if (error == 0)
		return finish(t, 0);
	if (error)
		finish(t, error);
}

static void tcp_free(struct probe *p)
{
	free(container_of(p, struct probe_tcp, base));
}

static const struct probe_ops ops = { tcp_start, tcp_cancel, tcp_free };

struct probe *probe_tcp_new(const struct conf_check *)
{
	struct probe_tcp *t = mem_zalloc(sizeof(*t));

	t->base.ops = &ops;
	t->fd = -1;
	return &t->base;
}
