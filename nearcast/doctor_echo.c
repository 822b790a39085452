// Echo requests of a given size that must not be fragmented (RFC 792, RFC 4443).
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "lib/own.h"
#include "nearcast/doctor.h"

enum { WAIT_MS = 1000, ECHO_MAX = 9000, IP4_HEADER = 20, IP6_HEADER = 40, ECHO_HEADER = 8 };

static uint16_t checksum(const uint8_t *b, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(b[i] << 8 | b[i + 1]);
	if (n & 1)
		sum += (uint32_t)b[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int open_socket(bool v6)
{
	int probe = v6 ? IPV6_PMTUDISC_PROBE : IP_PMTUDISC_PROBE;
	own(close_fd) int fd = v6 ? socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6)
				  : socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (fd < 0)
		return -errno;
	if (v6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe)) < 0
	       : setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)) < 0)
		return -errno;
	return take_fd(&fd);
}

static bool is_answer(const uint8_t *b, size_t n, bool v6, uint16_t id, uint16_t size)
{
	size_t at = v6 ? 0 : (size_t)(b[0] & 0xf) * 4;

	return n == at + size && b[at] == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
	       (b[at + 4] << 8 | b[at + 5]) == id;
}

int doctor_echo(const struct ip_addr *to, unsigned bytes)
{
	static uint16_t id;
	bool v6 = to->family == IP6;
	uint16_t size = (uint16_t)(bytes - (v6 ? IP6_HEADER : IP4_HEADER));
	uint8_t b[ECHO_MAX] = { v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO };
	struct sockaddr_storage address;
	socklen_t length = ip_to_sockaddr(to, 0, &address);
	own(close_fd) int fd = open_socket(v6);

	if (fd < 0)
		return fd;
	if (bytes > ECHO_MAX || size < ECHO_HEADER)
		return -EINVAL;
	id = (uint16_t)(getpid() + id + 1);
	b[4] = (uint8_t)(id >> 8);
	b[5] = (uint8_t)id;
	uint16_t sum = v6 ? 0 : checksum(b, size);
	b[2] = (uint8_t)(sum >> 8);
	b[3] = (uint8_t)sum;
	if (sendto(fd, b, size, 0, (struct sockaddr *)&address, length) < 0)
		return errno == EMSGSIZE ? 0 : -errno;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	while (poll(&wait, 1, WAIT_MS) > 0) { // of others too, but not for ever
		ssize_t n = recv(fd, b, sizeof(b), 0);
		if (n > 0 && is_answer(b, (size_t)n, v6, id, size))
			return 1;
	}
	return 0;
}
