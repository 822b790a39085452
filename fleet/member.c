#include "fleet/member.h"

#include "lib/own.h"

void member_init(struct member *m, const struct member_config *config, instant now)
{
	*m = (struct member){
		.config = *config,
		.health_since = now,
		.admin_since = now,
		.since = now,
		.decision = { ANNOUNCE_WITHDRAWN, REASON_STARTING, GRADE_UP },
		.told = INSTANT_NEVER,
		.next = INSTANT_NEVER,
	};
	drain_init(&m->drain);
	holddown_init(&m->holddown, config->hold_down_first, config->hold_down_max);
	recovery_init(&m->recovery, config->announce_after);
}

void member_configure(struct member *m, const struct member_config *config)
{
	m->config = *config;
	holddown_configure(&m->holddown, config->hold_down_first, config->hold_down_max);
	recovery_set_after(&m->recovery, config->announce_after);
}

// ---- What happens to it ----

static bool serves(enum health h)
{
	return h == HEALTH_UP || h == HEALTH_DEGRADED;
}

void member_health(struct member *m, instant now, enum health health, enum health_evidence evidence)
{
	// A drained service fails because its addresses were released, and nobody hears of it.
	if (serves(m->health) && health == HEALTH_DOWN && m->admin != ADMIN_DRAINED)
		holddown_failed(&m->holddown, now);
	recovery_health(&m->recovery, health, now);
	if (m->health != health)
		m->health_since = now;
	m->health = health;
	m->evidence = evidence;
}

void member_set_unheard(struct member *m, bool unheard)
{
	m->unheard = unheard;
}

static void set_admin(struct member *m, instant now, enum admin admin)
{
	if (m->admin != admin)
		m->admin_since = now;
	m->admin = admin;
}

void member_set_admin(struct member *m, instant now, enum admin admin, bool forced)
{
	drain_cancel(&m->drain);
	m->forced = forced;
	set_admin(m, now, admin);
}

static void follow_drain(struct member *m, instant now)
{
	static const enum admin admins[] = {
		[DRAIN_NONE] = ADMIN_ACTIVE,
		[DRAIN_DEMOTED] = ADMIN_DRAINING,
		[DRAIN_WITHDRAWN] = ADMIN_DRAINING,
		[DRAIN_DRAINED] = ADMIN_DRAINED,
	};

	set_admin(m, now, admins[m->drain.stage]);
}

void member_drain(struct member *m, instant now, span lasts, bool forced)
{
	drain_begin(&m->drain, now, m->config.drain_soft, m->config.drain_hard, lasts);
	m->forced = forced;
	follow_drain(m, now);
}

void member_undrain(struct member *m, instant now)
{
	drain_cancel(&m->drain);
	m->forced = false;
	follow_drain(m, now);
}

bool member_tick(struct member *m, instant now)
{
	holddown_tick(&m->holddown, now);
	if (!drain_tick(&m->drain, now))
		return false;
	if (m->drain.stage == DRAIN_NONE)
		m->forced = false;
	follow_drain(m, now);
	return true;
}

// ---- What it says ----

static enum standing standing_of(const struct member *m, instant now)
{
	bool draining = m->admin == ADMIN_DRAINING;

	if (m->stopping != STOPPING_NO || !m->addresses_ready || m->unheard || m->keeper_waits ||
		m->health == HEALTH_STARTING || m->admin == ADMIN_OFF ||
		m->admin == ADMIN_DRAINED || (draining && m->forced))
		return STANDING_OUT;
	if (m->health == HEALTH_DOWN)
		return m->evidence == EVIDENCE_HARD ? STANDING_HARD : STANDING_SOFT;
	if (draining)
		return m->health == HEALTH_DEGRADED ? STANDING_DEGRADED : STANDING_DRAINING;
	if (holddown_active(&m->holddown, now) || recovery_waits(&m->recovery, now))
		return STANDING_DAMPED;
	return STANDING_ABLE;
}

struct fleet_state member_say(const struct member *m)
{
	return (struct fleet_state){
		.health = m->health,
		.evidence = m->evidence,
		.admin = m->admin,
		.announce = m->unheard ? ANNOUNCE_WITHDRAWN : m->decision.announce,
		.standing = m->standing,
		.priority = m->config.priority,
		.min_sites = m->config.policy.min_sites,
		.has_load = m->has_load,
		.has_capacity = m->has_capacity,
		.load = m->load,
		.capacity = m->capacity,
	};
}

