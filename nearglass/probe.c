#include "nearglass/probe.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "lib/own.h"
#include "nearglass/probe_packet.h"

#ifndef ICMP_FILTER
#define ICMP_FILTER 1 // linux/icmp.h, which does not go with netinet's
#endif

enum {
	ROUNDS_PING = 5,
	HOPS_MAX = 30,
	SILENT_MAX = 5, // hops in a row; then the rest is silent too
	A_HOP = 3,      // requests
	PING_EVERY_MS = 500,
	WAIT_MS = 1500,
	SLOTS = 64, // probes at once, more than may be configured
	PACKETS_A_TURN = 64,
	WINDOW_S = 60,
};

struct sent {
	instant at;
	double rtt_ms; // < 0: no answer yet
};

struct probe {
	struct probes *all;
	_Atomic unsigned holders; // the client and the loop
	_Atomic bool abandoned;
	enum probe_kind kind;
	struct ip_addr target;
	struct journal *journal;
	size_t slot;
	int udp;     // its socket; -1: none
	uint16_t id; // of the echo requests; of UDP: the port they come from
	uint8_t token[PROBE_TOKEN];
	uv_timer_t timer; // while in a slot
	unsigned round;   // ping: number of the request; traceroute: the hop
	struct sent sent[A_HOP];
	unsigned count, answered; // of this round
	struct ip_addr from;      // who answered in this round
	enum probe_answer_kind result;
	unsigned silent, received; // rounds
	double min_ms, max_ms, sum_ms;
	struct probe *next; // asked for
};

struct start {
	struct ip_addr client;
	struct ip_prefix target; // /24, /48
	instant at;
};

struct probes {
	uv_loop_t *loop;
	const struct glass_probes *conf;
	int fd[2]; // IPv4, IPv6; -1: none
	struct ip_addr source[2];
	struct fdwatch *watch[2];
	struct probe *slots[SLOTS]; // loop's
	uint16_t id;

	pthread_mutex_t lock; // all below
	struct probe *asked;
	struct start *starts; // of the last minute, a ring as long as there may be
	size_t at, running;
	bool stopped;
	uv_async_t wanted;
};

static void start_round(struct probe *p);

// ---- Results ----

static struct out *begin_result(struct strbuf *b, const char *kind)
{
	struct out *o = out_new(OUT_JSON, b);

	out_object(o, NULL);
	out_str(o, "kind", kind);
	return o;
}

static void tell(struct probe *p, struct out *o, struct strbuf *b)
{
	out_end(o);
	out_free(&o);
	b->s[--b->len] = '\0'; // the newline
	journal_add(p->journal, sb_text(b));
}

static void on_closed(uv_handle_t *handle)
{
	probe_put(handle->data);
}

static void finish(struct probe *p, const char *why)
{
	own(sb_free) struct strbuf b = {};
	struct out *o = begin_result(&b, "end");
	struct probes *all = p->all;

	out_str(o, "reason", why);
	if (p->kind == PROBE_PING) {
		out_uint(o, "sent", p->round);
		out_uint(o, "received", p->received);
		if (p->received > 0) {
			out_double(o, "min_ms", p->min_ms, 3);
			out_double(o, "avg_ms", p->sum_ms / p->received, 3);
			out_double(o, "max_ms", p->max_ms, 3);
		}
	}
	tell(p, o, &b);
	journal_close(p->journal);
	close_fd(&p->udp);
	all->slots[p->slot] = NULL;
	pthread_mutex_lock(&all->lock);
	all->running--;
	pthread_mutex_unlock(&all->lock);
	uv_close((uv_handle_t *)&p->timer, on_closed);
}

static const char *const result_names[] = {
	[PROBE_NOTHING] = "no-answer",
	[PROBE_REPLY] = "reply",
	[PROBE_EXCEEDED] = "hop",
	[PROBE_UNREACHABLE] = "unreachable",
};

