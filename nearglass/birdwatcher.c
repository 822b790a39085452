// /birdwatcher/...: what birdwatcher answers for BIRD, so that Alice-LG reads a glass as it reads a
// route server. Its members, not its text: ages are moments in UTC, "2026-01-02 03:04:05".
#include <stdlib.h>
#include <string.h>

#include "bgp/attr.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/api.h"
#include "nearglass/route.h"

enum { SHORT_TIME = 20, PIECE_BYTES = 128 << 10 };

static const char *short_time(int64_t unix_us, char buf[TIME_TEXT])
{
	(void)time_print(unix_us, buf);
	buf[10] = ' ';
	buf[SHORT_TIME - 1] = '\0';
	return buf;
}

static void write_envelope(struct out *o, const struct view *v)
{
	char time[TIME_TEXT];

	out_object(o, "api");
	out_str(o, "Version", NEARCAST_VERSION);
	out_bool(o, "result_from_cache", false);
	out_object(o, "cache_status");
	out_object(o, "cached_at");
	out_str(o, "date", time_print(v->made_us, time));
	out_end(o);
	out_end(o);
	out_end(o);
	out_str(o, "ttl", time_print(v->made_us, time));
}

static void status(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	const struct view *v = c->view;
	char time[TIME_TEXT], text[IP_TEXT];

	out_object(o, NULL);
	write_envelope(o, v);
	out_object(o, "status");
	out_str(o, "router_id", ip_print(&v->conf->router_id, text));
	out_str(o, "version", NEARCAST_VERSION);
	out_str(o, "message", "nearglass is up and running");
	out_str(o, "current_server", short_time(v->made_us, time));
	out_str(o, "server_time", short_time(v->made_us, time));
	out_str(o, "last_reboot", short_time(v->started_us, time));
	out_str(o, "last_reconfig", short_time(v->started_us, time));
	out_end(o);
	out_end(o);
}

// ---- Neighbours ----

static void write_protocol(struct out *o, const struct neighbour_info *n)
{
	struct ip_addr id = ip_from_u32(n->router_id);
	char time[TIME_TEXT], text[IP_TEXT];

	out_object(o, n->conf->name);
	out_str(o, "protocol", n->conf->name);
	out_str(o, "bird_protocol", "BGP");
	out_str(o, "state", n->established ? "up" : "start");
	out_str(o, "bgp_state", bgp_state_name(n->state));
	out_str(o, "connection", bgp_state_name(n->state));
	out_str(o, "state_changed", short_time(n->since_us, time));
	out_str(o, "since", short_time(n->since_us, time));
	out_str(o, "table", "master");
	out_str(o, "description", n->conf->description ? n->conf->description : n->conf->name);
	out_str(o, "neighbor_address", ip_print(&n->conf->address, text));
	out_uint(o, "neighbor_as", n->as);
	out_str(o, "neighbor_id", ip_print(&id, text));
	out_str(o, "last_error", n->has_error && !n->established ? n->last_error.text : "");
	out_object(o, "routes");
	out_uint(o, "imported", n->routes4 + n->routes6);
	out_uint(o, "filtered", 0);
	out_uint(o, "exported", 0);
	out_null(o, "preferred"); // best paths are worked out where they are asked for
	out_end(o);
	out_end(o);
}

static void protocols(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);

	out_object(o, NULL);
	write_envelope(o, c->view);
	out_object(o, "protocols");
	for (size_t i = 0; i < c->view->neighbour_count; i++)
		write_protocol(o, &c->view->neighbours[i]);
	out_end(o);
	out_end(o);
}

static void protocols_short(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	char time[TIME_TEXT];

	out_object(o, NULL);
	write_envelope(o, c->view);
	out_object(o, "protocols");
	for (size_t i = 0; i < c->view->neighbour_count; i++) {
		const struct neighbour_info *n = &c->view->neighbours[i];
		out_object(o, n->conf->name);
		out_str(o, "proto", "BGP");
		out_str(o, "table", "master");
		out_str(o, "state", n->established ? "up" : "start");
		out_str(o, "since", short_time(n->since_us, time));
		out_str(o, "info", bgp_state_name(n->state));
		out_end(o);
	}
	out_end(o);
	out_end(o);
}

static void symbols(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);

	out_object(o, NULL);
	write_envelope(o, c->view);
	out_object(o, "symbols");
	out_array(o, "routing table");
	out_str(o, NULL, "master");
	out_end(o);
	out_array(o, "protocol");
	for (size_t i = 0; i < c->view->neighbour_count; i++)
		out_str(o, NULL, c->view->neighbours[i].conf->name);
	out_end(o);
	out_end(o);
	out_end(o);
}

// ---- Routes ----

