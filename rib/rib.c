// The store: neighbours, their lanes, snapshots, memory. Changes and reading of routes are in
// rib/routes.c, sets of attributes in rib/sets.c.
#include "rib/rib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "rib/inside.h"

static const enum ip_family families[RIB_FAMILIES] = { IP4, IP6 };

struct rib *rib_new(void)
{
	struct rib *r = mem_zalloc(sizeof(*r));

	r->shared = mem_zalloc(sizeof(*r->shared));
	atomic_init(&r->shared->refs, 1);
	for (unsigned f = 0; f < RIB_FAMILIES; f++)
		prefixes_init(&r->tables[f].prefixes, families[f]);
	intern_init(&r->paths);
	intern_init(&r->hops);
	intern_init(&r->rests);
	pages_init(&r->sets, sizeof(struct rib_set));
	return r;
}

static void drop_shared(struct rib_shared *s)
{
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		free(s);
}

static void free_all(struct rib *r)
{
	for (unsigned f = 0; f < RIB_FAMILIES; f++) {
		struct rib_table *t = &r->tables[f];
		for (uint32_t i = 0; i < t->lane_count; i++)
			lane_free(&t->lanes[i].lane);
		free(t->lanes);
		prefixes_free(&t->prefixes);
	}
	intern_free(&r->paths);
	intern_free(&r->hops);
	intern_free(&r->rests);
	pages_free(&r->sets);
	index_free(&r->set_index);
	free(r->members);
	drop_shared(r->shared);
	free(r);
}

void rib_free(struct rib **r)
{
	struct rib *old = take(*r);

	if (old)
		free_all(old);
}

uint64_t rib_version(const struct rib *r)
{
	return r->version;
}

// ---- Snapshots ----

static void copy_table(struct rib_table *to, struct rib_table *from)
{
	prefixes_snapshot(&to->prefixes, &from->prefixes);
	to->lane_count = from->lane_count;
	to->lanes = mem_dup(from->lanes, from->lane_count * sizeof(*from->lanes));
	for (uint32_t i = 0; i < from->lane_count; i++)
		lane_snapshot(&to->lanes[i].lane, &from->lanes[i].lane);
}

const struct rib *rib_snapshot(struct rib *r)
{
	if (r->is_snapshot) {
		atomic_fetch_add_explicit(&r->holders, 1, memory_order_relaxed);
		return r;
	}
	struct rib *s = mem_zalloc(sizeof(*s));

	s->version = r->version;
	s->is_snapshot = true;
	atomic_init(&s->holders, 1);
	s->shared = r->shared;
	atomic_fetch_add_explicit(&s->shared->refs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->shared->snapshots, 1, memory_order_relaxed);
	for (unsigned f = 0; f < RIB_FAMILIES; f++)
		copy_table(&s->tables[f], &r->tables[f]);
	intern_snapshot(&s->paths, &r->paths);
	intern_snapshot(&s->hops, &r->hops);
	intern_snapshot(&s->rests, &r->rests);
	pages_snapshot(&s->sets, &r->sets);
	s->members = mem_dup(r->members, r->member_count * sizeof(*r->members));
	s->member_count = r->member_count;
	r->may_share = true;
	return s;
}

void rib_snapshot_free(const struct rib **s)
{
	union {
		const struct rib *read;
		struct rib *own;
	} old = { .read = take(*s) };

	if (!old.read || atomic_fetch_sub_explicit(&old.own->holders, 1, memory_order_acq_rel) != 1)
		return;
	struct rib_shared *shared = old.own->shared;
	atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
	free_all(old.own);
	// Only now that its pages are let go of: the writer stops looking when this is 0.
	atomic_fetch_sub_explicit(&shared->snapshots, 1, memory_order_release);
	drop_shared(shared);
}

void rib_begin_write(struct rib *r)
{
	if (!r->may_share || atomic_load_explicit(&r->shared->snapshots, memory_order_acquire) > 0)
		return;
	r->may_share = false;
	for (unsigned f = 0; f < RIB_FAMILIES; f++) {
		prefixes_unshared(&r->tables[f].prefixes);
		for (uint32_t i = 0; i < r->tables[f].lane_count; i++)
			r->tables[f].lanes[i].lane.shared = false;
	}
	intern_unshared(&r->paths);
	intern_unshared(&r->hops);
	intern_unshared(&r->rests);
	pages_unshared(&r->sets);
}

