#include "nearcastd/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <arpa/inet.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/keeper_inside.h"

enum {
	SECOND_TICKS = 1000 / KEEP_TICK_MS,
	RETRY_TICKS = 10 * SECOND_TICKS,
	YOUNG_TICKS = 60 * SECOND_TICKS,
	WAIT_TICKS = 5 * SECOND_TICKS,  // for the fleet, before services are announced
	GREET_TICKS = 2 * SECOND_TICKS, // the first time; then with each retry
	DRIFT_NS = 20000000,            // of the real-time clock against the monotonic one
	EMPTY_S = 10, // without a session for so long, a drain need not wait longer
	// What a client may send must leave room for the tunnel: IPv4 44, IPv6 64, and some.
	WRAP4_BYTES = 44 + 16,
	WRAP6_BYTES = 64 + 16,
};

// ---- Events ----

static void attached_event(struct keep *k, const struct keep_place *p)
{
	static const char *const how[] = {
		[KEEPER_NEW] = "new",
		[KEEPER_KEPT] = "kept",
		[KEEPER_REPLACED] = "replaced",
	};
	char detail[120];

	_Static_assert(countof(how) == KEEPER_HOW_MAX, "a word a way");
	snprintf(detail, sizeof(detail), "%s XDP, %s%s", keeper_mode_name(p->place.mode),
		p->place.shared ? "under libxdp's dispatcher" : "alone on the interface",
		p->place.how == KEEPER_KEPT ? ", as an earlier nearcastd left it" : "");
	struct event_fields f = {
		.subject = p->name, .reason = how[p->place.how], .detail = detail
	};
	events_add(k->d->events, EVENT_KEEPER_ATTACHED, &f);
}

// Once, however often it is tried. fault: what was said of the subject last.
static void failed(struct keep *k, char **fault, const char *subject, const char *text)
{
	if (*fault && strcmp(*fault, text) == 0)
		return;
	free(*fault);
	*fault = mem_strdup(text);
	struct event_fields f = { .subject = subject, .reason = "keeper", .detail = text };
	events_add(k->d->events, EVENT_KEEPER_FAILED, &f);
}

// The end of filling tables.
static void filled(struct keep *k, int rc)
{
	own(sb_free) struct strbuf text = {};

	if (rc == 0) {
		free_ptr(&k->fault);
		return;
	}
	sb_printf(&text, "keeper: its tables cannot be filled: %s", strerror(-rc));
	failed(k, &k->fault, "keeper", sb_text(&text));
}

// ---- Tables ----

static uint64_t realtime_offset(void)
{
	return (uint64_t)(clock_unix_us() - clock_now().us) * 1000;
}

static uint32_t per_window(uint64_t packets_per_s)
{
	return (uint32_t)((packets_per_s << FLOW_WINDOW_SHIFT) / 1000000000) + 1;
}

// Whether some tunnel has to go over IPv6, which takes more room.
static bool is_wide(const struct keep *k)
{
	for (size_t i = 0; i < k->node_count; i++)
		if (k->nodes[i].a4.family == IP_NONE)
			return true;
	return false;
}

// A nearcastd that has just begun hears of its fleet bit by bit.
static bool is_young(const struct keep *k)
{
	return k->ticks < YOUNG_TICKS && k->d->conf->fleet.count > 0;
}

// Until it has heard, what an earlier one told clients stays, if that was less: a tunnel over IPv6 may be
// among those that it does not know yet.
static uint16_t clamp(const struct keep *k, uint16_t was, unsigned mss)
{
	return was && was < mss && is_young(k) ? was : (uint16_t)mss;
}

static struct flow_config make_config(const struct keep *k)
{
	const struct conf *conf = k->d->conf;
	const struct conf_keeper *c = &conf->keeper;
	unsigned room = (unsigned)c->mtu - (is_wide(k) ? WRAP6_BYTES : WRAP4_BYTES);
	uint64_t now = (uint64_t)clock_unix_us() / 1000000;
	struct flow_config config = k->config; // the hash key and what tables.c keeps in it