static void write_numbers(struct out *o, const char *name, const struct rib_attrs *a, uint8_t code,
	unsigned count, bool wide)
{
	struct rd v;

	out_array(o, name);
	if (rib_attrs_get(a, code, &v))
		while (rd_left(&v) >= count * (wide ? 4 : 2)) {
			out_array(o, NULL);
			for (unsigned i = 0; i < count; i++)
				out_uint(o, NULL, wide ? rd_u32(&v) : rd_u16(&v));
			out_end(o);
		}
	out_end(o);
}

// "rt:64500:1" as ["rt", "64500", "1"]; of others the two halves of the hexadecimal form.
static void write_extended(struct out *o, const struct rib_attrs *a)
{
	char text[COMMUNITY_TEXT];
	struct rd v;

	out_array(o, "ext_communities");
	if (rib_attrs_get(a, BGP_ATTR_EXTENDED_COMMUNITIES, &v))
		while (rd_left(&v) >= 8) {
			char *save = NULL, *part;
			unsigned parts = 0;
			extended_text(text, &v);
			out_array(o, NULL);
			if (strncmp(text, "0x", 2) == 0 && ++parts)
				out_str(o, NULL, "generic");
			for (part = strtok_r(text, ":", &save); part && parts < 3;
				part = strtok_r(NULL, ":", &save), parts++)
				out_str(o, NULL, part);
			out_end(o);
		}
	out_end(o);
}

static void write_number(struct out *o, const char *name, const struct rib_attrs *a, uint8_t code)
{
	struct rd v;

	if (rib_attrs_get(a, code, &v) && rd_left(&v) == 4)
		out_strf(o, name, "%u", rd_u32(&v));
}

static void write_bgp(struct out *o, const struct rib_attrs *a, const char *hop)
{
	struct rib_path_walk w = rib_path_walk(a->path);
	struct rib_hop as;

	out_object(o, "bgp");
	out_str(o, "origin", rib_origin_name(rib_attrs_origin(a)));
	out_array(o, "as_path");
	while (rib_path_next(&w, &as))
		out_strf(o, NULL, "%u", as.as);
	out_end(o);
	out_str(o, "next_hop", hop);
	write_number(o, "local_pref", a, BGP_ATTR_LOCAL_PREF);
	write_number(o, "med", a, BGP_ATTR_MED);
	write_numbers(o, "communities", a, BGP_ATTR_COMMUNITIES, 2, false);
	write_numbers(o, "large_communities", a, BGP_ATTR_LARGE_COMMUNITIES, 3, true);
	write_extended(o, a);
	out_end(o);
}

static void write_route(
	struct out *o, const struct view *v, const struct prefix_routes *p, size_t i)
{
	const struct rib_route *r = &p->list[i];
	const struct neighbour_info *n = view_neighbour(v, r->neighbour);
	struct rib_attrs a = rib_set_read(v->rib, r->set);
	struct ip_addr addr = rib_attrs_next_hop(&a, NULL);
	char prefix[PREFIX_TEXT], hop[IP_TEXT] = "", from[IP_TEXT], time[TIME_TEXT];

	if (addr.family != IP_NONE)
		(void)ip_print(&addr, hop);
	out_object(o, NULL);
	out_str(o, "network", prefix_print(&p->prefix, prefix));
	out_str(o, "gateway", hop);
	out_str(o, "interface", "");
	out_uint(o, "metric", rib_attrs_u32(&a, BGP_ATTR_LOCAL_PREF, BGP_LOCAL_PREF_DEFAULT));
	out_bool(o, "primary", p->best == (int)i);
	out_str(o, "from_protocol", n->conf->name);
	out_str(o, "learnt_from", ip_print(&n->conf->address, from));
	out_str(o, "age", short_time((int64_t)r->time_s * 1000000, time));
	out_array(o, "type");
	out_str(o, NULL, "BGP");
	out_str(o, NULL, "univ");
	out_end(o);
	write_bgp(o, &a, hop);
	out_end(o);
}

// A full table is written in pieces.
struct walk {
	struct view *v;
	unsigned neighbour; // RIB_ANY
	bool begun, ended, first;
	enum ip_family family;
	struct prefixes_walk prefixes;
	struct prefix_routes routes;
};

static void begin_body(struct walk *w, struct strbuf *b)
{
	struct out *o = out_new(OUT_JSON, b);

	out_object(o, NULL);
	write_envelope(o, w->v);
	out_array(o, "routes");
	out_end(o);
	out_end(o);
	out_free(&o);
	b->len -= 3; // "]}" and the newline
	b->s[b->len] = '\0';
	w->begun = w->first = true;
}

