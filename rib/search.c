#include "rib/search.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "rib/codes.h"
#include "rib/inside.h"

// Up to so many routes are found by reading the lanes, which is fast and in no order, and sorted;
// more lie so close that a walk in order soon has a page of them.
enum { SCAN_MAX = 65536, ASK_STOP_EVERY = 256 };

struct keyed {
	struct ip_prefix key;
	uint32_t number;
};

struct rib_found {
	const struct rib *r;
	struct rib_question q;
	uint64_t *sets; // a bit each; NULL: all of them, as nothing was asked of attributes
	size_t counts[RIB_FAMILIES];
	struct keyed *sorted[RIB_FAMILIES]; // prefixes with a route that fits; NULL: not looked for
	size_t sorted_count[RIB_FAMILIES];
	bool truncated;
	unsigned marks;
	unsigned steps;
};

// ---- Asking each string once ----

enum answer { UNKNOWN, NO, YES };

// By number: { class:6, place:26 }, as in rib/intern.h.
struct memo {
	uint8_t *classes[INTERN_CLASSES + 1];
};

typedef bool ask_fn(const struct rib_question *q, struct rd string);

static bool ask(struct memo *m, const struct intern *t, uint32_t number,
	const struct rib_question *q, ask_fn *fn)
{
	uint32_t class = number >> 26, place = number & ((1 << 26) - 1);
	uint32_t room = class ? t->classes[class - 1].top : 1;

	if (!m->classes[class])
		m->classes[class] = mem_zalloc(room);
	uint8_t *a = &m->classes[class][place];
	if (*a == UNKNOWN)
		*a = fn(q, intern_read(t, number)) ? YES : NO;
	return *a == YES;
}

static void memo_free(struct memo *m)
{
	for (size_t i = 0; i < countof(m->classes); i++)
		free(m->classes[i]);
}

static bool asks_path(const struct rib_question *q)
{
	return q->has_origin || q->has_as || q->path;
}

static bool ask_path(const struct rib_question *q, struct rd path)
{
	if (q->has_origin && rib_path_origin(path) != q->origin)
		return false;
	if (q->has_as && !rib_path_has(path, q->as))
		return false;
	return !q->path || q->path(q->arg, path);
}

static bool asks_rest(const struct rib_question *q)
{
	return q->rest || q->community_count || q->large_count || q->extended_count;
}

static bool has_member(struct rd list, const uint8_t *member, size_t octets)
{
	while (rd_left(&list) >= octets)
		if (memcmp(rd_bytes(&list, octets), member, octets) == 0)
			return true;
	return false;
}

// Each of the members, of that many octets, is in the attribute.
static bool has_all(const struct rib_attrs *a, uint8_t code, const uint8_t *members, size_t count,
	size_t octets)
{
	struct rd v;

	if (count == 0)
		return true;
	if (!rib_attrs_get(a, code, &v))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!has_member(v, members + i * octets, octets))
			return false;
	return true;
}

static bool ask_rest(const struct rib_question *q, struct rd rest)
{
	const struct rib_attrs a = { .rest = rest };

	return has_all(&a, ATTR_COMMUNITIES, q->communities, q->community_count, 4) &&
	       has_all(&a, ATTR_LARGE_COMMUNITIES, q->large, q->large_count, 12) &&
	       has_all(&a, ATTR_EXTENDED_COMMUNITIES, q->extended, q->extended_count, 8) &&
	       (!q->rest || q->rest(q->arg, rest));
}

static bool ask_hop(const struct rib_question *q, struct rd hop)
{
	const struct rib_attrs a = { .hop = hop };
	struct ip_addr addr = rib_attrs_next_hop(&a, NULL);

	return ip_equal(&addr, &q->next_hop);
}

// ---- Sets ----

static bool is_stopped(struct rib_found *f)
{
	if (!f->truncated && f->q.stop && f->steps++ % ASK_STOP_EVERY == 0)
		f->truncated = f->q.stop(f->q.arg);
	return f->truncated;
}

static void ask_sets(struct rib_found *f)
{
	const struct rib_question *q = &f->q;
	const struct rib *r = f->r;
	struct memo paths = {}, rests = {}, hops = {};
	bool path = asks_path(q), rest = asks_rest(q), hop = q->next_hop.family != IP_NONE;

	for (uint32_t i = 0; i < r->sets.top && !is_stopped(f); i++) {
		const struct rib_set *s = rib_set_at(r, i);
		if (s->refs == 0 || (hop && !ask(&hops, &r->hops, s->hop, q, ask_hop)) ||
			(rest && !ask(&rests, &r->rests, s->rest, q, ask_rest)) ||
			(path && !ask(&paths, &r->paths, s->path, q, ask_path)))
			continue;
		f->sets[i / 64] |= UINT64_C(1) << i % 64;
		f->counts[s->six] += s->refs;
	}
	memo_free(&paths);
	memo_free(&rests);
	memo_free(&hops);
}

