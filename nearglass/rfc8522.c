// /.well-known/looking-glass/v1/...: the commands of RFC 8522, answered in JSend. This glass is one
// router.
#include "nearglass/rfc8522.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/route.h"

#define BASE "/.well-known/looking-glass/v1/"
#define ARGS "protocol router routerindex random vrf runtime format"

// ---- Answers, section 3.1 ----

void rfc8522_begin(struct out *o, const struct glass_conf *conf, const char *status,
	int64_t performed_us, double runtime_s)
{
	char time[TIME_TEXT];

	out_object(o, NULL);
	out_str(o, "status", status);
	out_object(o, "data");
	out_str(o, "router", conf->site);
	out_str(o, "performed_at", time_print(performed_us, time));
	out_double(o, "runtime", runtime_s, 2);
	out_str(o, "format", "text/plain");
	out_array(o, "output");
}

void rfc8522_end(struct out *o)
{
	out_end(o);
	out_end(o);
	out_end(o);
}

void rfc8522_fail(struct call *c, unsigned code, const char *name, const char *why)
{
	sb_clear(&c->body);
	c->status = code;
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	rfc8522_begin(o, c->conf, "fail", clock_unix_us(), 0);
	out_str(o, NULL, why);
	out_end(o);
	if (strcmp(name, "router") != 0 && strcmp(name, "format") != 0) // these are there
		out_str(o, name, why);
	out_end(o);
	out_end(o);
}

static void begin(struct out *o, const struct call *c)
{
	rfc8522_begin(o, c->conf, "success", clock_unix_us(), 0);
}

// ---- Questions, section 2.2 ----

// By name, or by its place among the routers: there is one, whether they are counted from 0 or 1.
static bool is_our_router(const struct call *c)
{
	const char *name = call_arg(c, "router"), *place = call_arg(c, "routerindex");

	if (name && strcmp(name, "0") != 0 && strcmp(name, c->conf->site) != 0)
		return false;
	return !place || strcmp(place, "0") == 0 || strcmp(place, "1") == 0;
}

bool rfc8522_read(struct call *c, enum ip_family *family)
{
	const char *protocol = call_arg(c, "protocol"), *format = call_arg(c, "format");

	*family = IP_NONE;
	if (!is_our_router(c))
		rfc8522_fail(c, 404, "router", "there is no such router");
	else if (format && strcmp(format, "text/plain") != 0)
		rfc8522_fail(c, 400, "format", "text/plain is there");
	else if (protocol && strcmp(protocol, "1,1") == 0)
		*family = IP4;
	else if (protocol && strcmp(protocol, "2,1") == 0)
		*family = IP6;
	else if (protocol)
		rfc8522_fail(c, 400, "protocol", "1,1 and 2,1 are there: IPv4 and IPv6 unicast");
	return c->status == 200;
}

// ---- Routes ----

static void write_line(struct out *o, const struct view *v, const struct prefix_routes *p, size_t i)
{
	own(sb_free) struct strbuf path = {};
	const struct rib_route *r = &p->list[i];
	const struct neighbour_info *n = view_neighbour(v, r->neighbour);
	struct rib_attrs a = rib_set_read(v->rib, r->set);
	struct ip_addr hop = rib_attrs_next_hop(&a, NULL);
	char prefix[PREFIX_TEXT], hop_text[IP_TEXT];

	rib_path_print(a.path, &path);
	out_strf(o, NULL, "%s%s via %s from %s AS%lu path %s origin %s",
		p->best == (int)i ? "* " : "  ", prefix_print(&p->prefix, prefix),
		ip_print(&hop, hop_text), n->conf->name, (unsigned long)n->as, sb_text(&path),
		rib_origin_name(rib_attrs_origin(&a)));
}

// An address: the longest match; a prefix: exactly that. One of its octets is "/" in a path.
static bool find(struct call *c, enum ip_family want, struct ip_prefix *p, uint32_t *number)
{
	struct ip_addr addr;

	if (ip_parse(&addr, c->rest) == 0)
		*p = prefix_of(&addr, ip_bits((enum ip_family)addr.family));
	else if (prefix_parse(p, c->rest) < 0)
		return false;
	if (want != IP_NONE && p->addr.family != want)
		return false;
	bool whole = p->len == ip_bits((enum ip_family)p->addr.family);
	*number = whole ? rib_match(c->view->rib, RIB_ANY, p)
			: prefixes_find(
				  rib_prefixes(c->view->rib, (enum ip_family)p->addr.family), p);
	return true;
}

static void show_route(struct call *c)
{
	enum ip_family family;
	struct ip_prefix p;
	uint32_t number;

	if (!rfc8522_read(c, &family))
		return;
	if (!find(c, family, &p, &number)) {
		rfc8522_fail(c, 400, "addr", "that is no address and no prefix of the protocol");
		return;
	}
	own(free_ptr) struct prefix_routes *list = mem_zalloc(sizeof(*list));
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	begin(o, c);
	if (number != RIB_NONE)
		prefix_routes(list, c->view, (enum ip_family)p.addr.family, number);
	for (size_t i = 0; i < list->count; i++)
		write_line(o, c->view, list, i);
	rfc8522_end(o);
}

