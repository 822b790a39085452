// Routes: announced, withdrawn, stale, and read.
#include "lib/mem.h"
#include "rib/inside.h"

static struct rib_table *table_of(struct rib *r, enum ip_family family)
{
	return &r->tables[rib_family_index(family)];
}

// ---- Lanes of a neighbour ----

static uint32_t lane_new(struct rib *r, struct rib_member *m, unsigned f)
{
	struct rib_table *t = &r->tables[f];
	uint32_t i = 0;

	while (i < t->lane_count && t->lanes[i].used)
		i++;
	if (i == t->lane_count)
		t->lanes = mem_resize(t->lanes, ++t->lane_count, sizeof(*t->lanes));
	t->lanes[i] = (struct rib_lane){ .next = NO_LANE, .used = true };
	lane_init(&t->lanes[i].lane, m->info.paths);

	uint32_t *last = &m->lanes[f];
	while (*last != NO_LANE)
		last = &t->lanes[*last].next;
	*last = i;
	return i;
}

// The lane with the route of that path identifier; NO_LANE, and then *room is one without a route
// of the prefix, or NO_LANE.
static uint32_t find_lane(const struct rib_table *t, uint32_t first, uint32_t number,
	uint32_t path_id, uint32_t *room)
{
	struct lane_cell cell;

	*room = NO_LANE;
	for (uint32_t i = first; i != NO_LANE; i = t->lanes[i].next) {
		const struct lane *l = &t->lanes[i].lane;
		if (lane_get(l, number, &cell)) {
			if (cell.path_id == path_id)
				return i;
		} else if (*room == NO_LANE) {
			*room = i;
		}
	}
	return NO_LANE;
}

static struct lane *lane_for(
	struct rib *r, struct rib_member *m, unsigned f, uint32_t number, uint32_t path_id)
{
	struct rib_table *t = &r->tables[f];
	uint32_t lane = m->lanes[f], room = NO_LANE;

	if (m->info.paths)
		lane = find_lane(t, m->lanes[f], number, path_id, &room);
	if (lane == NO_LANE)
		lane = room != NO_LANE ? room : lane_new(r, m, f);
	return &t->lanes[lane].lane;
}

// ---- Marks ----

void rib_set_marker(struct rib *r, rib_mark_fn *fn, void *ctx)
{
	r->mark = fn;
	r->mark_ctx = ctx;
}

static bool mark_route(
	struct rib *r, struct lane *l, uint32_t number, const struct ip_prefix *p, uint32_t set)
{
	struct rd path = intern_read(&r->paths, rib_set_at(r, set)->path);

	return r->mark && lane_set_mark(l, number, r->mark(r->mark_ctx, p, path));
}

// Of every neighbour.
static void mark_prefix(struct rib *r, unsigned f, uint32_t number, const struct ip_prefix *p)
{
	struct rib_table *t = &r->tables[f];
	struct lane_cell cell;
	bool changed = false;

	for (uint32_t i = 0; i < t->lane_count; i++)
		if (t->lanes[i].used && lane_get(&t->lanes[i].lane, number, &cell))
			changed |= mark_route(r, &t->lanes[i].lane, number, p, cell.set);
	r->version += changed;
}

bool rib_remark(struct rib *r, const struct ip_prefix *under, struct ip_prefix *at, size_t max)
{
	struct rib_table *t = table_of(r, (enum ip_family)under->addr.family);
	struct prefixes_walk w;
	uint32_t number;

	rib_begin_write(r);
	prefixes_walk(&w, &t->prefixes, under, at->addr.family == IP_NONE ? NULL : at);
	for (; max > 0; max--) {
		number = prefixes_next(&w);
		if (number == PREFIXES_NONE)
			return false;
		*at = prefixes_key(&t->prefixes, number);
		mark_prefix(r, (unsigned)(t - r->tables), number, at);
	}
	return true;
}

// ---- Changes ----

