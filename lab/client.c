#include "lab/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lab/clock.h"
#include "lab/idserver.h"
#include "lab/netns.h"
#include "lib/mem.h"

enum {
	DNS_PORT = 53,
	MESSAGE_BYTES = 1500,
	LATE_MARGIN_MS = 50,
	ANSWER_MARGIN_MS = 250,
	CHANGES = 16,
};

// A change of the answering site that is not reported yet: first it must be
// known which queries before it were lost, and which are only slower.
struct change {
	size_t index; // of the first query that the new site answered
	instant at;
	int from, to;
};

struct asker {
	struct stream s;
	struct clients *all;
	size_t ports; // it asks from in turn, as resolvers vary theirs
	int *sockets;
	uv_poll_t **reads;
	int timer;
	uv_poll_t *ticks;
	struct sockaddr_storage service;
	socklen_t service_len;
	struct ip_addr service_address;
	size_t cap;
	size_t oldest_open; // records before it are answered or lost
	span rtt;           // of the last answer
	span interval;      // of its questions
	size_t newest;      // query that the current site answered
	struct change changes[CHANGES];
	size_t change_count;
};

struct clients {
	const struct scenario *scenario;
	const struct clients_ops *ops;
	void *ctx;
	struct asker **list;
	size_t count;
};

static struct query_record *new_record(struct asker *a)
{
	struct stream *s = &a->s;

	if (s->count == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 4096;
		s->records = mem_resize(s->records, a->cap, sizeof(*s->records));
	}
	return &s->records[s->count++];
}

static void ask(struct asker *a)
{
	uint8_t query[IDSERVER_QUERY_BYTES];
	size_t n = idserver_query((uint16_t)a->s.count, query);
	int fd = a->sockets[a->s.count % a->ports];
	struct query_record *r = new_record(a);

	*r = (struct query_record){ lab_now(), INSTANT_NEVER, SITE_NONE, -1 };
	// A query that cannot even leave is a lost one.
	(void)!sendto(fd, query, n, 0, (struct sockaddr *)&a->service, a->service_len);
}

// A loop that was late asks once, not as often as it should have.
static void on_tick(uv_poll_t *p, int, int)
{
	struct asker *a = p->data;
	uint64_t times;

	if (read(a->timer, &times, sizeof(times)) == sizeof(times))
		ask(a);
}

// The newest record with that id, unless it is over a full round of ids old.
static struct query_record *find_record(struct asker *a, uint16_t id)
{
	size_t back = (uint16_t)(a->s.count - 1 - id);

	return back < a->s.count ? &a->s.records[a->s.count - 1 - back] : NULL;
}

static bool is_overdue(const struct asker *a, const struct query_record *r, instant now)
{
	return instant_due(instant_add(r->sent, a->s.client->timeout), now);
}

static void report_change(struct asker *a, const struct change *c)
{
	const struct query_record *r = &a->s.records[c->index], *first = r;
	size_t unanswered = 0;

	// Back to the last query that had an answer.
	while (first > a->s.records && instant_is_never(first[-1].answered)) {
		first--;
		unanswered++;
	}
	if (a->all->ops->on_change)
		a->all->ops->on_change(a->all->ctx, &a->s,
			&(struct site_change){
				.at = c->at,
				.from = c->from,
				.to = c->to,
				.silence = instant_diff(r->sent, first->sent),
				.unanswered = unanswered,
			});
}

// Reports the changes before which no query is open any more; all of them if forced.
static void report_changes(struct asker *a, bool forced)
{
	size_t done = 0;

	while (done < a->change_count && (forced || a->changes[done].index <= a->oldest_open))
		report_change(a, &a->changes[done++]);
	a->change_count -= done;
	memmove(a->changes, a->changes + done, a->change_count * sizeof(a->changes[0]));
}

// Answers from a farther site may come after those to later queries from the
// new, nearer one: only a query sent later can change who answers.
static void note_site(struct asker *a, size_t index, int site, instant now)
{
	if (a->s.site != SITE_NONE && index < a->newest)
		return;
	a->newest = index;
	if (site == a->s.site)
		return;
	if (a->change_count == CHANGES)
		report_changes(a, true);
	a->changes[a->change_count++] = (struct change){ index, now, a->s.site, site };
	a->s.site = site;
	a->s.steady_since = now;
}

