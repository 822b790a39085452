#include "nearcastd/sockwatch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/netlink.h"

enum {
	QUEUE_BYTES = 1 << 20, // of the kernel, for bursts
	GONE_MAX = 32,         // different ends in one turn; more are "lost"
	READS_MAX = 64,        // datagrams in one turn of the loop
};

struct sockwatch {
	struct mnl_socket *events;
	struct netlink requests;
	struct fdwatch *watch;
	sockwatch_fn *fn;
	void *ctx;
	struct sock_end gone[GONE_MAX];
	size_t n;
	bool lost;
};

static const struct {
	uint8_t protocol;
	unsigned group;
} groups[] = {
	{ IPPROTO_TCP, SKNLGRP_INET_TCP_DESTROY },
	{ IPPROTO_UDP, SKNLGRP_INET_UDP_DESTROY },
	{ IPPROTO_TCP, SKNLGRP_INET6_TCP_DESTROY },
	{ IPPROTO_UDP, SKNLGRP_INET6_UDP_DESTROY },
};

//  linux/inet_diag.h, after the 16 bytes of struct nlmsghdr
//  +------------+-----------+-----------+-------------+-----------+-----------+----
//  | family (1) | state (1) | timer (1) | retrans (1) | sport (2) | dport (2) | ...
//  +------------+-----------+-----------+-------------+-----------+-----------+----
enum {
	SPORT_AT = NLMSG_HDRLEN + offsetof(struct inet_diag_msg, id) +
		   offsetof(struct inet_diag_sockid, idiag_sport),
	DPORT_AT = NLMSG_HDRLEN + offsetof(struct inet_diag_msg, id) +
		   offsetof(struct inet_diag_sockid, idiag_dport),
	SRC_AT = NLMSG_HDRLEN + offsetof(struct inet_diag_msg, id) +
		 offsetof(struct inet_diag_sockid, idiag_src),
	PRIVILEGED_END = 1024,
};

// Classic BPF (bpf(4)): how many instructions a jump skips is counted from the next one.
struct program {
	struct sock_filter code[SOCKWATCH_PORTS_MAX + 17];
	size_t len;
};

static void add_load(struct program *p, uint16_t size, unsigned at)
{
	p->code[p->len] = (struct sock_filter)BPF_STMT((uint16_t)(BPF_LD | size | BPF_ABS), at);
	p->len++;
}

// Jumps to that instruction when the condition holds (or, with unless, when it does not).
static void add_jump(struct program *p, uint16_t condition, uint16_t value, size_t to, bool unless)
{
	uint8_t skip = (uint8_t)(to - (p->len + 1));

	p->code[p->len] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_K | condition, value, unless ? 0 : skip, unless ? skip : 0);
	p->len++;
}

static void add_return(struct program *p, uint32_t bytes)
{
	p->code[p->len] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, bytes);
	p->len++;
}

// Keeps listening sockets (dport 0), but of those on clients' ports, and of those bound to all
// addresses on a port from 1024 on, only the ones on a port of the list: resolvers choose the ports
// that they ask from themselves, and close thousands of such sockets a second.
//
//	0            dport 0, else drop        n + 6   sport < 1024: keep
//	2 ... n + 2  sport in the list: keep   n + 7   each of four words of src:
//	n + 3        below clients: n + 6                not 0: keep
//	n + 4        above clients: n + 6      n + 15  drop
//	n + 5        drop                      n + 16  keep
static struct program filter_of(struct port_range clients, const uint16_t *except, size_t n)
{
	struct program p = {};
	const size_t drop = n + 5, unclear = n + 6, keep = n + 16;

	add_load(&p, BPF_H, DPORT_AT);
	add_jump(&p, BPF_JEQ, 0, drop, true);
	add_load(&p, BPF_H, SPORT_AT);
	for (size_t i = 0; i < n; i++)
		add_jump(&p, BPF_JEQ, except[i], keep, false);
	add_jump(&p, BPF_JGE, clients.low, unclear, true);
	add_jump(&p, BPF_JGT, clients.high, unclear, false);
	add_return(&p, 0);
	add_jump(&p, BPF_JGE, PRIVILEGED_END, keep, true);
	for (unsigned word = 0; word < 4; word++) {
		add_load(&p, BPF_W, SRC_AT + 4 * word);
		add_jump(&p, BPF_JEQ, 0, keep, true);
	}
	add_return(&p, 0);
	add_return(&p, UINT32_MAX);
	return p;
}

