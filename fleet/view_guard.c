#include <stdlib.h>
#include <string.h>

#include "fleet/view_inside.h"
#include "lib/mem.h"

// ---- The guard ----

static void take_own_min_sites(struct fleet_view *v, struct subject *s, const struct min_sites *own)
{
	if (s->has_own && min_sites_equal(&s->own, own))
		return;
	s->has_own = true;
	s->own = *own;
	s->differing = 0;
	v->conflicts_stale = true;
	for (size_t i = 0; i < s->count; i++)
		s->differing += !list_empty(&s->entries[i]->paths) &&
				!min_sites_equal(&s->entries[i]->told.min_sites, own);
}

static struct guard_result judge(struct fleet_view *v, const struct ip_prefix *prefix,
	const struct fleet_state *own, const struct guard_policy *policy,
	struct guard_result (*rule)(const struct guard_input *in))
{
	struct subject *s = fleet_subject(v, prefix);
	struct guard_input in = {
		.own = { 0, (uint8_t)own->standing, own->announce != ANNOUNCE_WITHDRAWN,
			own->priority },
		.site_names = v->site_names,
		.site_count = v->site_count,
		.min_sites = policy->min_sites,
		.isolated = v->nodes_live == 0,
		.isolated_hold = policy->isolated_hold,
		.scratch = v->scratch,
	};

	if (s) {
		take_own_min_sites(v, s, &policy->min_sites);
		in.rows = s->rows;
		in.count = s->count;
	}
	return rule(&in);
}

struct guard_result fleet_view_guard(struct fleet_view *v, const struct ip_prefix *prefix,
	const struct fleet_state *own, const struct guard_policy *policy)
{
	return judge(v, prefix, own, policy, guard_judge);
}

struct guard_result fleet_view_guard_leaving(struct fleet_view *v, const struct ip_prefix *prefix,
	const struct fleet_state *own, const struct guard_policy *policy)
{
	return judge(v, prefix, own, policy, guard_judge_leaving);
}

// ---- Room ----

struct fleet_room fleet_view_room(
	const struct fleet_view *v, const struct ip_prefix *prefix, const struct fleet_state *own)
{
	const struct subject *s = fleet_subject(v, prefix);
	struct fleet_room room = { .load = own->has_load ? own->load : 0 };

	for (size_t i = 0; s && i < s->count; i++) {
		const struct told *t = &s->entries[i]->told;
		if (s->rows[i].standing != STANDING_ABLE || !s->rows[i].announcing)
			continue;
		bool tells = t->has_load && t->has_capacity;
		room.tell += tells;
		room.silent += !tells;
		if (tells && t->capacity > t->load)
			room.free += t->capacity - t->load;
	}
	return room;
}

// ---- Looking ----

static int by_names(const void *a, const void *b)
{
	const struct node *x = (*(struct entry *const *)a)->node;
	const struct node *y = (*(struct entry *const *)b)->node;
	int c = strcmp(x->site->name, y->site->name);

	if (!c)
		c = strcmp(x->name, y->name);
	return c ? c : (x->originator > y->originator) - (x->originator < y->originator);
}

// The rows stand beside the entries, in the same order.
static void sort_entries(struct subject *s)
{
	struct guard_row *rows = mem_resize(NULL, s->room, sizeof(*rows));

	qsort(s->entries, s->count, sizeof(struct entry *), by_names);
	for (size_t i = 0; i < s->count; i++) {
		rows[i] = s->rows[s->entries[i]->index];
		s->entries[i]->index = i;
	}
	free(s->rows);
	s->rows = rows;
	s->sorted = true;
}

static struct fleet_state state_of(const struct entry *e)
{
	const struct told *t = &e->told;
	struct fleet_state s = {
		.node = e->node->id,
		.health = t->health,
		.evidence = t->evidence,
		.admin = t->admin,
		.announce = t->announce,
		.standing = t->standing,
		.priority = t->priority,
		.min_sites = t->min_sites,
		.has_load = t->has_load,
		.has_capacity = t->has_capacity,
		.load = t->load,
		.capacity = t->capacity,
		.serial = t->serial,
	};

	memcpy(s.site, e->node->site->name, sizeof(s.site));
	memcpy(s.name, e->node->name, sizeof(s.name));
	return s;
}

bool fleet_view_entry(const struct fleet_view *v, instant now, const struct ip_prefix *prefix,
	size_t *at, struct fleet_entry *ret)
{
	struct subject *s = fleet_subject(v, prefix);

	if (!s || *at >= s->count)
		return false;
	if (!s->sorted)
		sort_entries(s);
	const struct entry *e = s->entries[(*at)++];
	*ret = (struct fleet_entry){
		.prefix = *prefix,
		.state = state_of(e),
		.address = e->node->address[prefix->addr.family == IP6],
		.originator = e->node->originator,
		.paths = fleet_paths(e),
		.since = e->since,
		.seen = list_empty(&e->paths) ? e->lost_at : now,
		.changed = e->changed,
	};
	return true;
}

struct fleet_generation fleet_view_generation(
	const struct fleet_view *v, const struct ip_prefix *prefix)
{
	const struct subject *s = fleet_subject(v, prefix);

	struct fleet_generation g = s ? s->generation : (struct fleet_generation){};

	g.latest = v->generation;
	// A service may have lost this one of its prefixes, and rows with it.
	g.changed = g.changed > v->unfollowed ? g.changed : v->unfollowed;
	g.removed = g.removed > v->unfollowed ? g.removed : v->unfollowed;
	return g;
}

void fleet_view_touch(struct fleet_view *v, const struct ip_prefix *prefix)
{
	struct subject *s = fleet_subject(v, prefix);

	if (s)
		s->generation.changed = ++v->generation;
}

bool fleet_view_reflects(const struct fleet_view *v, unsigned session)
{
	return v->sessions[session].reflects;
}

uint64_t fleet_view_refused(const struct fleet_view *v, unsigned session, enum fleet_refusal why)
{
	return v->sessions[session].refused[why];
}

size_t fleet_view_nodes(const struct fleet_view *v)
{
	return v->nodes_live;
}

size_t fleet_view_bytes(const struct fleet_view *v)
{
	struct hnode *h = NULL;
	size_t subjects = 0;

	while ((h = hmap_walk(&v->by_prefix, h)))
		subjects += sizeof(struct subject) +
			    container_of(h, struct subject, by_prefix)->room *
				    (sizeof(struct entry *) + sizeof(struct guard_row));
	return sizeof(*v) + subjects + v->entry_count * sizeof(struct entry) +
	       v->path_count * sizeof(struct path) + v->by_originator.count * sizeof(struct node) +
	       v->site_count * sizeof(struct site);
}
