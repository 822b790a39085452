#include "nearcastd/checks.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/rng.h"
#include "nearcastd/addrwatch.h"
#include "nearcastd/check_equal.h"
#include "nearcastd/netlink.h"
#include "nearcastd/probe.h"
#include "nearcastd/sockwatch.h"
#include "nearcastd/watched.h"

// One check that runs.
struct runner {
	struct checks *owner;
	size_t service, check; // indices in the configuration
	const struct conf_check *conf;
	struct check engine;
	struct probe *probe;
	struct sock_end watched;
	bool draining; // its queue is being worked off further up the stack
};

// One service: its runners are a run of the array.
struct serving {
	const struct conf_service *conf;
	struct runner *first;
	size_t n;
	const struct check **engines;
	struct service_health health;
};

struct checks {
	uv_loop_t *loop;
	const struct conf *conf;
	const struct checks_ops *ops;
	void *ctx;
	struct serving *services;
	size_t service_count;
	struct runner *runners;
	size_t count;
	uv_timer_t timer; // the earliest deadline of all; its close callback frees the whole
	struct sockwatch *sockets;
	struct addrwatch *addresses;
	struct port_range ephemeral;
	char watch_error[96];
};

static void on_timer(uv_timer_t *timer);

static void arm(struct checks *c)
{
	instant first = INSTANT_NEVER;

	for (size_t i = 0; i < c->count; i++)
		first = instant_min(first, check_deadline(&c->runners[i].engine));
	if (instant_is_never(first))
		return;
	uv_update_time(c->loop);
	uv_timer_start(&c->timer, on_timer, clock_ms_until(first, clock_now()), 0);
}

static bool health_differs(const struct service_health *a, const struct service_health *b)
{
	return a->health != b->health || a->evidence != b->evidence;
}

static void combine(struct checks *c, size_t service)
{
	struct serving *s = &c->services[service];
	struct service_health before = s->health;

	s->health = service_combine(s->engines, s->n);
	if (health_differs(&before, &s->health) && c->ops->on_health)
		c->ops->on_health(c->ctx, service);
}

static void cancel(struct runner *r)
{
	probe_cancel(r->probe);
	if (r->probe->seen[0])
		check_explain(&r->engine, r->probe->seen);
}

static void tell_verdict(struct runner *r, const struct check_action *a)
{
	struct checks *c = r->owner;

	if (c->ops->on_check)
		c->ops->on_check(
			c->ctx, r->service, r->check, a->from, a->to, check_last(&r->engine));
	combine(c, r->service);
}

// A probe may report from within its start; the loop here then finds what follows.
static void drain(struct runner *r)
{
	struct check_action a;

	if (r->draining)
		return;
	r->draining = true;
	while (check_next(&r->engine, &a)) {
		if (a.kind == CHECK_DO_PROBE)
			probe_start(r->probe);
		else if (a.kind == CHECK_DO_CANCEL)
			cancel(r);
		else
			tell_verdict(r, &a);
	}
	r->draining = false;
}

static void on_done(void *ctx, const struct health_result *result)
{
	struct runner *r = ctx;

	check_result(&r->engine, clock_now(), result);
	if (r->draining)
		return;
	drain(r);
	arm(r->owner);
}

static void on_timer(uv_timer_t *timer)
{
	struct checks *c = container_of(timer, struct checks, timer);
	instant now = clock_now();

	for (size_t i = 0; i < c->count; i++) {
		check_tick(&c->runners[i].engine, now);
		drain(&c->runners[i]);
	}
	arm(c);
}

// The socket that a check talks to went. If none is left on a local address the
// finding is made; else another process may serve, and the probe will tell.
static void watched_hit(struct runner *r)
{
	struct checks *c = r->owner;
	char text[SOCK_END_TEXT];
	bool local = false;
	bool served = true;

	if (netlink_is_local(&r->watched.addr, &local) || !local ||
		sockwatch_is_served(c->sockets, &r->watched, &served) || served) {
		check_trigger(&r->engine, clock_now());
		return;
	}
	struct health_result gone =
		health_result_of(HEALTH_REASON_NO_SOCKET, "%s", sock_end_print(&r->watched, text));
	check_report(&r->engine, clock_now(), &gone);
}

