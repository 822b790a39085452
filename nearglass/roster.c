#include "nearglass/roster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/decide.h"
#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"

struct roster {
	struct roster_part **parts; // replaced, never changed, as snapshots hold them
	size_t count;
	bool changed;
	struct roster_snapshot *now;
};

// ---- Words ----

static const char *const state_names[] = { "up", "degraded", "drained", "down", "unknown" };
static_assert(countof(state_names) == ROSTER_STATE_MAX);

const char *roster_state_name(enum roster_state s)
{
	return state_names[s];
}

enum roster_state roster_row_state(const struct roster_row *r)
{
	if (r->lost)
		return ROSTER_UNKNOWN;
	if (r->admin != ADMIN_ACTIVE)
		return ROSTER_DRAINED;
	switch (r->health) {
	case HEALTH_UP:
		return ROSTER_UP;
	case HEALTH_DEGRADED:
		return ROSTER_DEGRADED;
	case HEALTH_DOWN:
		return ROSTER_DOWN;
	default:
		return ROSTER_UNKNOWN;
	}
}

bool roster_row_is_wrong(const struct roster_row *r)
{
	bool able = (r->health == HEALTH_UP || r->health == HEALTH_DEGRADED) &&
		    r->admin == ADMIN_ACTIVE;

	if (r->lost)
		return false;
	if (able)
		return r->announce == ANNOUNCE_WITHDRAWN;
	return r->announce == ANNOUNCE_ANNOUNCED ||
	       (r->announce == ANNOUNCE_DEMOTED && r->admin == ADMIN_ACTIVE);
}

// ---- Reading rows ----

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static uint32_t number_of(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

// "12": the time that many seconds ago.
static int64_t time_of(const json_t *object, const char *key, int64_t now_us)
{
	double s = json_number_value(json_object_get(object, key));

	return s >= 0 && s < 1e9 ? now_us - (int64_t)(s * 1e6) : now_us;
}

#define WORD_OF(row, key, name_of, max)                                           \
	({                                                                        \
		unsigned i_ = 0;                                                  \
		while (i_ < (max) && strcmp(name_of(i_), text_of(row, key)) != 0) \
			i_++;                                                     \
		known &= i_ < (max);                                              \
		i_;                                                               \
	})

// False: it has a word that this version does not know, or no router id.
static bool read_row(const json_t *json, int64_t now_us, struct roster_row *ret)
{
	struct ip_addr id = {};
	bool known = ip_parse(&id, text_of(json, "router_id")) == 0 && id.family == IP4;
	const json_t *load = json_object_get(json, "load");
	const json_t *capacity = json_object_get(json, "capacity");

	*ret = (struct roster_row){
		.router_id = known ? ip_to_u32(&id) : 0,
		.health = WORD_OF(json, "health", health_name, HEALTH_MAX),
		.evidence = WORD_OF(json, "evidence", health_evidence_name, EVIDENCE_MAX),
		.admin = WORD_OF(json, "admin", admin_name, ADMIN_MAX),
		.announce = WORD_OF(json, "announce", announce_name, ANNOUNCE_MAX),
		.standing = WORD_OF(json, "standing", standing_name, STANDING_MAX),
		.own = json_is_true(json_object_get(json, "own")),
		.lost = json_is_true(json_object_get(json, "lost")),
		.has_load = json_is_integer(load),
		.has_capacity = json_is_integer(capacity),
		.id = number_of(json, "id"),
		.priority = number_of(json, "priority"),
		.load = number_of(json, "load"),
		.capacity = number_of(json, "capacity"),
		.paths = number_of(json, "paths"),
		.since_us = time_of(json, "since_seconds", now_us),
		.seen_us = time_of(json, "seen_seconds", now_us),
	};
	snprintf(ret->site, sizeof(ret->site), "%s", text_of(json, "site"));
	snprintf(ret->node, sizeof(ret->node), "%s", text_of(json, "node"));
	snprintf(ret->min_sites, sizeof(ret->min_sites), "%s", text_of(json, "min_sites"));
	(void)!ip_parse(&ret->address, text_of(json, "address"));
	return known;
}

// ---- Parts ----

static void part_put(struct roster_part **which)
{
	struct roster_part *p = take(*which);

	if (!p || atomic_fetch_sub_explicit(&p->holders, 1, memory_order_acq_rel) != 1)
		return;
	free(p->service);
	free(p->rows);
	free(p);
}

static struct roster_part *part_new(const char *service)
{
	struct roster_part *p = mem_zalloc(sizeof(*p));

	atomic_init(&p->holders, 1);
	p->service = mem_strdup(service);
	return p;
}

static int compare_ids(const void *a, const void *b)
{
	const struct roster_row *x = a, *y = b;

	return (x->router_id > y->router_id) - (x->router_id < y->router_id);
}

static int compare_names(const void *a, const void *b)
{
	const struct roster_row *x = a, *y = b;
	int c = strcmp(x->site, y->site);

	c = c ? c : strcmp(x->node, y->node);
	return c ? c : compare_ids(a, b);
}

// Of each node what was read, or else what was known; both by router id.
static void merge(struct roster_part *into, const struct roster_row *known, size_t known_count,
	const struct roster_row *read, size_t read_count)
{
	size_t k = 0, n = 0;

	into->rows = mem_resize(NULL, known_count + read_count + 1, sizeof(*into->rows));
	for (size_t i = 0; i < read_count; i++) {
		for (; k < known_count && known[k].router_id < read[i].router_id; k++)
			into->rows[n++] = known[k];
		k += k < known_count && known[k].router_id == read[i].router_id;
		into->rows[n++] = read[i];
	}
	for (; k < known_count; k++)
		into->rows[n++] = known[k];
	into->count = n;
	qsort(into->rows, n, sizeof(*into->rows), compare_names);
}

static struct roster_part **find_part(const struct roster *r, const char *service)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->parts[i]->service, service) == 0)
			return &r->parts[i];
	return NULL;
}

