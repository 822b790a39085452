#include "bgp/ribin.h"

#include <stdlib.h>

#include "lib/mem.h"

struct route {
	struct hnode node;
	struct ip_prefix prefix;
	uint32_t path;
};

// One of the lists of an UPDATE.
struct routes {
	struct rd list;
	unsigned family;
	bool paths;
};

static uint64_t hash_of(const struct ip_prefix *prefix, uint32_t path)
{
	return prefix_hash(prefix) ^ path * UINT64_C(0x9e3779b97f4a7c15);
}

static struct route *find(const struct bgp_ribin *r, const struct ip_prefix *prefix, uint32_t path)
{
	struct hnode *n = hmap_find(&r->routes, hash_of(prefix, path));

	for (; n; n = hmap_find_next(n)) {
		struct route *route = container_of(n, struct route, node);
		if (route->path == path && prefix_equal(&route->prefix, prefix))
			return route;
	}
	return NULL;
}

static void add(struct bgp_ribin *r, struct routes from, size_t limit)
{
	struct ip_prefix prefix;
	uint32_t path;

	while (bgp_ribin_count(r) <= limit &&
		bgp_nlri_next_path(&from.list, from.family, from.paths, &prefix, &path)) {
		if (find(r, &prefix, path))
			continue;
		struct route *route = mem_zalloc(sizeof(*route));
		route->prefix = prefix;
		route->path = path;
		hmap_insert(&r->routes, &route->node, hash_of(&prefix, path));
	}
}

static void drop(struct bgp_ribin *r, struct routes from)
{
	struct ip_prefix prefix;
	uint32_t path;

	while (bgp_nlri_next_path(&from.list, from.family, from.paths, &prefix, &path)) {
		struct route *route = find(r, &prefix, path);
		if (!route)
			continue;
		hmap_remove(&r->routes, &route->node);
		free(route);
	}
}

static struct routes of_mp(const struct bgp_mp *mp)
{
	return (struct routes){ mp->nlri, mp->family, mp->paths };
}

// RFC 4271 section 4.3: a route that is in both lists is announced.
void bgp_ribin_update(struct bgp_ribin *r, const struct bgp_update *u, size_t limit)
{
	const struct routes nlri = { u->nlri, BGP_FAMILY_IP4, u->paths };
	const struct routes withdrawn = { u->withdrawn, BGP_FAMILY_IP4, u->paths };

	if (u->fault.verb == BGP_VERB_RESET)
		return;
	drop(r, withdrawn);
	drop(r, of_mp(&u->path.unreach));
	if (u->fault.verb == BGP_VERB_WITHDRAW) { // RFC 7606 section 2
		drop(r, nlri);
		drop(r, of_mp(&u->path.reach));
		return;
	}
	add(r, nlri, limit);
	add(r, of_mp(&u->path.reach), limit);
}

bool bgp_ribin_has(const struct bgp_ribin *r, const struct ip_prefix *prefix)
{
	for (struct hnode *n = NULL; (n = hmap_walk(&r->routes, n));)
		if (prefix_equal(&container_of(n, struct route, node)->prefix, prefix))
			return true;
	return false;
}

size_t bgp_ribin_count(const struct bgp_ribin *r)
{
	return r->routes.count;
}

void bgp_ribin_clear(struct bgp_ribin *r)
{
	struct hnode *n = hmap_walk(&r->routes, NULL);

	while (n) {
		struct route *route = container_of(n, struct route, node);
		n = hmap_walk(&r->routes, n);
		free(route);
	}
	hmap_free(&r->routes);
	*r = (struct bgp_ribin){};
}
