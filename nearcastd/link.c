#include "nearcastd/link.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "lib/own.h"

#define ALIAS "nearcast: service addresses"

int link_index(const char *name)
{
	return (int)if_nametoindex(name);
}

static void put_name(struct nlmsghdr *m, const char *name)
{
	mnl_nlmsg_put_extra_header(m, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m, IFLA_IFNAME, name);
}

static void put_nothing(struct nlmsghdr *, const char *) {}

// A veth pair is created whole; the other end takes the name with a "p" and stays down.
static void put_peer(struct nlmsghdr *m, const char *name)
{
	struct nlattr *data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(m, VETH_INFO_PEER);
	char text[IFNAMSIZ];

	snprintf(text, sizeof(text), "%.*sp", IFNAMSIZ - 2, name);
	put_name(m, text);
	mnl_attr_nest_end(m, peer);
	mnl_attr_nest_end(m, data);
}

static const struct {
	const char *kind;
	void (*put_data)(struct nlmsghdr *m, const char *name);
} kinds[] = {
	{ "dummy", put_nothing },
	{ "bridge", put_nothing },
	{ "veth", put_peer },
};

static int create_kind(struct netlink *n, const char *name, size_t kind)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_request(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

	put_name(m, name);
	struct nlattr *info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_strz(m, IFLA_INFO_KIND, kinds[kind].kind);
	kinds[kind].put_data(m, name);
	mnl_attr_nest_end(m, info);
	return netlink_talk(n, m, NULL, NULL);
}

static struct nlmsghdr *about_link(
	char *buf, uint16_t type, int index, unsigned flags, unsigned change)
{
	struct nlmsghdr *m = netlink_request(buf, type, 0);
	struct ifinfomsg *body = mnl_nlmsg_put_extra_header(m, sizeof(*body));

	body->ifi_index = index;
	body->ifi_flags = flags;
	body->ifi_change = change;
	return m;
}

// No link-local address: nobody is on the other side. Has to come before the
// link is up; a host without IPv6 refuses it, and needs it not.
static void no_autoconfiguration(struct netlink *n, int index)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = about_link(buf, RTM_NEWLINK, index, 0, 0);
	struct nlattr *families = mnl_attr_nest_start(m, IFLA_AF_SPEC);
	struct nlattr *v6 = mnl_attr_nest_start(m, AF_INET6);

	mnl_attr_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(m, v6);
	mnl_attr_nest_end(m, families);
	(void)!netlink_talk(n, m, NULL, NULL);
}

// The kernel does not take an alias with the creation.
static int set_alias(struct netlink *n, int index)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = about_link(buf, RTM_NEWLINK, index, 0, 0);

	mnl_attr_put_str(m, IFLA_IFALIAS, ALIAS);
	return netlink_talk(n, m, NULL, NULL);
}

static int create(struct netlink *n, const char *name)
{
	int error = -EOPNOTSUPP;

	for (size_t i = 0; i < countof(kinds) && error == -EOPNOTSUPP; i++)
		error = create_kind(n, name, i);
	if (error)
		return error;
	no_autoconfiguration(n, link_index(name));
	return set_alias(n, link_index(name));
}

int link_ensure(struct netlink *n, const char *name, int *index)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	int error = link_index(name) > 0 ? 0 : create(n, name);

	if (error)
		return error;
	int found = link_index(name);
	if (found <= 0)
		return -ENODEV;
	error = netlink_talk(n, about_link(buf, RTM_NEWLINK, found, IFF_UP, IFF_UP), NULL, NULL);
	if (error)
		return error;
	*index = found;
	return 0;
}

static int compare_alias(const struct nlattr *a, void *ctx)
{
	bool *ours = ctx;

	if (mnl_attr_get_type(a) == IFLA_IFALIAS && mnl_attr_validate(a, MNL_TYPE_STRING) >= 0)
		*ours = strcmp(mnl_attr_get_str(a), ALIAS) == 0;
	return MNL_CB_OK;
}

static int read_alias(const struct nlmsghdr *m, void *ctx)
{
	(void)mnl_attr_parse(m, sizeof(struct ifinfomsg), compare_alias, ctx);
	return MNL_CB_OK;
}

int link_release(struct netlink *n, const char *name, int index)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	bool ours = strcmp(name, LINK_NAME) == 0;
	int error = ours ? 0
			 : netlink_talk(
				   n, about_link(buf, RTM_GETLINK, index, 0, 0), read_alias, &ours);

	if (error || !ours)
		return error;
	error = netlink_talk(n, about_link(buf, RTM_DELLINK, index, 0, 0), NULL, NULL);
	return error == -ENODEV ? 0 : error;
}