static void tell_round(struct probe *p)
{
	own(sb_free) struct strbuf b = {};
	struct out *o = begin_result(&b, p->kind == PROBE_PING ? "ping" : "hop");
	char text[IP_TEXT];

	out_uint(o, p->kind == PROBE_PING ? "sequence" : "hop", p->round);
	out_str(o, "result", result_names[p->result]);
	out_str(o, "from", p->from.family == IP_NONE ? NULL : ip_print(&p->from, text));
	out_array(o, "rtt_ms");
	for (unsigned i = 0; i < p->count; i++)
		if (p->sent[i].rtt_ms >= 0)
			out_double(o, NULL, p->sent[i].rtt_ms, 3);
		else
			out_null(o, NULL);
	out_end(o);
	tell(p, o, &b);
}

// ---- Rounds ----

static void on_timer(uv_timer_t *timer)
{
	struct probe *p = timer->data;

	if (atomic_load(&p->abandoned))
		finish(p, "the client left");
	else
		start_round(p);
}

static void end_round(struct probe *p)
{
	bool trace = p->kind != PROBE_PING;
	span gone = instant_diff(clock_now(), p->sent[0].at);
	int64_t left = trace ? 0 : PING_EVERY_MS - span_to_ms(gone);

	tell_round(p);
	p->silent = p->answered ? 0 : p->silent + 1;
	p->received += p->answered > 0 && p->result == PROBE_REPLY;
	if (trace && (p->result == PROBE_REPLY || p->result == PROBE_UNREACHABLE))
		finish(p, result_names[p->result]);
	else if (trace && p->silent == SILENT_MAX)
		finish(p, "nothing answers any more");
	else if (p->round == (trace ? HOPS_MAX : ROUNDS_PING))
		finish(p, trace ? "too many hops" : "done");
	else
		uv_timer_start(&p->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

static void on_wait_over(uv_timer_t *timer)
{
	end_round(timer->data);
}

// Request i of the round; to the port that stands for it where it goes by UDP.
static int send_one(struct probe *p, unsigned i)
{
	bool ip4 = p->target.family == IP4, udp = p->udp >= 0;
	struct probe_echo echo = { .id = p->id, .sequence = (uint16_t)(p->round << 2 | i) };
	int hops = p->kind == PROBE_PING ? 64 : (int)p->round;
	uint16_t port = udp ? (uint16_t)(PROBE_UDP_PORT + echo.sequence) : 0;
	uint8_t request[PROBE_REQUEST];
	struct wr w = wr_init(request, sizeof(request));
	struct sockaddr_storage to;
	socklen_t to_len = ip_to_sockaddr(&p->target, port, &to);
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { request, sizeof(request) };
	struct msghdr m = {
		.msg_name = &to,
		.msg_namelen = to_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	memcpy(echo.token, p->token, PROBE_TOKEN);
	probe_build(p->target.family, &echo, &w);
	c->cmsg_level = ip4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = ip4 ? IP_TTL : IPV6_HOPLIMIT;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &hops, sizeof(hops));
	p->sent[i] = (struct sent){ clock_now(), -1 };
	return sendmsg(udp ? p->udp : p->all->fd[!ip4], &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0
		       ? -errno
		       : 0;
}

static void start_round(struct probe *p)
{
	int rc = 0;

	p->round++;
	p->count = p->kind == PROBE_PING ? 1 : A_HOP;
	p->answered = 0;
	p->from = (struct ip_addr){};
	p->result = PROBE_NOTHING;
	for (unsigned i = 0; i < p->count && rc == 0; i++)
		rc = send_one(p, i);
	if (rc < 0)
		finish(p, strerror(-rc)); // as "Network is unreachable"
	else
		uv_timer_start(&p->timer, on_wait_over, WAIT_MS, 0);
}

// ---- Answers ----

static bool is_for(const struct probe *p, const struct probe_answer *a, const struct ip_addr *from)
{
	if ((p->udp >= 0) != a->udp || p->id != a->echo.id || p->round != a->echo.sequence >> 2 ||
		(a->echo.sequence & 3u) >= p->count)
		return false;
	if (a->kind != PROBE_REPLY)
		return ip_equal(&a->target, &p->target);
	return ip_equal(from, &p->target) && memcmp(a->echo.token, p->token, PROBE_TOKEN) == 0;
}

static void take_answer(struct probe *p, const struct probe_answer *a, const struct ip_addr *from)
{
	struct sent *s = &p->sent[a->echo.sequence & 3u];

	if (s->rtt_ms >= 0)
		return; // twice
	s->rtt_ms = span_to_s(instant_diff(clock_now(), s->at)) * 1000;
	if (p->kind == PROBE_PING && a->kind == PROBE_REPLY) {
		p->min_ms = p->received == 0 || s->rtt_ms < p->min_ms ? s->rtt_ms : p->min_ms;
		p->max_ms = s->rtt_ms > p->max_ms ? s->rtt_ms : p->max_ms;
		p->sum_ms += s->rtt_ms;
	}
	p->from = *from;
	p->result = a->udp && a->port && ip_equal(from, &p->target) ? PROBE_REPLY : a->kind;
	if (++p->answered == p->count) {
		uv_timer_stop(&p->timer);
		end_round(p);
	}
}

static void on_packets(struct probes *all, int which)
{
	uint8_t data[1500];
	struct sockaddr_storage ss;

	for (int n = 0; n < PACKETS_A_TURN; n++) {
		socklen_t len = sizeof(ss);
		ssize_t got = recvfrom(all->fd[which], data, sizeof(data), MSG_DONTWAIT,
			(struct sockaddr *)&ss, &len);
		if (got < 0)
			return;
		struct ip_addr from = ip_from_sockaddr((struct sockaddr *)&ss);
		struct probe_answer a = probe_read(which ? IP6 : IP4, data, (size_t)got);
		for (size_t i = 0; a.kind != PROBE_NOTHING && i < SLOTS; i++)
			if (all->slots[i] && is_for(all->slots[i], &a, &from)) {
				take_answer(all->slots[i], &a, &from);
				break;
			}
	}
}

static void on_packets4(void *ctx, int)
{
	on_packets(ctx, 0);
}

static void on_packets6(void *ctx, int)
{
	on_packets(ctx, 1);
}

// ---- Asking ----

static bool is_too_often(const struct probes *all, const struct start *s, const char **why)
{
	uint64_t total = 0, client = 0, target = 0;

	for (size_t i = 0; i < all->conf->in_all; i++) {
		const struct start *o = &all->starts[i];
		if (o->at.us == 0 || instant_due(instant_add(o->at, span_s(WINDOW_S)), s->at))
			continue;
		total++;
		client += ip_equal(&o->client, &s->client);
		target += prefix_equal(&o->target, &s->target);
	}
	if (all->running >= all->conf->at_once)
		*why = "as many probes as this glass does at once are running";
	else if (total >= all->conf->in_all)
		*why = "this glass has done its probes of this minute";
	else if (client >= all->conf->per_client)
		*why = "you have had your probes of this minute";
	else if (target >= all->conf->per_target)
		*why = "that network has had its probes of this minute";
	else
		return false;
	return true;
}

struct probe *probe_ask(struct probes *all, enum probe_kind kind, const struct ip_addr *target,
	const struct ip_addr *client, const char **why)
{
	// Whoever has one address of IPv6 has a /64 of them.
	bool many = client->family == IP6;
	struct start s = { many ? prefix_of(client, 64).addr : *client,
		prefix_of(target, target->family == IP4 ? 24 : 48), clock_now() };
	struct probe *p = NULL;

	*why = "the glass is stopping";
	pthread_mutex_lock(&all->lock);
	if (all->fd[target->family != IP4] < 0)
		*why = "this glass has no address of that family to probe from";
	else if (!all->stopped && !is_too_often(all, &s, why)) {
		p = mem_zalloc(sizeof(*p));
		p->all = all;
		atomic_init(&p->holders, 2);
		p->kind = kind;
		p->target = *target;
		p->journal = journal_new(clock_unix_us());
		p->next = all->asked;
		all->asked = p;
		all->running++;
		all->starts[all->at++ % all->conf->in_all] = s;
		uv_async_send(&all->wanted);
	}
	pthread_mutex_unlock(&all->lock);
	return p;
}

void probe_put(struct probe *p)
{
	atomic_store(&p->abandoned, true);
	if (atomic_fetch_sub(&p->holders, 1) != 1)
		return;
	journal_free(&p->journal);
	free(p);
}

struct journal *probe_journal(struct probe *p)
{
	return p->journal;
}

// A port of its own, by which answers are told from those of other probes.
static int open_udp(struct probe *p)
{
	struct sockaddr_storage ss;
	const struct ip_addr *source = &p->all->source[p->target.family != IP4];
	socklen_t len = ip_to_sockaddr(source, 0, &ss);
	own(close_fd) int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	p->id = ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
					      : ((struct sockaddr_in6 *)&ss)->sin6_port);
	p->udp = take_fd(&fd);
	return 0;
}

static void start(struct probes *all, struct probe *p)
{
	size_t slot = 0;

	while (all->slots[slot]) // there is one: at-once is smaller
		slot++;
	all->slots[slot] = p;
	p->slot = slot;
	p->id = all->id++;
	p->udp = -1;
	if (getrandom(p->token, PROBE_TOKEN, GRND_NONBLOCK) != PROBE_TOKEN)
		mem_abort("random numbers");
	uv_timer_init(all->loop, &p->timer);
	p->timer.data = p;
	int rc = p->kind == PROBE_TRACEROUTE_UDP ? open_udp(p) : 0;
	if (rc < 0)
		finish(p, strerror(-rc));
	else
		start_round(p);
}

static void on_wanted(uv_async_t *handle)
{
	struct probes *all = handle->data;

	pthread_mutex_lock(&all->lock);
	struct probe *p = take(all->asked);
	pthread_mutex_unlock(&all->lock);
	while (p) {
		struct probe *next = p->next;
		start(all, p);
		p = next;
	}
}

// ---- Sockets ----

static int only_answers(int fd, bool ip4)
{
	uint32_t but4 =
		~(1u << ICMP_ECHOREPLY | 1u << ICMP_TIME_EXCEEDED | 1u << ICMP_DEST_UNREACH);
	struct icmp6_filter only6;

	ICMP6_FILTER_SETBLOCKALL(&only6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &only6);
	ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &only6);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &only6);
	return ip4 ? setsockopt(fd, SOL_RAW, ICMP_FILTER, &but4, sizeof(but4))
		   : setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only6, sizeof(only6));
}

