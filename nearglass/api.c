// /api/v1: the glass itself, its neighbours, its memory.
#include "nearglass/api.h"

#include <stdatomic.h>

#include "lib/own.h"
#include "nearglass/ask.h"

void api_meta(struct out *o, const struct call *c, const struct page_meta *m)
{
	char time[TIME_TEXT];

	out_object(o, "meta");
	out_uint(o, "page", m->page);
	out_uint(o, "page_size", m->page_size);
	out_uint(o, "total_results", m->total);
	out_bool(o, "truncated", m->truncated);
	out_str(o, "generated_at", time_print(c->view->made_us, time));
	out_str(o, "next", m->next);
	out_end(o);
}

void api_since(
	struct out *o, const char *name, const char *seconds_name, int64_t then_us, int64_t now_us)
{
	char time[TIME_TEXT];

	out_str(o, name, time_print(then_us, time));
	out_double(o, seconds_name, (double)(now_us - then_us) / 1e6, 3);
}

static _Atomic unsigned tables;

bool api_table_begin(struct call *c)
{
	if (atomic_fetch_add(&tables, 1) < API_TABLES_MAX)
		return true;
	atomic_fetch_sub(&tables, 1);
	call_fail(c, 503, "busy", "%d clients read all routes already", API_TABLES_MAX);
	return false;
}

void api_table_end(void)
{
	atomic_fetch_sub(&tables, 1);
}

static void list_meta(struct out *o, const struct call *c, size_t n)
{
	const struct page_meta m = { .page_size = n, .total = n };

	api_meta(o, c, &m);
}

static void write_neighbour(struct out *o, const struct call *c, const struct neighbour_info *n)
{
	struct ip_addr id = ip_from_u32(n->router_id);
	char text[IP_TEXT];

	out_object(o, NULL);
	out_str(o, "name", n->conf->name);
	out_str(o, "kind", n->kind);
	out_str(o, "description", n->conf->description);
	out_str(o, "address", ip_print(&n->conf->address, text));
	out_uint(o, "as", n->as);
	out_str(o, "router_id", n->established ? ip_print(&id, text) : NULL);
	out_str(o, "state", bgp_state_name(n->state));
	api_since(o, "since", "since_seconds", n->since_us, c->view->made_us);
	out_bool(o, "add_path", n->paths);
	out_bool(o, "stale", n->stale);
	out_uint(o, "routes_ipv4", n->routes4);
	out_uint(o, "routes_ipv6", n->routes6);
	out_uint(o, "updates_received", n->counters.updates_in);
	out_uint(o, "times_established", n->counters.established);
	out_str(o, "last_error", n->has_error ? n->last_error.text : NULL);
	out_end(o);
}

static size_t established(const struct view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->neighbour_count; i++)
		n += v->neighbours[i].established;
	return n;
}

// What nearcastd at the site says of itself.
static void write_daemon(struct out *o, const struct view *v)
{
	out_object(o, "daemon");
	out_bool(o, "configured", v->conf->daemon != NULL);
	out_bool(o, "connected", v->daemon.connected);
	out_str(o, "error", v->daemon.error);
	api_since(o, "since", "since_seconds", v->daemon.since_us, v->made_us);
	if (v->daemon_status)
		out_raw_json(o, "status", v->daemon_status);
	else
		out_null(o, "status");
	out_end(o);
}

// The glasses of other sites; the status of each is what it said last.
static void write_sites(struct out *o, const struct view *v)
{
	char time[TIME_TEXT];

	out_array(o, "sites");
	for (size_t i = 0; i < v->site_count; i++) {
		const struct site_info *s = &v->sites[i];
		out_object(o, NULL);
		out_str(o, "name", s->conf->name);
		out_str(o, "url", s->conf->url);
		out_bool(o, "reachable", s->reachable);
		api_since(o, "since", "since_seconds", s->since_us, v->made_us);
		out_str(o, "error", s->asked ? s->error : "not asked yet");
		out_str(o, "heard", s->heard_us ? time_print(s->heard_us, time) : NULL);
		if (s->status)
			out_raw_json(o, "status", s->status);
		else
			out_null(o, "status");
		out_end(o);
	}
	out_end(o);
}

static void write_rpki(struct out *o, const struct view *v)
{
	char text[IP_TEXT];
	size_t n = 0;

	out_object(o, "rpki");
	out_bool(o, "known", v->rpki_info.known);
	out_uint(o, "payloads_ipv4", v->rpki_info.payloads4);
	out_uint(o, "payloads_ipv6", v->rpki_info.payloads6);
	out_array(o, "caches");
	items_for_each(const struct glass_cache, c, v->conf->rpki)
	{
		out_object(o, NULL);
		out_str(o, "address", ip_print(&c->address, text));
		out_uint(o, "port", c->port);
		out_bool(o, "up", rpki_cache_is_up(v->rpki, n++));
		out_end(o);
	}
	out_end(o);
	out_end(o);
}