// ---- Deciding ----

// A service is held when one of its prefixes would be.
static bool is_stronger(enum guard_verdict a, enum guard_verdict b)
{
	static const int strength[] = {
		[GUARD_FREE] = 0,
		[GUARD_TELLS] = 1,
		[GUARD_WAITS] = 2,
		[GUARD_ISOLATED] = 3,
		[GUARD_HOLD] = 4,
	};

	return strength[a] > strength[b];
}

typedef struct guard_result guard_rule(struct fleet_view *v, const struct ip_prefix *prefix,
	const struct fleet_state *own, const struct guard_policy *policy);

static struct guard_result ask(const struct member *m, struct fleet_view *view,
	const struct ip_prefix *prefixes, size_t count, guard_rule *rule)
{
	struct fleet_state own = member_say(m);
	struct guard_result strongest = {};

	for (size_t i = 0; i < count; i++) {
		struct guard_result r = rule(view, &prefixes[i], &own, &m->config.policy);
		if (i == 0 || is_stronger(r.verdict, strongest.verdict))
			strongest = r;
	}
	return strongest;
}

// What the guard's word means to a node that announces, and to one that does not: to wait for
// others is to go on as it was; nothing new is begun before the fleet was heard once.
static enum guard_verdict apply(
	const struct member *m, enum guard_verdict v, bool settled, instant now)
{
	bool announces = m->decision.announce != ANNOUNCE_WITHDRAWN;
	bool told = instant_due(instant_add(m->told, m->config.guard_wait), now);

	if (!announces && (v == GUARD_WAITS || !settled))
		return GUARD_FREE;
	if (announces && v == GUARD_FREE && m->standing != STANDING_HARD && !told)
		return GUARD_TELLS;
	return v;
}

static instant next_change(const struct member *m, instant now)
{
	instant next = instant_min(
		holddown_deadline(&m->holddown, now), recovery_deadline(&m->recovery, now));

	next = instant_min(next, drain_deadline(&m->drain));
	if (m->decision.reason == REASON_GUARD_TELLS)
		next = instant_min(next, instant_add(m->told, m->config.guard_wait));
	return next;
}

static bool same_decision(const struct decision *a, const struct decision *b)
{
	return a->announce == b->announce && a->reason == b->reason && a->grade == b->grade;
}

bool member_decide(struct member *m, instant now, struct fleet_view *view,
	const struct ip_prefix *prefixes, size_t count)
{
	recovery_health(&m->recovery, m->health, now);
	struct decide_input in = {
		.health = m->health,
		.admin = m->admin,
		.addresses_ready = m->addresses_ready,
		.keeper_waits = m->keeper_waits,
		.held_down = holddown_active(&m->holddown, now),
		.recovering = recovery_waits(&m->recovery, now),
		.drain_withdrawn = m->drain.stage >= DRAIN_WITHDRAWN,
		.stopping = m->stopping,
	};
	struct decision d = decide(&in);

	m->standing = standing_of(m, now);
	if (m->standing == STANDING_ABLE)
		m->told = INSTANT_NEVER;
	else if (instant_is_never(m->told))
		m->told = now;
	if (m->config.guarded && view && decide_is_guarded(&d) && !m->forced) {
		m->guard = ask(m, view, prefixes, count, fleet_view_guard);
		in.guard = apply(m, m->guard.verdict, fleet_view_is_settled(view), now);
		d = decide(&in);
	}
	bool changed = !same_decision(&d, &m->decision);
	if (changed)
		m->since = now;
	m->decision = d;
	drain_announces(&m->drain, d.announce != ANNOUNCE_WITHDRAWN, now);
	m->next = next_change(m, now);
	return changed;
}

instant member_deadline(const struct member *m)
{
	return m->next;
}

struct guard_result member_may_leave(const struct member *m, struct fleet_view *view,
	const struct ip_prefix *prefixes, size_t count)
{
	struct guard_result free = {};

	if (!m->config.guarded || m->decision.announce == ANNOUNCE_WITHDRAWN)
		return free;
	return ask(m, view, prefixes, count, fleet_view_guard_leaving);
}