	config.realtime_offset_ns = realtime_offset();
	config.flags = (c->stamp ? FLOW_STAMP : 0) | (c->has_quic_config ? FLOW_QUIC_LB : 0);
	config.budget_new = per_window(c->budget_new);
	config.budget_known = per_window(c->budget_known);
	config.self = (uint16_t)conf->node.id;
	config.port = htons((uint16_t)c->port);
	config.mss4 = clamp(k, k->config.mss4, room - 20 - 20);
	config.mss6 = clamp(k, k->config.mss6, room - 40 - 20);
	config.moved_s = (uint16_t)(c->moved_for.us / 1000000);
	config.quic_config = (uint8_t)c->quic_config;
	config.phase = keep_phase(now);
	return config; // swept: see keeper_sweep.c
}

static bool same_config(const struct flow_config *a, const struct flow_config *b)
{
	struct flow_config x = *a;
	int64_t drift = (int64_t)(a->realtime_offset_ns - b->realtime_offset_ns);

	x.realtime_offset_ns = b->realtime_offset_ns;
	return memcmp(&x, b, sizeof(x)) == 0 && drift < DRIFT_NS && drift > -DRIFT_NS;
}

static int put_config(struct keep *k)
{
	struct flow_config config = make_config(k);

	if (same_config(&config, &k->config))
		return 0;
	int rc = keeper_configure(k->keeper, &config);
	if (rc == 0)
		k->config = config;
	return rc;
}

static int put_addresses(struct keep *k)
{
	own(free_ptr) struct ip_addr *all = NULL;
	size_t n = 0;

	items_for_each(const struct conf_service, s, k->d->conf->services)
	{
		items_for_each(const struct ip_addr, a, s->addresses)
		{
			all = mem_resize(all, n + 1, sizeof(*all));
			all[n++] = *a;
		}
	}
	int rc = keeper_set_addresses(k->keeper, all, n);
	return rc < 0 ? rc : keeper_config(k->keeper, &k->config);
}

static int put_ports(struct keep *k)
{
	const struct conf_keeper *c = &k->d->conf->keeper;
	size_t n = 0;
	own(free_ptr) struct keeper_udp *ports =
		mem_zalloc((c->udp_sessions.count + c->quic_ports.count + 1) * sizeof(*ports));

	items_for_each(const uint64_t, port, c->udp_sessions) ports[n++] =
		(struct keeper_udp){ (uint16_t)*port, FLOW_UDP_SESSION };
	items_for_each(const uint64_t, port, c->quic_ports) ports[n++] =
		(struct keeper_udp){ (uint16_t)*port, FLOW_UDP_QUIC };
	return keeper_set_udp(k->keeper, ports, n);
}

// While it is young, those nodes that an earlier one knew stay as they were: the programs went on
// meanwhile.
static int put_nodes(struct keep *k)
{
	int rc = keeper_set_nodes(k->keeper, k->nodes, k->node_count, is_young(k));

	k->due = rc < 0;
	return rc;
}

// Nodes before the rest: a packet must find the owner that its stamp names.
static int put_all(struct keep *k)
{
	(void)keep_update_nodes(k);
	int rc = put_nodes(k);
	if (rc == 0)
		rc = put_ports(k);
	if (rc == 0)
		rc = put_addresses(k);
	return rc < 0 ? rc : put_config(k);
}

// ---- Loading ----

static void attach(struct keep *k, struct keep_place *p)
{
	own(sb_free) struct strbuf error = {};

	p->ifindex = if_nametoindex(p->name);
	if (!p->ifindex) {
		failed(k, &p->fault, p->name, "there is no such interface");
		return;
	}
	int rc = keeper_attach(k->keeper, p->ifindex, &p->place, &error);
	if (rc < 0) {
		failed(k, &p->fault, p->name, sb_text(&error));
		return;
	}
	free_ptr(&p->fault);
	p->attached = true;
	attached_event(k, p);
}

static void attach_missing(struct keep *k)
{
	for (size_t i = 0; i < k->place_count; i++) {
		struct keep_place *p = &k->places[i];
		// It may have gone, and come again as another one.
		if (p->attached && if_nametoindex(p->name) != p->ifindex)
			p->attached = false;
		if (!p->attached)
			attach(k, p);
	}
}

