// kind: dns. One question, over UDP or (tcp: yes) over TCP; RFC 1035, RFC 7766.
//
// Each attempt has a socket and so a source port of its own. The UDP socket is
// connected, so that the kernel hands on the port-unreachable message of a host
// without a server; on this host that message is there as soon as send() returns.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/strbuf.h"
#include "lib/wire.h"
#include "nearcastd/dnsquery.h"
#include "nearcastd/probe.h"
#include "nearcastd/probe_socket.h"

enum {
	UDP_BYTES = 4096, // more than was offered by EDNS
	REPLIES_MAX = 16, // looked at in one turn of the loop
};

struct probe_dns {
	struct probe base;
	struct dnsquery *query; // NULL: fault says why
	struct health_result fault;
	struct fdwatch *watch;
	int fd;
	uint16_t id;
	bool sent;            // TCP: the question was
	struct strbuf stream; // TCP: the reply so far, with its length
};

static void dns_cancel(struct probe *p)
{
	struct probe_dns *d = container_of(p, struct probe_dns, base);

	fdwatch_close(&d->watch);
	close_fd(&d->fd);
	sb_free(&d->stream);
}

static void finish(struct probe_dns *d, const struct health_result *r)
{
	dns_cancel(&d->base);
	probe_report(&d->base, r);
}

static void finish_error(struct probe_dns *d, int error)
{
	struct ip_addr server = probe_server(d->base.service, d->base.check);
	struct health_result r = probe_socket_result(error, &server, (uint16_t)d->base.check->port);

	finish(d, &r);
}

// Returns true when the attempt has ended.
static bool take_udp(struct probe_dns *d, const void *data, size_t len)
{
	struct health_result r;

	if (dnsquery_judge(d->query, d->id, data, len, &r) == DNSQUERY_NOT_OURS) {
		snprintf(d->base.seen, sizeof(d->base.seen), "%s", r.detail);
		return false;
	}
	finish(d, &r);
	return true;
}

static void read_udp(struct probe_dns *d)
{
	uint8_t buf[UDP_BYTES];

	for (int i = 0; i < REPLIES_MAX; i++) {
		ssize_t n = recv(d->fd, buf, sizeof(buf), 0);

		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				finish_error(d, -errno);
			return;
		}
		if (take_udp(d, buf, (size_t)n))
			return;
	}
}

//  RFC 1035 section 4.2.2
//  +------------+---------+
//  | length (2) | message |
//  +------------+---------+
static bool take_stream(struct probe_dns *d)
{
	struct rd r = rd_init(sb_text(&d->stream), d->stream.len);
	struct health_result result;
	size_t len = rd_u16(&r);
	const uint8_t *message = rd_bytes(&r, len);

	if (r.bad)
		return false; // not all of it yet
	// Nothing else can come on this connection, so what is not ours is wrong.
	(void)dnsquery_judge(d->query, d->id, message, len, &result);
	finish(d, &result);
	return true;
}

static void read_tcp(struct probe_dns *d)
{
	char buf[2048];
	ssize_t n = recv(d->fd, buf, sizeof(buf), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		return finish_error(d, -errno);
	if (n == 0) {
		struct health_result r = health_result_of(
			HEALTH_REASON_BAD_REPLY, "closed after %zu bytes", d->stream.len);
		return finish(d, &r);
	}
	sb_add(&d->stream, buf, (size_t)n);
	(void)take_stream(d);
}

static void send_tcp(struct probe_dns *d)
{
	uint8_t buf[1024];
	struct wr w = wr_init(buf, sizeof(buf));
	int error = probe_connected(d->fd);
	size_t len = 0;

	if (error == -EINPROGRESS)
		return;
	const uint8_t *message = dnsquery_message(d->query, d->id, &len);
	size_t at = wr_len16_open(&w);
	wr_bytes(&w, message, len);
	wr_len16_close(&w, at);
	// A fresh connection has room for so little.
	if (!error && send(d->fd, buf, wr_len(&w), MSG_NOSIGNAL) < 0)
		error = -errno;
	if (error)
		return finish_error(d, error);
	d->sent = true;
	if (d->watch)
		fdwatch_events(d->watch, UV_READABLE);
}

static void on_event(void *ctx, int)
{
	struct probe_dns *d = ctx;

	if (!d->base.check->tcp)
		read_udp(d);
	else if (d->sent)
		read_tcp(d);
	else
		send_tcp(d);
}

static void send_udp(struct probe_dns *d)
{
	size_t len = 0;
	const uint8_t *message = dnsquery_message(d->query, d->id, &len);

	if (send(d->fd, message, len, MSG_NOSIGNAL) < 0)
		finish_error(d, -errno);
	else
		read_udp(d);
}

static void wait_for_reply(struct probe_dns *d)
{
	int events = d->base.check->tcp && !d->sent ? UV_WRITABLE : UV_READABLE;
	int error = fdwatch_new(&d->watch, d->base.loop, d->fd, events, on_event, d);

	if (error)
		finish_error(d, error);
}

static void dns_start(struct probe *p)
{
	struct probe_dns *d = container_of(p, struct probe_dns, base);
	struct ip_addr server = probe_server(p->service, p->check);
	bool tcp = p->check->tcp;

	if (!d->query)
		return finish(d, &d->fault);
	d->sent = false;
	if (getrandom(&d->id, sizeof(d->id), GRND_NONBLOCK) != sizeof(d->id))
		return finish_error(d, -EAGAIN);
	d->fd = probe_connect(
		tcp ? SOCK_STREAM : SOCK_DGRAM, p->service, &server, (uint16_t)p->check->port);
	if (d->fd < 0)
		return finish_error(d, d->fd);
	if (tcp)
		send_tcp(d);
	else
		send_udp(d);
	if (p->running)
		wait_for_reply(d);
}

static void dns_free(struct probe *p)
{
	struct probe_dns *d = container_of(p, struct probe_dns, base);

	dnsquery_free(&d->query);
	free(d);
}

static const struct probe_ops ops = { dns_start, dns_cancel, dns_free };

struct probe *probe_dns_new(const struct conf_check *check)
{
	struct probe_dns *d = mem_zalloc(sizeof(*d));

	d->base.ops = &ops;
	d->fd = -1;
	d->query = dnsquery_new(check, &d->fault);
	return &d->base;
}
