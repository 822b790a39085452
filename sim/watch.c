#include "sim/watch.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { LOOK_MS = 50, MANY = 100 };

struct sim_watch {
	uint64_t version; // of what is below
	uint32_t *masks;  // node: the reflectors that it has a session with
	uint32_t *reach;  // node: those whose clients it hears
	struct sim_session **mesh;
	unsigned *part;       // node
	instant *short_since; // part
	struct site_truth {
		uint8_t best;
		bool announcing;
	} * sites;
	unsigned *touched; // sites that were counted
};

struct sim_watch *sim_watch_new(struct sim_world *w)
{
	unsigned n = w->plan.nodes;
	struct sim_watch *t = mem_zalloc(sizeof(*t));

	t->version = UINT64_MAX;
	t->masks = mem_zalloc(n * sizeof(*t->masks));
	t->reach = mem_zalloc(n * sizeof(*t->reach));
	t->part = mem_zalloc(n * sizeof(*t->part));
	t->short_since = mem_zalloc(n * sizeof(*t->short_since));
	t->sites = mem_zalloc(w->plan.sites * sizeof(*t->sites));
	t->touched = mem_zalloc(w->plan.sites * sizeof(*t->touched));
	if (w->plan.reflectors == 0)
		t->mesh = mem_zalloc((size_t)n * n * sizeof(struct sim_session *));
	for (unsigned i = 0; t->mesh && i < w->session_count; i++) {
		struct sim_session *s = w->sessions[i];
		const struct sim_party *a = s->end[0].party, *b = s->end[1].party;
		if (a->kind != SIM_NODE || b->kind != SIM_NODE)
			continue;
		t->mesh[a->index * n + b->index] = t->mesh[b->index * n + a->index] = s;
	}
	return t;
}

void sim_watch_free(struct sim_watch **tp)
{
	struct sim_watch *t = take(*tp);

	if (!t)
		return;
	free(t->masks);
	free(t->reach);
	free(t->mesh);
	free(t->part);
	free(t->short_since);
	free(t->sites);
	free(t->touched);
	free(t);
}

// ---- Who hears whom ----

static void find_masks(struct sim_world *w, struct sim_watch *t)
{
	uint32_t across[32];

	memset(t->masks, 0, w->plan.nodes * sizeof(*t->masks));
	for (unsigned r = 0; r < w->plan.reflectors; r++) {
		const struct sim_party *p = &w->reflectors[r].party;
		across[r] = 1u << r;
		for (unsigned i = 0; i < p->end_count; i++) {
			const struct sim_party *o = sim_end_other(p->ends[i])->party;
			if (!sim_session_is_up(p->ends[i]->session))
				continue;
			if (o->kind == SIM_NODE)
				t->masks[o->index] |= 1u << r;
			else
				across[r] |= 1u << o->index;
		}
	}
	for (unsigned i = 0; i < w->plan.nodes; i++) {
		t->reach[i] = 0;
		for (unsigned r = 0; r < w->plan.reflectors; r++)
			if (t->masks[i] >> r & 1)
				t->reach[i] |= across[r];
	}
}

static unsigned root(unsigned *part, unsigned i)
{
	while (part[i] != i)
		i = part[i] = part[part[i]];
	return i;
}

static void join(unsigned *part, unsigned a, unsigned b)
{
	a = root(part, a);
	b = root(part, b);
	part[a > b ? a : b] = a > b ? b : a;
}

static void find_parts(struct sim_world *w, struct sim_watch *t)
{
	unsigned first[32], n = w->plan.nodes;

	for (unsigned i = 0; i < n; i++)
		t->part[i] = i;
	for (unsigned i = 0; i < w->session_count && t->mesh; i++) {
		const struct sim_session *s = w->sessions[i];
		if (s->end[1].party->kind == SIM_NODE && s->end[0].party->kind == SIM_NODE &&
			sim_session_is_up(s))
			join(t->part, s->end[0].party->index, s->end[1].party->index);
	}
	for (unsigned r = 0; r < w->plan.reflectors; r++) {
		first[r] = UINT32_MAX;
		for (unsigned i = 0; i < n; i++) {
			if (!(t->reach[i] >> r & 1))
				continue;
			if (first[r] == UINT32_MAX)
				first[r] = i;
			else
				join(t->part, first[r], i);
		}
	}
	for (unsigned i = 0; i < n; i++)
		t->part[i] = root(t->part, i);
}

