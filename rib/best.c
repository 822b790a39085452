#include "rib/best.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "rib/codes.h"

// What the steps compare, read once from the attributes.
struct rival {
	enum rib_step lost;
	bool loop, stale, internal;
	uint32_t local_pref, length, origin, neighbour_as, med, id, clusters, path_id;
	struct ip_addr addr;
};

static bool is_llgr_stale(struct rd communities)
{
	while (rd_left(&communities) >= 4)
		if (rd_u32(&communities) == COMMUNITY_LLGR_STALE)
			return true;
	return false;
}

// One pass over the attributes: a dump of everything comes by here for every route.
static void read_rest(struct rival *v, struct rd rest)
{
	uint8_t flags, code;
	struct rd value;

	while (rib_attrs_next(&rest, &flags, &code, &value)) {
		size_t n = rd_left(&value);
		if (code == ATTR_ORIGIN)
			v->origin = rd_u8(&value);
		else if (code == ATTR_MED && n == 4)
			v->med = rd_u32(&value);
		else if (code == ATTR_LOCAL_PREF && n == 4)
			v->local_pref = rd_u32(&value);
		else if (code == ATTR_COMMUNITIES)
			v->stale |= is_llgr_stale(value);
		else if (code == ATTR_ORIGINATOR_ID && n == 4)
			v->id = rd_u32(&value);
		else if (code == ATTR_CLUSTER_LIST)
			v->clusters = (uint32_t)n / 4;
	}
}

static struct rival read_rival(
	const struct rib *r, const struct rib_route *route, uint32_t local_as)
{
	const struct rib_neighbour *n = rib_neighbour(r, route->neighbour);
	struct rib_attrs a = rib_set_read(r, route->set);
	struct rival v = {
		.loop = local_as && rib_path_has(a.path, local_as),
		.stale = route->stale,
		.internal = n->internal,
		.local_pref = LOCAL_PREF_DEFAULT,
		.length = rib_path_length(a.path),
		.origin = ORIGIN_INCOMPLETE,
		.neighbour_as = rib_path_neighbour(a.path),
		.id = n->id,
		.path_id = route->path_id,
		.addr = n->addr,
	};

	read_rest(&v, a.rest);
	return v;
}

// ---- The steps: < 0 when a is better, > 0 when b is ----

typedef int step_compare(const struct rival *a, const struct rival *b);

static int less(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

// RFC 4724 section 4.2 lets a router forward along stale routes as along others. Nothing is forwarded
// here: a route that is still announced is the better answer.
static int by_stale(const struct rival *a, const struct rival *b)
{
	return less(a->stale, b->stale);
}

static int by_local_pref(const struct rival *a, const struct rival *b)
{
	return less(b->local_pref, a->local_pref);
}

static int by_length(const struct rival *a, const struct rival *b)
{
	return less(a->length, b->length);
}

static int by_origin(const struct rival *a, const struct rival *b)
{
	return less(a->origin, b->origin);
}

// Only between routes that came through the same neighbouring AS; none at all is the own one.
static int by_med(const struct rival *a, const struct rival *b)
{
	return a->neighbour_as == b->neighbour_as ? less(a->med, b->med) : 0;
}

static int by_external(const struct rival *a, const struct rival *b)
{
	return less(a->internal, b->internal);
}

static int by_id(const struct rival *a, const struct rival *b)
{
	return less(a->id, b->id);
}

static int by_clusters(const struct rival *a, const struct rival *b)
{
	return less(a->clusters, b->clusters);
}

static int by_address(const struct rival *a, const struct rival *b)
{
	return ip_cmp(&a->addr, &b->addr);
}

static int by_path_id(const struct rival *a, const struct rival *b)
{
	return less(a->path_id, b->path_id);
}

// clang-format off
static const struct step {
	const char *name, *rfc;
	step_compare *compare;
	bool partial; // does not put all routes in one order: each is compared with each
} steps[RIB_STEP_MAX] = {
	[RIB_STEP_NONE]       = { "none",       "RFC 4271 section 9.1.2" },
	[RIB_STEP_LOOP]       = { "loop",    "RFC 4271 section 9.1.2" },
	[RIB_STEP_STALE]      = { "stale", "RFC 9494 section 4.3",       by_stale },
	[RIB_STEP_LOCAL_PREF] = { "local-pref", "RFC 4271 section 9.1.1",     by_local_pref },
	[RIB_STEP_PATH]       = { "path",    "RFC 4271 section 9.1.2.2 a", by_length },
	[RIB_STEP_ORIGIN]     = { "origin",     "RFC 4271 section 9.1.2.2 b", by_origin },
	[RIB_STEP_MED]        = { "med",        "RFC 4271 section 9.1.2.2 c", by_med, true },
	[RIB_STEP_EXTERNAL]   = { "external",   "RFC 4271 section 9.1.2.2 d", by_external },
	[RIB_STEP_ID]         = { "id",  "RFC 4271 section 9.1.2.2 f", by_id },
	[RIB_STEP_CLUSTERS]   = { "clusters", "RFC 4456 section 9",       by_clusters },
	[RIB_STEP_ADDRESS]    = { "address",    "RFC 4271 section 9.1.2.2 g", by_address },
	[RIB_STEP_PATH_ID]    = { "path-id",    "RFC 7911 section 3",         by_path_id },
};
// clang-format on

const char *rib_step_name(enum rib_step s)
{
	return steps[s].name;
}

const char *rib_step_rfc(enum rib_step s)
{
	return steps[s].rfc;
}

static void run_ordered(struct rival *list, size_t n, enum rib_step step)
{
	const struct rival *top = NULL;

	for (size_t i = 0; i < n; i++)
		if (!list[i].lost && (!top || steps[step].compare(&list[i], top) < 0))
			top = &list[i];
	for (size_t i = 0; i < n; i++)
		if (!list[i].lost && steps[step].compare(&list[i], top) > 0)
			list[i].lost = step;
}

// A route that loses in this step still puts out those that it beats.
static void run_partial(struct rival *list, size_t n, enum rib_step step)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n && !list[i].lost; j++)
			if ((!list[j].lost || list[j].lost == step) &&
				steps[step].compare(&list[i], &list[j]) > 0)
				list[i].lost = step;
}

static size_t running(const struct rival *list, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += !list[i].lost;
	return count;
}

static enum rib_step run(struct rival *list, size_t n)
{
	size_t left = running(list, n);

	for (enum rib_step s = RIB_STEP_STALE; s < RIB_STEP_MAX && left > 1; s++) {
		if (steps[s].partial)
			run_partial(list, n, s);
		else
			run_ordered(list, n, s);
		left = running(list, n);
		if (left == 1)
			return s;
	}
	return RIB_STEP_NONE;
}

int rib_best(const struct rib *r, const struct rib_route *routes, size_t n, uint32_t local_as,
	enum rib_step *lost, enum rib_step *by)
{
	struct rival few[16];
	own(free_ptr) struct rival *many =
		n > countof(few) ? mem_resize(NULL, n, sizeof(*many)) : NULL;
	struct rival *list = many ? many : few;
	int best = -1;

	for (size_t i = 0; i < n; i++) {
		list[i] = read_rival(r, &routes[i], local_as);
		list[i].lost = list[i].loop ? RIB_STEP_LOOP : RIB_STEP_NONE;
	}
	*by = run(list, n);
	for (size_t i = 0; i < n; i++) {
		lost[i] = list[i].lost;
		if (!lost[i] && best < 0)
			best = (int)i;
	}
	return best;
}
