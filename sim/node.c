// A node: what nearcastd does with its engines, in the same order of calls.
//
//	check results -> service_combine() -> member_health() -> member_decide()
//	                                         ^                 |-> upstream
//	                        fleet_view_next()                  '-> fleet: member_say()
#include "sim/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/attr.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "sim/mutant.h"

enum {
	PROBE_MIN_US = 500,
	PROBE_MAX_US = 20000,
	NOTICE_MAX_MS = 5, // the kernel's word of a socket that is gone
	FIRST_NEWS_S = 10, // the first word of the fleet is waited for so long
};

static void arm(struct sim_node *n);

// ---- Checks ----

static void on_result(void *obj, uint64_t arg)
{
	struct sim_node *n = obj;
	struct sim_world *w = n->party.world;
	unsigned i = arg & 1;
	struct sim_probe *p = &n->probes[i];

	if (!n->party.running || (arg >> 1) != p->run || p->state == SIM_HANGS)
		return;
	check_result(&n->checks[i], sim_local(&n->party), &w->results[p->state]);
	sim_node_turn(n);
}

static void probe(struct sim_node *n, unsigned i)
{
	struct sim_world *w = n->party.world;
	struct sim_probe *p = &n->probes[i];

	p->run++;
	if (p->state != SIM_HANGS)
		sim_after(w, span_us(rng_range(&w->rng, PROBE_MIN_US, PROBE_MAX_US)), on_result, n,
			(uint64_t)p->run << 1 | i);
}

// The kernel's word of a socket that is gone.
static void on_notice(void *obj, uint64_t arg)
{
	struct sim_node *n = obj;
	const struct health_result gone = health_result_of(HEALTH_REASON_NO_SOCKET, "%s", "");
	unsigned i = arg & 1;

	if (!n->party.running || (arg >> 1) != n->life || n->probes[i].state != SIM_CRASHED)
		return;
	check_report(&n->checks[i], sim_local(&n->party), &gone);
	sim_node_turn(n);
}

void sim_node_set_service(struct sim_node *n, unsigned i, enum sim_service state, bool noticed)
{
	struct sim_world *w = n->party.world;

	n->probes[i].state = state;
	if (i == 0)
		n->broken_since = state == SIM_CRASHED ? w->now : INSTANT_NEVER;
	if (noticed)
		sim_after(w, span_us(rng_range(&w->rng, 100, NOTICE_MAX_MS * 1000)), on_notice, n,
			n->life << 1 | i);
}

// True when a verdict changed.
static bool run_checks(struct sim_node *n, instant now)
{
	const struct check *const all[SIM_CHECKS] = { &n->checks[0], &n->checks[1] };
	bool changed = false;

	for (unsigned i = 0; i < SIM_CHECKS; i++) {
		struct check_action a;

		check_tick(&n->checks[i], now);
		while (check_next(&n->checks[i], &a)) {
			if (a.kind == CHECK_DO_PROBE)
				probe(n, i);
			else if (a.kind == CHECK_DO_CANCEL)
				n->probes[i].run++;
			else
				changed = true;
		}
	}
	if (changed)
		n->health = service_combine(all, SIM_CHECKS);
	return changed;
}

// ---- What the fleet is told ----

static void announce_state(struct sim_node *n)
{
	struct sim_world *w = n->party.world;
	struct bgp_community communities[FLEET_COMMUNITIES_MAX];
	struct bgp_attrs_spec spec = {
		.communities = communities,
		.community_count = fleet_state_encode(&n->said, n->party.as, communities),
	};

	bgp_attrs_unref(&n->said_attrs);
	int rc = bgp_attrs_new(&n->said_attrs, &spec);
	if (rc < 0)
		sim_fail(w, "%s: a state that no UPDATE can carry", n->party.name);
	for (unsigned i = 0; i < n->party.end_count && rc == 0; i++) {
		struct sim_end *e = n->party.ends[i];
		if (e == n->upstream)
			continue;
		bgp_peer_announce(e->peer, sim_local(&n->party), &w->prefix, n->said_attrs);
		sim_end_pump(e);
	}
}

static void say(struct sim_node *n)
{
	struct fleet_state s = member_say(&n->member);

	s.node = (uint16_t)(n->party.index + 1);
	memcpy(s.site, n->site_name, sizeof(s.site));
	memcpy(s.name, n->party.name, sizeof(s.name));
	s.serial = n->serial;
	if (n->has_said && fleet_state_equal(&s, &n->said))
		return;
	s.serial = ++n->serial;
	n->said = s;
	n->has_said = true;
	announce_state(n);
}

// ---- Deciding ----

