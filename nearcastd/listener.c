#include "nearcastd/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/port.h"
#include "nearcastd/tcpauth.h"

struct listener {
	const struct conf *conf; // while the ports are opened
	listener_accept *accept;
	void *ctx;
	struct port **ports;
	size_t count;
};

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

static int prepare(void *ctx, int fd, enum ip_family family)
{
	const struct listener *l = ctx;
	int rc = set_ttl(fd, family);

	return rc < 0 ? rc : tcpauth_listen(fd, family, NULL, l->conf);
}

static void on_connection(void *ctx, int fd, const struct ip_addr *remote)
{
	const struct listener *l = ctx;

	l->accept(l->ctx, fd, remote);
}

static int open_port(
	struct listener *l, uv_loop_t *loop, const struct ip_addr *address, struct strbuf *error)
{
	char text[IP_TEXT];

	l->ports = mem_resize(l->ports, l->count + 1, sizeof(struct port *));
	int rc = port_new(&l->ports[l->count], loop, address, (uint16_t)l->conf->listen_port,
		prepare, on_connection, l);
	if (rc < 0)
		sb_printf(error, "cannot listen on %s port %lu: %s", ip_print(address, text),
			l->conf->listen_port, port_problem(rc));
	else
		l->count++;
	return rc;
}

// A host without IPv6 is no reason not to start.
static bool no_such_family(int rc)
{
	return rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL;
}

static int open_all(struct listener *l, uv_loop_t *loop, struct strbuf *error)
{
	const struct conf *conf = l->conf;

	if (conf->listen.count == 0) {
		struct ip_addr any4 = { .family = IP4 }, any6 = { .family = IP6 };
		int rc = open_port(l, loop, &any4, error);
		if (rc < 0)
			return rc;
		rc = open_port(l, loop, &any6, error);
		return no_such_family(rc) ? 0 : rc;
	}
	items_for_each(struct ip_addr, address, conf->listen)
	{
		int rc = open_port(l, loop, address, error);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int listener_new(struct listener **ret, uv_loop_t *loop, const struct conf *conf,
	listener_accept *accept, void *ctx, struct strbuf *error)
{
	struct listener *l = mem_zalloc(sizeof(*l));

	l->conf = conf;
	l->accept = accept;
	l->ctx = ctx;
	int rc = conf->listen_port ? open_all(l, loop, error) : 0;
	l->conf = NULL;
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
		rc = tcpauth_listen(port_fd(l->ports[i]), port_family(l->ports[i]), old, conf);
	return rc;
}

void listener_free(struct listener **lp)
{
	struct listener *l = take(*lp);

	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		port_free(&l->ports[i]);
	free(l->ports);
	free(l);
}