static struct program filter_of_listening(void)
{
	struct program p = {};

	add_load(&p, BPF_H, DPORT_AT);
	add_jump(&p, BPF_JEQ, 0, 3, true);
	add_return(&p, UINT32_MAX);
	add_return(&p, 0);
	return p;
}

static int attach_filter(int fd, struct port_range clients, const uint16_t *except, size_t n)
{
	struct program p =
		n > SOCKWATCH_PORTS_MAX ? filter_of_listening() : filter_of(clients, except, n);
	struct sock_fprog program = { .len = (unsigned short)p.len, .filter = p.code };
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

static struct ip_addr read_addr(uint8_t family, const uint32_t words[4])
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = words[0] };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (family == AF_INET)
		return ip_from_sockaddr((struct sockaddr *)&v4);
	memcpy(&v6.sin6_addr, words, sizeof(v6.sin6_addr));
	return ip_from_sockaddr((struct sockaddr *)&v6);
}

bool sock_end_serves(const struct sock_end *socket, const struct sock_end *watched)
{
	if (socket->protocol != watched->protocol || socket->port != watched->port)
		return false;
	if (!ip_is_unspecified(&socket->addr))
		return ip_equal(&socket->addr, &watched->addr);
	// An IPv6 socket bound to all addresses also takes IPv4, unless told not to.
	return socket->addr.family == watched->addr.family || socket->addr.family == IP6;
}

static void add_gone(struct sockwatch *w, const struct sock_end *e)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->gone[i].protocol == e->protocol && w->gone[i].port == e->port &&
			ip_equal(&w->gone[i].addr, &e->addr))
			return;
	if (w->n < GONE_MAX)
		w->gone[w->n++] = *e;
	else
		w->lost = true;
}

// The protocol is told as an attribute.
static int read_protocol(const struct nlattr *a, void *ctx)
{
	uint8_t *protocol = ctx;

	if (mnl_attr_get_type(a) == INET_DIAG_PROTOCOL && mnl_attr_get_payload_len(a) == 1)
		*protocol = mnl_attr_get_u8(a);
	return MNL_CB_OK;
}

static int on_message(const struct nlmsghdr *m, void *ctx)
{
	const struct inet_diag_msg *d = mnl_nlmsg_get_payload(m);
	struct sockwatch *w = ctx;
	struct sock_end e = {};

	if (mnl_nlmsg_get_payload_len(m) < sizeof(*d) || d->id.idiag_dport != 0)
		return MNL_CB_OK;
	if (mnl_attr_parse(m, sizeof(*d), read_protocol, &e.protocol) < 0)
		return MNL_CB_OK;
	e.addr = read_addr(d->idiag_family, d->id.idiag_src);
	e.port = ntohs(d->id.idiag_sport);
	if (e.port != 0)
		add_gone(w, &e);
	return MNL_CB_OK;
}

void sockwatch_read(struct sockwatch *w)
{
	char buf[4096] __attribute__((aligned(8)));

	w->n = 0;
	w->lost = false;
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t len = recv(mnl_socket_get_fd(w->events), buf, sizeof(buf), MSG_DONTWAIT);

		if (len < 0 && errno == ENOBUFS)
			w->lost = true;
		else if (len <= 0)
			break;
		else
			(void)mnl_cb_run(buf, (size_t)len, 0, 0, on_message, w);
	}
	if (w->n > 0 || w->lost)
		w->fn(w->ctx, w->gone, w->n, w->lost);
}

static void on_readable(void *ctx, int)
{
	sockwatch_read(ctx);
}

// The groups of one protocol family alone may be missing (IPv6 switched off);
// without any there is nothing to listen to.
static int join(int fd)
{
	size_t joined = 0;
	int error = 0;

	for (size_t i = 0; i < countof(groups); i++) {
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i].group,
			    sizeof(groups[i].group)) == 0)
			joined++;
		else
			error = -errno;
	}
	return joined > 0 ? 0 : error;
}

