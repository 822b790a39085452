#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/attr.h"
#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"

static int cmp_community(const void *x, const void *y)
{
	return bgp_community_cmp(x, y);
}

// Sorted copy without doubles; returns their number.
static size_t sort_communities(struct bgp_community *to, const struct bgp_attrs_spec *spec)
{
	size_t n = 0;

	if (spec->community_count == 0)
		return 0;
	memcpy(to, spec->communities, spec->community_count * sizeof(*to));
	qsort(to, spec->community_count, sizeof(*to), cmp_community);
	for (size_t i = 0; i < spec->community_count; i++)
		if (i == 0 || bgp_community_cmp(&to[i], &to[n - 1]) != 0)
			to[n++] = to[i];
	return n;
}

static uint64_t hash_of(const struct bgp_attrs *a)
{
	uint32_t head[] = { a->fleet, a->origin, a->prepend, a->has_med, a->med, a->local_pref,
		(uint32_t)a->plain_count, (uint32_t)a->large_count };
	uint64_t h[] = {
		hash_bytes(head, sizeof(head)),
		hash_bytes(a->plain, a->plain_count * sizeof(*a->plain)),
		hash_bytes(a->large, a->large_count * sizeof(*a->large)),
	};

	return hash_bytes(h, sizeof(h));
}

int bgp_attrs_new(struct bgp_attrs **ret, const struct bgp_attrs_spec *spec)
{
	struct bgp_community sorted[BGP_COMMUNITIES_MAX];
	size_t plain = 0;

	if (spec->prepend > BGP_PREPEND_MAX)
		return -ERANGE;
	if (spec->community_count > BGP_COMMUNITIES_MAX)
		return -E2BIG;
	size_t count = sort_communities(sorted, spec);
	while (plain < count && !sorted[plain].large)
		plain++;
	size_t large = count - plain;

	// One block: the struct, the plain ones, the large ones.
	struct bgp_attrs *a =
		mem_zalloc(sizeof(*a) + plain * sizeof(*a->plain) + large * sizeof(*a->large));
	a->refs = 1;
	a->fleet = spec->fleet;
	a->origin = spec->origin;
	a->prepend = spec->prepend;
	a->has_med = spec->has_med;
	a->med = spec->has_med ? spec->med : 0;
	a->local_pref = spec->has_local_pref ? spec->local_pref : BGP_LOCAL_PREF_DEFAULT;
	a->plain_count = plain;
	a->large_count = large;
	a->large = (struct bgp_large *)(a->plain + plain);
	for (size_t i = 0; i < plain; i++)
		a->plain[i] = bgp_community_to_u32(&sorted[i]);
	for (size_t i = 0; i < large; i++)
		a->large[i] = (struct bgp_large){ sorted[plain + i].a, sorted[plain + i].b,
			sorted[plain + i].c };
	a->hash = hash_of(a);
	*ret = a;
	return 0;
}

struct bgp_attrs *bgp_attrs_ref(struct bgp_attrs *a)
{
	a->refs++;
	return a;
}

void bgp_attrs_unref(struct bgp_attrs **a)
{
	struct bgp_attrs *old = take(*a);

	if (old && --old->refs == 0)
		free(old);
}

bool bgp_attrs_equal(const struct bgp_attrs *a, const struct bgp_attrs *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->hash != b->hash)
		return false;
	return a->fleet == b->fleet && a->origin == b->origin && a->prepend == b->prepend &&
	       a->has_med == b->has_med && a->med == b->med && a->local_pref == b->local_pref &&
	       a->plain_count == b->plain_count && a->large_count == b->large_count &&
	       memcmp(a->plain, b->plain, a->plain_count * sizeof(*a->plain)) == 0 &&
	       memcmp(a->large, b->large, a->large_count * sizeof(*a->large)) == 0;
}

uint64_t bgp_attrs_hash(const struct bgp_attrs *a)
{
	return a->hash;
}
