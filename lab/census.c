#include "lab/census.h"

#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { UPSTREAMS_MAX = 32, ALL = -1 };

// Somebody's word that something changed.
struct change {
	instant at;
	size_t order; // of coming: of changes at one instant the later one counts
	size_t node;
	int upstream, prefix; // ALL
	bool on;
};

struct census {
	const struct scenario *s;
	struct change *changes;
	size_t count, cap;
	bool sorted;
	char **upstreams; // names, UPSTREAMS_MAX a node
};

// Who announces at one moment of a sweep.
struct sweep {
	const struct census *c;
	uint32_t *told;    // a node and prefix: bits of upstreams
	unsigned *of_site; // a site and prefix: nodes that announce
	unsigned *sites;   // a prefix: sites that do
};

struct census *census_new(const struct scenario *s)
{
	struct census *c = mem_zalloc(sizeof(*c));

	c->s = s;
	c->upstreams = mem_zalloc(s->sites.count * UPSTREAMS_MAX * sizeof(*c->upstreams));
	return c;
}

void census_free(struct census **c)
{
	if (!*c)
		return;
	for (size_t i = 0; i < (*c)->s->sites.count * UPSTREAMS_MAX; i++)
		free((*c)->upstreams[i]);
	free((*c)->upstreams);
	free((*c)->changes);
	free_ptr(c);
}

// Number of that upstream of the node; -ENOSPC never comes in a world of the lab.
static int upstream_number(struct census *c, size_t node, const char *name)
{
	char **names = c->upstreams + node * UPSTREAMS_MAX;

	for (int i = 0; i < UPSTREAMS_MAX; i++) {
		if (!names[i])
			names[i] = mem_strdup(name);
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return UPSTREAMS_MAX - 1;
}

static int prefix_number(const struct census *c, const struct ip_prefix *prefix)
{
	const struct ip_prefix *list = c->s->prefixes.data;

	for (size_t i = 0; i < c->s->prefixes.count; i++)
		if (prefix_equal(&list[i], prefix))
			return (int)i;
	return ALL;
}

void census_note(struct census *c, instant at, size_t node, const char *upstream,
	const struct ip_prefix *prefix, bool on)
{
	int number = prefix ? prefix_number(c, prefix) : ALL;

	if (prefix && number == ALL)
		return;
	if (c->count == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 256;
		c->changes = mem_resize(c->changes, c->cap, sizeof(*c->changes));
	}
	c->changes[c->count] = (struct change){
		.at = at,
		.order = c->count,
		.node = node,
		.upstream = upstream ? upstream_number(c, node, upstream) : ALL,
		.prefix = number,
		.on = on,
	};
	c->count++;
	c->sorted = false;
}

static int compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->at.us != y->at.us)
		return (x->at.us > y->at.us) - (x->at.us < y->at.us);
	return (x->order > y->order) - (x->order < y->order);
}

static void sort(const struct census *c)
{
	struct census *mine = (struct census *)(uintptr_t)c; // the order is no news to anybody

	if (!c->sorted && c->count > 0)
		qsort(mine->changes, mine->count, sizeof(mine->changes[0]), compare_changes);
	mine->sorted = true;
}

static struct sweep sweep_new(const struct census *c)
{
	size_t prefixes = c->s->prefixes.count;

	sort(c);
	return (struct sweep){
		.c = c,
		.told = mem_zalloc(c->s->sites.count * prefixes * sizeof(uint32_t)),
		.of_site = mem_zalloc(c->s->sites.count * prefixes * sizeof(unsigned)),
		.sites = mem_zalloc(prefixes * sizeof(unsigned)),
	};
}

static void sweep_free(struct sweep *w)
{
	free(w->told);
	free(w->of_site);
	free(w->sites);
}

static void set_told(struct sweep *w, size_t node, size_t prefix, uint32_t told)
{
	const struct scn_site *nodes = w->c->s->sites.data;
	size_t prefixes = w->c->s->prefixes.count;
	uint32_t *before = &w->told[node * prefixes + prefix];
	unsigned *of_site = &w->of_site[nodes[node].site_index * prefixes + prefix];
	bool was = *of_site > 0;

	*of_site += (told != 0);
	*of_site -= (*before != 0);
	*before = told;
	w->sites[prefix] += (*of_site > 0);
	w->sites[prefix] -= was;
}

static void apply(struct sweep *w, const struct change *change)
{
	size_t prefixes = w->c->s->prefixes.count;
	uint32_t bits = change->upstream == ALL ? UINT32_MAX : UINT32_C(1) << change->upstream;

	for (size_t p = 0; p < prefixes; p++) {
		uint32_t told = w->told[change->node * prefixes + p];
		if (change->prefix == ALL || (size_t)change->prefix == p)
			set_told(w, change->node, p, change->on ? told | bits : told & ~bits);
	}
}

static unsigned fewest_now(const struct sweep *w)
{
	unsigned n = w->sites[0];

	for (size_t p = 1; p < w->c->s->prefixes.count; p++)
		if (w->sites[p] < n)
			n = w->sites[p];
	return n;
}

unsigned census_fewest(const struct census *c, instant from, instant to, instant *when)
{
	own(sweep_free) struct sweep w = sweep_new(c);
	size_t i = 0;

	for (; i < c->count && instant_due(c->changes[i].at, from); i++)
		apply(&w, &c->changes[i]);
	unsigned fewest = fewest_now(&w);
	*when = from;
	while (i < c->count && instant_due(c->changes[i].at, to)) {
		instant at = c->changes[i].at;
		// What happens at one instant is one change.
		for (; i < c->count && c->changes[i].at.us == at.us; i++)
			apply(&w, &c->changes[i]);
		if (fewest_now(&w) < fewest) {
			fewest = fewest_now(&w);
			*when = at;
		}
	}
	return fewest;
}

static size_t prefixes_of(const struct census *c, size_t site, instant at)
{
	own(sweep_free) struct sweep w = sweep_new(c);
	size_t prefixes = c->s->prefixes.count, n = 0;

	for (size_t i = 0; i < c->count && instant_due(c->changes[i].at, at); i++)
		apply(&w, &c->changes[i]);
	for (size_t p = 0; p < prefixes; p++)
		n += w.of_site[site * prefixes + p] > 0;
	return n;
}

bool census_has_all(const struct census *c, size_t site, instant at)
{
	return prefixes_of(c, site, at) == c->s->prefixes.count;
}

bool census_has_any(const struct census *c, size_t site, instant at)
{
	return prefixes_of(c, site, at) > 0;
}
