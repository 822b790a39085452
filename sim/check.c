#include "sim/check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "sim/watch.h"

enum { SAMPLE = 40 }; // nodes of a big world whose views are compared entry by entry

// ---- Sessions and views ----

static void check_sessions(struct sim_world *w)
{
	for (unsigned i = 0; i < w->session_count; i++) {
		const struct sim_session *s = w->sessions[i];
		const struct sim_party *a = s->end[0].party, *b = s->end[1].party;
		if (a->running && b->running && !s->link.cut && !sim_session_is_up(s))
			sim_fail(w, "sessions: %s (%s) and %s (%s) do not come together", a->name,
				bgp_state_name(bgp_peer_state(s->end[0].peer)), b->name,
				bgp_state_name(bgp_peer_state(s->end[1].peer)));
	}
}

static void check_entry(struct sim_world *w, const struct sim_node *n, const struct fleet_entry *e)
{
	const struct sim_node *o = &w->nodes[e->state.node - 1];
	bool hears = sim_hears(w, n, o) && o->party.running;

	if (hears && !e->paths)
		sim_fail(w, "views: %s has lost %s, and hears it", n->party.name, o->party.name);
	else if (!hears && e->paths)
		sim_fail(w, "views: %s sees %s, and cannot hear it", n->party.name, o->party.name);
	else if (hears && !fleet_state_equal(&e->state, &o->said))
		sim_fail(w, "views: %s has %s as %s, %s; it says %s, %s", n->party.name,
			o->party.name, standing_name(e->state.standing),
			announce_name(e->state.announce), standing_name(o->said.standing),
			announce_name(o->said.announce));
}

static void check_view(struct sim_world *w, const struct sim_node *n)
{
	struct fleet_entry e;
	unsigned seen = 0, heard = 0;

	for (size_t at = 0; fleet_view_entry(n->view, w->now, &w->prefix, &at, &e);) {
		check_entry(w, n, &e);
		seen += e.paths > 0;
	}
	for (unsigned i = 0; i < w->plan.nodes; i++)
		heard += w->nodes[i].party.running && sim_hears(w, n, &w->nodes[i]);
	if (seen != heard)
		sim_fail(w, "views: %s hears %u nodes and sees %u", n->party.name, heard, seen);
}

static void check_views(struct sim_world *w)
{
	unsigned step = w->plan.nodes > 4 * SAMPLE ? w->plan.nodes / SAMPLE : 1;

	for (unsigned i = 0; i < w->plan.nodes && !w->broken; i += step)
		if (w->nodes[i].party.running)
			check_view(w, &w->nodes[i]);
}

// ---- Each node ----

static void check_health(struct sim_world *w, const struct sim_node *n)
{
	static const enum health_evidence evidence[] = {
		[SIM_CRASHED] = EVIDENCE_HARD,
		[SIM_HANGS] = EVIDENCE_SOFT,
		[SIM_LIES] = EVIDENCE_SOFT,
	};
	enum sim_service state = n->probes[0].state;
	enum health expected = state != SIM_SERVES                ? HEALTH_DOWN
			       : n->probes[1].state != SIM_SERVES ? HEALTH_DEGRADED
								  : HEALTH_UP;

	if (n->member.health != expected ||
		(state != SIM_SERVES && n->member.evidence != evidence[state]))
		sim_fail(w, "health: %s is %s on %s evidence, and should be %s", n->party.name,
			health_name(n->member.health), health_evidence_name(n->member.evidence),
			health_name(expected));
}

static void check_able(struct sim_world *w, const struct sim_node *n)
{
	bool able = n->probes[0].state == SIM_SERVES && n->member.admin == ADMIN_ACTIVE;
	enum announce expected =
		n->probes[1].state == SIM_SERVES ? ANNOUNCE_ANNOUNCED : ANNOUNCE_DEMOTED;

	if (able && n->at_router != expected)
		sim_fail(w, "able: %s is able, and its router has it as %s (%s)", n->party.name,
			announce_name(n->at_router), decide_reason_name(n->member.decision.reason));
}

static void check_hard(struct sim_world *w, const struct sim_node *n)
{
	for (unsigned i = 0; i < w->plan.nodes && sim_announces(n); i++) {
		const struct sim_node *o = &w->nodes[i];
		if (n->probes[0].state == SIM_CRASHED && o->site != n->site &&
			sim_class_of(o) == SIM_ABLE && sim_announces(o) && sim_hears(w, n, o))
			sim_fail(w,
				"hard: %s announces a crashed service, and hears %s, which is able",
				n->party.name, o->party.name);
	}
}