static enum watched_news worst_news(const struct runner *r, const struct sock_end *gone, size_t n)
{
	const struct checks *c = r->owner;
	const struct conf_service *service = c->services[r->service].conf;
	enum watched_news worst = WATCHED_NOTHING;

	for (size_t i = 0; i < n && worst != WATCHED_HIT; i++) {
		enum watched_news news =
			watched_judge(&r->watched, service, &gone[i], c->ephemeral);

		if (news > worst)
			worst = news;
	}
	return worst;
}

static void tell_sockets(struct checks *c, size_t service, const struct sock_end *gone, size_t n)
{
	struct serving *s = &c->services[service];
	char text[SOCK_END_TEXT];

	for (size_t i = 0; i < n; i++) {
		bool concerns = false;

		for (size_t k = 0; k < s->n && !concerns; k++)
			concerns = worst_news(&s->first[k], &gone[i], 1) != WATCHED_NOTHING;
		if (concerns && c->ops->on_socket)
			c->ops->on_socket(c->ctx, service, sock_end_print(&gone[i], text));
	}
}

static void on_sockets(void *ctx, const struct sock_end *gone, size_t n, bool lost)
{
	struct checks *c = ctx;

	for (size_t i = 0; i < c->service_count; i++)
		tell_sockets(c, i, gone, n);
	for (size_t i = 0; i < c->count; i++) {
		struct runner *r = &c->runners[i];
		enum watched_news news = worst_news(r, gone, n);

		if (news == WATCHED_HIT || (lost && r->watched.protocol != 0))
			watched_hit(r);
		else if (news == WATCHED_RELATED || lost)
			check_trigger(&r->engine, clock_now());
		drain(r);
	}
	arm(c);
}

static bool has_address(const struct conf_service *s, const struct ip_addr *a)
{
	items_for_each(struct ip_addr, mine, s->addresses) if (ip_equal(mine, a)) return true;
	return false;
}

static void trigger_service(struct checks *c, size_t service)
{
	struct serving *s = &c->services[service];

	for (size_t i = 0; i < s->n; i++)
		check_trigger(&s->first[i].engine, clock_now());
}

static void on_address(void *ctx, const struct ip_addr *address, bool gone)
{
	struct checks *c = ctx;
	char text[IP_TEXT];

	for (size_t i = 0; i < c->service_count; i++) {
		if (address && !has_address(c->services[i].conf, address))
			continue;
		if (address && gone && c->ops->on_address)
			c->ops->on_address(c->ctx, i, ip_print(address, text));
		trigger_service(c, i);
	}
	for (size_t i = 0; i < c->count; i++)
		drain(&c->runners[i]);
	arm(c);
}

static int watch_sockets(struct checks *c)
{
	own(free_ptr) uint16_t *ports = mem_resize(NULL, c->count, sizeof(*ports));
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		if (c->runners[i].watched.protocol != 0)
			ports[n++] = c->runners[i].watched.port;
	return sockwatch_new(&c->sockets, c->loop, c->ephemeral, ports, n, on_sockets, c);
}

// Polling goes on where the kernel's news cannot be had.
static void watch_kernel(struct checks *c)
{
	int error = watch_sockets(c);

	if (error) {
		snprintf(c->watch_error, sizeof(c->watch_error),
			"no socket events from the kernel: %s", strerror(-error));
		return;
	}
	error = addrwatch_new(&c->addresses, c->loop, on_address, c);
	if (error)
		snprintf(c->watch_error, sizeof(c->watch_error),
			"no address events from the kernel: %s", strerror(-error));
}

static void add_runner(struct checks *c, struct serving *s, const struct conf_check *conf,
	struct rng *seeds, instant now)
{
	struct runner *r = &c->runners[c->count++];

	r->owner = c;
	r->service = (size_t)(s - c->services);
	r->check = s->n;
	r->conf = conf;
	r->watched = watched_of(s->conf, conf);
	check_init(&r->engine, &conf->timing, rng_next(seeds), now);
	r->probe = probe_new(c->loop, s->conf, conf, on_done, r);
	s->engines[s->n++] = &r->engine;
}

