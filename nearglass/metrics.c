// /metrics: OpenMetrics.
#include <stdio.h>

#include "lib/own.h"
#include "nearglass/daemon_metrics.h"
#include "nearglass/http.h"

typedef double of_neighbour(const struct neighbour_info *n);

static double is_up(const struct neighbour_info *n)
{
	return n->established;
}

static double routes4(const struct neighbour_info *n)
{
	return (double)n->routes4;
}

static double routes6(const struct neighbour_info *n)
{
	return (double)n->routes6;
}

static double updates(const struct neighbour_info *n)
{
	return (double)n->counters.updates_in;
}

static double stale(const struct neighbour_info *n)
{
	return n->stale;
}

static double sessions(const struct neighbour_info *n)
{
	return (double)n->counters.established;
}

static void each(struct out *o, const struct view *v, of_neighbour *value, const char *family)
{
	for (size_t i = 0; i < v->neighbour_count; i++)
		if (family)
			out_sample(o, value(&v->neighbours[i]), "neighbour",
				v->neighbours[i].conf->name, "family", family, NULL);
		else
			out_sample(o, value(&v->neighbours[i]), "neighbour",
				v->neighbours[i].conf->name, NULL);
}

static void write_neighbours(struct out *o, const struct view *v)
{
	out_family(
		o, "nearglass_neighbour_up", "gauge", NULL, "1 while the session is established");
	each(o, v, is_up, NULL);
	out_family(o, "nearglass_neighbour_routes", "gauge", NULL, "Routes of the neighbour");
	each(o, v, routes4, "ipv4");
	each(o, v, routes6, "ipv6");
	out_family(o, "nearglass_neighbour_stale", "gauge", NULL,
		"1 while routes of a lost session are kept");
	each(o, v, stale, NULL);
	out_family(o, "nearglass_neighbour_updates", "counter", NULL, "UPDATE messages received");
	each(o, v, updates, NULL);
	out_family(o, "nearglass_neighbour_sessions", "counter", NULL, "Times established");
	each(o, v, sessions, NULL);
}

static void write_memory(struct out *o, const struct view *v)
{
	struct rib_memory rows[RIB_MEMORY_ROWS];
	size_t n = view_memory(v, rows);

	out_family(o, "nearglass_memory_bytes", "gauge", "bytes", "Memory of the route store");
	for (size_t i = 0; i < n; i++)
		out_sample(o, (double)rows[i].bytes, "what", rows[i].name, NULL);
}

static void write_history(struct out *o, const struct view *v)
{
	if (!v->history.configured)
		return;
	out_family(o, "nearglass_history_events", "counter", NULL,
		"Events that the history took, lost, or removed for their age");
	out_sample(o, (double)v->history.written, "what", "written", NULL);
	out_sample(o, (double)v->history.lost, "what", "lost", NULL);
	out_sample(o, (double)v->history.removed, "what", "removed", NULL);
	out_family(
		o, "nearglass_history_losing", "gauge", NULL, "1 while the history loses events");
	out_sample(o, v->history.losing, NULL);
}

static void write_rpki(struct out *o, const struct view *v)
{
	char text[IP_TEXT], port[8];
	size_t n = 0;

	if (!v->rpki)
		return;
	out_family(o, "nearglass_rpki_known", "gauge", NULL,
		"1 while routes are validated; 0 before a cache has answered");
	out_sample(o, v->rpki_info.known, NULL);
	out_family(o, "nearglass_rpki_payloads", "gauge", NULL, "Validated payloads of the RPKI");
	out_sample(o, (double)v->rpki_info.payloads4, "family", "ipv4", NULL);
	out_sample(o, (double)v->rpki_info.payloads6, "family", "ipv6", NULL);
	out_family(o, "nearglass_rpki_cache_up", "gauge", NULL, "1 while the RPKI cache answers");
	items_for_each(const struct glass_cache, c, v->conf->rpki)
	{
		snprintf(port, sizeof(port), "%u", (unsigned)(uint16_t)c->port);
		out_sample(o, rpki_cache_is_up(v->rpki, n++), "address",
			ip_print(&c->address, text), "port", port, NULL);
	}
}

static void write_catchment(struct out *o, const struct view *v)
{
	const struct catchment_info *i = &v->catchment_info;

	if (!i->configured)
		return;
	out_family(o, "nearglass_catchment_clients", "gauge", NULL,
		"Clients of whom it is known which site they reach");
	out_sample(o, (double)i->clients, NULL);
	out_family(o, "nearglass_catchment_nobody", "gauge", NULL, "Clients whom nobody answers");
	out_sample(o, (double)i->nobody, NULL);
	out_family(o, "nearglass_catchment_feeders", "gauge", NULL,
		"Connections of those who tell which site clients reach");
	out_sample(o, (double)i->feeders, NULL);
	out_family(o, "nearglass_catchment_lines", "counter", NULL,
		"What became of lines on clients, of clients, and of connections");
	for (size_t n = 0; n < CATCHMENT_COUNTS; n++)
		out_sample(o, (double)i->counts[n], "what", catchment_count_names[n], NULL);
	if (i->heard_us) {
		out_family(o, "nearglass_catchment_heard_seconds", "gauge", "seconds",
			"Since the time of the latest line");
		out_sample(o, (double)(v->made_us - i->heard_us) / 1e6, NULL);
	}
}

static void metrics(struct call *c)
{
	own(out_free) struct out *o = out_new(OUT_METRICS, &c->body);
	const struct view *v = c->view;

	c->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
	out_family(o, "nearglass_build", "info", NULL, "The running glass");
	out_sample(o, 1, "version", NEARCAST_VERSION, "site", v->conf->site, NULL);
	out_family(o, "nearglass_uptime_seconds", "gauge", "seconds", "Time since the start");
	out_sample(o, (double)(v->made_us - v->started_us) / 1e6, NULL);
	out_family(o, "nearglass_prefixes", "gauge", NULL, "Prefixes with any route");
	out_sample(o, (double)rib_prefix_count(v->rib, IP4), "family", "ipv4", NULL);
	out_sample(o, (double)rib_prefix_count(v->rib, IP6), "family", "ipv6", NULL);
	write_neighbours(o, v);
	write_memory(o, v);
	write_history(o, v);
	write_rpki(o, v);
	write_catchment(o, v);
	out_family(o, "nearglass_daemon_up", "gauge", NULL, "1 while nearcastd answers");
	out_sample(o, v->daemon.connected, NULL);
	daemon_metrics_write(
		o, v->daemon.connected ? v->daemon_status : NULL); // not what it said once
}

const struct endpoint metrics_endpoints[] = {
	{ "/metrics", NULL, metrics, "OpenMetrics." },
	{},
};
