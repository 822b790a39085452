#include "plan/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

// ---- The file ----

void plan_file_free(struct plan_file **f)
{
	struct plan_file *old = take(*f);

	if (!old)
		return;
	document_free(&old->doc);
	arena_free(&old->arena);
	free(old);
}

struct checking {
	const struct plan_file *f;
	struct faults *faults;
};

#define FAULT(c, at, expected, ...) faults_add((c)->faults, &(c)->f->doc, at, expected, __VA_ARGS__)

static void check_neighbours(const struct checking *c, const struct plan_site_conf *site)
{
	const struct plan_neighbour *list = site->neighbours.data;

	for (size_t i = 0; i < site->neighbours.count; i++) {
		if (list[i].as == c->f->as)
			FAULT(c, list[i].place, NULL, "AS %llu cannot be its own neighbour",
				(unsigned long long)list[i].as);
		for (size_t k = 0; k < i; k++)
			if (list[k].as == list[i].as)
				FAULT(c, list[i].place, NULL,
					"site `%s` has AS %llu as a neighbour already (line %u)",
					site->name, (unsigned long long)list[i].as,
					list[k].place.line);
	}
}

static void check_sites(const struct checking *c)
{
	const struct plan_site_conf *list = c->f->sites.data;

	for (size_t i = 0; i < c->f->sites.count; i++) {
		if (list[i].has_lat != list[i].has_lon)
			FAULT(c, list[i].place, "both lat and lon, or neither",
				"half of a place for site `%s`", list[i].name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(list[k].name, list[i].name) == 0)
				FAULT(c, list[i].place, NULL, "two sites are named `%s` (line %u)",
					list[i].name, list[k].place.line);
		check_neighbours(c, &list[i]);
	}
}

struct from {
	const char *name, *text; // text NULL: name is a path
	size_t len;
};

// The schema zeroes the struct that it fills, so arena and document wait aside.
static int load(struct plan_file **ret, const struct from *from, struct faults *faults)
{
	struct plan_file *f = mem_zalloc(sizeof(*f));
	struct arena *arena = arena_new();
	struct document doc = {};
	size_t before = faults->count;
	int rc = from->text ? schema_load_text(&plan_schema, from->name, from->text, from->len,
				      arena, f, &doc, faults)
			    : schema_load(&plan_schema, from->name, arena, f, &doc, faults);

	f->arena = arena;
	f->doc = doc;
	if (rc == 0)
		check_sites(&(struct checking){ f, faults });
	if (rc == 0 && faults->count > before)
		rc = -EINVAL;
	if (rc == 0)
		*ret = f;
	else
		plan_file_free(&f);
	return rc;
}

int plan_file_load(struct plan_file **ret, const char *path, struct faults *faults)
{
	return load(ret, &(struct from){ .name = path }, faults);
}

int plan_file_load_text(struct plan_file **ret, const char *name, const char *text, size_t len,
	struct faults *faults)
{
	return load(ret, &(struct from){ name, text, len }, faults);
}

// ---- On a graph ----

void plan_plan_free(struct plan_plan **p)
{
	struct plan_plan *old = take(*p);

	if (!old)
		return;
	for (uint32_t i = 0; old->sites && i < old->announcement.site_count; i++) {
		free(old->sites[i].name);
		free(old->sites[i].city);
	}
	free(old->sites);
	free(old->seeds);
	free(old->poison);
	free(old->seeds_off);
	free(old->prepend);
	free(old->fixed);
	free(old);
}

static struct plan_plan *new_plan(size_t sites, size_t seeds, size_t poison)
{
	struct plan_plan *p = mem_zalloc(sizeof(*p));

	p->sites = mem_zalloc(sites * sizeof(*p->sites));
	p->seeds = mem_zalloc(seeds * sizeof(*p->seeds));
	p->poison = mem_zalloc((poison + 1) * sizeof(*p->poison));
	p->seeds_off = mem_zalloc(seeds * sizeof(*p->seeds_off));
	p->prepend = mem_zalloc(seeds);
	p->fixed = mem_zalloc(seeds * sizeof(*p->fixed));
	p->announcement.seeds = p->seeds;
	p->announcement.origin = PLAN_NONE;
	return p;
}

