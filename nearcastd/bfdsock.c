#include "nearcastd/bfdsock.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include "lib/own.h"

enum {
	UDP_HEADER_BYTES = 8,
	TTL_AT = 8,      // in the IPv4 header
	HOPLIMIT_AT = 7, // in the IPv6 header
};

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

// Classic BPF (bpf(4)): lengths count from the UDP header, SKF_NET_OFF from the IP header.
static int set_filter(int fd, enum ip_family family, bool multihop)
{
	uint32_t ttl_at = (uint32_t)SKF_NET_OFF + (family == IP4 ? TTL_AT : HOPLIMIT_AT);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, UDP_HEADER_BYTES + BFD_PACKET_BYTES, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ttl_at),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, multihop ? 0 : BFD_TTL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT16_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { countof(code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

static int open_udp(enum ip_family family)
{
	int domain = family == IP4 ? AF_INET : AF_INET6;
	own(close_fd) int fd = socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int rc = family == IP6 ? set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
	return rc < 0 ? rc : take_fd(&fd);
}

// RFC 4007 section 6: a link-local address is one of a link.
static socklen_t to_sockaddr(
	const struct ip_addr *address, unsigned link, uint16_t port, struct sockaddr_storage *ss)
{
	socklen_t len = ip_to_sockaddr(address, port, ss);

	if (address->family == IP6 && ip_is_link_local(address))
		((struct sockaddr_in6 *)ss)->sin6_scope_id = link;
	return len;
}

static int bind_to(int fd, const struct ip_addr *address, unsigned link, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = to_sockaddr(address, link, port, &ss);

	return bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

static struct ip_addr any_of(enum ip_family family)
{
	return (struct ip_addr){ .family = (uint8_t)family };
}

int bfdsock_open_port(enum ip_family family, bool multihop)
{
	own(close_fd) int fd = open_udp(family);
	struct ip_addr any = any_of(family);
	int rc = fd < 0 ? fd : set_filter(fd, family, multihop);

	if (rc == 0 && family == IP4)
		rc = set_int(fd, IPPROTO_IP, IP_RECVTTL, 1);
	else if (rc == 0)
		rc = set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	if (rc == 0)
		rc = bind_to(fd, &any, 0, multihop ? BFD_PORT_MULTIHOP : BFD_PORT);
	return rc < 0 ? rc : take_fd(&fd);
}

int bfdsock_open_sender(
	enum ip_family family, const struct ip_addr *source, unsigned link, uint16_t port)
{
	own(close_fd) int fd = open_udp(family);
	struct ip_addr from = source->family == IP_NONE ? any_of(family) : *source;
	int level = family == IP4 ? IPPROTO_IP : IPPROTO_IPV6;
	int rc = fd < 0 ? fd : 0;

	if (rc == 0)
		rc = set_int(fd, level, family == IP4 ? IP_TTL : IPV6_UNICAST_HOPS, BFD_TTL);
	if (rc == 0) // network control, RFC 4594 section 3.1
		rc = set_int(fd, level, family == IP4 ? IP_TOS : IPV6_TCLASS, IPTOS_CLASS_CS6);
	if (rc == 0) // nothing is read from it
		rc = set_int(fd, SOL_SOCKET, SO_RCVBUF, 0);
	if (rc == 0)
		rc = bind_to(fd, &from, link, port);
	return rc < 0 ? rc : take_fd(&fd);
}

int bfdsock_send(int fd, const struct bfdsock_remote *remote, const void *data, size_t len)
{
	struct sockaddr_storage ss;
	uint16_t port = remote->multihop ? BFD_PORT_MULTIHOP : BFD_PORT;
	socklen_t n = to_sockaddr(&remote->address, remote->link, port, &ss);

	return sendto(fd, data, len, MSG_NOSIGNAL, (struct sockaddr *)&ss, n) < 0 ? -errno : 0;
}

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static uint8_t ttl_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL;
		bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT;
		int value;
		if (!v4 && !v6)
			continue;
		memcpy(&value, CMSG_DATA(c), sizeof(value));
		return (uint8_t)value;
	}
	return 0;
}

static unsigned link_of(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)ss)->sin6_scope_id : 0;
}

size_t bfdsock_receive(int fd, struct bfdsock_datagram ret[BFDSOCK_BATCH])
{
	struct mmsghdr headers[BFDSOCK_BATCH] = {};
	struct iovec parts[BFDSOCK_BATCH];
	struct sockaddr_storage from[BFDSOCK_BATCH] = {};
	union control control[BFDSOCK_BATCH];

	for (size_t i = 0; i < BFDSOCK_BATCH; i++) {
		parts[i] = (struct iovec){ ret[i].data, BFDSOCK_BYTES };
		headers[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &parts[i],
			.msg_iovlen = 1,
			.msg_control = &control[i],
			.msg_controllen = sizeof(control[i]),
		};
	}
	int n = recvmmsg(fd, headers, BFDSOCK_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		ret[i].from = ip_from_sockaddr((struct sockaddr *)&from[i]);
		ret[i].link = link_of(&from[i]);
		ret[i].ttl = ttl_of(&headers[i].msg_hdr);
		ret[i].len = headers[i].msg_len;
	}
	return n > 0 ? (size_t)n : 0;
}