static uint64_t generation_of(const json_t *object)
{
	json_int_t n = json_integer_value(json_object_get(object, "generation"));

	return n > 0 ? (uint64_t)n : 0;
}

void roster_hear_services(struct roster *r, const json_t *fleet_services)
{
	size_t n = json_array_size(fleet_services), count = 0;
	struct roster_part **parts = mem_zalloc((n + 1) * sizeof(struct roster_part *));

	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(fleet_services, i);
		struct roster_part **old = find_part(r, text_of(row, "service"));
		struct roster_part *p = old ? *old : part_new(text_of(row, "service"));
		if (old) // its place in r->parts stays filled, to be found: held twice
			atomic_fetch_add_explicit(&p->holders, 1, memory_order_relaxed);
		else
			r->changed = true;
		parts[count++] = p;
		p->told = generation_of(row);
	}
	r->changed |= count != r->count;
	for (size_t i = 0; i < r->count; i++)
		part_put(&r->parts[i]);
	free(r->parts);
	r->parts = parts;
	r->count = count;
}

bool roster_wants(const struct roster *r, const char **service, uint64_t *since)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->parts[i]->generation == r->parts[i]->told)
			continue;
		*service = r->parts[i]->service;
		*since = r->parts[i]->generation;
		return true;
	}
	return false;
}

void roster_hear_part(struct roster *r, const char *service, const json_t *result)
{
	const json_t *list = json_object_get(result, "fleet");
	const json_t *about = json_array_get(json_object_get(result, "services"), 0);
	struct roster_part **place = find_part(r, service), *old = place ? *place : NULL;
	size_t n = json_array_size(list), read = 0;
	int64_t now_us = clock_unix_us();

	if (!old)
		return;
	if (!about || strcmp(text_of(about, "name"), service) != 0) {
		old->told = old->generation;
		return;
	}
	own(free_ptr) struct roster_row *rows = mem_resize(NULL, n + 1, sizeof(*rows));
	for (size_t i = 0; i < n; i++)
		read += read_row(json_array_get(list, i), now_us, &rows[read]);
	qsort(rows, read, sizeof(*rows), compare_ids);
	size_t known_count = json_is_true(json_object_get(about, "whole")) ? 0 : old->count;
	own(free_ptr) struct roster_row *known = mem_dup(old->rows, known_count * sizeof(*known));
	qsort(known, known_count, sizeof(*known), compare_ids);
	struct roster_part *p = part_new(service);
	merge(p, known, known_count, rows, read);
	p->generation = p->told = generation_of(about);
	p->heard_us = now_us;
	part_put(place); // snapshots may hold it
	*place = p;
	r->changed = true;
}