static size_t count_member(const struct rib_found *f, unsigned family, uint32_t member)
{
	const struct rib_table *t = &f->r->tables[family];
	size_t n = 0;

	for (uint32_t i = f->r->members[member].lanes[family]; i != NO_LANE; i = t->lanes[i].next)
		n += lane_count(&t->lanes[i].lane, f->sets, f->marks);
	return n;
}

// By reading lanes: sets that neighbours share are counted for one of them, and marks.
static void count_lanes(struct rib_found *f)
{
	for (unsigned i = 0; i < RIB_FAMILIES; i++) {
		f->counts[i] = 0;
		for (uint32_t m = 0; m < f->r->member_count; m++)
			if (f->r->members[m].used &&
				(f->q.neighbour == RIB_ANY || f->q.neighbour == m))
				f->counts[i] += count_member(f, i, m);
	}
}

static bool asks_nothing(const struct rib_question *q)
{
	return !asks_path(q) && !asks_rest(q) && q->next_hop.family == IP_NONE;
}

struct rib_found *rib_search(const struct rib *s, const struct rib_question *q)
{
	struct rib_found *f = mem_zalloc(sizeof(*f));

	f->r = s;
	f->q = *q;
	f->marks = q->marks ? q->marks : LANE_ANY_MARK;
	if (asks_nothing(q) && f->marks == LANE_ANY_MARK) {
		f->counts[0] = rib_route_count(s, q->neighbour, IP4);
		f->counts[1] = rib_route_count(s, q->neighbour, IP6);
		return f;
	}
	if (!asks_nothing(q)) {
		f->sets = mem_zalloc((s->sets.top / 64 + 1) * sizeof(*f->sets));
		ask_sets(f);
	}
	if (q->neighbour != RIB_ANY || f->marks != LANE_ANY_MARK)
		count_lanes(f);
	return f;
}

void rib_found_free(struct rib_found **f)
{
	struct rib_found *old = take(*f);

	if (!old)
		return;
	for (unsigned i = 0; i < RIB_FAMILIES; i++)
		free(old->sorted[i]);
	free(old->sets);
	free(old);
}

bool rib_found_has(const struct rib_found *f, const struct rib_route *route)
{
	return (f->marks >> route->mark & 1) &&
	       (!f->sets || f->sets[route->set / 64] >> route->set % 64 & 1);
}

bool rib_found_truncated(const struct rib_found *f)
{
	return f->truncated;
}

size_t rib_found_count(const struct rib_found *f, enum ip_family family)
{
	return f->counts[rib_family_index(family)];
}

size_t rib_found_count_under(struct rib_found *f, const struct ip_prefix *under)
{
	enum ip_family family = (enum ip_family)under->addr.family;
	struct rib_route list[64];
	struct prefixes_walk w;
	uint32_t prefix;
	size_t count = 0;

	if (under->len == 0 || rib_found_count(f, family) == 0)
		return rib_found_count(f, family);
	prefixes_walk(&w, rib_prefixes(f->r, family), under, NULL);
	while ((prefix = prefixes_next(&w)) != PREFIXES_NONE && !is_stopped(f)) {
		own(free_ptr) struct rib_route *many = NULL;
		struct rib_route *routes = list;
		size_t n = rib_routes_of(f->r, family, prefix, f->q.neighbour, list, countof(list));
		if (n > countof(list)) {
			routes = many = mem_resize(NULL, n, sizeof(*many));
			n = rib_routes_of(f->r, family, prefix, f->q.neighbour, many, n);
		}
		for (size_t i = 0; i < n; i++)
			count += rib_found_has(f, &routes[i]);
	}
	return count;
}

// ---- Pages ----

struct page_out {
	struct rib_page *page;
	struct rib_hit *list;
	size_t max, count;
};

size_t rib_found_of(const struct rib_found *f, enum ip_family family, uint32_t prefix, size_t skip,
	struct rib_hit *ret, size_t max)
{
	struct rib_route few[64];
	own(free_ptr) struct rib_route *many = NULL;
	struct rib_route *routes = few;
	size_t n = rib_routes_of(f->r, family, prefix, f->q.neighbour, few, countof(few)), fit = 0;

