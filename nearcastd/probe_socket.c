#include "nearcastd/probe_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/own.h"

bool probe_is_own(const struct conf_service *service, const struct ip_addr *server)
{
	items_for_each(
		const struct ip_addr, a, service->addresses) if (ip_equal(a, server)) return true;
	return false;
}

static int bind_to(int fd, const struct ip_addr *own)
{
	struct sockaddr_storage from;
	socklen_t len = ip_to_sockaddr(own, 0, &from);
	int one = 1;

	// The port is chosen at connect(), where it need only differ per destination.
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&from, len) < 0 ? -errno : 0;
}

int probe_connect(
	int type, const struct conf_service *service, const struct ip_addr *server, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t len = ip_to_sockaddr(server, port, &to);
	own(close_fd) int fd = socket(to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int rc = probe_is_own(service, server) ? bind_to(fd, server) : 0;
	if (rc < 0)
		return rc;
	if (connect(fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		return errno == EADDRNOTAVAIL ? -EAGAIN : -errno; // no port is free
	return take_fd(&fd);
}

int probe_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&p, 1, 0) <= 0)
		return -EINPROGRESS;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

// Faults of this side say nothing about the server.
static bool is_our_fault(int error)
{
	static const int faults[] = { EAGAIN, EMFILE, ENFILE, ENOMEM, ENOBUFS, EAFNOSUPPORT,
		EINVAL };

	for (size_t i = 0; i < countof(faults); i++)
		if (error == -faults[i])
			return true;
	return false;
}

struct health_result probe_socket_result(int error, const struct ip_addr *server, uint16_t port)
{
	enum health_reason reason = error == -ECONNREFUSED    ? HEALTH_REASON_REFUSED
				    : error == -EADDRNOTAVAIL ? HEALTH_REASON_NOT_CONFIGURED
				    : is_our_fault(error)     ? HEALTH_REASON_COULD_NOT_RUN
							      : HEALTH_REASON_UNREACHABLE;
	char text[IP_TEXT];

	return health_result_of(
		reason, "%s port %u: %s", ip_print(server, text), port, strerror(-error));
}