// ---- Neighbours ----

int rib_neighbour_add(struct rib *r, const struct rib_neighbour *n)
{
	uint32_t number = 0;

	while (number < r->member_count && r->members[number].used)
		number++;
	if (number >= RIB_NEIGHBOURS_MAX)
		return -ENOSPC;
	if (number == r->member_count)
		r->members = mem_resize(r->members, ++r->member_count, sizeof(*r->members));
	r->members[number] = (struct rib_member){
		.info = *n,
		.used = true,
		.lanes = { NO_LANE, NO_LANE },
	};
	return (int)number;
}

void rib_neighbour_set(struct rib *r, unsigned number, const struct rib_neighbour *n)
{
	struct rib_member *m = &r->members[number];

	for (unsigned f = 0; f < RIB_FAMILIES && m->info.paths != n->paths; f++)
		for (uint32_t i = m->lanes[f]; i != NO_LANE; i = r->tables[f].lanes[i].next)
			lane_init(&r->tables[f].lanes[i].lane, n->paths); // empty ones
	m->info = *n;
}

void rib_neighbour_remove(struct rib *r, unsigned number)
{
	(void)rib_flush(r, number, IP_NONE);
	struct rib_member *m = &r->members[number];
	for (unsigned f = 0; f < RIB_FAMILIES; f++)
		for (uint32_t i = m->lanes[f]; i != NO_LANE; i = r->tables[f].lanes[i].next)
			r->tables[f].lanes[i].used = false;
	*m = (struct rib_member){ .lanes = { NO_LANE, NO_LANE } };
	while (r->member_count > 0 && !r->members[r->member_count - 1].used)
		r->member_count--;
}

const struct rib_neighbour *rib_neighbour(const struct rib *r, unsigned number)
{
	return number < r->member_count && r->members[number].used ? &r->members[number].info
								   : NULL;
}

unsigned rib_neighbours_top(const struct rib *r)
{
	return r->member_count;
}

// ---- Memory ----

static size_t lanes_bytes(const struct rib *r)
{
	size_t n = 0;

	for (unsigned f = 0; f < RIB_FAMILIES; f++) {
		const struct rib_table *t = &r->tables[f];
		n += t->lane_count * sizeof(*t->lanes);
		for (uint32_t i = 0; i < t->lane_count; i++)
			n += lane_bytes(&t->lanes[i].lane);
	}
	return n;
}

static uint64_t routes(const struct rib *r)
{
	return rib_route_count(r, RIB_ANY, IP4) + rib_route_count(r, RIB_ANY, IP6);
}

size_t rib_memory(const struct rib *r, struct rib_memory ret[RIB_MEMORY_ROWS])
{
	const struct prefixes *four = &r->tables[0].prefixes, *six = &r->tables[1].prefixes;
	const struct rib_memory rows[] = {
		{ "routes", routes(r), lanes_bytes(r) },
		{ "IPv4 prefixes", prefixes_count(four), prefixes_keys_bytes(four) },
		{ "IPv4 trie nodes", four->nodes.live, prefixes_nodes_bytes(four) },
		{ "IPv6 prefixes", prefixes_count(six), prefixes_keys_bytes(six) },
		{ "IPv6 trie nodes", six->nodes.live, prefixes_nodes_bytes(six) },
		{ "attribute sets", r->sets.live,
			pages_bytes(&r->sets) + index_bytes(&r->set_index) },
		{ "AS paths", intern_count(&r->paths), intern_bytes(&r->paths) },
		{ "next hops", intern_count(&r->hops), intern_bytes(&r->hops) },
		{ "other attributes", intern_count(&r->rests), intern_bytes(&r->rests) },
		{ "neighbours", r->member_count, r->member_count * sizeof(*r->members) },
	};

	_Static_assert(countof(rows) <= RIB_MEMORY_ROWS, "room");
	memcpy(ret, rows, sizeof(rows));
	return countof(rows);
}