static void write_history(struct out *o, const struct view *v)
{
	out_object(o, "history");
	out_bool(o, "configured", v->history.configured);
	out_bool(o, "losing", v->history.losing);
	out_uint(o, "written", v->history.written);
	out_uint(o, "lost", v->history.lost);
	out_uint(o, "removed", v->history.removed);
	out_uint(o, "clients_written", v->history.clients_written);
	out_uint(o, "clients_lost", v->history.clients_lost);
	out_uint(o, "clients_removed", v->history.clients_removed);
	out_end(o);
}

static void write_catchment(struct out *o, const struct view *v)
{
	const struct catchment_info *i = &v->catchment_info;

	out_object(o, "catchment");
	out_bool(o, "configured", i->configured);
	out_uint(o, "clients", i->clients);
	out_uint(o, "nobody", i->nobody);
	out_bool(o, "listens", v->conf->catchment.listen != NULL);
	out_uint(o, "feeders", i->feeders);
	if (i->heard_us)
		api_since(o, "heard", "heard_seconds", i->heard_us, v->made_us);
	for (size_t n = 0; n < CATCHMENT_COUNTS; n++)
		out_uint(o, catchment_count_names[n], i->counts[n]);
	out_str(o, "last_bad", i->last_bad[0] ? i->last_bad : NULL);
	out_end(o);
}

static void status(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	const struct view *v = c->view;
	char text[IP_TEXT];

	out_object(o, NULL);
	list_meta(o, c, 1);
	out_str(o, "version", NEARCAST_VERSION);
	out_str(o, "site", v->conf->site);
	out_uint(o, "as", v->conf->as);
	out_str(o, "router_id", ip_print(&v->conf->router_id, text));
	api_since(o, "started", "uptime_seconds", v->started_us, v->made_us);
	out_uint(o, "neighbours_established", established(v));
	out_uint(o, "prefixes_ipv4", rib_prefix_count(v->rib, IP4));
	out_uint(o, "prefixes_ipv6", rib_prefix_count(v->rib, IP6));
	out_uint(o, "routes_ipv4", rib_route_count(v->rib, RIB_ANY, IP4));
	out_uint(o, "routes_ipv6", rib_route_count(v->rib, RIB_ANY, IP6));
	write_daemon(o, v);
	api_fleet_sum(o, c);
	write_sites(o, v);
	write_rpki(o, v);
	write_history(o, v);
	write_catchment(o, v);
	out_bool(o, "probes", v->conf->has_probes);
	out_array(o, "neighbours");
	for (size_t i = 0; i < v->neighbour_count; i++)
		write_neighbour(o, c, &v->neighbours[i]);
	out_end(o);
	out_end(o);
}

static void memory(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	struct rib_memory rows[RIB_MEMORY_ROWS];
	size_t n = view_memory(c->view, rows);
	uint64_t bytes = 0;

	out_object(o, NULL);
	list_meta(o, c, n);
	out_array(o, "memory");
	for (size_t i = 0; i < n; i++) {
		out_object(o, NULL);
		out_str(o, "what", rows[i].name);
		out_uint(o, "count", rows[i].count);
		out_uint(o, "bytes", rows[i].bytes);
		out_end(o);
		bytes += rows[i].bytes;
	}
	out_end(o);
	out_uint(o, "bytes", bytes);
	out_end(o);
}

// Below it are the others; what is no other is nothing.
static void list(struct call *c)
{
	if (*c->rest) {
		call_fail(c, 404, "unknown-path", "there is nothing at this path");
		return;
	}
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	out_object(o, NULL);
	out_array(o, "endpoints");
	for (const struct endpoint *e = api_endpoints; e->path; e++) {
		out_object(o, NULL);
		out_str(o, "path", e->path);
		out_str(o, "parameters", e->args ? e->args : "");
		out_str(o, "help", e->help);
		out_end(o);
	}
	out_end(o);
	out_end(o);
}

const struct endpoint api_endpoints[] = {
	{ "/api/v1/status", NULL, status, "The glass and its neighbours." },
	{ "/api/v1/fleet", "service site state page limit", api_fleet,
		"What each node of the fleet says of each service." },
	{ "/api/v1/memory", NULL, memory, "What the route store takes, by what it is for." },
	{ "/api/v1/routes", ASK_ARGS, api_routes, "Routes by any of their properties." },
	{ "/api/v1/events", "after limit", api_events, "The latest events." },
	{ "/api/v1/catchment", "site limit after", api_catchment,
		"Which site clients reach, by client." },
	{ "/api/v1/history", "from to type subject limit after order", api_history,
		"Events from the disk; type also: sessions announcements health sites catchment." },
	{ "/api/v1/past", "at limit after", api_past,
		"Sites, sessions, announcements, health and clients as they were at a time." },
	{ "/api/v1/probe", "kind method target", api_probe,
		"ping or traceroute, results as they come (server-sent events)." },
	{ "/events", "after", api_follow, "Events as they happen (server-sent events)." },
	{ "/api/v1/dump", "neighbour family", api_dump, "All routes, one object a line." },
	{ "/api/v1/mrt", NULL, api_mrt, "All routes as an MRT table (TABLE_DUMP_V2)." },
	{ "/api/v1/", NULL, list, "This list." },
	{},
};