// ---- Neighbours ----

static void write_summary(struct out *o, const struct neighbour_info *n)
{
	char text[IP_TEXT];

	out_strf(o, NULL, "%s %s AS%lu %s IPv4 %lu IPv6 %lu", n->conf->name,
		ip_print(&n->conf->address, text), (unsigned long)n->as, bgp_state_name(n->state),
		(unsigned long)n->routes4, (unsigned long)n->routes6);
}

static void show_summary(struct call *c)
{
	enum ip_family family;

	if (!rfc8522_read(c, &family))
		return;
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	begin(o, c);
	for (size_t i = 0; i < c->view->neighbour_count; i++)
		write_summary(o, &c->view->neighbours[i]);
	rfc8522_end(o);
}

static void show_neighbour(struct call *c)
{
	enum ip_family family;
	struct ip_addr addr;

	if (!rfc8522_read(c, &family))
		return;
	if (ip_parse(&addr, c->rest) < 0) {
		rfc8522_fail(c, 400, "addr", "that is no address");
		return;
	}
	for (size_t i = 0; i < c->view->neighbour_count; i++) {
		const struct neighbour_info *n = &c->view->neighbours[i];
		if (!ip_equal(&n->conf->address, &addr))
			continue;
		own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
		begin(o, c);
		write_summary(o, n);
		out_strf(o, NULL, "updates received %lu", (unsigned long)n->counters.updates_in);
		out_strf(o, NULL, "last error: %s", n->has_error ? n->last_error.text : "none");
		rfc8522_end(o);
		return;
	}
	rfc8522_fail(c, 404, "addr", "there is no such neighbour");
}

// ---- What there is ----

static void routers(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	char time[TIME_TEXT];

	out_object(o, NULL);
	out_str(o, "status", "success");
	out_object(o, "data");
	out_array(o, "routers");
	out_str(o, NULL, c->conf->site);
	out_end(o);
	out_str(o, "performed_at", time_print(clock_unix_us(), time));
	out_end(o);
	out_end(o);
}

// One of them, by its place.
static void router(struct call *c)
{
	if (strcmp(c->rest, "0") != 0 && strcmp(c->rest, "1") != 0) {
		rfc8522_fail(c, 404, "router", "there is no such router");
		return;
	}
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	char time[TIME_TEXT];

	out_object(o, NULL);
	out_str(o, "status", "success");
	out_object(o, "data");
	out_str(o, "router", c->conf->site);
	out_uint(o, "autonomous_system", c->conf->as);
	out_str(o, "performed_at", time_print(clock_unix_us(), time));
	out_end(o);
	out_end(o);
}

static bool is_offered(const struct call *c, const struct endpoint *e)
{
	return c->probes || (e->answer != rfc8522_ping && e->answer != rfc8522_traceroute);
}

// "show route": as a router would be told, with blanks.
static void write_command(struct out *o, const struct call *c, const struct endpoint *e)
{
	own(sb_free) struct strbuf name = {};
	bool takes = e->path[strlen(e->path) - 1] == '/';

	sb_str(&name, e->path + sizeof(BASE) - 1);
	for (size_t i = 0; i < name.len; i++)
		if (name.s[i] == '/')
			name.s[i] = ' ';
	out_object(o, NULL);
	out_strf(o, "href", "https://%s%s", c->host, e->path);
	out_str(o, "arguments", takes ? "{addr}" : "");
	out_str(o, "description", e->help);
	out_strf(o, "command", "%.*s", (int)(name.len - takes), sb_text(&name));
	out_end(o);
}

static void commands(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	char time[TIME_TEXT];

	out_object(o, NULL);
	out_str(o, "status", "success");
	out_object(o, "data");
	out_array(o, "commands");
	for (const struct endpoint *e = rfc8522_endpoints; e->path; e++)
		if (is_offered(c, e))
			write_command(o, c, e);
	out_end(o);
	out_str(o, "performed_at", time_print(clock_unix_us(), time));
	out_end(o);
	out_end(o);
}

const struct endpoint rfc8522_endpoints[] = {
	{ BASE "ping/", ARGS, rfc8522_ping, "Five echo requests to an address." },
	{ BASE "traceroute/", ARGS, rfc8522_traceroute, "The hops to an address." },
	{ BASE "show/route/", ARGS, show_route, "Routes of an address or a prefix." },
	{ BASE "show/bgp/summary", ARGS, show_summary, "All neighbours." },
	{ BASE "show/bgp/neighbors/", ARGS, show_neighbour, "One neighbour, by its address." },
	{ BASE "show/bgp/", ARGS, show_route, "Routes of an address or a prefix." },
	{ BASE "routers", ARGS, routers, "The routers of this glass: one." },
	{ BASE "routers/", ARGS, router, "One of them." },
	{ BASE "cmd", ARGS, commands, "This list." },
	{},
};
