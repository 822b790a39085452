#include "plan/reduce.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"

struct reducing {
	const struct plan_graph *g;
	const struct plan_clients *clients;
	bool *keep, *seeded;
	uint32_t *stands; // node -> the one that stands for it, PLAN_NONE: left out
};

static double weight_of(const struct reducing *x, uint32_t node)
{
	return x->clients ? x->clients->of[node].weight : 1;
}

// With one neighbour, since a node without links is in no graph.
static void keep_node(struct reducing *x, uint32_t node)
{
	x->keep[node] = true;
	for (enum plan_relation r = PLAN_CUSTOMER; r < PLAN_RELATION_MAX; r++) {
		struct plan_span s = plan_neighbours(x->g, node, r);
		if (s.count > 0)
			x->keep[s.node[0]] = true;
	}
}

static void keep_named(struct reducing *x, const struct plan_announcement *a)
{
	if (a->origin != PLAN_NONE)
		keep_node(x, a->origin);
	for (uint32_t i = 0; i < a->seed_count; i++) {
		keep_node(x, a->seeds[i].node);
		x->seeded[a->seeds[i].node] = true;
		for (uint32_t k = 0; k < a->seeds[i].poisoned; k++)
			keep_node(x, a->seeds[i].poison[k]);
	}
	for (uint32_t v = 0; v < x->g->count; v++)
		if (plan_neighbours(x->g, v, PLAN_CUSTOMER).count > 0)
			x->keep[v] = true;
}

static uint64_t hash_of(const struct reducing *x, uint32_t node)
{
	struct plan_span up = plan_neighbours(x->g, node, PLAN_PROVIDER);
	struct plan_span peers = plan_neighbours(x->g, node, PLAN_PEER);

	return hash_bytes(up.node, up.count * sizeof(uint32_t)) * 3 +
	       hash_bytes(peers.node, peers.count * sizeof(uint32_t));
}

static bool same_span(struct plan_span a, struct plan_span b)
{
	return a.count == b.count &&
	       (a.count == 0 || memcmp(a.node, b.node, a.count * sizeof(uint32_t)) == 0);
}

static bool same_neighbours(const struct reducing *x, uint32_t a, uint32_t b)
{
	return same_span(plan_neighbours(x->g, a, PLAN_PROVIDER),
		       plan_neighbours(x->g, b, PLAN_PROVIDER)) &&
	       same_span(plan_neighbours(x->g, a, PLAN_PEER), plan_neighbours(x->g, b, PLAN_PEER));
}

// A leaf with one provider and no peer goes where that goes; unless a seed enters there, whose
// announcement may not be for customers.
static bool follows_provider(const struct reducing *x, uint32_t leaf)
{
	struct plan_span up = plan_neighbours(x->g, leaf, PLAN_PROVIDER);

	return up.count == 1 && plan_neighbours(x->g, leaf, PLAN_PEER).count == 0 &&
	       !x->seeded[up.node[0]];
}

struct leaf {
	struct hnode hash;
	uint32_t node;
};

static void merge_leaves(struct reducing *x)
{
	own(free_ptr) struct leaf *leaves = mem_zalloc(x->g->count * sizeof(*leaves));
	own(hmap_free) struct hmap map = {};

	for (uint32_t v = 0; v < x->g->count; v++) {
		x->stands[v] = x->keep[v] ? v : PLAN_NONE;
		if (x->keep[v] || weight_of(x, v) <= 0)
			continue;
		if (follows_provider(x, v)) {
			x->stands[v] = plan_neighbours(x->g, v, PLAN_PROVIDER).node[0];
			continue;
		}
		uint64_t hash = hash_of(x, v);
		struct hnode *n = hmap_find(&map, hash);
		while (n && !same_neighbours(x, container_of(n, struct leaf, hash)->node, v))
			n = hmap_find_next(n);
		if (n) {
			x->stands[v] = container_of(n, struct leaf, hash)->node;
			continue;
		}
		x->stands[v] = leaves[v].node = v;
		hmap_insert(&map, &leaves[v].hash, hash);
	}
}

// Links between those that stay; each is named by its customer, or by the lower peer.
static struct plan_graph *link_kept(const struct reducing *x)
{
	struct plan_builder *b = plan_builder_new();
	struct plan_graph *g = NULL;
	struct plan_fault fault = {};
	int rc = 0;

