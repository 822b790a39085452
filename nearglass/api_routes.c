// /api/v1/routes: routes by prefix, address, and every attribute; /api/v1/dump: all of them.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearglass/api.h"
#include "nearglass/ask.h"
#include "nearglass/route.h"

// ---- Results: hits of one page ----

struct results {
	const struct ask *a;
	const struct view *v;
	struct rib_found *found;
	struct rib_hit list[PAGE_SIZE_MAX];
	enum ip_family families[PAGE_SIZE_MAX]; // of each
	size_t count, total;
	bool more;         // there is another page
	size_t last_taken; // of the last prefix so many routes are on this page and those before; 0: all
};

// Where a page begins: a family, and where in it (rib/search.h).
struct cursor {
	enum ip_family family;
	bool has_after;
	struct ip_prefix after;
	size_t taken;
};

static struct ip_prefix key_of(const struct results *r, size_t i)
{
	return prefixes_key(rib_prefixes(r->v->rib, r->families[i]), r->list[i].prefix);
}

// One prefix, or those that cover it, from the shortest. Returns how many.
static size_t find_prefixes(const struct results *r, uint32_t list[PREFIXES_COVERING_MAX])
{
	const struct ask *a = r->a;
	const struct prefixes *t = rib_prefixes(r->v->rib, a->family);

	if (a->match == MATCH_COVERING)
		return prefixes_covering(t, &a->prefix, list);
	list[0] = a->match == MATCH_LONGEST ? rib_match(r->v->rib, a->q.neighbour, &a->prefix)
					    : prefixes_find(t, &a->prefix);
	return list[0] != RIB_NONE;
}

// How many routes of a prefix were on the pages before; SIZE_MAX: all.
static size_t taken_of(const struct results *r, uint32_t number, const struct cursor *from)
{
	struct ip_prefix key = prefixes_key(rib_prefixes(r->v->rib, r->a->family), number);

	if (!from->has_after || key.len > from->after.len)
		return 0;
	return key.len == from->after.len && from->taken ? from->taken : SIZE_MAX;
}

static void fill_from_prefixes(struct results *r, const struct cursor *from)
{
	uint32_t list[PREFIXES_COVERING_MAX];
	size_t n = find_prefixes(r, list);

	for (size_t i = 0; i < n; i++) {
		size_t room = r->a->page_size - r->count, taken = taken_of(r, list[i], from);
		size_t fit = rib_found_of(
			r->found, r->a->family, list[i], taken, r->list + r->count, room);
		size_t left = fit > taken ? fit - taken : 0;
		r->more = left > room;
		if (r->more && r->count > 0)
			return;
		r->last_taken = r->more ? taken + room : 0;
		r->count += r->more ? room : left;
		if (r->more)
			return;
	}
}

// As much of the page as one family has; true: that family has more.
static bool fill(struct results *r, enum ip_family family, const struct cursor *from)
{
	bool inside = from->has_after && from->family == family;
	struct rib_page page = {
		.after = inside ? &from->after : NULL,
		.taken = inside ? from->taken : 0,
		.under = r->a->match == MATCH_COVERED ? &r->a->prefix : NULL,
		.begun = r->count > 0,
	};
	size_t n = rib_found_page(
		r->found, family, &page, r->list + r->count, r->a->page_size - r->count);

	for (size_t i = 0; i < n; i++)
		r->families[r->count + i] = family;
	r->count += n;
	r->last_taken = page.last_taken;
	return page.more;
}

static bool is_meant(const struct ask *a, enum ip_family family)
{
	return a->family == IP_NONE || a->family == family;
}

static bool is_by_prefix(const struct ask *a)
{
	return a->match != MATCH_NONE && a->match != MATCH_COVERED;
}

static size_t count_of(const struct results *r, enum ip_family family)
{
	uint32_t list[PREFIXES_COVERING_MAX];
	size_t count = 0;

	if (!is_meant(r->a, family))
		return 0;
	if (r->a->match == MATCH_COVERED)
		return rib_found_count_under(r->found, &r->a->prefix);
	if (!is_by_prefix(r->a))
		return rib_found_count(r->found, family);
	for (size_t i = 0, n = find_prefixes(r, list); i < n; i++)
		count += rib_found_of(r->found, family, list[i], 0, NULL, 0);
	return count;
}

// One page from the cursor on, of IPv4 and then of IPv6.
static void fill_page(struct results *r, const struct cursor *from)
{
	const struct ask *a = r->a;

	r->count = r->last_taken = 0;
	r->more = false;
	if (is_by_prefix(a)) {
		fill_from_prefixes(r, from);
		for (size_t i = 0; i < r->count; i++)
			r->families[i] = a->family;
		return;
	}
	if (is_meant(a, IP4) && from->family == IP4)
		r->more = fill(r, IP4, from);
	if (!is_meant(a, IP6) || r->more)
		return;
	if (r->count == a->page_size)
		r->more = count_of(r, IP6) > 0;
	else
		r->more = fill(r, IP6, from);
}

static void find_page(struct results *r)
{
	const struct ask *a = r->a;
	struct cursor at = { .family = IP4 };

	r->total = count_of(r, IP4) + count_of(r, IP6);
	if (a->has_after)
		at = (struct cursor){ (enum ip_family)a->after.addr.family, true, a->after,
			a->after_taken };
	fill_page(r, &at);
	for (size_t skip = a->has_after ? 0 : a->page; skip > 0 && r->count > 0; skip--) {
		if (!r->more) {
			r->count = 0; // there is no such page
			return;
		}
		at.after = key_of(r, r->count - 1);
		at.family = (enum ip_family)at.after.addr.family;
		at.has_after = true;
		at.taken = r->last_taken;
		fill_page(r, &at);
	}
}

