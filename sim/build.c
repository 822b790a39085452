// A world from its seed.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/attr.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "sim/mutant.h"
#include "sim/watch.h"
#include "sim/world.h"

enum {
	FLEET_AS = 64500,
	ROUTER_AS = 64496,
	NODES_AT = 0x0a000001,      // 10.0.0.1: identifiers and addresses
	REFLECTORS_AT = 0x0aff0001, // 10.255.0.1
	ROUTERS_AT = 0x0b000001,    // 11.0.0.1
	MESH_MAX = 24,              // more nodes than that have reflectors
	BIG = 100,                  // sites: as many as one needs to be careful with time
};

// ---- Clocks ----

instant sim_local(const struct sim_party *p)
{
	int64_t t = p->world->now.us;

	return (instant){ p->clock.offset_us + t + t * p->clock.ppm / 1000000 };
}

instant sim_true(const struct sim_party *p, instant local)
{
	if (instant_is_never(local))
		return INSTANT_NEVER;
	int64_t left = local.us - sim_local(p).us;
	// A little late rather than early: an event that comes early has to be asked for again.
	if (left <= 0)
		return p->world->now;
	return instant_add(p->world->now, (span){ left - left * p->clock.ppm / 1000000 + 100 });
}

static struct sim_clock draw_clock(struct sim_world *w)
{
	int64_t drift = w->plan.drift_ppm;

	return (struct sim_clock){
		// A wall clock, some of them days away from the truth.
		.offset_us = 1700000000000000 + rng_range(&w->rng, 0, 86400) * 1000000,
		.ppm = rng_range(&w->rng, -drift, drift),
	};
}

// ---- The plan ----

static struct min_sites draw_min_sites(struct sim_world *w)
{
	static const struct min_sites all[] = {
		{ true, 50 },
		{ true, 50 },
		{ true, 50 },
		{ true, 30 },
		{ true, 67 },
		{ true, 100 },
		{ false, 1 },
		{ false, 2 },
		{ false, 3 },
		{ false, 5 },
	};

	return all[sim_below(w, countof(all))];
}

static void draw_times(struct sim_world *w, struct sim_plan *p)
{
	bool big = p->sites > BIG;

	p->latency_min = span_ms(5);
	p->latency_max = span_ms(rng_range(&w->rng, 20, 150));
	p->turn = span_ms(big ? 250 : 20);
	p->hold_time = span_s(big ? 30 : 3 * rng_range(&w->rng, 3, 10));
	p->retry = span_s(rng_range(&w->rng, 1, 5));
	p->retry_max = span_s(20);
	p->interval = span_s(big ? 5 : rng_range(&w->rng, 1, 3));
	p->timeout = span_ms(rng_range(&w->rng, 300, 900));
	p->drift_ppm = sim_chance(w, 50) ? 100 : 10000;
	p->burst = span_s(rng_range(&w->rng, 2, 30));
	// Twice as long as news travel, and more (doc/sim.md).
	p->guard_wait = span_us(2 * sim_allowed(p, SIM_NEWS).us + rng_range(&w->rng, 0, 2000000));
	p->phases = big ? 1 + sim_chance(w, 30) : 4;
}

static void draw_member(struct sim_world *w, struct sim_plan *p)
{
	p->member = (struct member_config){
		.hold_down_first = span_s(rng_range(&w->rng, 0, 4)),
		.hold_down_max = span_s(20),
		.announce_after = sim_chance(w, 30) ? span_s(rng_range(&w->rng, 1, 5)) : span_s(0),
		.drain_soft = span_s(rng_range(&w->rng, 1, 5)),
		.drain_hard = span_s(rng_range(&w->rng, 1, 10)),
		.guarded = true,
		.policy = { draw_min_sites(w), !sim_chance(w, 12) },
		.guard_wait = p->guard_wait,
	};
}

static unsigned draw_nodes(struct sim_world *w, unsigned sites)
{
	unsigned nodes = sites;

	if (sites <= BIG && sim_chance(w, 40))
		nodes += sim_below(w, sites) + 1;
	return nodes;
}

