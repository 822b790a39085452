#include "rib/mrt_load.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"

struct mrt_load *mrt_load_new(struct rib *r)
{
	struct mrt_load *l = mem_zalloc(sizeof(*l));

	l->rib = r;
	return l;
}

void mrt_load_free(struct mrt_load **which)
{
	struct mrt_load *l = take(*which);

	if (!l)
		return;
	mrt_peers_free(&l->peers);
	free(l->neighbours);
	free(l);
}

static bool is_same(const struct rib_neighbour *n, const struct rib_neighbour *spec)
{
	return n && n->as == spec->as && ip_equal(&n->addr, &spec->addr) && n->paths == spec->paths;
}

// The neighbour with that address, AS and kind of routes; a new one when there is none.
static int neighbour_for(struct rib *r, const struct rib_neighbour *spec)
{
	for (unsigned i = 0; i < rib_neighbours_top(r); i++)
		if (is_same(rib_neighbour(r, i), spec))
			return (int)i;
	return rib_neighbour_add(r, spec);
}

static struct rib_neighbour spec_of(const struct mrt_peer *p, bool paths)
{
	return (struct rib_neighbour){ .addr = p->addr, .as = p->as, .id = p->id, .paths = paths };
}

static int load_peers(struct mrt_load *l, const struct mrt_record *record)
{
	own(mrt_peers_free) struct mrt_peers peers = {};
	int rc = mrt_peers_parse(&peers, record);

	if (rc < 0)
		return rc;
	own(free_ptr) unsigned *numbers = mem_resize(NULL, peers.count, sizeof(*numbers));
	for (size_t i = 0; i < peers.count; i++) {
		const struct rib_neighbour spec = spec_of(&peers.list[i], false);
		int number = neighbour_for(l->rib, &spec);
		if (number < 0)
			return number;
		numbers[i] = (unsigned)number;
	}
	mrt_peers_free(&l->peers);
	free(l->neighbours);
	l->peers = peers;
	peers = (struct mrt_peers){};
	l->neighbours = take(numbers);
	return 0;
}

// Whether a peer's routes have path identifiers shows only with its routes (RFC 8050 section 4). One
// that has both kinds is two neighbours.
static int neighbour_of(struct mrt_load *l, const struct mrt_entry *e)
{
	const struct rib_neighbour lone = { .addr = e->peer_addr, .as = e->peer_as };

	if (e->peer == UINT_MAX) // an older TABLE_DUMP, where each entry says whose it is
		return neighbour_for(l->rib, &lone);
	if (e->peer >= l->peers.count)
		return -EBADMSG;
	unsigned *number = &l->neighbours[e->peer];
	const struct rib_neighbour *is = rib_neighbour(l->rib, *number);
	const struct rib_neighbour want = spec_of(&l->peers.list[e->peer], e->has_path_id);
	if (is->paths == want.paths)
		return (int)*number;
	if (rib_route_count(l->rib, *number, IP_NONE) == 0) {
		rib_neighbour_set(l->rib, *number, &want);
		return (int)*number;
	}
	int other = neighbour_for(l->rib, &want);
	if (other >= 0)
		*number = (unsigned)other;
	return other;
}

static int load_entry(struct mrt_load *l, const struct mrt_rib *rib, const struct mrt_entry *e)
{
	const struct rib_attrs_from from = { .as4 = e->as4 };
	struct rib_attrs a;
	int n = neighbour_of(l, e);

	if (n < 0)
		return n;
	l->entries++;
	if (rib_attrs_split(&a, &l->room, e->attrs, &from) < 0) {
		l->refused++;
		return 0;
	}
	uint32_t set = rib_set_hold(l->rib, (enum ip_family)rib->prefix.addr.family, &a);
	(void)rib_announce(
		l->rib, (unsigned)n, &rib->prefix, e->path_id, set, (uint32_t)e->originated_s);
	rib_set_release(l->rib, set);
	return 0;
}

static int load_rib(struct mrt_load *l, const struct mrt_record *record)
{
	enum { UNICAST = 1 };
	struct mrt_rib rib;
	struct mrt_entry e;
	int rc = mrt_rib_parse(&rib, record);

	if (rc == -EAFNOSUPPORT || (rc == 0 && rib.safi != UNICAST)) {
		l->passed_over++;
		return 0;
	}
	while (rc == 0 && (rc = mrt_rib_next(&rib, &e)) == 0)
		rc = load_entry(l, &rib, &e);
	return rc == -ENOENT ? 0 : rc;
}

static int load_table(struct mrt_load *l, const struct mrt_record *record)
{
	struct mrt_rib rib;
	struct mrt_entry e;
	int rc = mrt_table_parse(&rib, &e, record);

	return rc < 0 ? rc : load_entry(l, &rib, &e);
}

int mrt_load_record(struct mrt_load *l, const struct mrt_record *record)
{
	l->records++;
	switch (mrt_kind(record)) {
	case MRT_KIND_PEERS:
		return load_peers(l, record);
	case MRT_KIND_RIB:
		return load_rib(l, record);
	case MRT_KIND_TABLE:
		return load_table(l, record);
	case MRT_KIND_UNKNOWN:
	case MRT_KIND_MESSAGE:
	case MRT_KIND_STATE:
		break;
	}
	l->passed_over++;
	return 0;
}