// What the neighbour hears the prefix as, by what it is to the site.
static const enum plan_class class_at[] = {
	[PLAN_CUSTOMER] = PLAN_FROM_PROVIDER,
	[PLAN_PEER] = PLAN_FROM_PEER,
	[PLAN_PROVIDER] = PLAN_FROM_CUSTOMER,
};

static const unsigned scope_of[PLAN_ACTION_MAX] = {
	[PLAN_ON] = PLAN_TO_ALL,
	[PLAN_OFF] = PLAN_TO_ALL,
	[PLAN_NO_EXPORT] = 0,
	[PLAN_PEERS_ONLY] = PLAN_TO_PEERS,
	[PLAN_CUSTOMERS_ONLY] = PLAN_TO_CUSTOMERS,
};

struct placing {
	const struct checking c;
	const struct plan_graph *g;
	struct plan_plan *p;
	uint32_t poison; // used so far
};

static enum plan_relation relation_of(
	const struct placing *x, const struct plan_neighbour *n, uint32_t node)
{
	enum plan_relation r = PLAN_PROVIDER;

	if (n->has_relation)
		return (enum plan_relation)n->relation;
	if (x->p->announcement.origin != PLAN_NONE &&
		!plan_relation_of(x->g, x->p->announcement.origin, node, &r))
		r = PLAN_PROVIDER;
	return r;
}

static void place_poison(struct placing *x, const struct plan_neighbour *n, struct plan_seed *seed)
{
	seed->poison = x->p->poison + x->poison;
	items_for_each(uint64_t, as, n->poison)
	{
		uint32_t node = plan_node(x->g, (uint32_t)*as);
		if (*as == 0 || *as > UINT32_MAX || node == PLAN_NONE)
			FAULT(&x->c, n->place, NULL, "poison: AS %llu is not in the graph",
				(unsigned long long)*as);
		else
			x->p->poison[x->poison++] = node;
	}
	seed->poisoned = (uint32_t)(x->p->poison + x->poison - seed->poison);
}

static void place_neighbour(struct placing *x, const struct plan_neighbour *n, uint32_t site)
{
	struct plan_announcement *a = &x->p->announcement;
	struct plan_seed *seed = &x->p->seeds[a->seed_count];
	uint32_t node = plan_node(x->g, (uint32_t)n->as);

	if (node == PLAN_NONE) {
		FAULT(&x->c, n->place, NULL, "AS %llu is not in the graph",
			(unsigned long long)n->as);
		return;
	}
	*seed = (struct plan_seed){ .node = node,
		.from = x->p->as,
		.site = (uint16_t)site,
		.class = class_at[relation_of(x, n, node)],
		.scope = scope_of[n->announce] };
	place_poison(x, n, seed);
	// The neighbour, the own AS, its repetitions, and the own AS again behind poisoned ones.
	seed->length = (uint16_t)(2 + n->prepend + seed->poisoned + (seed->poisoned > 0));
	const struct plan_site_conf *conf = x->c.f->sites.data;
	x->p->prepend[a->seed_count] = (uint8_t)n->prepend;
	x->p->fixed[a->seed_count] = n->fixed || conf[site].fixed;
	x->p->seeds_off[a->seed_count++] = n->announce == PLAN_OFF || conf[site].off;
}

static void place_site(struct placing *x, const struct plan_site_conf *conf, uint32_t index)
{
	struct plan_site *site = &x->p->sites[index];

	site->name = mem_strdup(conf->name);
	site->city = conf->city ? mem_strdup(conf->city) : NULL;
	site->has_place = conf->has_lat;
	site->lat = conf->lat;
	site->lon = conf->lon;
	site->has_capacity = conf->has_capacity;
	site->capacity = conf->capacity / 100;
	site->fixed = conf->fixed;
	items_for_each(const struct plan_neighbour, n, conf->neighbours)
		place_neighbour(x, n, index);
}