static void draw_plan(struct sim_world *w, unsigned sites)
{
	struct sim_plan *p = &w->plan;
	bool mesh = false;

	// Half of the small ones are smaller still: the last sites are what it is about.
	p->sites = sites <= BIG && sim_chance(w, 50) ? 2 + sim_below(w, sites - 1) : sites;
	p->nodes = draw_nodes(w, p->sites);
	mesh = p->nodes <= MESH_MAX && sim_chance(w, 40);
	p->reflectors = mesh ? 0 : p->sites > BIG ? 2 : 1 + sim_below(w, 3);
	p->halves = p->reflectors == 2 && p->sites <= BIG && sim_chance(w, 40);
	p->own_role = sim_chance(w, 50);
	draw_times(w, p);
	draw_member(w, p);
}

// ---- Parties ----

static void make_party(struct sim_world *w, struct sim_party *p, enum sim_kind kind, unsigned index,
	uint32_t id, uint32_t as)
{
	*p = (struct sim_party){
		.kind = kind,
		.index = index,
		.world = w,
		.host_up = true,
		.clock = draw_clock(w),
		.id = id,
		.as = as,
		.address = ip_from_u32(id),
	};
}

static void make_node(struct sim_world *w, unsigned i)
{
	struct sim_node *n = &w->nodes[i];
	unsigned site = i < w->plan.sites ? i : sim_below(w, w->plan.sites);

	make_party(w, &n->party, SIM_NODE, i, NODES_AT + i, FLEET_AS);
	n->site = site;
	// Names that are not in the order of the numbers.
	snprintf(n->site_name, sizeof(n->site_name), "s%03u", site * 617 % 1009);
	snprintf(n->party.name, sizeof(n->party.name), "s%03u-%u", site * 617 % 1009, i);
	n->priority = (uint16_t)(sim_chance(w, 70) ? 0 : sim_below(w, 3));
	n->timer_at = n->misled = n->broken_since = n->beside_able = INSTANT_NEVER;
	n->known_bytes = (w->plan.sites + 7) / 8;
	n->known = mem_zalloc(n->known_bytes);
}

static void make_parties(struct sim_world *w)
{
	const struct sim_plan *p = &w->plan;

	w->nodes = mem_zalloc(p->nodes * sizeof(*w->nodes));
	w->routers = mem_zalloc(p->nodes * sizeof(*w->routers));
	w->reflectors = mem_zalloc((p->reflectors + 1) * sizeof(*w->reflectors));
	for (unsigned i = 0; i < p->nodes; i++) {
		make_node(w, i);
		make_party(w, &w->routers[i].party, SIM_ROUTER, i, ROUTERS_AT + i, ROUTER_AS);
		w->routers[i].node = &w->nodes[i];
	}
	for (unsigned i = 0; i < p->reflectors; i++) {
		struct sim_party *r = &w->reflectors[i].party;
		make_party(w, r, SIM_REFLECTOR, i, REFLECTORS_AT + i, FLEET_AS);
		snprintf(r->name, sizeof(r->name), "rr%u", i + 1);
	}
}

// ---- Sessions ----

static struct bgp_peer_config config_of(struct sim_world *w, const struct sim_end *e)
{
	static bgp_routes_fn *const routes[] = {
		[SIM_NODE] = sim_node_routes,
		[SIM_REFLECTOR] = sim_reflector_routes,
		[SIM_ROUTER] = sim_router_routes,
	};
	const struct sim_plan *p = &w->plan;
	const struct sim_party *other = sim_end_other(e)->party;
	enum sim_kind kind = e->party->kind;
	bool upstream = kind == SIM_ROUTER || other->kind == SIM_ROUTER;

	return (struct bgp_peer_config){
		.local_as = e->party->as,
		.peer_as = other->as,
		.router_id = e->party->id,
		.hold_time = p->hold_time,
		.connect_retry = p->retry,
		.connect_retry_max = p->retry_max,
		.passive = kind == SIM_ROUTER || (kind == SIM_REFLECTOR && other->kind == SIM_NODE),
		.families = BGP_FAMILY_IP4,
		.seed = rng_next(&w->rng),
		.paths_receive = upstream ? 0 : BGP_FAMILY_IP4,
		.paths_send = kind == SIM_REFLECTOR ? BGP_FAMILY_IP4 : 0,
		.routes = routes[kind],
		.routes_ctx = (void *)(uintptr_t)e,
	};
}

static void connect_parties(struct sim_world *w, struct sim_party *a, struct sim_party *b)
{
	struct sim_session *s = sim_session_new(w, a, b);
	bool upstream = b->kind == SIM_ROUTER;

	for (int i = 0; i < 2; i++) {
		s->end[i].config = config_of(w, &s->end[i]);
		s->link.latency[i] =
			upstream ? span_ms(1)
				 : sim_between(w, w->plan.latency_min, w->plan.latency_max);
	}
	s->link.loss_permille = upstream ? 0 : sim_chance(w, 20) ? 20 : 1;
}