static struct sim_watch *fresh(struct sim_world *w)
{
	struct sim_watch *t = w->watch;

	if (t->version == w->reach_version)
		return t;
	t->version = w->reach_version;
	find_masks(w, t);
	find_parts(w, t);
	for (unsigned i = 0; i < w->plan.nodes; i++)
		t->short_since[i] = INSTANT_NEVER;
	return t;
}

bool sim_hears(struct sim_world *w, const struct sim_node *a, const struct sim_node *b)
{
	const struct sim_watch *t = fresh(w);
	unsigned i = a->party.index, k = b->party.index;

	if (i == k)
		return false;
	if (t->mesh)
		return sim_session_is_up(t->mesh[i * w->plan.nodes + k]);
	return t->reach[i] & t->masks[k];
}

unsigned sim_part_of(struct sim_world *w, const struct sim_node *n)
{
	return fresh(w)->part[n->party.index];
}

// ---- What it means ----

enum sim_class sim_class_of(const struct sim_node *n)
{
	const struct member *m = &n->member;

	if (!n->party.running || n->forced || !n->upstream->up || m->admin == ADMIN_OFF ||
		m->admin == ADMIN_DRAINED || m->health == HEALTH_STARTING ||
		!fleet_view_is_settled(n->view))
		return SIM_OUT;
	if (m->health == HEALTH_DOWN)
		return m->evidence == EVIDENCE_HARD ? SIM_HARD_OUT : SIM_HOLDABLE;
	return m->standing == STANDING_ABLE ? SIM_ABLE : SIM_HOLDABLE;
}

unsigned sim_min_sites(const struct sim_node *n)
{
	unsigned known = 0;

	for (size_t i = 0; i < n->known_bytes; i++)
		known += (unsigned)__builtin_popcount(n->known[i]);
	bool own = n->known[n->site / 8] >> n->site % 8 & 1;
	return min_sites_of(&n->party.world->plan.member.policy.min_sites, known + !own);
}

struct sim_count sim_count_part(struct sim_world *w, unsigned part)
{
	struct sim_watch *t = fresh(w);
	struct sim_count c = { .m = UINT32_MAX };
	unsigned could = 0;

	for (unsigned i = part; i < w->plan.nodes; i++) {
		const struct sim_node *n = &w->nodes[i];
		struct site_truth *s = &t->sites[n->site];
		if (t->part[i] != part || !n->party.running)
			continue;
		if (s->best == 0 && !s->announcing)
			t->touched[c.sites++] = n->site;
		unsigned m = sim_min_sites(n);
		c.nodes++;
		c.m = m < c.m ? m : c.m;
		s->best = sim_class_of(n) + 1u > s->best ? (uint8_t)(sim_class_of(n) + 1) : s->best;
		s->announcing |= sim_announces(n);
	}
	for (unsigned i = 0; i < c.sites; i++) {
		struct site_truth *s = &t->sites[t->touched[i]];
		c.able += s->best == SIM_ABLE + 1;
		c.holdable += s->best == SIM_HOLDABLE + 1;
		c.hard += s->best == SIM_HARD_OUT + 1;
		c.announcing += s->announcing;
		*s = (struct site_truth){};
	}
	// A node that hears nobody holds only if it was configured so.
	bool alone = c.nodes == 1 && !w->plan.member.policy.isolated_hold;
	could = alone ? c.able : c.able + c.holdable;
	c.floor = could < c.m ? could : c.m;
	return c;
}

// ---- How long it may take ----

span sim_allowed(const struct sim_plan *p, enum sim_measured what)
{
	// Two hops at most by reflectors, three where these have a session; each says its word
	// within a turn of its loop. What does not come ends the session, hop by hop.
	span hop = { p->latency_max.us * 11 / 10 + p->turn.us + 5000 };
	span news = { 3 * hop.us };
	span hold = { 2 * (p->hold_time.us + p->hold_time.us / 50) };
	span detect = { 3 * p->interval.us + 2 * p->timeout.us };
	span damp = p->member.hold_down_max;

	switch (what) {
	case SIM_NEWS:
		return news;
	case SIM_HARD:
		return (span){ detect.us + hold.us + news.us + 1000000 };
	case SIM_FLOOR:
		return (span){ hold.us + news.us + 1000000 };
	default:
		return (span){ detect.us + hold.us + news.us + 2 * p->guard_wait.us + damp.us +
			       p->member.drain_soft.us + p->member.drain_hard.us +
			       3 * p->retry_max.us + 15000000 };
	}
}

