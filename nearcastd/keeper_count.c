// How many TCP sessions each service address has: a walk through the kernel's sockets.
#include <stdlib.h>
#include <string.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/keeper_inside.h"
#include "nearcastd/netlink.h"

// All that still exchange something; those that only wait for their time to end do not count.
enum {
	LIVE = 1 << TCP_ESTABLISHED | 1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 |
	       1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING,
};

static int on_socket(const struct nlmsghdr *m, void *ctx)
{
	const struct inet_diag_msg *d = mnl_nlmsg_get_payload(m);
	struct keep_count *c = ctx;

	if (mnl_nlmsg_get_payload_len(m) < sizeof(*d))
		return MNL_CB_OK;
	// A socket for both families has an IPv4 client's address in IPv6.
	const uint8_t *b = (const uint8_t *)d->id.idiag_src;
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool v4 = d->idiag_family == AF_INET || memcmp(b, mapped, sizeof(mapped)) == 0;
	if (v4 && d->idiag_family != AF_INET)
		b += sizeof(mapped);
	struct ip_addr a = ip_from_bytes(v4 ? IP4 : IP6, b);
	for (size_t i = 0; i < c->n; i++)
		c->found[i] += ip_equal(&c->addresses[i], &a);
	return MNL_CB_OK;
}

static void walk(uv_work_t *work)
{
	struct keep_count *c = work->data;
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	own(netlink_close) struct netlink n = {};

	memset(c->found, 0, c->n * sizeof(*c->found));
	c->walked = netlink_open(&n, NETLINK_SOCK_DIAG) == 0;
	for (size_t i = 0; c->walked && i < countof(families); i++) {
		char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
		struct nlmsghdr *m = netlink_request(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
		struct inet_diag_req_v2 *q = mnl_nlmsg_put_extra_header(m, sizeof(*q));
		q->sdiag_family = families[i];
		q->sdiag_protocol = IPPROTO_TCP;
		q->idiag_states = LIVE;
		int rc = netlink_talk(&n, m, on_socket, c);
		c->walked = rc == 0 || rc == -EINTR || (rc == -ENOENT && families[i] == AF_INET6);
	}
}

static void free_count(struct keep_count *c)
{
	free(c->addresses);
	free(c->found);
	free(c->counted);
	free(c);
}

// The daemon may have forgotten this one meanwhile.
static void on_walked(uv_work_t *work, int)
{
	struct keep_count *c = work->data;

	c->running = false;
	c->known = c->walked;
	memcpy(c->counted, c->found, c->n * sizeof(*c->found));
	if (c->forgotten)
		free_count(c);
}

static struct keep_count *new_count(const struct daemon *d)
{
	struct keep_count *c = mem_zalloc(sizeof(*c));

	for (size_t i = 0; i < d->service_count; i++) {
		const struct items *a = &d->services[i].conf->addresses;
		c->addresses = mem_resize(c->addresses, c->n + a->count + 1, sizeof(*c->addresses));
		if (a->count)
			memcpy(c->addresses + c->n, a->data, a->count * sizeof(struct ip_addr));
		c->n += a->count;
	}
	c->found = mem_zalloc((c->n + 1) * sizeof(*c->found));
	c->counted = mem_zalloc((c->n + 1) * sizeof(*c->counted));
	return c;
}

void keep_count_forget(struct keep *k)
{
	struct keep_count *c = take(k->count);

	if (c && c->running)
		c->forgotten = true; // freed when the thread is done
	else if (c)
		free_count(c);
}

void keep_count_start(struct keep *k)
{
	if (!k->count)
		k->count = new_count(k->d);
	struct keep_count *c = k->count;
	if (c->running)
		return;
	c->work.data = c;
	c->running = uv_queue_work(k->d->loop, &c->work, walk, on_walked) == 0;
}

bool keep_sessions(const struct keep *k, const struct service *s, uint64_t *ret)
{
	uint64_t sum = 0;
	size_t at = 0;

	if (!k || !k->count || !k->count->known)
		return false;
	for (size_t i = 0; i < k->d->service_count; i++) {
		const struct service *each = &k->d->services[i];
		for (size_t a = 0; a < each->conf->addresses.count; a++, at++)
			if (each == s && at < k->count->n)
				sum += k->count->counted[at];
	}
	*ret = sum;
	return true;
}