static void tell_upstream(struct sim_node *n)
{
	struct sim_world *w = n->party.world;
	const struct decision *d = &n->member.decision;
	instant now = sim_local(&n->party);

	if (d->announce == ANNOUNCE_WITHDRAWN)
		bgp_peer_withdraw(n->upstream->peer, now, &w->prefix);
	else
		bgp_peer_announce(n->upstream->peer, now, &w->prefix, w->grades[d->grade]);
	sim_end_pump(n->upstream);
}

static void decide_now(struct sim_node *n)
{
	struct sim_world *w = n->party.world;
	struct member *m = &n->member;
	const enum announce before = m->decision.announce;
	instant now = sim_local(&n->party);

	w->decisions++;
	member_health(m, now, n->health.health, n->health.evidence);
	if (member_decide(m, now, n->view, &w->prefix, 1)) {
		sim_trace(&w->trace, w->now, "%s: %s, %s (%s; m %u of %u, able %u, rank %u)",
			n->party.name, announce_name(m->decision.announce),
			decide_reason_name(m->decision.reason), standing_name(m->standing),
			m->guard.m, m->guard.known, m->guard.able, m->guard.rank);
		if (before != ANNOUNCE_WITHDRAWN && m->decision.announce == ANNOUNCE_WITHDRAWN)
			sim_watch_withdrawal(w, n);
		// Worse news go to the fleet first.
		if (m->decision.announce < before)
			say(n);
		tell_upstream(n);
	}
	say(n);
}

static bool take_news(struct sim_node *n)
{
	struct sim_world *w = n->party.world;
	struct fleet_news news;
	bool changed = false;

	while (fleet_view_next(n->view, &news)) {
		changed |= news.kind == FLEET_CHANGED;
		if (news.kind == FLEET_REFUSED || news.kind == FLEET_CONFLICT)
			sim_fail(w, "%s: %s %s", n->party.name,
				news.kind == FLEET_REFUSED ? "refuses a state:"
							   : "sees a conflict:",
				news.text);
	}
	return changed;
}

void sim_node_turn(struct sim_node *n)
{
	if (!n->party.running)
		return;
	instant now = sim_local(&n->party);
	bool due = instant_due(member_deadline(&n->member), now);
	bool changed = run_checks(n, now) | n->news;

	n->news = false;
	fleet_view_tick(n->view, now);
	changed |= take_news(n);
	while (due && member_tick(&n->member, now))
		decide_now(n);
	if (changed || due)
		decide_now(n);
	arm(n);
}

// ---- Time ----

static void on_timer(void *obj, uint64_t at)
{
	struct sim_node *n = obj;

	if ((uint64_t)n->timer_at.us != at)
		return; // another one took its place
	n->timer_at = INSTANT_NEVER;
	sim_node_turn(n);
}

static void arm(struct sim_node *n)
{
	struct sim_world *w = n->party.world;
	instant next = instant_min(member_deadline(&n->member), fleet_view_deadline(n->view));

	for (unsigned i = 0; i < SIM_CHECKS; i++)
		next = instant_min(next, check_deadline(&n->checks[i]));
	instant at = sim_true(&n->party, next);
	if (!instant_before(at, n->timer_at))
		return;
	if (instant_before(at, w->now))
		at = w->now;
	n->timer_at = at;
	sim_at(w, at, on_timer, n, (uint64_t)at.us);
}

static void on_first_news(void *obj, uint64_t life)
{
	struct sim_node *n = obj;

	if (!n->party.running || life != n->life)
		return;
	fleet_view_settle(n->view);
	sim_node_turn(n);
}

// ---- Sessions ----

void sim_node_routes(void *ctx, const struct bgp_update *u)
{
	struct sim_end *e = ctx;
	struct sim_node *n = (struct sim_node *)e->party;
	const struct sim_party *other = sim_end_other(e)->party;
	const struct fleet_session session = {
		.index = e->index,
		.bgp_id = other->id,
		.address = other->address,
		.role = !n->party.world->plan.own_role ? FLEET_LEARNED
			: other->kind == SIM_NODE      ? FLEET_NODE
						       : FLEET_REFLECTOR,
	};

	if (e != n->upstream)
		fleet_view_update(n->view, sim_local(&n->party), &session, u);
}

// The caller gives the node its turn.
void sim_node_session(struct sim_end *e, bool up)
{
	struct sim_node *n = (struct sim_node *)e->party;

	if (e == n->upstream) {
		member_set_unheard(&n->member, !up);
		n->news = true;
	} else if (!up) {
		fleet_view_session_down(n->view, sim_local(&n->party), e->index);
	}
}

// ---- Life ----

