#include "nearcastd/addrwatch.h"

#include <errno.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/netlink.h"

enum { READS_MAX = 64 }; // datagrams in one turn of the loop

struct addrwatch {
	struct mnl_socket *socket;
	struct fdwatch *watch;
	addrwatch_fn *fn;
	void *ctx;
};

struct message {
	uint8_t family;
	struct ip_addr addr;
};

// IFA_LOCAL is the address itself where IFA_ADDRESS is the peer's.
static int read_attribute(const struct nlattr *a, void *ctx)
{
	struct message *m = ctx;
	uint16_t type = mnl_attr_get_type(a);

	if (type == IFA_LOCAL || (type == IFA_ADDRESS && m->addr.family == IP_NONE))
		m->addr = netlink_get_addr(m->family, a);
	return MNL_CB_OK;
}

static int on_message(const struct nlmsghdr *h, void *ctx)
{
	const struct ifaddrmsg *body = mnl_nlmsg_get_payload(h);
	struct addrwatch *w = ctx;

	if (h->nlmsg_type != RTM_DELADDR && h->nlmsg_type != RTM_NEWADDR)
		return MNL_CB_OK;
	if (mnl_nlmsg_get_payload_len(h) < sizeof(*body))
		return MNL_CB_OK;
	struct message m = { .family = body->ifa_family };
	(void)mnl_attr_parse(h, sizeof(*body), read_attribute, &m);
	if (m.addr.family != IP_NONE)
		w->fn(w->ctx, &m.addr, h->nlmsg_type == RTM_DELADDR);
	return MNL_CB_OK;
}

void addrwatch_read(struct addrwatch *w)
{
	char buf[4096] __attribute__((aligned(8)));

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t len = recv(mnl_socket_get_fd(w->socket), buf, sizeof(buf), MSG_DONTWAIT);

		if (len < 0 && errno == ENOBUFS)
			w->fn(w->ctx, NULL, true);
		else if (len <= 0)
			return;
		else
			(void)mnl_cb_run(buf, (size_t)len, 0, 0, on_message, w);
	}
}

static void on_readable(void *ctx, int)
{
	addrwatch_read(ctx);
}

int addrwatch_new(struct addrwatch **ret, uv_loop_t *loop, addrwatch_fn *fn, void *ctx)
{
	own(addrwatch_free) struct addrwatch *w = mem_zalloc(sizeof(*w));

	w->fn = fn;
	w->ctx = ctx;
	w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->socket || mnl_socket_bind(w->socket, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
				  MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	int error = fdwatch_new(
		&w->watch, loop, mnl_socket_get_fd(w->socket), UV_READABLE, on_readable, w);
	if (error)
		return error;
	*ret = take(w);
	return 0;
}

void addrwatch_free(struct addrwatch **w)
{
	if (!*w)
		return;
	fdwatch_close(&(*w)->watch);
	if ((*w)->socket)
		mnl_socket_close((*w)->socket);
	free_ptr(w);
}
