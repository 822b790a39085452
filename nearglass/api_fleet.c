// /api/v1/fleet: what each node says of each service, in pages; and the sum of it for /api/v1/status.
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "nearglass/api.h"

enum { LIMIT = 100, LIMIT_MAX = 1000, PAGE_MAX = 100000, ROWS_IN_STATUS = 500 };

static double ago(const struct call *c, int64_t then_us)
{
	return (double)(c->view->made_us - then_us) / 1e6;
}

static void write_known(struct out *o, const char *name, bool known, uint64_t value)
{
	if (known)
		out_uint(o, name, value);
	else
		out_null(o, name);
}

// As nearcastd has them, and what they amount to.
static void write_row(struct out *o, const struct call *c, const struct roster_part *p,
	const struct roster_row *r)
{
	struct ip_addr id = ip_from_u32(r->router_id);
	char text[IP_TEXT];

	out_object(o, NULL);
	out_str(o, "site", r->site);
	out_str(o, "node", r->node);
	out_str(o, "address", ip_print(&r->address, text));
	out_str(o, "service", p->service);
	out_str(o, "health", health_name(r->health));
	out_str(o, "evidence", health_evidence_name(r->evidence));
	out_str(o, "admin", admin_name(r->admin));
	out_str(o, "announce", announce_name(r->announce));
	// Each status confirms the rows that it names no news of.
	out_double(o, "seen_seconds", ago(c, r->lost ? r->seen_us : c->view->daemon.heard_us), 3);
	out_str(o, "standing", standing_name(r->standing));
	out_double(o, "since_seconds", ago(c, r->since_us), 3);
	out_uint(o, "id", r->id);
	out_uint(o, "priority", r->priority);
	write_known(o, "load", r->has_load, r->load);
	write_known(o, "capacity", r->has_capacity, r->capacity);
	out_str(o, "min_sites", r->min_sites);
	out_str(o, "router_id", ip_print(&id, text));
	out_bool(o, "own", r->own);
	out_bool(o, "lost", r->lost);
	out_uint(o, "paths", r->paths);
	out_str(o, "state", roster_state_name(roster_row_state(r)));
	out_bool(o, "wrong", roster_row_is_wrong(r));
	out_end(o);
}

static void write_sites(struct out *o, const struct roster_snapshot *s)
{
	out_array(o, "sites");
	for (size_t i = 0; i < s->site_count; i++) {
		const struct roster_site *site = &s->sites[i];
		out_object(o, NULL);
		out_str(o, "site", site->name);
		out_str(o, "state", roster_state_name(site->state));
		out_bool(o, "announces", site->announces);
		out_uint(o, "nodes", site->nodes);
		out_uint(o, "lost", site->lost);
		out_uint(o, "wrong", site->wrong);
		out_end(o);
	}
	out_end(o);
}

static void write_parts(struct out *o, const struct call *c, const struct roster_snapshot *s)
{
	out_array(o, "services");
	for (size_t i = 0; i < s->part_count; i++) {
		const struct roster_part *p = s->parts[i];
		out_object(o, NULL);
		out_str(o, "service", p->service);
		out_uint(o, "rows", p->count);
		if (p->heard_us)
			api_since(o, "heard", "heard_seconds", p->heard_us, c->view->made_us);
		else
			out_null(o, "heard");
		out_end(o);
	}
	out_end(o);
}

void api_fleet_sum(struct out *o, const struct call *c)
{
	const struct roster_snapshot *s = c->view->roster;

	if (!s) {
		out_null(o, "fleet");
		return;
	}
	out_object(o, "fleet");
	out_uint(o, "rows", s->rows);
	out_uint(o, "wrong", s->wrong);
	write_parts(o, c, s);
	write_sites(o, s);
	out_array(o, "nodes");
	for (size_t i = 0; s->rows <= ROWS_IN_STATUS && i < s->part_count; i++)
		for (size_t k = 0; k < s->parts[i]->count; k++)
			write_row(o, c, s->parts[i], &s->parts[i]->rows[k]);
	out_end(o);
	out_end(o);
}

// ---- Pages ----

struct question {
	const char *service, *site, *state; // NULL: any
	size_t page, limit;
};

static bool read_number(struct call *c, const char *name, size_t min, size_t max, size_t *ret)
{
	const char *text = call_arg(c, name);
	size_t n = text ? strlen(text) : 0;

	if (!text)
		return true;
	unsigned long v = n > 0 && n < 10 && strspn(text, "0123456789") == n
				  ? strtoul(text, NULL, 10)
				  : max + 1;
	if (v < min || v > max) {
		call_fail(c, 400, "bad-parameter", "%s `%s` is not a number from %zu to %zu", name,
			text, min, max);
		return false;
	}
	*ret = v;
	return true;
}

static bool is_state(const char *text)
{
	for (enum roster_state s = 0; s < ROSTER_STATE_MAX; s++)
		if (strcmp(text, roster_state_name(s)) == 0)
			return true;
	return strcmp(text, "wrong") == 0 || strcmp(text, "lost") == 0;
}

static bool read_question(struct call *c, struct question *q)
{
	*q = (struct question){
		.service = call_arg(c, "service"),
		.site = call_arg(c, "site"),
		.state = call_arg(c, "state"),
		.limit = LIMIT,
	};
	if (q->state && !is_state(q->state)) {
		call_fail(c, 400, "bad-parameter",
			"state `%s` is not up, degraded, drained, down, unknown, lost or wrong",
			q->state);
		return false;
	}
	return read_number(c, "page", 0, PAGE_MAX, &q->page) &&
	       read_number(c, "limit", 1, LIMIT_MAX, &q->limit);
}

static bool fits_state(const struct question *q, const struct roster_row *r)
{
	if (!q->state)
		return true;
	if (strcmp(q->state, "wrong") == 0)
		return roster_row_is_wrong(r);
	if (strcmp(q->state, "lost") == 0)
		return r->lost;
	return strcmp(q->state, roster_state_name(roster_row_state(r))) == 0;
}

static bool fits(const struct question *q, const struct roster_row *r)
{
	return fits_state(q, r) && (!q->site || strcmp(q->site, r->site) == 0);
}

// Those of the page; returns how many there are of all pages.
static size_t write_page(struct out *o, const struct call *c, const struct question *q)
{
	const struct roster_snapshot *s = c->view->roster;
	size_t total = 0, first = q->page * q->limit;

	out_array(o, "nodes");
	for (size_t i = 0; s && i < s->part_count; i++) {
		const struct roster_part *p = s->parts[i];
		if (q->service && strcmp(q->service, p->service) != 0)
			continue;
		for (size_t k = 0; k < p->count; k++) {
			if (!fits(q, &p->rows[k]))
				continue;
			if (total >= first && total < first + q->limit)
				write_row(o, c, p, &p->rows[k]);
			total++;
		}
	}
	out_end(o);
	return total;
}

void api_fleet(struct call *c)
{
	struct question q;

	if (!read_question(c, &q))
		return;
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	out_object(o, NULL);
	struct page_meta m = { .page = q.page, .page_size = q.limit };
	m.total = write_page(o, c, &q);
	api_meta(o, c, &m);
	out_end(o);
}
