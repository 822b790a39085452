#include "fleet/view.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/routes.h"
#include "fleet/view_inside.h"
#include "lib/mem.h"
#include "lib/own.h"

// ---- Sites ----

static void grow_sites(struct fleet_view *v)
{
	size_t n = v->site_count + 1;

	v->sites = mem_resize(v->sites, n, sizeof(struct site *));
	v->site_names = mem_resize(v->site_names, n, sizeof(char *));
	v->scratch = mem_resize(v->scratch, n, sizeof(struct guard_site));
	v->sites[v->site_count] = NULL;
	v->site_count = n;
}

static struct site *site_find(const struct fleet_view *v, const char *name, uint64_t hash)
{
	struct hnode *h = hmap_find(&v->by_site, hash);

	for (; h; h = hmap_find_next(h)) {
		struct site *s = container_of(h, struct site, by_name);
		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static size_t free_place(struct fleet_view *v)
{
	size_t place = 0;

	if (v->sites_free == 0) {
		grow_sites(v);
		return v->site_count - 1;
	}
	v->sites_free--;
	while (v->sites[place])
		place++;
	return place;
}

static struct site *site_get(struct fleet_view *v, const char *name)
{
	uint64_t hash = hash_bytes(name, strlen(name));
	struct site *s = site_find(v, name, hash);

	if (s)
		return s;
	size_t place = free_place(v);
	s = mem_zalloc(sizeof(*s));
	hmap_insert(&v->by_site, &s->by_name, hash);
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->index = (uint16_t)place;
	v->sites[place] = s;
	v->site_names[place] = s->name;
	return s;
}

static void site_drop(struct fleet_view *v, struct site *s)
{
	if (s->nodes > 0 || s->index == 0)
		return;
	v->sites[s->index] = NULL;
	v->site_names[s->index] = "";
	v->sites_free++;
	hmap_remove(&v->by_site, &s->by_name);
	free(s);
}

static void site_live(struct fleet_view *v, struct site *s, int by)
{
	unsigned before = s->live;

	s->live += (unsigned)by;
	if (s->index == 0 || (before > 0) == (s->live > 0))
		return;
	fleet_note_site(v, s->live ? FLEET_SITE_SEEN : FLEET_SITE_LOST, s);
}

// ---- Nodes ----

static uint64_t hash_u32(uint32_t value)
{
	return hash_bytes(&value, sizeof(value));
}

static struct node *node_find(const struct fleet_view *v, uint32_t originator)
{
	struct hnode *n = hmap_find(&v->by_originator, hash_u32(originator));

	for (; n; n = hmap_find_next(n)) {
		struct node *node = container_of(n, struct node, by_originator);
		if (node->originator == originator)
			return node;
	}
	return NULL;
}

static struct node *node_add(struct fleet_view *v, uint32_t originator, const struct fleet_state *s)
{
	struct node *n = mem_zalloc(sizeof(*n));

	n->originator = originator;
	n->site = site_get(v, s->site);
	n->site->nodes++;
	n->serial = s->serial;
	snprintf(n->name, sizeof(n->name), "%s", s->name);
	list_init(&n->entries);
	hmap_insert(&v->by_originator, &n->by_originator, hash_u32(originator));
	return n;
}

static void node_live(struct fleet_view *v, struct node *n, int by)
{
	unsigned before = n->paths;

	n->paths += (unsigned)by;
	if ((before > 0) == (n->paths > 0))
		return;
	v->nodes_live += n->paths > 0 ? 1 : (size_t)-1;
	fleet_count_identity(v, n, n->paths > 0);
	site_live(v, n->site, n->paths > 0 ? 1 : -1);
}

static void node_drop(struct fleet_view *v, struct node *n)
{
	if (!list_empty(&n->entries))
		return;
	hmap_remove(&v->by_originator, &n->by_originator);
	n->site->nodes--;
	site_drop(v, n->site);
	free(n);
}

static void mark(struct fleet_view *v, struct entry *e)
{
	e->changed = e->subject->generation.changed = ++v->generation;
}

static void set_row(struct entry *e)
{
	bool lost = list_empty(&e->paths);

	e->subject->rows[e->index] = (struct guard_row){
		.site = e->node->site->index,
		.standing = lost ? STANDING_OUT : e->told.standing,
		.announcing = !lost && e->told.announce != ANNOUNCE_WITHDRAWN,
		.priority = e->told.priority,
	};
}

static void move_to_site(struct fleet_view *v, struct node *n, const char *name)
{
	struct site *old = n->site;
	struct entry *e;

	if (strcmp(old->name, name) == 0)
		return;
	n->site = site_get(v, name);
	n->site->nodes++;
	old->nodes--;
	if (n->paths > 0) {
		site_live(v, n->site, 1);
		site_live(v, old, -1);
	}
	site_drop(v, old);
	list_for_each(e, &n->entries, of_node)
	{
		set_row(e);
		mark(v, e);
		e->subject->sorted = false;
		fleet_note_changed(v, e->subject);
	}
}

// All that is said of the node reads otherwise now.
static void mark_node(struct fleet_view *v, struct node *n)
{
	struct entry *e;

	list_for_each(e, &n->entries, of_node) mark(v, e);
}

static void set_address(struct fleet_view *v, struct node *n, const struct ip_addr *address)
{
	struct ip_addr *known = &n->address[address->family == IP6];

	if (ip_equal(known, address))
		return;
	*known = *address;
	mark_node(v, n);
}

// Names come from the latest state of any of its prefixes.
static void name_node(struct fleet_view *v, struct node *n, const struct fleet_state *s)
{
	if (n->paths > 0 && fleet_serial_after(s->serial, n->serial))
		return;
	n->serial = s->serial;
	if (n->id != s->node || strcmp(n->name, s->name) != 0) {
		if (n->paths > 0)
			fleet_count_identity(v, n, false);
		n->id = s->node;
		snprintf(n->name, sizeof(n->name), "%s", s->name);
		mark_node(v, n);
		if (n->paths > 0)
			fleet_count_identity(v, n, true);
	}
	move_to_site(v, n, s->site);
}

// ---- Entries ----

struct subject *fleet_subject(const struct fleet_view *v, const struct ip_prefix *prefix)
{
	struct hnode *n = hmap_find(&v->by_prefix, prefix_hash(prefix));

	for (; n; n = hmap_find_next(n)) {
		struct subject *s = container_of(n, struct subject, by_prefix);
		if (prefix_equal(&s->prefix, prefix))
			return s;
	}
	return NULL;
}

static uint64_t hash_entry(const struct subject *s, const struct node *n)
{
	return s->by_prefix.hash ^ n->by_originator.hash;
}

static struct entry *entry_find(
	const struct fleet_view *v, const struct subject *s, const struct node *n)
{
	struct hnode *h = hmap_find(&v->by_entry, hash_entry(s, n));

	for (; h; h = hmap_find_next(h)) {
		struct entry *e = container_of(h, struct entry, by_node);
		if (e->subject == s && e->node == n)
			return e;
	}
	return NULL;
}

static struct entry *entry_add(struct fleet_view *v, struct subject *s, struct node *n, instant now)
{
	struct entry *e = mem_zalloc(sizeof(*e));

	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 8;
		s->entries = mem_resize(s->entries, s->room, sizeof(struct entry *));
		s->rows = mem_resize(s->rows, s->room, sizeof(*s->rows));
	}
	e->subject = s;
	e->node = n;
	e->since = now;
	e->index = s->count;
	list_init(&e->paths);
	list_init(&e->lost);
	list_push_back(&n->entries, &e->of_node);
	hmap_insert(&v->by_entry, &e->by_node, hash_entry(s, n));
	s->entries[s->count++] = e;
	s->sorted = false;
	v->entry_count++;
	return e;
}

// The last one takes its place in the subject.
static void entry_free(struct fleet_view *v, struct entry *e)
{
	struct subject *s = e->subject;

	assert(list_empty(&e->paths));
	s->count--;
	s->entries[e->index] = s->entries[s->count];
	s->rows[e->index] = s->rows[s->count];
	s->entries[e->index]->index = e->index;
	s->sorted = false;
	list_remove(&e->of_node);
	list_remove(&e->lost);
	hmap_remove(&v->by_entry, &e->by_node);
	node_drop(v, e->node);
	free(e);
	v->entry_count--;
	s->generation.changed = s->generation.removed = ++v->generation;
	fleet_note_changed(v, s);
}

static bool told_equal(const struct told *a, const struct told *b)
{
	return a->load == b->load && a->capacity == b->capacity && a->priority == b->priority &&
	       min_sites_equal(&a->min_sites, &b->min_sites) && a->health == b->health &&
	       a->evidence == b->evidence && a->admin == b->admin && a->announce == b->announce &&
	       a->standing == b->standing && a->has_load == b->has_load &&
	       a->has_capacity == b->has_capacity;
}

static const struct path *latest(const struct entry *e)
{
	const struct path *best = NULL, *p;

	list_for_each(p, &e->paths, of_entry)
	{
		if (!best || fleet_serial_after(best->told.serial, p->told.serial))
			best = p;
	}
	return best;
}

// After its paths changed: what counts now. was_lost: before that.
static void entry_settle(struct fleet_view *v, struct entry *e, bool was_lost, instant now)
{
	const struct path *best = latest(e);

	if (best && !was_lost && told_equal(&best->told, &e->told)) {
		e->told = best->told;
		return;
	}
	if (!was_lost)
		fleet_count_min_sites(v, e->subject, &e->told, -1);
	list_remove(&e->lost);
	e->since = now;
	if (best) {
		e->told = best->told;
		fleet_count_min_sites(v, e->subject, &e->told, 1);
	} else {
		e->lost_at = now;
		list_push_back(&v->lost, &e->lost);
	}
	set_row(e);
	mark(v, e);
	fleet_note_changed(v, e->subject);
}

// ---- Paths ----

static uint64_t hash_path(unsigned session, const struct ip_prefix *prefix, uint32_t id)
{
	const uint64_t mix = UINT64_C(0x9e3779b97f4a7c15);

	return prefix_hash(prefix) ^ ((uint64_t)session << 32 | id) * mix;
}

static struct path *path_find(
	const struct fleet_view *v, unsigned session, const struct ip_prefix *prefix, uint32_t id)
{
	struct hnode *n = hmap_find(&v->by_path, hash_path(session, prefix, id));

	for (; n; n = hmap_find_next(n)) {
		struct path *p = container_of(n, struct path, by_key);
		if (p->session == session && p->id == id &&
			prefix_equal(&p->entry->subject->prefix, prefix))
			return p;
	}
	return NULL;
}

static void path_remove(struct fleet_view *v, struct path *p, instant now)
{
	struct entry *e = p->entry;

	hmap_remove(&v->by_path, &p->by_key);
	list_remove(&p->of_entry);
	list_remove(&p->of_session);
	free(p);
	v->path_count--;
	mark(v, e);
	node_live(v, e->node, -1);
	entry_settle(v, e, false, now);
}

static void path_add(struct fleet_view *v, unsigned session, struct entry *e, uint32_t id,
	const struct told *told, instant now)
{
	struct path *p = mem_zalloc(sizeof(*p));
	bool was_lost = list_empty(&e->paths);

	p->entry = e;
	p->session = session;
	p->id = id;
	p->told = *told;
	list_push_back(&e->paths, &p->of_entry);
	list_push_back(&v->sessions[session].paths, &p->of_session);
	hmap_insert(&v->by_path, &p->by_key, hash_path(session, &e->subject->prefix, id));
	v->path_count++;
	mark(v, e);
	node_live(v, e->node, 1);
	entry_settle(v, e, was_lost, now);
}

unsigned fleet_paths(const struct entry *e)
{
	const struct path *p;
	unsigned n = 0;

	list_for_each(p, &e->paths, of_entry) n++;
	return n;
}

// ---- Routes ----

// What one UPDATE says to all of its prefixes.
struct message {
	unsigned session;
	instant now;
	enum fleet_refusal why; // nothing of it is taken
	uint32_t originator;
	struct fleet_state state;
	struct told told;
};

static struct told told_of(const struct fleet_state *s)
{
	return (struct told){
		.serial = s->serial,
		.load = s->load,
		.capacity = s->capacity,
		.min_sites = s->min_sites,
		.priority = s->priority,
		.health = (uint8_t)s->health,
		.evidence = (uint8_t)s->evidence,
		.admin = (uint8_t)s->admin,
		.announce = (uint8_t)s->announce,
		.standing = (uint8_t)s->standing,
		.has_load = s->has_load,
		.has_capacity = s->has_capacity,
	};
}

// A neighbour that speaks for itself is a node, and a node does not speak for others.
static enum fleet_refusal check_speaker(
	struct session *s, enum fleet_role role, bool reflected, const struct message *m)
{
	if (m->why)
		return m->why;
	if (reflected && (role == FLEET_NODE || (role == FLEET_LEARNED && s->is_node)))
		return FLEET_NOT_ITS_OWN;
	if (reflected)
		s->reflects = true;
	else if (!s->reflects)
		s->is_node = true;
	return FLEET_TAKEN;
}

static struct message read_message(struct fleet_view *v, instant now,
	const struct fleet_session *session, const struct bgp_update *u)
{
	struct message m = { .session = session->index, .now = now };
	bool reflected = bgp_path_has(&u->path, BGP_ATTR_ORIGINATOR_ID);

	m.originator = reflected ? u->path.originator_id : session->bgp_id;
	if (u->fault.verb == BGP_VERB_WITHDRAW)
		m.why = FLEET_MALFORMED;
	else
		m.why = fleet_state_decode(&m.state, u->path.large, v->config.as);
	m.why = check_speaker(&v->sessions[session->index], session->role, reflected, &m);
	m.told = told_of(&m.state);
	return m;
}

// A new node does not find the place taken by those that went.
static void make_room(struct fleet_view *v)
{
	while (v->by_originator.count >= FLEET_NODE_ID_MAX && !list_empty(&v->lost))
		entry_free(v, list_first(&v->lost, struct entry, lost));
}

static bool is_node_address(const struct ip_addr *a, const struct ip_prefix *prefix)
{
	return a->family != IP_NONE && !ip_is_unspecified(a) && !ip_is_multicast(a) &&
	       !ip_is_link_local(a) && !prefix_contains(prefix, a);
}

// An originator has one id as long as anything of it is in sight.
static bool is_itself(const struct node *n, const struct message *m, const struct path *replaced)
{
	unsigned others = n->paths - (replaced && replaced->entry->node == n);

	return others == 0 || n->id == m->state.node;
}

static enum fleet_refusal judge_route(const struct fleet_view *v, const struct message *m,
	const struct bgp_route *r, const struct subject *s, const struct node *n,
	const struct path *replaced)
{
	if (m->why)
		return m->why;
	if (!s)
		return FLEET_OTHER_SERVICE;
	if (!is_node_address(&r->next_hop, &r->prefix))
		return FLEET_BAD_NEXT_HOP;
	if (!n)
		return v->by_originator.count >= FLEET_NODE_ID_MAX ? FLEET_TOO_MANY : FLEET_TAKEN;
	if (!is_itself(n, m, replaced))
		return FLEET_NOT_ITS_OWN;
	if (replaced)
		return FLEET_TAKEN;
	const struct entry *e = entry_find(v, s, n);
	return e && fleet_paths(e) >= FLEET_PATHS_MAX ? FLEET_TOO_MANY : FLEET_TAKEN;
}

static void update_path(struct fleet_view *v, struct path *p, const struct message *m)
{
	p->told = m->told;
	entry_settle(v, p->entry, false, m->now);
}

static void take_route(struct fleet_view *v, const struct message *m, const struct bgp_route *r)
{
	struct path *p = path_find(v, m->session, &r->prefix, r->path);
	struct subject *s = p ? p->entry->subject : fleet_subject(v, &r->prefix);
	bool same = p && p->entry->node->originator == m->originator;
	struct node *n = same ? p->entry->node : node_find(v, m->originator);
	bool own = m->originator == v->config.router_id && !m->why;

	if (!n)
		make_room(v);
	enum fleet_refusal why = own ? FLEET_TAKEN : judge_route(v, m, r, s, n, p);

	if (why)
		fleet_refuse(v, m->session, why, &r->prefix, m->state.name);
	// What stood there is replaced in any case: the neighbour does not say it any more.
	if (p && (why || own || p->entry->node != n)) {
		path_remove(v, p, m->now);
		p = NULL;
		n = node_find(v, m->originator);
	}
	if (why || own)
		return;
	if (!n)
		n = node_add(v, m->originator, &m->state);
	name_node(v, n, &m->state);
	set_address(v, n, &r->next_hop);
	if (p) {
		update_path(v, p, m);
		return;
	}
	struct entry *e = entry_find(v, s, n);
	if (!e)
		e = entry_add(v, s, n, m->now);
	path_add(v, m->session, e, r->path, &m->told, m->now);
}

static void drop_family(struct fleet_view *v, unsigned session, unsigned families, instant now)
{
	struct path *p;

	if (!families)
		return; // as of nearly every UPDATE: there may be many paths
	list_for_each(p, &v->sessions[session].paths, of_session)
	{
		bool ip4 = p->entry->subject->prefix.addr.family == IP4;
		if (families & (ip4 ? BGP_FAMILY_IP4 : BGP_FAMILY_IP6))
			path_remove(v, p, now);
	}
}

void fleet_view_update(struct fleet_view *v, instant now, const struct fleet_session *session,
	const struct bgp_update *update)
{
	struct bgp_routes walk;
	struct bgp_route r;
	struct message m;
	bool read = false;

	assert(session->index < FLEET_SESSIONS_MAX);
	bgp_routes_begin(&walk, update);
	while (bgp_routes_next(&walk, &r)) {
		bool bad = update->fault.verb == BGP_VERB_WITHDRAW;
		if (r.withdrawn && !bad) {
			struct path *p = path_find(v, session->index, &r.prefix, r.path);
			if (p)
				path_remove(v, p, now);
			continue;
		}
		if (!read)
			m = read_message(v, now, session, update);
		read = true;
		take_route(v, &m, &r);
	}
	drop_family(v, session->index, bgp_routes_disabled(update), now);
	if (update->end_of_rib)
		fleet_view_settle(v);
}

void fleet_view_session_down(struct fleet_view *v, instant now, unsigned session)
{
	struct session *s = &v->sessions[session];

	drop_family(v, session, BGP_FAMILY_ALL, now);
	s->is_node = s->reflects = false;
	s->told_refusals = 0;
}

bool fleet_view_is_settled(const struct fleet_view *v)
{
	return v->settled;
}

void fleet_view_settle(struct fleet_view *v)
{
	struct hnode *h = NULL;

	if (v->settled)
		return;
	v->settled = true;
	while ((h = hmap_walk(&v->by_prefix, h)))
		fleet_note_changed(v, container_of(h, struct subject, by_prefix));
}

// ---- Time ----

instant fleet_view_deadline(const struct fleet_view *v)
{
	const struct entry *first = list_first(&v->lost, struct entry, lost);

	return first ? instant_add(first->lost_at, v->config.forget) : INSTANT_NEVER;
}

void fleet_view_tick(struct fleet_view *v, instant now)
{
	while (instant_due(fleet_view_deadline(v), now))
		entry_free(v, list_first(&v->lost, struct entry, lost));
}

// ---- The services here ----

void fleet_view_follow(struct fleet_view *v, const struct ip_prefix *prefix)
{
	if (fleet_subject(v, prefix))
		return;
	struct subject *s = mem_zalloc(sizeof(*s));
	s->prefix = *prefix;
	list_init(&s->changed);
	s->generation.changed = s->generation.removed = ++v->generation;
	hmap_insert(&v->by_prefix, &s->by_prefix, prefix_hash(prefix));
}

void fleet_view_unfollow(struct fleet_view *v, const struct ip_prefix *prefix)
{
	struct subject *s = fleet_subject(v, prefix);

	if (!s)
		return;
	while (s->count) {
		struct entry *e = s->entries[s->count - 1];
		struct path *p;
		list_for_each(p, &e->paths, of_entry) path_remove(v, p, e->since);
		entry_free(v, e);
	}
	v->unfollowed = ++v->generation;
	list_remove(&s->changed);
	hmap_remove(&v->by_prefix, &s->by_prefix);
	free(s->entries);
	free(s->rows);
	free(s);
}

struct fleet_view *fleet_view_new(const struct fleet_view_config *config)
{
	struct fleet_view *v = mem_zalloc(sizeof(*v));