static void count_all(const struct plan_file *f, size_t *seeds, size_t *poison)
{
	items_for_each(const struct plan_site_conf, s, f->sites)
	{
		*seeds += s->neighbours.count;
		items_for_each(const struct plan_neighbour, n, s->neighbours) *poison +=
			n->poison.count;
	}
}

int plan_from_file(struct plan_plan **ret, const struct plan_file *f, const struct plan_graph *g,
	struct faults *faults)
{
	size_t seeds = 0, poison = 0, before = faults->count;
	uint32_t index = 0;

	count_all(f, &seeds, &poison);
	struct placing x = { .c = { f, faults }, .g = g, .p = NULL };
	if (seeds > PLAN_SEEDS_MAX) {
		FAULT(&x.c, (struct place){}, NULL, "over %d neighbours", PLAN_SEEDS_MAX);
		return -EINVAL;
	}
	own(plan_plan_free) struct plan_plan *p = new_plan(f->sites.count, seeds, poison);
	x.p = p;
	p->as = (uint32_t)f->as;
	p->announcement.site_count = (uint32_t)f->sites.count;
	p->announcement.origin = plan_node(g, p->as);
	items_for_each(const struct plan_site_conf, s, f->sites) place_site(&x, s, index++);
	if (faults->count > before)
		return -EINVAL;
	*ret = take(p);
	return 0;
}

// ---- --origin ----

enum { ORIGINS_MAX = 64 };

// Digits, at most max.
static bool read_number(const char **at, uint64_t max, uint64_t *ret)
{
	const char *p = *at;
	uint64_t n = 0;

	while (*p >= '0' && *p <= '9' && n <= max)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == *at || n > max)
		return false;
	*at = p;
	*ret = n;
	return true;
}

struct origin {
	uint64_t as, prepend;
};

static int read_origins(const char *text, struct origin *list, size_t *count, struct strbuf *error)
{
	const char *at = text;

	for (*count = 0;; at++) {
		struct origin *o = &list[*count];
		*o = (struct origin){};
		if (*count == ORIGINS_MAX) {
			sb_printf(error, "over %d origins", ORIGINS_MAX);
			return -EINVAL;
		}
		if (!read_number(&at, UINT32_MAX, &o->as) ||
			(*at == ':' &&
				(at++, !read_number(&at, PLAN_ORIGIN_PREPEND, &o->prepend))) ||
			(*at != ',' && *at != '\0')) {
			sb_printf(error,
				"`%.60s` is not AS[:PREPEND],... with 0 to %d more prepends", text,
				PLAN_ORIGIN_PREPEND);
			return -EINVAL;
		}
		(*count)++;
		if (*at == '\0')
			return 0;
	}
}

static int place_origin(struct plan_plan *p, const struct origin *o, const struct plan_graph *g,
	struct strbuf *error)
{
	uint32_t index = p->announcement.seed_count++, node = plan_node(g, (uint32_t)o->as);
	char name[24];

	if (node == PLAN_NONE) {
		sb_printf(error, "AS %llu is not in the graph", (unsigned long long)o->as);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < index; i++) {
		if (p->seeds[i].node != node)
			continue;
		sb_printf(error, "AS %llu stands there twice", (unsigned long long)o->as);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%u", (uint32_t)o->as);
	p->sites[index].name = mem_strdup(name);
	p->prepend[index] = (uint8_t)o->prepend;
	p->seeds[index] = (struct plan_seed){ .node = node,
		.from = (uint32_t)o->as,
		.site = (uint16_t)index,
		.length = (uint16_t)(1 + o->prepend),
		.class = PLAN_ORIGIN,
		.scope = PLAN_TO_ALL };
	return 0;
}

int plan_from_origins(
	struct plan_plan **ret, const char *text, const struct plan_graph *g, struct strbuf *error)
{
	struct origin list[ORIGINS_MAX + 1];
	size_t count = 0;
	int rc = read_origins(text, list, &count, error);

	if (rc < 0)
		return rc;
	own(plan_plan_free) struct plan_plan *p = new_plan(count, count, 0);
	p->announcement.site_count = (uint32_t)count;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = place_origin(p, &list[i], g, error);
	if (rc == 0)
		*ret = take(p);
	return rc;
}
