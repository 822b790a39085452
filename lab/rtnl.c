#include "lab/rtnl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdalign.h>
#include <sys/socket.h>

#include "lab/netns.h"

enum { REQUEST_BYTES = 1024 };

struct request {
	alignas(struct nlmsghdr) char buf[REQUEST_BYTES];
	struct nlmsghdr *nlh;
};

static void *request_init(struct request *r, uint16_t type, uint16_t flags, size_t header)
{
	r->nlh = mnl_nlmsg_put_header(r->buf);
	r->nlh->nlmsg_type = type;
	r->nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	r->nlh->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(r->nlh, header);
}

static int exchange(struct mnl_socket *nl, const struct nlmsghdr *nlh)
{
	char buf[8192];

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	// The acknowledgement is an error message of 0, which stops the run with success.
	return mnl_cb_run(buf, (size_t)n, nlh->nlmsg_seq, mnl_socket_get_portid(nl), NULL, NULL) < 0
		       ? -errno
		       : 0;
}

// The caller is in the namespace already: interface indices are looked up there.
static int send_here(struct request *r)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!nl)
		return -errno;
	int rc = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : exchange(nl, r->nlh);
	mnl_socket_close(nl);
	return rc;
}

static int index_of(const char *ifname, unsigned *ret)
{
	*ret = if_nametoindex(ifname);
	return *ret ? 0 : -errno;
}

int rtnl_add_veth(int ns_a, const char *name_a, int ns_b, const char *name_b)
{
	own(netns_return) struct netns_visit v = { -1 };
	struct request r;
	struct ifinfomsg *ifi =
		request_init(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*ifi));

	mnl_attr_put_strz(r.nlh, IFLA_IFNAME, name_a);
	struct nlattr *info = mnl_attr_nest_start(r.nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(r.nlh, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(r.nlh, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(r.nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(r.nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(r.nlh, IFLA_IFNAME, name_b);
	mnl_attr_put_u32(r.nlh, IFLA_NET_NS_FD, (uint32_t)ns_b);
	mnl_attr_nest_end(r.nlh, peer);
	mnl_attr_nest_end(r.nlh, data);
	mnl_attr_nest_end(r.nlh, info);
	int rc = netns_visit(ns_a, &v);
	return rc < 0 ? rc : send_here(&r);
}

int rtnl_set_up(int ns, const char *ifname, bool up)
{
	own(netns_return) struct netns_visit v = { -1 };
	struct request r;
	struct ifinfomsg *ifi = request_init(&r, RTM_NEWLINK, 0, sizeof(*ifi));
	unsigned index = 0;
	int rc = netns_visit(ns, &v);

	if (rc == 0)
		rc = index_of(ifname, &index);
	ifi->ifi_index = (int)index;
	ifi->ifi_change = IFF_UP;
	ifi->ifi_flags = up ? IFF_UP : 0;
	return rc < 0 ? rc : send_here(&r);
}

int rtnl_set_xdp(int ns, const char *ifname, int program)
{
	own(netns_return) struct netns_visit v = { -1 };
	struct request r;
	struct ifinfomsg *ifi = request_init(&r, RTM_SETLINK, 0, sizeof(*ifi));
	unsigned index = 0;
	int rc = netns_visit(ns, &v);

	if (rc == 0)
		rc = index_of(ifname, &index);
	ifi->ifi_index = (int)index;
	struct nlattr *xdp = mnl_attr_nest_start(r.nlh, IFLA_XDP);
	mnl_attr_put_u32(r.nlh, IFLA_XDP_FD, (uint32_t)program);
	mnl_attr_put_u32(r.nlh, IFLA_XDP_FLAGS, XDP_FLAGS_DRV_MODE);
	mnl_attr_nest_end(r.nlh, xdp);
	return rc < 0 ? rc : send_here(&r);
}

static uint8_t address_family(const struct ip_addr *a)
{
	return a->family == IP4 ? AF_INET : AF_INET6;
}

static void put_address(struct nlmsghdr *nlh, uint16_t attr, const struct ip_addr *a)
{
	mnl_attr_put(nlh, attr, ip_bytes(a->family), a->b);
}

int rtnl_add_address(int ns, const char *ifname, const struct ip_addr *a, unsigned bits)
{
	own(netns_return) struct netns_visit v = { -1 };
	struct request r;
	struct ifaddrmsg *ifa =
		request_init(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*ifa));
	unsigned index = 0;
	int rc = netns_visit(ns, &v);

	if (rc == 0)
		rc = index_of(ifname, &index);
	ifa->ifa_index = index;
	ifa->ifa_family = address_family(a);
	ifa->ifa_prefixlen = (uint8_t)bits;
	ifa->ifa_flags = a->family == IP6 ? IFA_F_NODAD : 0;
	put_address(r.nlh, IFA_LOCAL, a);
	put_address(r.nlh, IFA_ADDRESS, a);
	return rc < 0 ? rc : send_here(&r);
}

int rtnl_add_default(int ns, const struct ip_addr *gateway, uint32_t metric)
{
	own(netns_return) struct netns_visit v = { -1 };
	struct request r;
	struct rtmsg *rtm = request_init(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*rtm));

	rtm->rtm_family = address_family(gateway);
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	put_address(r.nlh, RTA_GATEWAY, gateway);
	mnl_attr_put_u32(r.nlh, RTA_PRIORITY, metric);
	int rc = netns_visit(ns, &v);
	return rc < 0 ? rc : send_here(&r);
}

int rtnl_blackhole(int ns, const struct ip_addr *to, bool on)
{
	own(netns_return) struct netns_visit v = { -1 };
	struct request r;
	struct rtmsg *rtm = request_init(&r, on ? RTM_NEWROUTE : RTM_DELROUTE,
		on ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*rtm));

	rtm->rtm_family = address_family(to);
	rtm->rtm_dst_len = (uint8_t)ip_bits(to->family);
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_BLACKHOLE;
	put_address(r.nlh, RTA_DST, to);
	int rc = netns_visit(ns, &v);
	return rc < 0 ? rc : send_here(&r);
}