void sim_measure(struct sim_world *w, enum sim_measured what, span took)
{
	struct sim_measure *m = &w->measures[what];

	m->count++;
	if (took.us > m->worst.us)
		m->worst = took;
	m->allowed = sim_allowed(&w->plan, what);
}

void sim_watch_known(struct sim_world *w)
{
	for (unsigned i = 0; i < w->plan.nodes; i++) {
		struct sim_node *n = &w->nodes[i];
		for (unsigned k = 0; n->party.running && k < w->plan.nodes; k++) {
			unsigned site = w->nodes[k].site;
			if (w->nodes[k].party.running && sim_hears(w, n, &w->nodes[k]))
				n->known[site / 8] |= (uint8_t)(1u << site % 8);
		}
	}
}

// ---- At each instant ----

static void look_at_floor(struct sim_world *w, struct sim_watch *t, unsigned part)
{
	const struct sim_count c = sim_count_part(w, part);
	instant *since = &t->short_since[part];

	if (c.announcing >= c.floor) {
		if (!instant_is_never(*since))
			sim_measure(w, SIM_FLOOR, instant_diff(w->now, *since));
		*since = INSTANT_NEVER;
		return;
	}
	if (instant_is_never(*since))
		*since = w->now;
	if (instant_diff(w->now, *since).us > sim_allowed(&w->plan, SIM_FLOOR).us)
		sim_fail(w,
			"floor: in the part of %s %u sites announce since %.3f; m is %u, %u are "
			"able, "
			"%u could be held",
			w->nodes[part].party.name, c.announcing, span_to_s((span){ since->us }),
			c.m, c.able, c.holdable);
}

static bool is_beside_able(struct sim_world *w, const struct sim_node *n)
{
	for (unsigned i = 0; i < w->plan.nodes; i++) {
		const struct sim_node *o = &w->nodes[i];
		if (o->site != n->site && sim_class_of(o) == SIM_ABLE && sim_announces(o) &&
			sim_hears(w, n, o))
			return true;
	}
	return false;
}

static void look_at_hard(struct sim_world *w, struct sim_node *n)
{
	bool wrong = n->probes[0].state == SIM_CRASHED && sim_announces(n) && is_beside_able(w, n);

	if (!wrong) {
		n->beside_able = INSTANT_NEVER;
		return;
	}
	if (instant_is_never(n->beside_able))
		n->beside_able = w->now;
	if (instant_diff(w->now, n->beside_able).us > sim_allowed(&w->plan, SIM_HARD).us)
		sim_fail(w, "hard: %s announces a crashed service beside an able site since %.3f",
			n->party.name, span_to_s((span){ n->beside_able.us }));
}

void sim_watch_gone(struct sim_node *n)
{
	struct sim_world *w = n->party.world;

	if (!instant_is_never(n->beside_able))
		sim_measure(w, SIM_HARD, instant_diff(w->now, n->beside_able));
	n->beside_able = INSTANT_NEVER;
}

static void on_look(void *obj, uint64_t)
{
	struct sim_world *w = obj;
	struct sim_watch *t = fresh(w);

	for (unsigned i = 0; i < w->plan.nodes && !w->broken; i++) {
		if (t->part[i] == i && w->nodes[i].party.running)
			look_at_floor(w, t, i);
		look_at_hard(w, &w->nodes[i]);
	}
	sim_after(w, span_ms(w->plan.nodes > MANY ? 5 * LOOK_MS : LOOK_MS), on_look, w, 0);
}

void sim_watch_start(struct sim_world *w)
{
	on_look(w, 0);
}

// ---- A node goes ----

// News of it are under way for longer than the guard waits, on each way that they could take.
static bool is_late_by(struct sim_world *w, const struct sim_session *s, const struct sim_party *to)
{
	instant oldest = sim_session_oldest(s, s->end[0].party == to ? 0 : 1);

	return !instant_is_never(oldest) &&
	       instant_diff(w->now, oldest).us > w->plan.guard_wait.us / 4;
}