enum rib_change rib_announce(struct rib *r, unsigned neighbour, const struct ip_prefix *p,
	uint32_t path_id, uint32_t set, uint32_t time_s)
{
	struct rib_table *t = table_of(r, (enum ip_family)p->addr.family);
	struct rib_member *m = &r->members[neighbour];
	unsigned f = (unsigned)(t - r->tables);
	struct lane_cell old, cell = { .set = set, .time_s = time_s };

	rib_begin_write(r);
	cell.path_id = m->info.paths ? path_id : 0;
	uint32_t number = prefixes_add(&t->prefixes, p);
	struct lane *l = lane_for(r, m, f, number, cell.path_id);
	enum lane_change change = lane_put(l, number, &cell, &old);
	if (change == LANE_SAME)
		return RIB_SAME;
	rib_set_ref(r, set);
	(void)mark_route(r, l, number, p, set);
	r->version++;
	if (change == LANE_REPLACED) {
		rib_set_release(r, old.set);
		return RIB_REPLACED;
	}
	prefixes_use(&t->prefixes, number, 1);
	m->routes[f]++;
	return RIB_ADDED;
}

// The route has left its lane.
static void forget(struct rib *r, struct rib_member *m, unsigned f, uint32_t number, uint32_t set)
{
	struct prefixes *p = &r->tables[f].prefixes;

	rib_set_release(r, set);
	prefixes_use(p, number, -1);
	if (prefixes_uses(p, number) == 0)
		prefixes_remove(p, number);
	m->routes[f]--;
	r->version++;
}

bool rib_withdraw(struct rib *r, unsigned neighbour, const struct ip_prefix *p, uint32_t path_id)
{
	struct rib_table *t = table_of(r, (enum ip_family)p->addr.family);
	struct rib_member *m = &r->members[neighbour];
	unsigned f = (unsigned)(t - r->tables);
	uint32_t room, number = prefixes_find(&t->prefixes, p);
	struct lane_cell old;

	rib_begin_write(r);
	if (number == PREFIXES_NONE)
		return false;
	uint32_t lane = m->lanes[f];
	if (m->info.paths)
		lane = find_lane(t, lane, number, path_id, &room);
	if (lane == NO_LANE || !lane_take(&t->lanes[lane].lane, number, &old))
		return false;
	forget(r, m, f, number, old.set);
	return true;
}

static bool is_meant(unsigned f, enum ip_family family)
{
	return family == IP_NONE || rib_family_index(family) == f;
}

static size_t flush_lane(struct rib *r, struct rib_member *m, unsigned f, struct lane *l)
{
	struct lane_cell cell;
	size_t gone = 0;

	for (uint32_t n = lane_next(l, 0); n != UINT32_MAX; n = lane_next(l, n + 1)) {
		if (!lane_get(l, n, &cell))
			continue;
		forget(r, m, f, n, cell.set);
		gone++;
	}
	lane_free(l);
	return gone;
}

typedef size_t lane_visit(struct rib *r, struct rib_member *m, unsigned f, struct lane *l);

// Each lane of the neighbour and the family is changed; returns the sum of what the visits do.
static size_t change_lanes(
	struct rib *r, unsigned neighbour, enum ip_family family, lane_visit *visit)
{
	struct rib_member *m = &r->members[neighbour];
	size_t sum = 0;

	rib_begin_write(r);
	for (unsigned f = 0; f < RIB_FAMILIES; f++)
		for (uint32_t i = is_meant(f, family) ? m->lanes[f] : NO_LANE; i != NO_LANE;
			i = r->tables[f].lanes[i].next)
			sum += visit(r, m, f, &r->tables[f].lanes[i].lane);
	return sum;
}

size_t rib_flush(struct rib *r, unsigned neighbour, enum ip_family family)
{
	return change_lanes(r, neighbour, family, flush_lane);
}

static size_t mark_lane(struct rib *, struct rib_member *, unsigned, struct lane *l)
{
	lane_mark(l);
	return 0;
}

void rib_mark_stale(struct rib *r, unsigned neighbour, enum ip_family family)
{
	change_lanes(r, neighbour, family, mark_lane);
}