// ---- Writing ----

static void write_hits(struct out *o, const struct results *r)
{
	own(route_writer_free) struct route_writer *w = route_writer_new(r->v, false);
	own(sb_free) struct strbuf route = {};
	struct prefix_routes *p = mem_zalloc(sizeof(*p));

	out_array(o, "routes");
	for (size_t i = 0; i < r->count; i++) {
		const struct rib_hit *h = &r->list[i];
		if (i == 0 || p->number != h->prefix || p->family != r->families[i])
			prefix_routes(p, r->v, r->families[i], h->prefix);
		int at = prefix_routes_find(p, &h->route);
		if (at < 0)
			continue;
		sb_clear(&route);
		route_write(w, &route, p, (size_t)at);
		out_raw_json(o, NULL, sb_text(&route));
	}
	out_end(o);
	free(p);
}

// As in a query: RFC 3986 section 2.3 stands for itself.
static void add_escaped(struct strbuf *b, const char *text)
{
	for (const char *c = text; *c; c++)
		if (isalnum((unsigned char)*c) || strchr("-._~", *c))
			sb_char(b, *c);
		else
			sb_printf(b, "%%%02X", (unsigned char)*c);
}

// What was asked, with another place to go on from.
static void add_next(
	struct strbuf *b, const struct call *c, const struct ip_prefix *after, size_t taken)
{
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < c->arg_count; i++) {
		if (strcmp(c->args[i].name, "after") == 0 || strcmp(c->args[i].name, "page") == 0)
			continue;
		sb_printf(b, "%s=", c->args[i].name);
		add_escaped(b, c->args[i].value);
		sb_char(b, '&');
	}
	sb_str(b, "after=");
	add_escaped(b, prefix_print(after, text));
	if (taken)
		sb_printf(b, "~%zu", taken);
}

static void write_results(struct call *c, const struct results *r)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	own(sb_free) struct strbuf next = {};
	struct page_meta m = {
		.page = r->a->page,
		.page_size = r->a->page_size,
		.total = r->total,
		.truncated = rib_found_truncated(r->found),
	};

	if (r->more && r->count > 0) {
		struct ip_prefix last = key_of(r, r->count - 1);
		add_next(&next, c, &last, r->last_taken);
		m.next = sb_text(&next);
	}
	out_object(o, NULL);
	if (r->a->kind)
		out_str(o, "kind", r->a->kind);
	api_meta(o, c, &m);
	write_hits(o, r);
	out_end(o);
}

void api_routes(struct call *c)
{
	struct ask a;

	if (!ask_read(&a, c))
		return;
	struct results *r = mem_zalloc(sizeof(*r));
	r->a = &a;
	r->v = c->view;
	r->found = rib_search(c->view->rib, &a.q);
	find_page(r);
	write_results(c, r);
	rib_found_free(&r->found);
	free(r);
	ask_free(&a);
}

// ---- Everything, in pieces ----

struct dump {
	struct view *view;
	unsigned neighbour;
	enum ip_family family, last; // now, and to the end of which
	struct prefixes_walk walk;
	struct prefix_routes routes;
	struct route_writer *writer;
};

enum { DUMP_BYTES = 128 << 10 }; // a piece

static void dump_prefix(struct dump *d, uint32_t number, struct strbuf *b)
{
	prefix_routes(&d->routes, d->view, d->family, number);
	for (size_t i = 0; i < d->routes.count; i++) {
		if (d->neighbour != RIB_ANY && d->routes.list[i].neighbour != d->neighbour)
			continue;
		route_write(d->writer, b, &d->routes, i);
		sb_char(b, '\n');
	}
}

static enum call_more dump_more(void *ctx, struct strbuf *b)
{
	struct dump *d = ctx;

	while (b->len < DUMP_BYTES) {
		uint32_t number = prefixes_next(&d->walk);
		if (number != PREFIXES_NONE) {
			dump_prefix(d, number, b);
			continue;
		}
		if (d->family == d->last)
			return CALL_END;
		d->family = IP6;
		prefixes_walk(&d->walk, rib_prefixes(d->view->rib, IP6), NULL, NULL);
	}
	return CALL_MORE;
}

static void dump_free(void *ctx)
{
	struct dump *d = ctx;

	route_writer_free(&d->writer);
	view_put(&d->view);
	free(d);
	api_table_end();
}

void api_dump(struct call *c)
{
	struct ask a;

	if (!ask_read(&a, c))
		return;
	if (!api_table_begin(c)) {
		ask_free(&a);
		return;
	}
	struct dump *d = mem_zalloc(sizeof(*d));
	d->view = view_hold(c->view);
	d->writer = route_writer_new(d->view, true);
	d->neighbour = a.q.neighbour;
	d->family = a.family == IP6 ? IP6 : IP4;
	d->last = a.family == IP4 ? IP4 : IP6;
	prefixes_walk(&d->walk, rib_prefixes(d->view->rib, d->family), NULL, NULL);
	c->type = "application/x-ndjson";
	c->more = dump_more;
	c->free_stream = dump_free;
	c->stream = d;
	ask_free(&a);
}
