#include "nearcastd/fleet_status.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/daemon.h"
#include "nearcastd/status.h"

// ---- Nodes ----

struct nodes {
	struct fleet_entry *list;
	size_t count, room;
};

static void nodes_free(struct nodes *n)
{
	free_ptr(&n->list);
}

static void add_node(struct nodes *n, const struct fleet_entry *e)
{
	if (n->count == n->room) {
		n->room = n->room ? 2 * n->room : 16;
		n->list = mem_resize(n->list, n->room, sizeof(*n->list));
	}
	n->list[n->count++] = *e;
}

// By names and then by originator, those in sight before those lost.
static int compare(const void *a, const void *b)
{
	const struct fleet_entry *x = a, *y = b;
	int c = strcmp(x->state.site, y->state.site);

	if (!c)
		c = strcmp(x->state.name, y->state.name);
	if (!c)
		c = (x->originator > y->originator) - (x->originator < y->originator);
	return c ? c : (y->paths > 0) - (x->paths > 0);
}

static struct fleet_entry own_entry(const struct daemon *d, const struct service *s)
{
	struct fleet_entry e = {
		.prefix = *(const struct ip_prefix *)s->conf->prefixes.data,
		.state = s->word.state,
		.originator = ip_to_u32(&d->conf->router_id),
		.since = s->member.since,
		.seen = clock_now(),
	};

	if (d->conf->node.addresses.count)
		e.address = *(const struct ip_addr *)d->conf->node.addresses.data;
	return e;
}

// A node says the same of all prefixes of a service: one row of it.
static struct nodes nodes_of(const struct daemon *d, const struct service *s)
{
	struct nodes n = {};
	struct fleet_entry e = own_entry(d, s);

	add_node(&n, &e);
	items_for_each(const struct ip_prefix, p, s->conf->prefixes)
	{
		size_t at = 0;
		while (fleet_view_entry(fleet_view(d->fleet), clock_now(), p, &at, &e))
			add_node(&n, &e);
	}
	qsort(n.list, n.count, sizeof(*n.list), compare);
	size_t kept = 0;
	for (size_t i = 0; i < n.count; i++)
		if (kept == 0 || n.list[i].originator != n.list[kept - 1].originator)
			n.list[kept++] = n.list[i];
	n.count = kept;
	return n;
}

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
	out_bool(o, "own", own);
	out_bool(o, "lost", !own && e->paths == 0);
	out_uint(o, "paths", own ? 0 : e->paths);
	out_end(o);
}

void fleet_nodes_write(struct out *o, const char *name, const struct daemon *d)
{
	out_table(o, name);
	for (size_t i = 0; d->fleet && i < d->service_count; i++) {
		own(nodes_free) struct nodes n = nodes_of(d, &d->services[i]);
		for (size_t k = 0; k < n.count; k++)
			node_write(o, d, &d->services[i], &n.list[k]);
	}
	out_end(o);
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

void fleet_sessions_write(struct out *o, const char *name, const struct daemon *d)
{
	out_table(o, name);
	for (size_t i = 0; i < fleet_peer_count(d->fleet); i++) {
		const struct fleet_peer *p = fleet_peer_at(d->fleet, i);
		bool reflects = fleet_view_reflects(fleet_view(d->fleet), p->index);
		out_object(o, NULL);
		upstream_write(o, p->upstream);
		out_bool(o, "reflector", p->role == FLEET_REFLECTOR || reflects);
		out_uint(o, "refused_total", refused_by(d, p->index));
		refusals_write(o, d, p->index);
		out_end(o);
	}
	out_end(o);
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

static void guards_write(struct out *o, const char *name, const struct daemon *d)
{
	out_array(o, name);
	for (size_t i = 0; i < d->service_count; i++) {
		out_object(o, NULL);
		out_str(o, "name", d->services[i].conf->name);
		fleet_guard_write(o, "guard", d, &d->services[i]);
		out_end(o);
	}
	out_end(o);
}

void fleet_write(struct out *o, const char *name, const struct daemon *d)
{
	fleet_nodes_write(o, name, d);
	guards_write(o, "services", d);
	fleet_sessions_write(o, "sessions", d);
	fleet_conflicts_write(o, "conflicts", d);
}