// ---- Each part ----

static void check_floor(struct sim_world *w, unsigned part)
{
	const struct sim_count c = sim_count_part(w, part);
	// An isolated dead server withdraws: doc/decisions/0007-the-fleet.md.
	bool any = c.able + c.holdable + (c.nodes > 1 ? c.hard : 0) > 0 && c.m > 0;

	if (c.nodes == 1 && !w->plan.member.policy.isolated_hold)
		any = c.able > 0;
	if (c.announcing < c.floor)
		sim_fail(w,
			"floor: in the part of %s %u sites announce; m is %u, %u are able, %u "
			"could be "
			"held",
			w->nodes[part].party.name, c.announcing, c.m, c.able, c.holdable);
	else if (any && c.announcing == 0)
		sim_fail(w, "one: in the part of %s no site announces, and %u could",
			w->nodes[part].party.name, c.able + c.holdable + c.hard);
}

static struct guard_result ask(struct sim_world *w, const struct sim_node *n)
{
	return fleet_view_guard(n->view, &w->prefix, &n->said, &w->plan.member.policy);
}

struct place {
	const struct sim_node *node; // one of its nodes; the best
	unsigned standing, priority;
	bool announcing;
};

static int cmp_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->standing != y->standing)
		return x->standing < y->standing ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->node && y->node ? strcmp(x->node->site_name, y->node->site_name) : 0;
}

// The nodes of a part all hear each other and know of equally many sites; m: of them all.
static bool is_of_one_mind(struct sim_world *w, unsigned part, struct guard_result *ret)
{
	bool first = true;

	for (unsigned i = part; i < w->plan.nodes; i++) {
		const struct sim_node *n = &w->nodes[i];
		if (!n->party.running || sim_part_of(w, n) != part)
			continue;
		struct guard_result r = ask(w, n);
		if (first)
			*ret = r;
		if (r.known != ret->known || r.m != ret->m)
			return false;
		first = false;
		for (unsigned k = part; k < i; k++)
			if (w->nodes[k].party.running && sim_part_of(w, &w->nodes[k]) == part &&
				!sim_hears(w, n, &w->nodes[k]))
				return false;
	}
	return !first;
}

static void take_place(struct place *p, const struct sim_node *n)
{
	unsigned standing = n->member.standing;

	if (standing < p->standing) {
		p->standing = standing;
		p->priority = 0;
		p->node = n;
	}
	if (standing == p->standing && n->priority > p->priority)
		p->priority = n->priority;
	p->announcing |= sim_announces(n);
}

static unsigned able_of(const struct place *places, size_t n)
{
	unsigned able = 0;

	for (size_t i = 0; i < n; i++)
		able += places[i].standing == STANDING_ABLE;
	return able;
}

// As many of the ranking as are missing are held, and they are its first.
static void check_ranking(struct sim_world *w, unsigned part)
{
	own(free_ptr) struct place *places = mem_zalloc(w->plan.sites * sizeof(*places));
	struct guard_result r;
	unsigned nodes = 0;

	if (!is_of_one_mind(w, part, &r))
		return;
	for (unsigned i = 0; i < w->plan.sites; i++)
		places[i].standing = STANDING_MAX;
	for (unsigned i = part; i < w->plan.nodes; i++) {
		const struct sim_node *n = &w->nodes[i];
		if (!n->party.running || sim_part_of(w, n) != part)
			continue;
		take_place(&places[n->site], n);
		nodes++;
	}
	qsort(places, w->plan.sites, sizeof(*places), cmp_place);
	unsigned able = able_of(places, w->plan.sites);
	unsigned missing = r.m > able ? r.m - able : 0;
	for (unsigned i = able; i < w->plan.sites && places[i].standing < STANDING_OUT; i++) {
		bool hard = places[i].standing == STANDING_HARD;
		bool held = i - able < missing && !(hard && able > 0);
		if (nodes == 1) // hears nobody
			held = !hard && w->plan.member.policy.isolated_hold;
		if (held != places[i].announcing)
			sim_fail(w,
				"ranking: %s, %s, is number %u of those not able; %u are "
				"missing, and it %s",
				places[i].node->site_name, standing_name(places[i].standing),
				i - able, missing, held ? "is withdrawn" : "announces");
	}
}