// What was pinned keeps its hash key: flows that are remembered stay known.
static int begin(struct keep *k, struct strbuf *error)
{
	int rc = keeper_open(&k->keeper, k->d->conf->keeper.pin, error);

	if (rc < 0)
		return rc;
	rc = keeper_config(k->keeper, &k->config);
	k->knows = rc == 0 && k->config.self;
	if (rc == 0 && !k->config.hash_key[0] &&
		getrandom(k->config.hash_key, sizeof(k->config.hash_key), 0) < 0)
		rc = -errno;
	if (rc == 0)
		rc = keep_sweep_begin(k);
	if (rc == 0)
		rc = put_config(k); // with the hash key, before anything is hashed
	if (rc == 0)
		rc = put_all(k);
	if (rc < 0) {
		sb_printf(error, "keeper: its tables cannot be filled: %s", strerror(-rc));
		keeper_close(&k->keeper);
	}
	return rc;
}

static void on_readable(void *ctx, int)
{
	struct keep *k = ctx;

	(void)keeper_events(k->keeper, keep_on_event, k);
}

static void load(struct keep *k)
{
	own(sb_free) struct strbuf error = {};
	int rc = begin(k, &error);

	if (rc == 0) {
		rc = fdwatch_new(&k->events, k->d->loop, keeper_events_fd(k->keeper), UV_READABLE,
			on_readable, k);
		if (rc < 0) {
			sb_printf(
				&error, "keeper: its events cannot be watched: %s", strerror(-rc));
			keeper_close(&k->keeper);
		}
	}
	if (rc < 0) {
		failed(k, &k->fault, "keeper", sb_text(&error));
		return;
	}
	free_ptr(&k->fault);
	keep_open_sockets(k);
	attach_missing(k);
}

// ---- At the start ----

// A node that is announced gets packets of other nodes' sessions, and without knowing those nodes it
// would end them. Not for ever: serving is worth more.
static bool has_to_wait(const struct keep *k)
{
	return k->keeper && !k->knows && k->ticks < WAIT_TICKS && !fleet_all_told(k->d->fleet);
}

static void begin_wait(struct keep *k)
{
	struct daemon *d = k->d;

	k->waits = has_to_wait(k);
	for (size_t i = 0; i < d->service_count; i++) {
		struct member *m = &d->services[i].member;
		m->keeper_waits = k->waits && m->decision.announce == ANNOUNCE_WITHDRAWN;
	}
}

static void end_wait(struct daemon *d)
{
	if (d->keep)
		d->keep->waits = false;
	for (size_t i = 0; i < d->service_count; i++) {
		d->services[i].member.keeper_waits = false;
		service_decide(d, &d->services[i], d->start_event);
	}
}

// ---- As time goes by ----