static size_t count_checks(const struct conf *conf)
{
	size_t n = 0;

	items_for_each(struct conf_service, s, conf->services) n += s->checks.count;
	return n;
}

static void add_services(struct checks *c, uint64_t seed)
{
	struct rng seeds = { seed };
	instant now = clock_now();

	c->runners = mem_zalloc(count_checks(c->conf) * sizeof(*c->runners));
	c->services = mem_zalloc(c->conf->services.count * sizeof(*c->services));
	items_for_each(struct conf_service, conf, c->conf->services)
	{
		struct serving *s = &c->services[c->service_count++];

		s->conf = conf;
		s->first = &c->runners[c->count];
		s->engines = mem_zalloc(conf->checks.count * sizeof(*s->engines));
		items_for_each(struct conf_check, check, conf->checks)
			add_runner(c, s, check, &seeds, now);
		s->health = service_combine(s->engines, s->n);
	}
}

int checks_new(struct checks **ret, uv_loop_t *loop, const struct conf *conf,
	const struct checks_ops *ops, void *ctx, uint64_t seed)
{
	struct checks *c = mem_zalloc(sizeof(*c));
	int error = uv_timer_init(loop, &c->timer);

	if (error) {
		free(c);
		return error;
	}
	c->loop = loop;
	c->conf = conf;
	c->ops = ops;
	c->ctx = ctx;
	c->ephemeral = watched_ephemeral_ports();
	add_services(c, seed);
	watch_kernel(c);
	arm(c);
	*ret = c;
	return 0;
}

void checks_catch_up(struct checks *old)
{
	if (old->sockets)
		sockwatch_read(old->sockets);
	if (old->addresses)
		addrwatch_read(old->addresses);
}

static const struct runner *find_equal(const struct checks *old, const struct runner *r)
{
	const struct conf_service *service = r->owner->services[r->service].conf;

	for (size_t i = 0; i < old->count; i++) {
		const struct runner *o = &old->runners[i];

		if (check_equal(service, r->conf, old->services[o->service].conf, o->conf))
			return o;
	}
	return NULL;
}

void checks_adopt_state(struct checks *new, const struct checks *old)
{
	for (size_t i = 0; i < new->count; i++) {
		struct runner *r = &new->runners[i];
		const struct runner *o = find_equal(old, r);

		if (o)
			check_adopt(&r->engine, &o->engine);
	}
	for (size_t i = 0; i < new->service_count; i++) {
		struct serving *s = &new->services[i];

		s->health = service_combine(s->engines, s->n);
	}
	arm(new);
}

static void free_closed(uv_handle_t *handle)
{
	free(container_of((uv_timer_t *)handle, struct checks, timer));
}

void checks_free(struct checks **ptr)
{
	struct checks *c = take(*ptr);

	if (!c)
		return;
	sockwatch_free(&c->sockets);
	addrwatch_free(&c->addresses);
	for (size_t i = 0; i < c->count; i++)
		probe_free(&c->runners[i].probe);
	for (size_t i = 0; i < c->service_count; i++)
		free(c->services[i].engines);
	free(c->services);
	free(c->runners);
	uv_close((uv_handle_t *)&c->timer, free_closed);
}

const char *checks_watch_error(const struct checks *c)
{
	return c->watch_error[0] ? c->watch_error : NULL;
}

struct service_health checks_health(const struct checks *c, size_t service)
{
	return c->services[service].health;
}

struct check_status checks_status(const struct checks *c, size_t service, size_t check)
{
	const struct check *e = &c->services[service].first[check].engine;

	return (struct check_status){
		.state = check_state(e),
		.evidence = check_evidence(e),
		.result = check_last(e),
		.last_change = check_changed(e),
		.next_run = check_next_run(e),
		.took = check_took(e),
		.running = check_running(e),
	};
}

// The callbacks that follow come from the loop.
void checks_trigger(struct checks *c, size_t service)
{
	trigger_service(c, service);
	uv_timer_start(&c->timer, on_timer, 0, 0);
}
