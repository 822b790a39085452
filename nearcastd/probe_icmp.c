// kind: icmp. One echo request and its reply; RFC 792, RFC 4443 section 4.1.
//
// A ping socket needs no privilege where net.ipv4.ping_group_range allows it; else a
// raw socket does it, with CAP_NET_RAW. The reply is told by its data, which is drawn
// anew for each request, since a ping socket chooses the identifier by itself.
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/wire.h"
#include "nearcastd/probe.h"

enum {
	TOKEN_BYTES = 16,
	MESSAGE_BYTES = 8 + TOKEN_BYTES,
	CHECKSUM_AT = 2,
	REPLIES_MAX = 16, // looked at in one turn of the loop
};

struct probe_icmp {
	struct probe base;
	struct fdwatch *watch;
	int fd;
	bool raw;
	uint16_t sequence;
	uint8_t token[TOKEN_BYTES];
};

static void icmp_cancel(struct probe *p)
{
	struct probe_icmp *i = container_of(p, struct probe_icmp, base);

	fdwatch_close(&i->watch);
	close_fd(&i->fd);
}

static void finish(struct probe_icmp *i, const struct health_result *r)
{
	icmp_cancel(&i->base);
	probe_report(&i->base, r);
}

static void finish_error(struct probe_icmp *i, int error)
{
	bool far = error == -EHOSTUNREACH || error == -ENETUNREACH || error == -EHOSTDOWN ||
		   error == -ENOPROTOOPT || error == -ECONNREFUSED;
	bool denied = error == -EACCES || error == -EPERM;
	enum health_reason reason = far ? HEALTH_REASON_UNREACHABLE : HEALTH_REASON_COULD_NOT_RUN;
	char text[IP_TEXT];
	struct health_result r =
		health_result_of(reason, "%s: %s%s", ip_print(&i->base.check->server, text),
			strerror(-error), denied ? " (needs CAP_NET_RAW or ping_group_range)" : "");

	finish(i, &r);
}

// RFC 1071. The kernel does it for a ping socket and for IPv6.
static uint16_t checksum(const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	uint32_t sum = 0;

	while (rd_left(&r) >= 2)
		sum += rd_u16(&r);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

//  +----------+----------+--------------+----------------+--------------+-----------+
//  | type (1) | code (1) | checksum (2) | identifier (2) | sequence (2) | data (16) |
//  +----------+----------+--------------+----------------+--------------+-----------+
static void build(const struct probe_icmp *i, uint8_t message[MESSAGE_BYTES])
{
	struct wr w = wr_init(message, MESSAGE_BYTES);
	struct wr sum = wr_init(message + CHECKSUM_AT, 2);

	wr_u8(&w, i->base.check->server.family == IP4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
	wr_u8(&w, 0);
	wr_u16(&w, 0);
	wr_u16(&w, 0);
	wr_u16(&w, i->sequence);
	wr_bytes(&w, i->token, TOKEN_BYTES);
	wr_u16(&sum, checksum(message, MESSAGE_BYTES));
}

// A raw socket of IPv4 hands over the IP header too.
static bool is_reply(const struct probe_icmp *i, const uint8_t *data, size_t len)
{
	bool ip4 = i->base.check->server.family == IP4;
	struct rd r = rd_init(data, len);

	if (ip4 && i->raw) {
		uint8_t version_and_words = rd_u8(&r);
		size_t words = version_and_words & 15;
		(void)rd_bytes(&r, words > 0 ? words * 4 - 1 : 0);
	}
	uint8_t type = rd_u8(&r);
	(void)rd_bytes(&r, 7);
	const uint8_t *token = rd_bytes(&r, TOKEN_BYTES);
	return !r.bad && type == (ip4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
	       memcmp(token, i->token, TOKEN_BYTES) == 0;
}

static void on_event(void *ctx, int)
{
	struct probe_icmp *i = ctx;
	uint8_t buf[256];

	for (int n = 0; n < REPLIES_MAX; n++) {
		ssize_t len = recv(i->fd, buf, sizeof(buf), 0);

		if (len < 0) {
			if (errno != EAGAIN && errno != EINTR)
				finish_error(i, -errno);
			return;
		}
		if (is_reply(i, buf, (size_t)len)) {
			struct health_result r = health_result_of(HEALTH_REASON_OK, "echo reply");
			return finish(i, &r);
		}
	}
}

// Without this option the kernel keeps most unreachable messages to itself.
static int want_errors(int fd, enum ip_family family)
{
	int one = 1;
	bool ip4 = family == IP4;

	return setsockopt(fd, ip4 ? IPPROTO_IP : IPPROTO_IPV6, ip4 ? IP_RECVERR : IPV6_RECVERR,
		       &one, sizeof(one)) < 0
		       ? -errno
		       : 0;
}

static int open_socket(struct probe_icmp *i, const struct sockaddr_storage *to)
{
	int protocol = to->ss_family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
	int fd = socket(to->ss_family, SOCK_DGRAM | flags, protocol);

	i->raw = fd < 0 && (errno == EACCES || errno == EPERM);
	if (i->raw)
		fd = socket(to->ss_family, SOCK_RAW | flags, protocol);
	return fd < 0 ? -errno : fd;
}

static int begin(struct probe_icmp *i)
{
	const struct ip_addr *server = &i->base.check->server;
	struct sockaddr_storage to;
	socklen_t len = ip_to_sockaddr(server, 0, &to);
	uint8_t message[MESSAGE_BYTES];

	i->sequence++;
	if (getrandom(i->token, sizeof(i->token), GRND_NONBLOCK) != sizeof(i->token))
		return -EAGAIN;
	i->fd = open_socket(i, &to);
	if (i->fd < 0)
		return i->fd;
	int error = want_errors(i->fd, server->family);
	if (error)
		return error;
	build(i, message);
	if (connect(i->fd, (struct sockaddr *)&to, len) < 0 ||
		send(i->fd, message, sizeof(message), MSG_NOSIGNAL) < 0)
		return -errno;
	return fdwatch_new(&i->watch, i->base.loop, i->fd, UV_READABLE, on_event, i);
}

static void icmp_start(struct probe *p)
{
	struct probe_icmp *i = container_of(p, struct probe_icmp, base);
	int error = begin(i);

	if (error)
		finish_error(i, error);
}

static void icmp_free(struct probe *p)
{
	free(container_of(p, struct probe_icmp, base));
}

static const struct probe_ops ops = { icmp_start, icmp_cancel, icmp_free };

struct probe *probe_icmp_new(const struct conf_check *)
{
	struct probe_icmp *i = mem_zalloc(sizeof(*i));

	i->base.ops = &ops;
	i->fd = -1;
	return &i->base;
}