	for (uint32_t v = 0; v < x->g->count; v++) {
		if (x->stands[v] != v)
			continue;
		struct plan_span up = plan_neighbours(x->g, v, PLAN_PROVIDER);
		struct plan_span peers = plan_neighbours(x->g, v, PLAN_PEER);
		for (uint32_t i = 0; rc == 0 && i < up.count; i++)
			rc = plan_builder_add(
				b, x->g->asn[v], x->g->asn[up.node[i]], PLAN_PROVIDER);
		for (uint32_t i = 0; rc == 0 && i < peers.count; i++) {
			uint32_t p = peers.node[i]; // two leaves have nothing to tell each other
			if (p > v && x->stands[p] == p && (x->keep[v] || x->keep[p]))
				rc = plan_builder_add(b, x->g->asn[v], x->g->asn[p], PLAN_PEER);
		}
	}
	if (rc == 0)
		rc = plan_builder_finish(&g, &b, &fault);
	if (rc < 0)
		mem_abort("a part of a graph is no graph");
	plan_builder_free(&b);
	plan_fault_free(&fault);
	return g;
}

// ---- Load ----

static int by_node_and_place(const void *x, const void *y)
{
	const struct plan_load_part *a = x, *b = y;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

// Countries make a few hundred places; ASes placed one by one, at most as many as there are.
struct place_key {
	struct hnode hash;
	uint32_t index;
};

static uint32_t place_index(struct plan_reduced *r, struct hmap *map, struct place_key *keys,
	const struct plan_client *c)
{
	struct plan_place place = { c->lat, c->lon };
	uint64_t hash = hash_bytes(&place, sizeof(place));

	for (struct hnode *n = hmap_find(map, hash); n; n = hmap_find_next(n)) {
		uint32_t at = container_of(n, struct place_key, hash)->index;
		if (memcmp(&r->places[at], &place, sizeof(place)) == 0)
			return at;
	}
	struct place_key *key = &keys[r->place_count];
	key->index = r->place_count++;
	r->places[key->index] = place;
	hmap_insert(map, &key->hash, hash);
	return key->index;
}

static void share_load(struct plan_reduced *r, const struct reducing *x)
{
	uint32_t n = x->g->count, out = 0;
	own(free_ptr) struct place_key *keys = mem_zalloc(n * sizeof(*keys));
	own(hmap_free) struct hmap map = {};

	r->parts = mem_zalloc(n * sizeof(*r->parts));
	r->places = mem_zalloc(n * sizeof(*r->places));
	for (uint32_t v = 0; v < n; v++) {
		if (r->of[v] == PLAN_NONE || weight_of(x, v) <= 0)
			continue;
		bool placed = x->clients && x->clients->of[v].placed;
		r->parts[r->part_count++] = (struct plan_load_part){ r->of[v],
			placed ? place_index(r, &map, keys, &x->clients->of[v]) : PLAN_NONE,
			weight_of(x, v) };
	}
	qsort(r->parts, r->part_count, sizeof(*r->parts), by_node_and_place);
	for (uint32_t i = 0; i < r->part_count; i++) {
		if (out > 0 && by_node_and_place(&r->parts[out - 1], &r->parts[i]) == 0)
			r->parts[out - 1].weight += r->parts[i].weight;
		else
			r->parts[out++] = r->parts[i];
	}
	r->part_count = out;
}

struct plan_reduced *plan_reduce(const struct plan_graph *g, const struct plan_announcement *a,
	const struct plan_clients *clients)
{
	struct plan_reduced *r = mem_zalloc(sizeof(*r));
	own(free_ptr) bool *keep = mem_zalloc(2 * (size_t)g->count * sizeof(*keep));
	own(free_ptr) uint32_t *stands = mem_zalloc(g->count * sizeof(*stands));
	struct reducing x = { g, clients, keep, keep + g->count, stands };

	keep_named(&x, a);
	merge_leaves(&x);
	r->graph = link_kept(&x);
	r->total = clients ? clients->total : g->count;
	r->of = mem_zalloc(g->count * sizeof(*r->of));
	for (uint32_t v = 0; v < g->count; v++)
		r->of[v] =
			stands[v] == PLAN_NONE ? PLAN_NONE : plan_node(r->graph, g->asn[stands[v]]);
	share_load(r, &x);
	return r;
}

void plan_reduced_free(struct plan_reduced **r)
{
	struct plan_reduced *old = take(*r);

	if (!old)
		return;
	plan_graph_free(&old->graph);
	free(old->of);
	free(old->parts);
	free(old->places);
	free(old);
}
