#include "nearcastd/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/time.h>

#include "lib/own.h"

// The kernel answers from within send(); the limit only keeps a defect from
// stopping the whole daemon.
static const struct timeval patience = { .tv_sec = 1 };

int netlink_open(struct netlink *n, int bus)
{
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (!s)
		return -errno;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
		setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &patience,
			sizeof(patience)) < 0) {
		int error = -errno;

		mnl_socket_close(s);
		return error;
	}
	*n = (struct netlink){ .socket = s };
	return 0;
}

void netlink_close(struct netlink *n)
{
	if (n->socket)
		mnl_socket_close(n->socket);
	n->socket = NULL;
}

struct nlmsghdr *netlink_request(char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;

	m->nlmsg_type = type;
	m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags | (dump ? 0 : NLM_F_ACK));
	return m;
}

static bool is_end_of_dump(const void *buf, int len)
{
	for (const struct nlmsghdr *m = buf; mnl_nlmsg_ok(m, len); m = mnl_nlmsg_next(m, &len))
		if (m->nlmsg_type == NLMSG_DONE)
			return true;
	return false;
}

int netlink_talk(struct netlink *n, struct nlmsghdr *request, mnl_cb_t each, void *ctx)
{
	char buf[32768] __attribute__((aligned(8))); // the most that the kernel sends at once
	unsigned port = mnl_socket_get_portid(n->socket);
	bool interrupted = false;
	int more = MNL_CB_OK;

	request->nlmsg_seq = ++n->sequence;
	if (mnl_socket_sendto(n->socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		ssize_t len = mnl_socket_recvfrom(n->socket, buf, sizeof(buf));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		more = mnl_cb_run(buf, (size_t)len, n->sequence, port, each, ctx);
		if (more < 0 && errno == EPROTO) {
			more = MNL_CB_OK; // the rest of an earlier reply that was given up
		} else if (more < 0 && errno == EINTR) {
			// To its end, as the kernel has one dump a socket (EBUSY).
			interrupted = true;
			more = is_end_of_dump(buf, (int)len) ? MNL_CB_STOP : MNL_CB_OK;
		} else if (more < 0) {
			return -errno;
		}
	}
	return interrupted ? -EINTR : 0;
}

uint8_t netlink_family(const struct ip_addr *a)
{
	return a->family == IP4 ? AF_INET : AF_INET6;
}

void netlink_put_addr(struct nlmsghdr *m, uint16_t attribute, const struct ip_addr *a)
{
	mnl_attr_put(m, attribute, ip_bytes(a->family), a->b);
}

struct ip_addr netlink_get_addr(uint8_t af, const struct nlattr *attribute)
{
	enum ip_family family = af == AF_INET ? IP4 : af == AF_INET6 ? IP6 : IP_NONE;

	if (family == IP_NONE || mnl_attr_get_payload_len(attribute) != ip_bytes(family))
		return (struct ip_addr){ .family = IP_NONE };
	return ip_from_bytes(family, mnl_attr_get_payload(attribute));
}

static int read_route_type(const struct nlmsghdr *m, void *ctx)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(m);
	bool *local = ctx;

	*local = m->nlmsg_type == RTM_NEWROUTE && route->rtm_type == RTN_LOCAL;
	return MNL_CB_OK;
}

int netlink_is_local(const struct ip_addr *a, bool *ret)
{
	own(netlink_close) struct netlink n = {};
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	bool local = false;
	int error = netlink_open(&n, NETLINK_ROUTE);

	if (error)
		return error;
	struct nlmsghdr *m = netlink_request(buf, RTM_GETROUTE, 0);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(m, sizeof(*route));
	route->rtm_family = netlink_family(a);
	route->rtm_dst_len = (uint8_t)ip_bits(a->family);
	netlink_put_addr(m, RTA_DST, a);
	error = netlink_talk(&n, m, read_route_type, &local);
	// No route at all, a prohibiting one, a blackhole (EINVAL): not local either.
	static const int not_there[] = { -ENETUNREACH, -EHOSTUNREACH, -EACCES, -EINVAL };
	for (size_t i = 0; i < countof(not_there); i++)
		if (error == not_there[i])
			error = 0;
	if (error)
		return error;
	*ret = local;
	return 0;
}
