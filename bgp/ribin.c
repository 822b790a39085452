#include "bgp/ribin.h"

#include <stdlib.h>

#include "bgp/routes.h"
#include "lib/mem.h"

struct route {
	struct hnode node;
	struct ip_prefix prefix;
	uint32_t path;
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

static void add(struct bgp_ribin *r, const struct bgp_route *from)
{
	if (find(r, &from->prefix, from->path))
		return;
	struct route *route = mem_zalloc(sizeof(*route));
	route->prefix = from->prefix;
	route->path = from->path;
	hmap_insert(&r->routes, &route->node, hash_of(&from->prefix, from->path));
}

static void drop(struct bgp_ribin *r, const struct bgp_route *from)
{
	struct route *route = find(r, &from->prefix, from->path);

	if (!route)
		return;
	hmap_remove(&r->routes, &route->node);
	free(route);
}

void bgp_ribin_update(struct bgp_ribin *r, const struct bgp_update *u, size_t limit)
{
	struct bgp_routes walk;
	struct bgp_route route;

	bgp_routes_begin(&walk, u);
	while (bgp_routes_next(&walk, &route)) {
		if (route.withdrawn)
			drop(r, &route);
		else if (bgp_ribin_count(r) <= limit)
			add(r, &route);
	}
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