static int open_socket(const struct ip_addr *source)
{
	bool ip4 = source->family == IP4;
	struct sockaddr_storage ss;
	socklen_t len = ip_to_sockaddr(source, 0, &ss);
	own(close_fd) int fd = socket(ss.ss_family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
		ip4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (fd < 0 || only_answers(fd, ip4) < 0 || bind(fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	return take_fd(&fd);
}

int probes_new(struct probes **ret, uv_loop_t *loop, const struct glass_conf *conf, uint64_t seed,
	struct strbuf *error)
{
	struct probes *p = mem_zalloc(sizeof(*p));
	char text[IP_TEXT];

	p->loop = loop;
	p->conf = &conf->probes;
	p->fd[0] = p->fd[1] = -1;
	p->id = (uint16_t)seed;
	p->starts = mem_zalloc(p->conf->in_all * sizeof(*p->starts));
	pthread_mutex_init(&p->lock, NULL);
	items_for_each(const struct ip_addr, source, conf->probes.source)
	{
		int which = source->family != IP4;
		int fd = open_socket(source);
		if (fd < 0) {
			sb_printf(error, "cannot probe from %s: %s%s", ip_print(source, text),
				strerror(-fd), fd == -EPERM ? " (CAP_NET_RAW is needed)" : "");
			return fd; // the process ends
		}
		p->fd[which] = fd;
		p->source[which] = *source;
		int rc = fdwatch_new(&p->watch[which], loop, fd, UV_READABLE,
			which ? on_packets6 : on_packets4, p);
		if (rc < 0)
			return rc;
	}
	uv_async_init(loop, &p->wanted, on_wanted);
	p->wanted.data = p;
	*ret = p;
	return 0;
}

void probes_stop(struct probes *all)
{
	pthread_mutex_lock(&all->lock);
	all->stopped = true;
	pthread_mutex_unlock(&all->lock);
	on_wanted(&all->wanted); // those too
	for (size_t i = 0; i < SLOTS; i++)
		if (all->slots[i])
			finish(all->slots[i], "the glass is stopping");
	uv_close((uv_handle_t *)&all->wanted, NULL);
	for (size_t i = 0; i < countof(all->fd); i++) {
		fdwatch_close(&all->watch[i]);
		close_fd(&all->fd[i]);
	}
}

void probes_free(struct probes **which)
{
	struct probes *p = take(*which);

	if (!p)
		return;
	free(p->starts);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