static void add_prefix(struct walk *w, struct strbuf *b, uint32_t number)
{
	prefix_routes(&w->routes, w->v, w->family, number);
	for (size_t i = 0; i < w->routes.count; i++) {
		if (w->neighbour != RIB_ANY && w->routes.list[i].neighbour != w->neighbour)
			continue;
		if (!w->first)
			sb_char(b, ',');
		w->first = false;
		own(out_free) struct out *o = out_new(OUT_JSON, b);
		write_route(o, w->v, &w->routes, i);
	}
}

static enum call_more more_routes(void *ctx, struct strbuf *b)
{
	struct walk *w = ctx;

	if (w->ended)
		return CALL_END;
	if (!w->begun)
		begin_body(w, b);
	while (b->len < PIECE_BYTES) {
		uint32_t number = prefixes_next(&w->prefixes);
		if (number != PREFIXES_NONE) {
			add_prefix(w, b, number);
		} else if (w->family == IP4) {
			w->family = IP6;
			prefixes_walk(&w->prefixes, rib_prefixes(w->v->rib, IP6), NULL, NULL);
		} else {
			sb_str(b, "]}\n");
			w->ended = true;
			break;
		}
	}
	return CALL_MORE;
}

static void free_walk(void *ctx)
{
	struct walk *w = ctx;

	view_put(&w->v);
	free(w);
	api_table_end();
}

static void stream_routes(struct call *c, unsigned neighbour)
{
	if (!api_table_begin(c))
		return;
	struct walk *w = mem_zalloc(sizeof(*w));
	w->v = view_hold(c->view);
	w->neighbour = neighbour;
	w->family = IP4;
	prefixes_walk(&w->prefixes, rib_prefixes(w->v->rib, IP4), NULL, NULL);
	c->more = more_routes;
	c->free_stream = free_walk;
	c->stream = w;
}

static void no_routes(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);

	out_object(o, NULL);
	write_envelope(o, c->view);
	out_array(o, "routes");
	out_end(o);
	out_end(o);
}

static const struct neighbour_info *named(struct call *c)
{
	const struct neighbour_info *n = view_find(c->view, c->rest);

	if (!n)
		call_fail(c, 404, "unknown-neighbour", "there is no such protocol");
	return n;
}

static void routes_protocol(struct call *c)
{
	const struct neighbour_info *n = named(c);

	if (n)
		stream_routes(c, n->number);
}

// Nothing is filtered, and nothing is meant to be exported.
static void routes_none(struct call *c)
{
	if (named(c))
		no_routes(c);
}

static void routes_table(struct call *c)
{
	if (strcmp(c->rest, "master") == 0)
		stream_routes(c, RIB_ANY);
	else if (strcmp(c->rest, "master/filtered") == 0)
		no_routes(c);
	else
		call_fail(c, 404, "unknown-table", "there is one table, master");
}

// By a prefix: exactly that; by an address: the longest match.
static void route_net(struct call *c)
{
	struct ip_addr addr;
	struct ip_prefix p;
	uint32_t number;

	if (ip_parse(&addr, c->rest) == 0) {
		p = prefix_of(&addr, ip_bits((enum ip_family)addr.family));
		number = rib_match(c->view->rib, RIB_ANY, &p);
	} else if (prefix_parse(&p, c->rest) == 0) {
		number = prefixes_find(
			rib_prefixes(c->view->rib, (enum ip_family)p.addr.family), &p);
	} else {
		call_fail(c, 400, "bad-prefix", "that is no address and no prefix");
		return;
	}
	own(free_ptr) struct prefix_routes *list = mem_zalloc(sizeof(*list));
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	out_object(o, NULL);
	write_envelope(o, c->view);
	out_array(o, "routes");
	if (number != RIB_NONE)
		prefix_routes(list, c->view, (enum ip_family)p.addr.family, number);
	for (size_t i = 0; i < list->count; i++)
		write_route(o, c->view, list, i);
	out_end(o);
	out_end(o);
}

const struct endpoint birdwatcher_endpoints[] = {
	{ "/birdwatcher/status", NULL, status, "The glass." },
	{ "/birdwatcher/protocols/bgp", NULL, protocols, "Neighbours." },
	{ "/birdwatcher/protocols/short", NULL, protocols_short, "Neighbours, in short." },
	{ "/birdwatcher/protocols", NULL, protocols, "Neighbours." },
	{ "/birdwatcher/symbols", NULL, symbols, "Names of tables and neighbours." },
	{ "/birdwatcher/routes/protocol/", NULL, routes_protocol, "Routes of a neighbour." },
	{ "/birdwatcher/routes/filtered/", NULL, routes_none, "None: nothing is filtered." },
	{ "/birdwatcher/routes/noexport/", NULL, routes_none, "None: nothing is exported." },
	{ "/birdwatcher/routes/table/", NULL, routes_table, "All routes." },
	{ "/birdwatcher/route/net/", NULL, route_net, "Routes of a prefix or an address." },
	{},
};