static void make_sessions(struct sim_world *w)
{
	const struct sim_plan *p = &w->plan;

	for (unsigned i = 0; i < p->nodes; i++) {
		struct sim_node *n = &w->nodes[i];
		connect_parties(w, &n->party, &w->routers[i].party);
		n->upstream = n->party.ends[n->party.end_count - 1];
		for (unsigned k = 0; p->reflectors == 0 && k < i; k++)
			connect_parties(w, &n->party, &w->nodes[k].party);
		for (unsigned r = 0; r < p->reflectors; r++)
			if (!p->halves || i % 2 == r)
				connect_parties(w, &n->party, &w->reflectors[r].party);
	}
	if (p->halves)
		connect_parties(w, &w->reflectors[0].party, &w->reflectors[1].party);
}

static void make_attributes(struct sim_world *w)
{
	const struct bgp_community gshut = bgp_community_from_u32(UINT32_C(0xffff0000));
	const struct bgp_attrs_spec specs[GRADE_MAX] = {
		[GRADE_DEGRADED] = { .prepend = 3 },
		[GRADE_DRAINING] = { .prepend = 2, .communities = &gshut, .community_count = 1 },
	};

	for (unsigned g = 0; g < GRADE_MAX; g++)
		if (bgp_attrs_new(&w->grades[g], &specs[g]) < 0)
			abort();
	w->results[SIM_SERVES] = health_result_of(HEALTH_REASON_OK, "%s", "");
	w->results[SIM_CRASHED] = health_result_of(HEALTH_REASON_REFUSED, "%s", "");
	w->results[SIM_HANGS] = health_result_of(HEALTH_REASON_TIMEOUT, "%s", "");
	w->results[SIM_LIES] = health_result_of(HEALTH_REASON_WRONG_ANSWER, "%s", "");
}

// ---- The world ----

struct sim_world *sim_world_new(
	uint64_t seed, unsigned sites, const struct sim_mutant *mutant, bool tell)
{
	struct sim_world *w = mem_zalloc(sizeof(*w));

	w->rng.state = seed * UINT64_C(0x2545f4914f6cdd1d) + sites;
	w->plan.seed = seed;
	w->mutant = mutant;
	w->trace.tell = tell;
	if (prefix_parse(&w->prefix, "198.51.100.0/24") < 0)
		abort();
	draw_plan(w, sites);
	sim_mutant_set(mutant);
	make_attributes(w);
	make_parties(w);
	make_sessions(w);
	w->watch = sim_watch_new(w);
	return w;
}

void sim_world_free(struct sim_world **wp)
{
	struct sim_world *w = take(*wp);

	if (!w)
		return;
	for (unsigned i = 0; i < w->plan.nodes; i++) {
		sim_node_free(&w->nodes[i]);
		free(w->nodes[i].party.ends);
		free(w->routers[i].party.ends);
	}
	for (unsigned i = 0; i < w->plan.reflectors; i++) {
		sim_reflector_free(&w->reflectors[i]);
		free(w->reflectors[i].party.ends);
	}
	for (unsigned i = 0; i < w->session_count; i++)
		sim_session_free(&w->sessions[i]);
	for (unsigned g = 0; g < GRADE_MAX; g++)
		bgp_attrs_unref(&w->grades[g]);
	sim_watch_free(&w->watch);
	sim_events_free(&w->events);
	free(w->sessions);
	free(w->nodes);
	free(w->routers);
	free(w->reflectors);
	free(w);
}

void sim_run_until(struct sim_world *w, instant end)
{
	struct sim_event e;

	while (!w->broken && w->events.count && !instant_before(end, w->events.heap[0].at) &&
		sim_events_next(&w->events, &e)) {
		w->now = e.at;
		w->events_run++;
		sim_trace_mix(&w->trace, (uint64_t)e.at.us);
		e.run(e.obj, e.arg);
	}
	if (!w->broken)
		w->now = end;
}

void sim_fail(struct sim_world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->broken)
		return;
	w->broken = true;
	va_start(ap, fmt);
	vsnprintf(w->what, sizeof(w->what), fmt, ap);
	va_end(ap);
	sim_trace(&w->trace, w->now, "BROKEN: %s", w->what);
}