// ---- Equal knowledge ----

struct answer {
	uint64_t knowledge;
	struct guard_result guard;
	const struct sim_node *node;
};

static uint64_t mix(const struct fleet_state *s, bool lost)
{
	const uint32_t all[] = { s->node, s->standing, s->announce != ANNOUNCE_WITHDRAWN,
		s->priority, lost };
	uint64_t h[] = { hash_bytes(all, sizeof(all)), hash_bytes(s->site, strlen(s->site)) };

	return hash_bytes(h, sizeof(h));
}

static uint64_t knowledge_of(struct sim_world *w, const struct sim_node *n)
{
	uint64_t sum = mix(&n->said, false);
	struct fleet_entry e;

	for (size_t at = 0; fleet_view_entry(n->view, w->now, &w->prefix, &at, &e);)
		sum += mix(&e.state, e.paths == 0);
	return sum;
}

static int cmp_answer(const void *a, const void *b)
{
	const struct answer *x = a, *y = b;

	if (x->knowledge != y->knowledge)
		return x->knowledge < y->knowledge ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

static bool has_able_neighbour(struct sim_world *w, const struct sim_node *n)
{
	for (unsigned i = 0; i < w->plan.nodes; i++)
		if (w->nodes[i].site == n->site && sim_class_of(&w->nodes[i]) == SIM_ABLE)
			return true;
	return false;
}

static bool is_ranked(struct sim_world *w, const struct sim_node *n, const struct guard_result *r)
{
	return !has_able_neighbour(w, n) && n->member.standing > STANDING_ABLE &&
	       n->member.standing < STANDING_OUT && r->able < r->m &&
	       fleet_view_nodes(n->view) > 0 &&
	       !(n->member.standing == STANDING_HARD && r->able > 0);
}

static void compare(struct sim_world *w, const struct answer *a, const struct answer *b)
{
	if (a->knowledge != b->knowledge)
		return;
	bool same_place = is_ranked(w, a->node, &a->guard) && is_ranked(w, b->node, &b->guard) &&
			  a->node->site != b->node->site && a->guard.rank == b->guard.rank;
	if (a->guard.known != b->guard.known || a->guard.m != b->guard.m || same_place)
		sim_fail(w,
			"equal: %s and %s know the same; one finds known %u, m %u, rank %u, the "
			"other "
			"known %u, m %u, rank %u",
			a->node->party.name, b->node->party.name, a->guard.known, a->guard.m,
			a->guard.rank, b->guard.known, b->guard.m, b->guard.rank);
}

static void check_equal(struct sim_world *w)
{
	own(free_ptr) struct answer *all = mem_zalloc(w->plan.nodes * sizeof(*all));
	unsigned step = w->plan.nodes > 4 * SAMPLE ? w->plan.nodes / SAMPLE : 1;
	size_t n = 0;

	for (unsigned i = 0; i < w->plan.nodes; i += step) {
		const struct sim_node *node = &w->nodes[i];
		if (node->party.running)
			all[n++] = (struct answer){ knowledge_of(w, node), ask(w, node), node };
	}
	qsort(all, n, sizeof(*all), cmp_answer);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && all[k].knowledge == all[i].knowledge; k++)
			compare(w, &all[i], &all[k]);
}

// ---- All of it ----

static void check_calm(struct sim_world *w)
{
	span took = instant_diff(w->last_change, w->last_fault);

	if (took.us > 0)
		sim_measure(w, SIM_SETTLING, took);
	if (took.us > sim_allowed(&w->plan, SIM_SETTLING).us)
		sim_fail(w, "calm: an announcement changed %.1f s after the last fault",
			span_to_s(took));
}

void sim_check_quiet(struct sim_world *w)
{
	sim_trace(&w->trace, w->now, "quiet");
	check_sessions(w);
	check_views(w);
	if (w->broken)
		return;
	sim_watch_known(w);
	for (unsigned i = 0; i < w->plan.nodes; i++) {
		const struct sim_node *n = &w->nodes[i];
		if (!n->party.running)
			continue;
		check_health(w, n);
		check_able(w, n);
		check_hard(w, n);
		if (sim_part_of(w, n) != i)
			continue;
		check_floor(w, i);
		check_ranking(w, i);
	}
	check_equal(w);
	check_calm(w);
}
