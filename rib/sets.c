// Sets of attributes: three strings each, counted.
#include "lib/hash.h"
#include "rib/inside.h"

static uint64_t hash_of(const struct rib_set *s)
{
	const uint32_t key[] = { s->path, s->hop, s->rest, s->six };

	return hash_bytes(key, sizeof(key));
}

static bool is_equal(const struct rib_set *a, const struct rib_set *b)
{
	return a->path == b->path && a->hop == b->hop && a->rest == b->rest && a->six == b->six;
}

static uint32_t hold(struct intern *t, struct rd bytes)
{
	return intern_hold(t, bytes.p, rd_left(&bytes));
}

static void release_strings(struct rib *r, const struct rib_set *s)
{
	intern_release(&r->paths, s->path);
	intern_release(&r->hops, s->hop);
	intern_release(&r->rests, s->rest);
}

void rib_set_ref(struct rib *r, uint32_t set)
{
	struct rib_set *s = pages_edit(&r->sets, set);

	s->refs++;
}

uint32_t rib_set_hold(struct rib *r, enum ip_family family, const struct rib_attrs *a)
{
	rib_begin_write(r);
	struct rib_set want = {
		.path = hold(&r->paths, a->path),
		.hop = hold(&r->hops, a->hop),
		.rest = hold(&r->rests, a->rest),
		.refs = 1,
		.six = family == IP6,
	};
	uint64_t hash = hash_of(&want);
	uint32_t place = index_first(&r->set_index, hash), set;

	while ((set = index_find(&r->set_index, hash, &place)) != INDEX_FREE) {
		if (is_equal(rib_set_at(r, set), &want)) {
			release_strings(r, &want);
			rib_set_ref(r, set);
			return set;
		}
		place++;
	}
	set = pages_take(&r->sets);
	*(struct rib_set *)pages_edit(&r->sets, set) = want;
	index_put(&r->set_index, hash, set);
	return set;
}

void rib_set_release(struct rib *r, uint32_t set)
{
	rib_begin_write(r);
	struct rib_set *s = pages_edit(&r->sets, set);

	if (--s->refs > 0)
		return;
	index_remove(&r->set_index, hash_of(s), set);
	release_strings(r, s);
	pages_drop(&r->sets, set);
}

// ---- Reading ----

struct rib_attrs rib_set_read(const struct rib *r, uint32_t set)
{
	const struct rib_set *s = rib_set_at(r, set);

	return (struct rib_attrs){
		.path = intern_read(&r->paths, s->path),
		.hop = intern_read(&r->hops, s->hop),
		.rest = intern_read(&r->rests, s->rest),
	};
}

uint32_t rib_sets_top(const struct rib *r)
{
	return r->sets.top;
}

uint32_t rib_set_routes(const struct rib *r, uint32_t set)
{
	return rib_set_at(r, set)->refs;
}

enum ip_family rib_set_family(const struct rib *r, uint32_t set)
{
	const struct rib_set *s = rib_set_at(r, set);

	if (s->refs == 0)
		return IP_NONE;
	return s->six ? IP6 : IP4;
}