// A service that is withdrawn and has had no session for a while is drained.
static void look_at_drains(struct keep *k)
{
	for (size_t i = 0; i < k->d->service_count; i++) {
		struct service *s = &k->d->services[i];
		uint64_t sessions;
		bool waits = s->member.drain.stage == DRAIN_WITHDRAWN &&
			     s->member.decision.announce == ANNOUNCE_WITHDRAWN;
		if (!waits || !keep_sessions(k, s, &sessions) || sessions > 0) {
			s->empty_since = INSTANT_NEVER;
			continue;
		}
		if (instant_is_never(s->empty_since))
			s->empty_since = clock_now();
		else if (instant_due(instant_add(s->empty_since, span_s(EMPTY_S)), clock_now()))
			service_emptied(k->d, s);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct keep *k = timer->data;
	bool retry = ++k->ticks % RETRY_TICKS == 0;

	if (!k->keeper && retry)
		load(k);
	if (!k->keeper)
		return;
	if (retry)
		attach_missing(k);
	bool second = k->ticks % SECOND_TICKS == 0;
	keep_ask_lost(k, second);
	int rc = 0;
	bool news = keep_update_nodes(k);
	if (news || retry) // the node's own address may have come since
		keep_open_sockets(k);
	if (news || k->due || k->ticks == YOUNG_TICKS)
		rc = put_nodes(k);
	if (rc == 0 && second)
		rc = keep_sweep(k);
	filled(k, rc < 0 ? rc : put_config(k));
	if (k->waits && !has_to_wait(k))
		end_wait(k->d);
	if (!second)
		return;
	if (retry || k->ticks == GREET_TICKS)
		keep_greet(k);
	keep_count_start(k);
	look_at_drains(k);
}

// ---- Begin, end and reload ----

// Where the programs are already, they stay.
static struct keep_place place_named(struct keep *k, const char *name)
{
	struct keep_place new = {};

	snprintf(new.name, sizeof(new.name), "%s", name);
	for (size_t i = 0; i < k->place_count; i++) {
		struct keep_place *p = &k->places[i];
		if (strcmp(p->name, name) == 0 && p->ifindex == if_nametoindex(name)) {
			new = *p;
			p->fault = NULL; // it goes on there
		}
	}
	return new;
}

static void free_places(struct keep *k)
{
	for (size_t i = 0; i < k->place_count; i++)
		free(k->places[i].fault);
	free_ptr(&k->places);
	k->place_count = 0;
}

static void make_places(struct keep *k)
{
	const struct items *names = &k->d->conf->keeper.interfaces;
	struct keep_place *places = mem_zalloc(names->count * sizeof(*places));
	size_t n = 0;

	items_for_each(char *const, name, *names) places[n++] = place_named(k, *name);
	free_places(k);
	k->places = places;
	k->place_count = n;
}

static uv_timer_t *new_timer(struct keep *k)
{
	uv_timer_t *timer = mem_zalloc(sizeof(*timer));

	uv_timer_init(k->d->loop, timer);
	timer->data = k;
	return timer;
}

struct keep *keep_new(struct daemon *d)
{
	if (!d->conf->has_keeper)
		return NULL;
	struct keep *k = mem_zalloc(sizeof(*k));
	k->d = d;
	k->socket[0] = k->socket[1] = -1;
	k->pin = mem_strdup(d->conf->keeper.pin);
	k->lives = mem_zalloc((FLOW_NODE_MAX + 1) * sizeof(*k->lives));
	k->timer = new_timer(k);
	k->flush = new_timer(k);
	make_places(k);
	load(k);
	begin_wait(k);
	uv_timer_start(k->timer, on_tick, KEEP_TICK_MS, KEEP_TICK_MS);
	return k;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void keep_free(struct keep **kp)
{
	struct keep *k = take(*kp);

	if (!k)
		return;
	fdwatch_close(&k->events);
	keep_count_forget(k);
	keep_close_sockets(k);
	keeper_close(&k->keeper);
	uv_close((uv_handle_t *)k->timer, free_handle);
	uv_close((uv_handle_t *)k->flush, free_handle);
	explicit_bzero(k->nodes, k->node_count * sizeof(*k->nodes));
	free(k->nodes);
	free(k->pin);
	free(k->lives);
	free_places(k);
	free(k->fault);
	free(k);
}

// Tables are filled anew and stay what they are; only another folder of pins begins anew, over whose
// tables the programs are then replaced.
void keep_reload(struct daemon *d)
{
	struct keep *k = d->keep;
	bool same = k && d->conf->has_keeper && strcmp(k->pin, d->conf->keeper.pin) == 0;

	if (!same) {
		bool waited = k && k->waits;
		keep_free(&d->keep);
		d->keep = keep_new(d);
		if (waited && !(d->keep && d->keep->waits))
			end_wait(d);
		return;
	}
	make_places(k);
	keep_count_forget(k);
	if (!k->keeper) {
		load(k);
		return;
	}
	filled(k, put_all(k));
	keep_open_sockets(k);
	attach_missing(k);
}

int keep_detach(const struct conf *conf)
{
	own(sb_free) struct strbuf error = {};
	unsigned count = 0;

	if (!conf->has_keeper) {
		fputs("nearcastd: the configuration has no `keeper:`, which says where its tables "
		      "are: use the one that had it\n",
			stderr);
		return 1;
	}
	if (keeper_remove(conf->keeper.pin, &count, &error) < 0) {
		fprintf(stderr, "nearcastd: %s\n", sb_text(&error));
		return 1;
	}
	if (count == 0)
		puts("The keeper was on no interface.");
	else
		printf("The keeper is off %u interface%s. TCP sessions of this node may pause for "
		       "up "
		       "to four seconds now, until the kernel's own timestamps catch up.\n",
			count, count == 1 ? "" : "s");
	return 0;
}
