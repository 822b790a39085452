#include "nearcastd/fleet_status.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/own.h"
#include "nearcastd/daemon.h"
#include "nearcastd/fleet_rows.h"
#include "nearcastd/status.h"

static void out_known(struct out *o, const char *name, bool known, uint64_t value)
{
	if (known)
		out_uint(o, name, value);
	else
		out_null(o, name);
}

static void node_write(
	struct out *o, const struct daemon *d, const struct service *s, const struct fleet_entry *e)
{
	const struct fleet_state *st = &e->state;
	const instant now = clock_now();
	bool own = e->originator == ip_to_u32(&d->conf->router_id);
	struct ip_addr id = ip_from_u32(e->originator);
	char text[IP_TEXT];

	out_object(o, NULL);
	out_str(o, "site", st->site);
	out_str(o, "node", st->name);
	out_str(o, "address", ip_print(&e->address, text));
	out_str(o, "service", s->conf->name);
	out_str(o, "health", health_name(st->health));
	out_str(o, "evidence", health_evidence_name(st->evidence));
	out_str(o, "admin", admin_name(st->admin));
	out_str(o, "announce", announce_name(st->announce));
	out_double(o, "seen_seconds", span_to_s(instant_diff(now, e->seen)), 3);
	out_str(o, "standing", standing_name(st->standing));
	out_double(o, "since_seconds", span_to_s(instant_diff(now, e->since)), 3);
	out_uint(o, "id", st->node);
	out_uint(o, "priority", st->priority);
	out_known(o, "load", st->has_load, st->load);
	out_known(o, "capacity", st->has_capacity, st->capacity);
	out_strf(o, "min_sites", "%u%s", st->min_sites.value, st->min_sites.share ? "%" : "");
	out_str(o, "router_id", ip_print(&id, text));
	out_bool(o, "own", own);
	out_bool(o, "lost", !own && e->paths == 0);
	out_uint(o, "paths", own ? 0 : e->paths);
	out_end(o);
}

// The next service to be told of, from w->i on; NULL: there is none.
static const struct service *next_service(const struct daemon *d, struct walk *w)
{
	if (w->only && w->i < w->only)
		w->i = w->only - 1;
	if (w->i >= d->service_count || (w->only && w->i >= w->only))
		return NULL;
	return &d->services[w->i];
}

// Whether the asker has to forget the rows it has: one of them may be no more, or all may be of a
// daemon before this one.
static bool is_whole(const struct walk *w, const struct fleet_generation *g)
{
	return w->since < g->removed || w->since > g->latest;
}

// First the rows of a service are taken, in one turn, then each is written.
bool fleet_nodes_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w)
{
	if (w->no_rows)
		return false; // and no member: an empty one would say that there is no fleet
	const struct service *s = d->fleet ? next_service(d, w) : NULL;

	walk_begin(o, name, w);
	if (!s) {
		out_end(o);
		return false;
	}
	if (!w->inside) {
		struct fleet_generation g = fleet_rows_generation(d, s);
		fleet_rows_take(&w->rows, d, s, is_whole(w, &g) ? 0 : w->since);
		w->inside = true;
		w->k = 0;
	} else if (w->k < w->rows.count) {
		node_write(o, d, s, &w->rows.list[w->k++]);
	} else {
		fleet_rows_clear(&w->rows);
		w->inside = false;
		w->i++;
	}
	return true;
}

// ---- Counts ----

// Of nodes in sight, by each word that they say.
struct tally {
	size_t nodes, sites, lost;
	size_t health[HEALTH_MAX], admin[ADMIN_MAX], announce[ANNOUNCE_MAX], standing[STANDING_MAX];
};

static struct tally count_rows(const struct fleet_rows *rows)
{
	struct tally t = {};
	const char *site = "";

	for (size_t i = 0; i < rows->count; i++) {
		const struct fleet_entry *e = &rows->list[i];
		if (e->paths == 0 && e->changed != UINT64_MAX) {
			t.lost++;
			continue;
		}
		t.sites += strcmp(site, e->state.site) != 0;
		site = e->state.site;
		t.nodes++;
		t.health[e->state.health]++;
		t.admin[e->state.admin]++;
		t.announce[e->state.announce]++;
		t.standing[e->state.standing]++;
	}
	return t;
}

static void counts_write(struct out *o, const char *name, const size_t *counts, size_t n,
	const char *(*name_of)(size_t))
{
	out_object(o, name);
	for (size_t i = 0; i < n; i++)
		out_uint(o, name_of(i), counts[i]);
	out_end(o);
}

static const char *health_word(size_t i)
{
	return health_name((enum health)i);
}

static const char *admin_word(size_t i)
{
	return admin_name((enum admin)i);
}

static const char *announce_word(size_t i)
{
	return announce_name((enum announce)i);
}