static size_t sweep_lane(struct rib *r, struct rib_member *m, unsigned f, struct lane *l)
{
	struct lane_cell old;
	size_t gone = 0;

	for (uint32_t n = lane_next_stale(l, 0); n != UINT32_MAX; n = lane_next_stale(l, n + 1)) {
		if (!lane_take(l, n, &old))
			continue;
		forget(r, m, f, n, old.set);
		gone++;
	}
	return gone;
}

size_t rib_sweep_stale(struct rib *r, unsigned neighbour, enum ip_family family)
{
	return change_lanes(r, neighbour, family, sweep_lane);
}

// ---- Reading ----

const struct prefixes *rib_prefixes(const struct rib *r, enum ip_family family)
{
	return &r->tables[rib_family_index(family)].prefixes;
}

// Adds the routes of one neighbour behind the n there are.
static size_t add_routes(const struct rib *r, unsigned f, uint32_t prefix, uint32_t member,
	struct rib_route *ret, size_t max, size_t n)
{
	const struct rib_table *t = &r->tables[f];
	struct lane_cell cell;

	for (uint32_t i = r->members[member].lanes[f]; i != NO_LANE; i = t->lanes[i].next) {
		if (!lane_get(&t->lanes[i].lane, prefix, &cell))
			continue;
		if (n < max)
			ret[n] = (struct rib_route){
				.neighbour = member,
				.path_id = cell.path_id,
				.set = cell.set,
				.time_s = cell.time_s,
				.stale = cell.stale,
				.mark = cell.mark,
			};
		n++;
	}
	return n;
}

size_t rib_routes_of(const struct rib *r, enum ip_family family, uint32_t prefix,
	unsigned neighbour, struct rib_route *ret, size_t max)
{
	unsigned f = rib_family_index(family);
	size_t n = 0;

	if (neighbour != RIB_ANY)
		return neighbour < r->member_count
			       ? add_routes(r, f, prefix, neighbour, ret, max, 0)
			       : 0;
	for (uint32_t i = 0; i < r->member_count; i++)
		if (r->members[i].used)
			n = add_routes(r, f, prefix, i, ret, max, n);
	return n;
}

size_t rib_routes(const struct rib *r, enum ip_family family, uint32_t prefix,
	struct rib_route *ret, size_t max)
{
	return rib_routes_of(r, family, prefix, RIB_ANY, ret, max);
}

uint32_t rib_match(const struct rib *r, unsigned neighbour, const struct ip_prefix *p)
{
	enum ip_family family = (enum ip_family)p->addr.family;
	const struct prefixes *t = rib_prefixes(r, family);
	uint32_t list[PREFIXES_COVERING_MAX];

	if (neighbour == RIB_ANY)
		return prefixes_match(t, p);
	for (size_t n = prefixes_covering(t, p, list); n > 0; n--)
		if (rib_routes_of(r, family, list[n - 1], neighbour, NULL, 0) > 0)
			return list[n - 1];
	return RIB_NONE;
}

size_t rib_route_count(const struct rib *r, unsigned neighbour, enum ip_family family)
{
	size_t n = 0;

	for (uint32_t i = 0; i < r->member_count; i++)
		if (neighbour == RIB_ANY || neighbour == i)
			for (unsigned f = 0; f < RIB_FAMILIES; f++)
				n += is_meant(f, family) ? r->members[i].routes[f] : 0;
	return n;
}

size_t rib_stale_count(const struct rib *r, unsigned neighbour, enum ip_family family)
{
	size_t n = 0;

	for (unsigned f = 0; f < RIB_FAMILIES; f++)
		for (uint32_t i = is_meant(f, family) ? r->members[neighbour].lanes[f] : NO_LANE;
			i != NO_LANE; i = r->tables[f].lanes[i].next)
			n += lane_count_stale(&r->tables[f].lanes[i].lane);
	return n;
}

size_t rib_prefix_count(const struct rib *r, enum ip_family family)
{
	return prefixes_count(rib_prefixes(r, family));
}