static int open_events(struct sockwatch *w)
{
	int bytes = QUEUE_BYTES;

	w->events = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->events || mnl_socket_bind(w->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	int fd = mnl_socket_get_fd(w->events);
	// Without the privilege for this one, up to the system's limit.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return 0;
}

int sockwatch_new(struct sockwatch **ret, uv_loop_t *loop, struct port_range clients,
	const uint16_t *except, size_t n, sockwatch_fn *fn, void *ctx)
{
	own(sockwatch_free) struct sockwatch *w = mem_zalloc(sizeof(*w));

	w->fn = fn;
	w->ctx = ctx;
	int error = open_events(w);
	if (error)
		return error;
	int fd = mnl_socket_get_fd(w->events);
	error = attach_filter(fd, clients, except, n);
	if (!error)
		error = join(fd);
	if (!error)
		error = netlink_open(&w->requests, NETLINK_SOCK_DIAG);
	if (!error)
		error = fdwatch_new(&w->watch, loop, fd, UV_READABLE, on_readable, w);
	if (error)
		return error;
	*ret = take(w);
	return 0;
}

void sockwatch_free(struct sockwatch **w)
{
	if (!*w)
		return;
	fdwatch_close(&(*w)->watch);
	netlink_close(&(*w)->requests);
	if ((*w)->events)
		mnl_socket_close((*w)->events);
	free_ptr(w);
}

struct search {
	const struct sock_end *watched;
	bool found;
};

static int read_v6only(const struct nlattr *a, void *ctx)
{
	bool *v6only = ctx;

	if (mnl_attr_get_type(a) == INET_DIAG_SKV6ONLY && mnl_attr_get_payload_len(a) == 1)
		*v6only = mnl_attr_get_u8(a) != 0;
	return MNL_CB_OK;
}

static int match_socket(const struct nlmsghdr *m, void *ctx)
{
	const struct inet_diag_msg *d = mnl_nlmsg_get_payload(m);
	struct search *s = ctx;
	bool v6only = false;

	if (mnl_nlmsg_get_payload_len(m) < sizeof(*d))
		return MNL_CB_OK;
	struct sock_end e = {
		.protocol = s->watched->protocol,
		.addr = read_addr(d->idiag_family, d->id.idiag_src),
		.port = ntohs(d->id.idiag_sport),
	};
	(void)mnl_attr_parse(m, sizeof(*d), read_v6only, &v6only);
	if (v6only && s->watched->addr.family == IP4)
		return MNL_CB_OK;
	s->found |= sock_end_serves(&e, s->watched);
	return MNL_CB_OK;
}

// An unconnected UDP socket is in the state of a closed TCP socket.
static uint32_t state_of_listeners(uint8_t protocol)
{
	return 1u << (protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE);
}

static int search(struct sockwatch *w, uint8_t family, struct search *s)
{
	char buf[NETLINK_REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_request(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	struct inet_diag_req_v2 *q = mnl_nlmsg_put_extra_header(m, sizeof(*q));

	q->sdiag_family = family;
	q->sdiag_protocol = s->watched->protocol;
	q->idiag_states = state_of_listeners(s->watched->protocol);
	q->id.idiag_sport = htons(s->watched->port);
	return netlink_talk(&w->requests, m, match_socket, s);
}

int sockwatch_is_served(struct sockwatch *w, const struct sock_end *watched, bool *ret)
{
	struct search s = { .watched = watched };
	int error = search(w, AF_INET6, &s);

	// Without IPv6 in the kernel no IPv6 socket can serve.
	if (error == -ENOENT)
		error = 0;
	if (!error && !s.found && watched->addr.family == IP4)
		error = search(w, AF_INET, &s);
	if (error)
		return error;
	*ret = s.found;
	return 0;
}

const char *sock_end_print(const struct sock_end *e, char buf[SOCK_END_TEXT])
{
	char text[IP_TEXT];
	const char *protocol = e->protocol == IPPROTO_TCP ? "tcp" : "udp";
	const char *addr = ip_is_unspecified(&e->addr) ? "*" : ip_print(&e->addr, text);

	snprintf(buf, SOCK_END_TEXT, "%s %s port %u", protocol, addr, e->port);
	return buf;
}