static bool is_late(struct sim_world *w, const struct sim_node *from, const struct sim_node *to)
{
	const struct sim_watch *t = fresh(w);

	if (t->mesh)
		return is_late_by(w, t->mesh[from->party.index * w->plan.nodes + to->party.index],
			&to->party);
	for (unsigned i = 0; i < to->party.end_count; i++) {
		const struct sim_party *r = sim_end_other(to->party.ends[i])->party;
		if (r->kind != SIM_REFLECTOR || !sim_session_is_up(to->party.ends[i]->session))
			continue;
		if (w->plan.halves)
			return true; // by a way that is not followed here
		for (unsigned k = 0; k < from->party.end_count; k++) {
			const struct sim_session *s = from->party.ends[k]->session;
			if (sim_end_other(from->party.ends[k])->party == r &&
				sim_session_is_up(s) && !is_late_by(w, s, r) &&
				!is_late_by(w, to->party.ends[i]->session, &to->party))
				return false;
		}
	}
	return true;
}

// It went, and nobody could hold it, or nobody could tell yet, or it was itself misled in such
// a way; or the line to it is cut, and no timer has said so.
static bool is_excused(struct sim_world *w, const struct sim_node *o, const struct sim_node *n)
{
	if (!sim_hears(w, n, o))
		return true;
	bool misled = !instant_is_never(o->misled) &&
		      instant_diff(w->now, o->misled).us < w->plan.guard_wait.us;
	return !sim_announces(o) && (sim_class_of(o) <= SIM_HARD_OUT || misled || is_late(w, o, n));
}

// Sites that it believes to announce, which is not true any more and excused; *misled: it goes by
// something that it could not know better.
static unsigned count_believed(
	struct sim_world *w, const struct sim_node *n, bool *sites, bool *misled)
{
	struct fleet_entry e;
	unsigned excused = 0;

	for (size_t at = 0; fleet_view_entry(n->view, w->now, &w->prefix, &at, &e);) {
		const struct sim_node *o = &w->nodes[e.state.node - 1];
		bool believed = e.paths && e.state.announce != ANNOUNCE_WITHDRAWN;
		bool there = sim_announces(o) && sim_hears(w, n, o);
		if (!believed || (there && fleet_state_equal(&e.state, &o->said)))
			continue;
		if (!is_excused(w, o, n) && !is_late(w, o, n))
			continue;
		*misled = true;
		if (sites[o->site] || there)
			continue;
		sites[o->site] = true;
		excused++;
	}
	return excused;
}

// Another node of its site serves, or so it must seem: nothing is lost.
static bool is_replaced(struct sim_world *w, const struct sim_node *n)
{
	struct fleet_entry e;

	for (size_t at = 0; fleet_view_entry(n->view, w->now, &w->prefix, &at, &e);) {
		const struct sim_node *o = &w->nodes[e.state.node - 1];
		bool able = e.paths && e.state.standing == STANDING_ABLE &&
			    e.state.announce != ANNOUNCE_WITHDRAWN;
		if (able && o->site == n->site && (sim_announces(o) || is_excused(w, o, n)))
			return true;
	}
	return false;
}

static bool is_by_leave(const struct sim_node *n)
{
	enum decide_reason r = n->member.decision.reason;

	return r == REASON_CHECK_FAILED || r == REASON_HOLD_DOWN || r == REASON_RECOVERING ||
	       r == REASON_DRAINING;
}

void sim_watch_withdrawal(struct sim_world *w, struct sim_node *n)
{
	bool isolated = !w->plan.member.policy.isolated_hold && fleet_view_nodes(n->view) == 0;

	if (n->forced || n->member.standing >= STANDING_HARD || !is_by_leave(n) || isolated ||
		is_replaced(w, n))
		return;
	const struct sim_watch *t = fresh(w);
	own(free_ptr) bool *sites = mem_zalloc(w->plan.sites * sizeof(*sites));
	unsigned announcing = 0, m = sim_count_part(w, t->part[n->party.index]).m;
	for (unsigned i = 0; i < w->plan.nodes; i++) {
		const struct sim_node *o = &w->nodes[i];
		bool in_part = o != n && t->part[o->party.index] == t->part[n->party.index];
		if (!sim_announces(o) || sites[o->site] || !in_part)
			continue;
		sites[o->site] = true;
		announcing++;
	}
	bool misled = false;
	unsigned excused = count_believed(w, n, sites, &misled);
	n->misled = misled ? w->now : INSTANT_NEVER;
	if (announcing + excused >= m)
		return;
	sim_fail(w,
		"leave: %s withdraws by the guard's leave, and of %u sites that must announce "
		"%u of its part do",
		n->party.name, m, announcing);
}