static void note_answer(struct asker *a, struct query_record *r, const char *name, instant now)
{
	const struct scn_site *nodes = a->all->scenario->sites.data;
	int node = scenario_node(a->all->scenario, name);

	if (node < 0 || !instant_is_never(r->answered) || is_overdue(a, r, now))
		return;
	int site = (int)nodes[node].site_index;
	r->answered = now;
	r->site = (int16_t)site;
	r->node = (int16_t)node;
	a->s.last_answer = now;
	a->rtt = instant_diff(now, r->sent);
	note_site(a, (size_t)(r - a->s.records), site, now);
}

static void on_readable(uv_poll_t *p, int, int)
{
	struct asker *a = p->data;
	uint8_t msg[MESSAGE_BYTES];
	char name[IDSERVER_TEXT];
	struct sockaddr_storage from;

	for (;;) {
		socklen_t len = sizeof(from);
		int fd = -1;
		uint16_t id = 0;
		if (uv_fileno((uv_handle_t *)p, &fd) < 0)
			return;
		ssize_t n = recvfrom(
			fd, msg, sizeof(msg), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		struct ip_addr source = ip_from_sockaddr((struct sockaddr *)&from);
		if (!ip_equal(&source, &a->service_address) ||
			!idserver_answer(msg, (size_t)n, &id, name))
			continue;
		struct query_record *r = find_record(a, id);
		if (r)
			note_answer(a, r, name, lab_now());
	}
}

static void close_poll(uv_poll_t **p)
{
	if (*p)
		uv_close((uv_handle_t *)*p, (uv_close_cb)free);
	*p = NULL;
}

static void asker_free(struct asker *a)
{
	for (size_t i = 0; i < a->ports; i++) {
		close_poll(&a->reads[i]);
		close_fd(&a->sockets[i]);
	}
	free(a->reads);
	free(a->sockets);
	close_poll(&a->ticks);
	close_fd(&a->timer);
	free(a->s.records);
	free(a);
}

void clients_free(struct clients **c)
{
	if (!*c)
		return;
	for (size_t i = 0; i < (*c)->count; i++)
		asker_free((*c)->list[i]);
	free((*c)->list);
	free_ptr(c);
}

static int poll_fd(uv_loop_t *loop, struct asker *a, int fd, uv_poll_cb cb, uv_poll_t **ret)
{
	uv_poll_t *p = mem_zalloc(sizeof(*p));
	int rc = uv_poll_init(loop, p, fd);

	if (rc < 0) {
		free(p);
		return rc;
	}
	p->data = a;
	*ret = p;
	return uv_poll_start(p, UV_READABLE, cb);
}

static int open_sockets(struct asker *a, uv_loop_t *loop, const struct lab_node *node)
{
	int domain = a->s.family == IP4 ? AF_INET : AF_INET6, rc = 0;

	for (size_t i = 0; i < a->ports && rc == 0; i++) {
		a->sockets[i] = netns_socket(node->netns, domain, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		rc = a->sockets[i] < 0 ? a->sockets[i]
				       : poll_fd(loop, a, a->sockets[i], on_readable, &a->reads[i]);
	}
	return rc;
}

static struct timespec to_timespec(span s)
{
	return (struct timespec){ s.us / 1000000, s.us % 1000000 * 1000 };
}

// Clients begin one after the other, so that they do not all ask in the same instant.
static int start_timer(struct asker *a, uv_loop_t *loop, size_t place, size_t of)
{
	span interval = a->s.client->interval;
	struct itimerspec it = {
		.it_interval = to_timespec(interval),
		.it_value = to_timespec(span_us(1 + interval.us * (int64_t)place / (int64_t)of)),
	};

	a->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (a->timer < 0 || timerfd_settime(a->timer, 0, &it, NULL) < 0)
		return -errno;
	return poll_fd(loop, a, a->timer, on_tick, &a->ticks);
}

static int add_stream(struct clients *c, uv_loop_t *loop, const struct topology *t, size_t client,
	enum ip_family family)
{
	struct asker *a = mem_zalloc(sizeof(*a));
	const struct scn_client *scn = (struct scn_client *)c->scenario->clients.data + client;

	a->all = c;
	a->s = (struct stream){ .client = scn,
		.client_index = client,
		.family = family,
		.site = SITE_NONE,
		.steady_since = lab_now() };
	a->timer = -1;
	a->interval = scn->interval;
	a->ports = scn->ports;
	a->sockets = mem_zalloc(a->ports * sizeof(*a->sockets));
	a->reads = mem_zalloc(a->ports * sizeof(*a->reads));
	for (size_t i = 0; i < a->ports; i++)
		a->sockets[i] = -1;
	a->service_address = *scenario_service_address(c->scenario, family);
	a->service_len = ip_to_sockaddr(&a->service_address, DNS_PORT, &a->service);
	c->list[c->count++] = a;
	int rc = open_sockets(a, loop, topology_node(t, scn->name));
	return rc < 0 ? rc : start_timer(a, loop, client, c->scenario->clients.count);
}

int clients_new(struct clients **ret, uv_loop_t *loop, const struct scenario *s,
	const struct topology *t, const struct clients_ops *ops, void *ctx, struct strbuf *error)
{
	struct clients *c = mem_zalloc(sizeof(*c));
	int rc = 0;

	*c = (struct clients){ .scenario = s, .ops = ops, .ctx = ctx };
	c->list = mem_zalloc(2 * s->clients.count * sizeof(struct asker *));
	for (size_t i = 0; i < s->clients.count && rc == 0; i++) {
		const struct scn_client *scn = (struct scn_client *)s->clients.data + i;
		if (scn->family & CLIENT_IP4)
			rc = add_stream(c, loop, t, i, IP4);
		if (rc == 0 && scn->family & CLIENT_IP6)
			rc = add_stream(c, loop, t, i, IP6);
		if (rc < 0)
			sb_printf(error, "cannot start client %s: %s", scn->name, strerror(-rc));
	}
	if (rc < 0)
		clients_free(&c);
	else
		*ret = c;
	return rc;
}

size_t clients_streams(const struct clients *c)
{
	return c->count;
}

const struct stream *clients_stream(const struct clients *c, size_t i)
{
	return &c->list[i]->s;
}

void clients_mark(struct clients *c, instant now)
{
	for (size_t i = 0; i < c->count; i++)
		c->list[i]->s.steady_since = now;
}

// Passes over the queries whose fate is known.
static void advance(struct asker *a, instant now)
{
	struct stream *s = &a->s;

	for (; a->oldest_open < s->count; a->oldest_open++) {
		const struct query_record *r = &s->records[a->oldest_open];
		if (!instant_is_never(r->answered))
			continue;
		if (!is_overdue(a, r, now))
			break;
		s->steady_since = now;
	}
	report_changes(a, false);
}

span clients_steady(struct clients *c, size_t stream, instant now)
{
	struct asker *a = c->list[stream];
	const struct stream *s = &a->s;

	advance(a, now);
	if (a->oldest_open < s->count) {
		span age = instant_diff(now, s->records[a->oldest_open].sent);
		if (age.us > 2 * a->rtt.us + LATE_MARGIN_MS * 1000)
			return (span){};
	}
	return instant_diff(now, s->steady_since);
}

struct client_now clients_now(struct clients *c, size_t stream, instant now)
{
	struct asker *a = c->list[stream];
	const struct stream *s = &a->s;
	struct client_now r = { s->site, a->rtt };

	advance(a, now);
	if (instant_diff(now, s->last_answer).us >
		2 * a->rtt.us + a->interval.us + ANSWER_MARGIN_MS * 1000)
		r.site = SITE_NONE;
	return r;
}

void clients_slow(struct clients *c, span interval)
{
	const struct itimerspec it = {
		.it_interval = to_timespec(interval),
		.it_value = to_timespec(interval),
	};

	for (size_t i = 0; i < c->count; i++) {
		c->list[i]->interval = interval;
		(void)!timerfd_settime(c->list[i]->timer, 0, &it, NULL);
	}
}

struct outage clients_outage(const struct clients *c, size_t client, instant event, instant end)
{
	struct outage o = {};
	bool first = true;

	for (size_t i = 0; i < c->count; i++) {
		const struct stream *s = &c->list[i]->s;
		if (s->client_index != client)
			continue;
		struct outage one =
			outage_measure(s->records, s->count, s->client->timeout, event, end);
		o = first ? one : outage_worse(o, one);
		first = false;
	}
	return o;
}

bool clients_answered_by(
	const struct clients *c, size_t client, size_t node, instant from, instant to)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct stream *s = &c->list[i]->s;
		for (size_t k = s->count; k > 0 && s->client_index == client; k--) {
			const struct query_record *r = &s->records[k - 1];
			if (instant_before(r->sent, from))
				break;
			if (r->node == (int)node && !instant_before(to, r->answered))
				return true;
		}
	}
	return false;
}