static void begin(struct sim_node *n)
{
	struct sim_world *w = n->party.world;
	instant now = sim_local(&n->party);
	const struct fleet_view_config view = {
		.as = n->party.as,
		.router_id = n->party.id,
		.node = (uint16_t)(n->party.index + 1),
		.site = n->site_name,
		.name = n->party.name,
		.forget = span_s(FLEET_FORGET_S),
	};
	struct member_config member = w->plan.member;
	struct health_timing timing = {
		.interval = w->plan.interval,
		.fast_interval = { w->plan.interval.us / 2 },
		.timeout = w->plan.timeout,
		.rise = 2,
		.fall = 2,
	};

	member.priority = n->priority;
	sim_mutant_member(w->mutant, &member);
	member_init(&n->member, &member, now);
	n->member.addresses_ready = true;
	member_set_unheard(&n->member, true);
	n->view = fleet_view_new(&view);
	fleet_view_follow(n->view, &w->prefix);
	n->has_said = false;
	n->serial = (uint32_t)(now.us / 1000000); // of its wall clock
	n->health = (struct service_health){ .health = HEALTH_STARTING };
	for (unsigned i = 0; i < SIM_CHECKS; i++) {
		timing.scope = i ? HEALTH_SCOPE_DEPENDENCY : HEALTH_SCOPE_SERVICE;
		n->probes[i].run++;
		check_init(&n->checks[i], &timing, rng_next(&w->rng), now);
	}
}

void sim_node_start(struct sim_node *n)
{
	struct sim_world *w = n->party.world;

	if (n->party.running || !n->party.host_up)
		return;
	sim_trace(&w->trace, w->now, "%s: daemon starts", n->party.name);
	n->party.running = true;
	n->life++;
	n->started = w->now;
	n->timer_at = INSTANT_NEVER;
	n->forced = false;
	begin(n);
	for (unsigned i = 0; i < n->party.end_count; i++) {
		n->party.ends[i]->config.seed = rng_next(&w->rng);
		sim_end_start(n->party.ends[i]);
	}
	sim_after(w, span_s(FIRST_NEWS_S), on_first_news, n, n->life);
	decide_now(n);
	sim_node_turn(n);
}

static void end(struct sim_node *n)
{
	n->party.running = false;
	n->life++;
	fleet_view_free(&n->view);
	bgp_attrs_unref(&n->said_attrs);
	memset(n->known, 0, n->known_bytes);
}

void sim_node_kill(struct sim_node *n, bool host)
{
	struct sim_world *w = n->party.world;

	if (!n->party.running)
		return;
	sim_trace(&w->trace, w->now, "%s: %s", n->party.name,
		host ? "host falls silent" : "daemon is killed");
	for (unsigned i = 0; i < n->party.end_count; i++)
		sim_end_kill(n->party.ends[i], host);
	n->party.host_up = !host;
	end(n);
}

// SIGTERM: withdrawn, the fleet is told, and the sessions end with Cease.
void sim_node_stop(struct sim_node *n)
{
	struct sim_world *w = n->party.world;

	if (!n->party.running)
		return;
	sim_trace(&w->trace, w->now, "%s: daemon is stopped", n->party.name);
	n->forced = true;
	n->member.stopping = STOPPING_WITHDRAWN;
	decide_now(n);
	for (unsigned i = 0; i < n->party.end_count; i++) {
		struct sim_end *e = n->party.ends[i];
		bgp_peer_stop(e->peer, sim_local(&n->party), BGP_CEASE_ADMIN_SHUTDOWN, "stopped");
		sim_end_pump(e);
		sim_end_kill(e, false);
	}
	end(n);
}

void sim_node_free(struct sim_node *n)
{
	if (n->view)
		fleet_view_free(&n->view);
	bgp_attrs_unref(&n->said_attrs);
	free(n->known);
}

// ---- Operators ----

static bool may_leave(struct sim_node *n)
{
	struct guard_result r = member_may_leave(&n->member, n->view, &n->party.world->prefix, 1);

	return r.verdict == GUARD_FREE;
}

bool sim_node_drain(struct sim_node *n, bool forced)
{
	if (!n->party.running || (!forced && !may_leave(n)))
		return false;
	member_drain(&n->member, sim_local(&n->party), span_us(0), forced);
	n->forced = forced;
	decide_now(n);
	arm(n);
	return true;
}

void sim_node_undrain(struct sim_node *n)
{
	if (!n->party.running)
		return;
	member_undrain(&n->member, sim_local(&n->party));
	n->forced = false;
	decide_now(n);
	arm(n);
}

bool sim_node_set_off(struct sim_node *n, bool off, bool forced)
{
	if (!n->party.running || (off && !forced && !may_leave(n)))
		return false;
	member_set_admin(&n->member, sim_local(&n->party), off ? ADMIN_OFF : ADMIN_ACTIVE, forced);
	n->forced = off && forced;
	decide_now(n);
	arm(n);
	return true;
}
