#include "nearcastd/fleet_rows.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/daemon.h"

void fleet_rows_clear(struct fleet_rows *r)
{
	free(r->list);
	*r = (struct fleet_rows){};
}

static void add(struct fleet_rows *r, const struct fleet_entry *e)
{
	if (r->count == r->room) {
		r->room = r->room ? 2 * r->room : 16;
		r->list = mem_resize(r->list, r->room, sizeof(*r->list));
	}
	r->list[r->count++] = *e;
}

// By names and then by originator, those in sight before those lost.
static int compare(const void *a, const void *b)
{
	const struct fleet_entry *x = a, *y = b;
	int c = strcmp(x->state.site, y->state.site);

	if (!c)
		c = strcmp(x->state.name, y->state.name);
	if (!c)
		c = (x->originator > y->originator) - (x->originator < y->originator);
	return c ? c : (y->paths > 0) - (x->paths > 0);
}

static struct fleet_entry own_entry(const struct daemon *d, const struct service *s)
{
	struct fleet_entry e = {
		.prefix = *(const struct ip_prefix *)s->conf->prefixes.data,
		.state = s->word.state,
		.originator = ip_to_u32(&d->conf->router_id),
		.since = s->member.since,
		.seen = clock_now(),
		.changed = UINT64_MAX, // it is one row
	};

	if (d->conf->node.addresses.count)
		e.address = *(const struct ip_addr *)d->conf->node.addresses.data;
	return e;
}

// The entries of one prefix stand by name already, and this node is one more.
static void sort(struct fleet_rows *r, size_t prefixes)
{
	struct fleet_entry own = r->list[r->count - 1];
	size_t at = r->count - 1;

	if (prefixes > 1) {
		qsort(r->list, r->count, sizeof(*r->list), compare);
		return;
	}
	while (at > 0 && compare(&r->list[at - 1], &own) > 0)
		at--;
	memmove(&r->list[at + 1], &r->list[at], (r->count - 1 - at) * sizeof(own));
	r->list[at] = own;
}

// A node says the same of all prefixes of a service: one row of it.
static void merge(struct fleet_rows *r, uint64_t since)
{
	size_t kept = 0, next;

	for (size_t i = 0; i < r->count; i = next) {
		struct fleet_entry e = r->list[i];
		for (next = i + 1; next < r->count; next++) {
			if (r->list[next].originator != e.originator)
				break;
			if (r->list[next].changed > e.changed)
				e.changed = r->list[next].changed;
		}
		if (e.changed > since)
			r->list[kept++] = e;
	}
	r->count = kept;
}

void fleet_rows_take(
	struct fleet_rows *r, const struct daemon *d, const struct service *s, uint64_t since)
{
	struct fleet_entry own = own_entry(d, s), e;

	fleet_rows_clear(r);
	items_for_each(const struct ip_prefix, p, s->conf->prefixes)
	{
		size_t at = 0;
		while (fleet_view_entry(fleet_view(d->fleet), clock_now(), p, &at, &e))
			add(r, &e);
	}
	add(r, &own);
	sort(r, s->conf->prefixes.count);
	merge(r, since);
}

struct fleet_generation fleet_rows_generation(const struct daemon *d, const struct service *s)
{
	struct fleet_generation all = {};

	if (!d->fleet)
		return all;
	items_for_each(const struct ip_prefix, p, s->conf->prefixes)
	{
		struct fleet_generation g = fleet_view_generation(fleet_view(d->fleet), p);
		if (g.changed > all.changed)
			all.changed = g.changed;
		if (g.removed > all.removed)
			all.removed = g.removed;
		all.latest = g.latest;
	}
	return all;
}