	v->config = *config;
	v->generation = config->generation;
	v->config.site = mem_strdup(config->site);
	v->config.name = mem_strdup(config->name);
	for (size_t i = 0; i < FLEET_SESSIONS_MAX; i++)
		list_init(&v->sessions[i].paths);
	list_init(&v->changed);
	list_init(&v->lost);
	list_init(&v->news);
	v->ids[config->node]++;
	site_get(v, config->site);
	return v;
}

void fleet_view_free(struct fleet_view **vp)
{
	struct fleet_view *v = take(*vp);
	struct hnode *n;

	if (!v)
		return;
	while ((n = hmap_walk(&v->by_prefix, NULL))) {
		struct ip_prefix prefix = container_of(n, struct subject, by_prefix)->prefix;
		fleet_view_unfollow(v, &prefix);
	}
	fleet_news_free(v);
	free(v->sites[0]);
	free(v->sites);
	free(v->site_names);
	free(v->scratch);
	hmap_free(&v->by_prefix);
	hmap_free(&v->by_originator);
	hmap_free(&v->by_path);
	hmap_free(&v->by_entry);
	hmap_free(&v->by_site);
	hmap_free(&v->by_name);
	free((char *)(uintptr_t)v->config.site);
	free((char *)(uintptr_t)v->config.name);
	free(v);
}