// ---- Snapshots ----

struct counted {
	struct hnode by_name;
	struct roster_site site;
	const struct roster_part *part; // whose nodes are being counted
	size_t here;
};

static struct counted *counted_get(struct hmap *all, const char *name)
{
	uint64_t hash = hash_bytes(name, strlen(name));

	for (struct hnode *h = hmap_find(all, hash); h; h = hmap_find_next(h)) {
		struct counted *c = container_of(h, struct counted, by_name);
		if (strcmp(c->site.name, name) == 0)
			return c;
	}
	struct counted *c = mem_zalloc(sizeof(*c));
	snprintf(c->site.name, sizeof(c->site.name), "%s", name);
	c->site.state = ROSTER_UNKNOWN;
	hmap_insert(all, &c->by_name, hash);
	return c;
}

static void count_row(struct counted *c, const struct roster_part *p, const struct roster_row *row)
{
	enum roster_state state = roster_row_state(row);

	c->here = c->part == p ? c->here + 1 : 1;
	c->part = p;
	if (c->here > c->site.nodes)
		c->site.nodes = c->here;
	if (state < c->site.state)
		c->site.state = state;
	c->site.announces |= !row->lost && row->announce != ANNOUNCE_WITHDRAWN;
	c->site.lost += row->lost;
	c->site.wrong += roster_row_is_wrong(row);
}

static int compare_sites(const void *a, const void *b)
{
	return strcmp(((const struct roster_site *)a)->name, ((const struct roster_site *)b)->name);
}

// The rows of a part stand by site, so a site is looked up once a part.
static void count_sites(struct roster_snapshot *s)
{
	struct hmap all = {};
	struct hnode *h;

	for (size_t i = 0; i < s->part_count; i++) {
		const struct roster_part *p = s->parts[i];
		struct counted *c = NULL;
		for (size_t k = 0; k < p->count; k++) {
			if (!c || strcmp(c->site.name, p->rows[k].site) != 0)
				c = counted_get(&all, p->rows[k].site);
			count_row(c, p, &p->rows[k]);
		}
		s->rows += p->count;
	}
	s->sites = mem_resize(NULL, all.count + 1, sizeof(*s->sites));
	while ((h = hmap_walk(&all, NULL))) {
		struct counted *c = container_of(h, struct counted, by_name);
		hmap_remove(&all, h);
		s->wrong += c->site.wrong;
		s->sites[s->site_count++] = c->site;
		free(c);
	}
	hmap_free(&all);
	qsort(s->sites, s->site_count, sizeof(*s->sites), compare_sites);
}

struct roster_snapshot *roster_hold(struct roster_snapshot *s)
{
	atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
	return s;
}

void roster_put(struct roster_snapshot **which)
{
	struct roster_snapshot *s = take(*which);

	if (!s || atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->part_count; i++)
		part_put(&s->parts[i]);
	free(s->parts);
	free(s->sites);
	free(s);
}

struct roster_snapshot *roster_publish(struct roster *r)
{
	if (!r->changed)
		return r->now;
	struct roster_snapshot *s = mem_zalloc(sizeof(*s));
	atomic_init(&s->holders, 1);
	s->parts = mem_zalloc((r->count + 1) * sizeof(struct roster_part *));
	for (size_t i = 0; i < r->count; i++) {
		atomic_fetch_add_explicit(&r->parts[i]->holders, 1, memory_order_relaxed);
		s->parts[s->part_count++] = r->parts[i];
	}
	count_sites(s);
	roster_put(&r->now);
	r->now = s;
	r->changed = false;
	return s;
}

struct roster_snapshot *roster_now(const struct roster *r)
{
	return r->now;
}

struct roster *roster_new(void)
{
	struct roster *r = mem_zalloc(sizeof(*r));

	r->changed = true;
	roster_publish(r);
	return r;
}

void roster_free(struct roster **which)
{
	struct roster *r = take(*which);

	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		part_put(&r->parts[i]);
	free(r->parts);
	roster_put(&r->now);
	free(r);
}