	if (n > countof(few)) {
		routes = many = mem_resize(NULL, n, sizeof(*many));
		n = rib_routes_of(f->r, family, prefix, f->q.neighbour, many, n);
	}
	for (size_t i = 0; i < n; i++) {
		if (!rib_found_has(f, &routes[i]))
			continue;
		if (fit >= skip && fit - skip < max)
			ret[fit - skip] = (struct rib_hit){ prefix, routes[i] };
		fit++;
	}
	return fit;
}

// The routes of a prefix behind the first `skip`; false: others follow this page.
static bool add_prefix(const struct rib_found *f, enum ip_family family, uint32_t prefix,
	size_t skip, struct page_out *out)
{
	size_t room = out->max - out->count;
	size_t fit = rib_found_of(f, family, prefix, skip, out->list + out->count, room);
	size_t left = fit > skip ? fit - skip : 0;

	if (left <= room) {
		out->count += left;
		return true;
	}
	out->page->more = true;
	if (out->count == 0 && !out->page->begun) {
		out->count = room;
		out->page->last_taken = skip + room;
	}
	return false;
}

// The rest of the prefix that the page before was cut in.
static bool add_rest(const struct rib_found *f, enum ip_family family, struct page_out *out)
{
	const struct rib_page *p = out->page;
	uint32_t prefix = p->after && p->taken ? prefixes_find(rib_prefixes(f->r, family), p->after)
					       : PREFIXES_NONE;

	return prefix == PREFIXES_NONE || add_prefix(f, family, prefix, p->taken, out);
}

static void page_by_walk(struct rib_found *f, enum ip_family family, struct page_out *out)
{
	struct prefixes_walk w;
	uint32_t prefix;

	prefixes_walk(&w, rib_prefixes(f->r, family), out->page->under, out->page->after);
	while ((prefix = prefixes_next(&w)) != PREFIXES_NONE && !is_stopped(f))
		if (!add_prefix(f, family, prefix, 0, out))
			return;
}

struct scan {
	const struct prefixes *prefixes;
	struct keyed *list;
	size_t count, room;
};

static void scan_one(void *arg, uint32_t number)
{
	struct scan *s = arg;

	if (s->count == s->room) {
		s->room = s->room * 2 + 64;
		s->list = mem_resize(s->list, s->room, sizeof(*s->list));
	}
	s->list[s->count++] = (struct keyed){ prefixes_key(s->prefixes, number), number };
}

static int by_key(const void *x, const void *y)
{
	const struct keyed *a = x, *b = y;

	return prefix_cmp(&a->key, &b->key);
}

static void scan_lanes(const struct rib_found *f, unsigned table, struct scan *s)
{
	const struct rib *r = f->r;

	for (uint32_t m = 0; m < r->member_count; m++) {
		if (!r->members[m].used || (f->q.neighbour != RIB_ANY && f->q.neighbour != m))
			continue;
		for (uint32_t i = r->members[m].lanes[table]; i != NO_LANE;
			i = r->tables[table].lanes[i].next)
			lane_find(&r->tables[table].lanes[i].lane, f->sets, f->marks, scan_one, s);
	}
}

// Once for all pages.
static void sort_prefixes(struct rib_found *f, unsigned table)
{
	struct scan s = { .prefixes = &f->r->tables[table].prefixes };
	size_t kept = 0;

	if (f->sorted[table])
		return;
	scan_lanes(f, table, &s);
	if (s.count > 0)
		qsort(s.list, s.count, sizeof(*s.list), by_key);
	for (size_t i = 0; i < s.count; i++)
		if (i == 0 || s.list[i].number != s.list[i - 1].number)
			s.list[kept++] = s.list[i];
	f->sorted[table] = s.list;
	f->sorted_count[table] = kept;
}

static void page_by_scan(struct rib_found *f, enum ip_family family, struct page_out *out)
{
	const struct ip_prefix *after = out->page->after, *under = out->page->under;
	unsigned table = rib_family_index(family);

	sort_prefixes(f, table);
	for (size_t i = 0; i < f->sorted_count[table]; i++) {
		const struct keyed *k = &f->sorted[table][i];
		if ((after && prefix_cmp(&k->key, after) <= 0) ||
			(under && !prefix_covers(under, &k->key)))
			continue;
		if (!add_prefix(f, family, k->number, 0, out))
			return;
	}
}

size_t rib_found_page(struct rib_found *f, enum ip_family family, struct rib_page *page,
	struct rib_hit *ret, size_t max)
{
	struct page_out out = { .page = page, .list = ret, .max = max };

	page->more = false;
	page->last_taken = 0;
	if (max == 0 || rib_found_count(f, family) == 0 || !add_rest(f, family, &out))
		return out.count;
	if (rib_found_count(f, family) <= SCAN_MAX)
		page_by_scan(f, family, &out);
	else
		page_by_walk(f, family, &out);
	return out.count;
}