static const char *standing_word(size_t i)
{
	return standing_name((enum standing)i);
}

static void tally_write(struct out *o, const struct tally *t)
{
	out_uint(o, "nodes", t->nodes);
	out_uint(o, "sites", t->sites);
	out_uint(o, "lost", t->lost);
	counts_write(o, "health", t->health, HEALTH_MAX, health_word);
	counts_write(o, "admin", t->admin, ADMIN_MAX, admin_word);
	counts_write(o, "announce", t->announce, ANNOUNCE_MAX, announce_word);
	counts_write(o, "standing", t->standing, STANDING_MAX, standing_word);
}

bool fleet_services_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w)
{
	const struct service *s = d->fleet ? next_service(d, w) : NULL;
	own(fleet_rows_clear) struct fleet_rows rows = {};

	walk_begin(o, name, w);
	if (!s) {
		out_end(o);
		return false;
	}
	fleet_rows_take(&rows, d, s, 0);
	struct tally t = count_rows(&rows);
	out_object(o, NULL);
	out_str(o, "service", s->conf->name);
	out_uint(o, "generation", fleet_rows_generation(d, s).changed);
	tally_write(o, &t);
	out_end(o);
	w->i++;
	return true;
}

// ---- Sessions ----

static void refusals_write(struct out *o, const struct daemon *d, unsigned index)
{
	out_object(o, "refused");
	for (enum fleet_refusal r = FLEET_TAKEN + 1; r < FLEET_REFUSAL_MAX; r++) {
		uint64_t n = fleet_view_refused(fleet_view(d->fleet), index, r);
		if (n)
			out_uint(o, fleet_refusal_name(r), n);
	}
	out_end(o);
}

static uint64_t refused_by(const struct daemon *d, unsigned index)
{
	uint64_t n = 0;

	for (enum fleet_refusal r = FLEET_TAKEN + 1; r < FLEET_REFUSAL_MAX; r++)
		n += fleet_view_refused(fleet_view(d->fleet), index, r);
	return n;
}

bool fleet_sessions_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w)
{
	walk_begin(o, name, w);
	if (w->i >= fleet_peer_count(d->fleet)) {
		out_end(o);
		return false;
	}
	const struct fleet_peer *p = fleet_peer_at(d->fleet, w->i++);
	bool reflects = fleet_view_reflects(fleet_view(d->fleet), p->index);
	out_object(o, NULL);
	upstream_write(o, p->upstream);
	out_bool(o, "reflector", p->role == FLEET_REFLECTOR || reflects);
	out_uint(o, "refused_total", refused_by(d, p->index));
	refusals_write(o, d, p->index);
	out_end(o);
	return true;
}

void fleet_conflicts_write(struct out *o, const char *name, const struct daemon *d)
{
	const char *subject, *text;
	size_t at = 0;

	out_table(o, name);
	while (d->fleet && fleet_view_conflict(fleet_view(d->fleet), &at, &subject, &text)) {
		out_object(o, NULL);
		out_str(o, "subject", subject);
		out_str(o, "detail", text);
		out_end(o);
	}
	out_end(o);
}

// ---- The guard ----

void fleet_guard_write(
	struct out *o, const char *name, const struct daemon *d, const struct service *s)
{
	const struct conf_min_sites *m = &s->conf->guard.min_sites;
	const struct guard_result *g = &s->guard;

	if (!d->fleet) {
		out_null(o, name);
		return;
	}
	out_object(o, name);
	out_strf(o, "min_sites", "%u%s", m->value, m->share ? "%" : "");
	out_uint(o, "known", g->known);
	out_uint(o, "required", g->m);
	out_uint(o, "able", g->able);
	out_known(o, "rank", s->member.standing > STANDING_ABLE, g->rank);
	out_str(o, "verdict", guard_verdict_name(g->verdict));
	out_str(o, "standing", standing_name(s->member.standing));
	out_end(o);
}

static bool guards_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w)
{
	const struct service *s = next_service(d, w);

	walk_begin(o, name, w);
	if (!s) {
		out_end(o);
		return false;
	}
	struct fleet_generation g = fleet_rows_generation(d, s);
	out_object(o, NULL);
	out_str(o, "name", s->conf->name);
	fleet_guard_write(o, "guard", d, s);
	out_uint(o, "generation", g.changed);
	out_bool(o, "whole", is_whole(w, &g));
	out_end(o);
	w->i++;
	return true;
}

// Generations before rows: what changes between the two is told again to who asks with them.
const struct section fleet_sections[] = {
	{ "services", .unit = guards_unit },
	{ "fleet", .unit = fleet_nodes_unit },
	{ "sessions", .unit = fleet_sessions_unit },
	{ "conflicts", .whole = fleet_conflicts_write },
	{},
};
