// Notices to other keepers. They arrive there in the XDP program, never at a socket.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/own.h"
#include "nearcastd/keeper_inside.h"

enum { FLUSH_MS = 20, REFUSED_TELL_S = 10 };

// The source must be the node's own address: it is what the others know this node by.
static int open_one(const struct ip_addr *own)
{
	struct sockaddr_storage to;

	if (own->family == IP_NONE)
		return -1;
	socklen_t n = ip_to_sockaddr(own, 0, &to);
	int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&to, n) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void keep_close_sockets(struct keep *k)
{
	for (size_t i = 0; i < countof(k->socket); i++)
		close_fd(&k->socket[i]);
}

void keep_open_sockets(struct keep *k)
{
	const struct keeper_node *self = keep_self(k);

	keep_close_sockets(k);
	if (!self)
		return;
	k->socket[0] = open_one(&self->a4);
	k->socket[1] = open_one(&self->a6);
}

// Also to a node that is silent: a question may wake it.
static void send_to(struct keep *k, const struct keeper_node *to, const struct flow_notice *notice)
{
	const struct keeper_node *self = keep_self(k);
	struct keeper_datagram d = { .notice = *notice };
	struct sockaddr_storage address;
	enum ip_family path = self ? keep_path(self, to) : IP_NONE;

	if (to == self || path == IP_NONE)
		return;
	bool over4 = path == IP4;
	int fd = k->socket[over4 ? 0 : 1];
	if (fd < 0)
		return;
	socklen_t n = ip_to_sockaddr(
		over4 ? &to->a4 : &to->a6, (uint16_t)k->d->conf->keeper.port, &address);
	uint8_t phase = k->config.phase;
	keeper_seal(&d, k->config.self, to->id, self->key[phase], phase, k->serial++,
		(uint64_t)clock_unix_us() / 1000000);
	// One that is lost is told again when the next packet asks for it.
	(void)!sendto(fd, &d, sizeof(d), 0, (struct sockaddr *)&address, n);
}

void keep_flush_prefixes(struct keep *k)
{
	for (size_t f = 0; f < countof(k->prefix); f++) {
		if (!k->prefix[f].count)
			continue;
		for (size_t i = 0; i < k->node_count; i++)
			if (k->nodes[i].alive)
				send_to(k, &k->nodes[i], &k->prefix[f]);
		k->prefix[f] = (struct flow_notice){};
	}
}

static void ask(struct keep *k, const struct keeper_node *to)
{
	const struct flow_notice question = { .kind = FLOW_N_ASK };

	send_to(k, to, &question);
}

void keep_greet(struct keep *k)
{
	for (size_t i = 0; i < k->node_count; i++)
		ask(k, &k->nodes[i]);
}

void keep_ask_lost(struct keep *k, bool silent)
{
	for (size_t i = 0; i < k->node_count; i++) {
		const struct keeper_node *n = &k->nodes[i];
		if (k->lives[n->id].lost && (n->alive || silent))
			ask(k, n);
	}
}

static void on_flush(uv_timer_t *timer)
{
	keep_flush_prefixes(timer->data);
}

static void add_prefix(struct keep *k, const struct flow_tuple *client)
{
	struct flow_notice *n = &k->prefix[client->family == 4 ? 0 : 1];

	if (!keeper_notice_add(n, client)) {
		keep_flush_prefixes(k);
		(void)keeper_notice_add(n, client);
	}
	if (!uv_is_active((uv_handle_t *)k->flush))
		uv_timer_start(k->flush, on_flush, FLUSH_MS, 0);
}

static void tell_refused(struct keep *k, const struct flow_event *e)
{
	uint64_t now = (uint64_t)clock_unix_us() / 1000000;
	char subject[32], detail[IP_TEXT + 32], text[IP_TEXT];
	struct ip_addr from = ip_from_bytes(e->flow.family == 4 ? IP4 : IP6, e->flow.client);

	if (now - k->refused_told < REFUSED_TELL_S || e->code >= FLOW_C_MAX)
		return;
	k->refused_told = now;
	snprintf(subject, sizeof(subject), "node %u", e->node);
	snprintf(detail, sizeof(detail), "tunnel packets from %s", ip_print(&from, text));
	struct event_fields f = {
		.subject = subject,
		.reason = flow_count_name(e->code),
		.detail = detail,
	};
	events_add(k->d->events, EVENT_KEEPER_REFUSED, &f);
}

void keep_on_event(void *ctx, const struct flow_event *e)
{
	struct keep *k = ctx;

	if (e->kind == FLOW_E_MINE) {
		const struct keeper_node *to = keep_node(k, e->node);
		struct flow_notice n = keeper_notice_mine(&e->flow);
		if (to && to->alive)
			send_to(k, to, &n);
	} else if (e->kind == FLOW_E_PREFIX) {
		add_prefix(k, &e->flow);
	} else if (e->kind == FLOW_E_REFUSED) {
		tell_refused(k, e);
	}
}
