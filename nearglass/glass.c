#include "nearglass/glass.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "lib/own.h"
#include "lib/port.h"
#include "nearglass/bmp.h"
#include "nearglass/link.h"
#include "nearglass/log.h"

struct glass {
	struct neighbour_env env;
	struct rib_attrs_room room;
	struct neighbour **neighbours;
	size_t neighbour_count;
	struct port **ports;
	size_t port_count;
	struct views *views;
	struct journal *journal;
	struct log *log;
	struct sites *sites; // NULL: none
	struct bmp_env bmp_env;
	struct bmp *bmp;             // NULL: none
	struct link *link;           // NULL: no nearcastd is followed
	struct history *history;     // NULL: none
	struct rpki *rpki;           // NULL: none
	struct probes *probes;       // NULL: none
	struct catchment *catchment; // NULL: none
	uv_timer_t beat;
	int64_t started_us;
	int64_t moved_us; // Unix time of the last event of the type `catchment`
};

// ---- Events ----

enum { BEAT_MS = 15000 };

static void keep(struct glass *g, const char *json)
{
	journal_add(g->journal, json);
	if (g->history)
		history_add(g->history, json);
}

// As nearcastd writes its own, without seq: causes are told only there.
static void tell(struct glass *g, const char *type, const char *subject, const char *detail)
{
	own(sb_free) struct strbuf b = {};
	struct out *o = out_new(OUT_JSON, &b);
	char time[TIME_TEXT];

	out_object(o, NULL);
	out_str(o, "time", time_print(clock_unix_us(), time));
	out_str(o, "site", g->env.conf->site);
	out_str(o, "source", "glass");
	out_str(o, "type", type);
	out_str(o, "subject", subject);
	out_str(o, "detail", detail);
	out_end(o);
	out_free(&o);
	b.s[--b.len] = '\0'; // the newline
	keep(g, sb_text(&b));
	log_line(g->log, "%s %s %s %s", time, type, subject, detail);
}

static void on_event(void *ctx, struct neighbour *n, const struct bgp_action *a)
{
	const char *name = neighbour_conf(n)->name;

	if (a->event == BGP_EVENT_ESTABLISHED)
		tell(ctx, "neighbour-up", name, "session established");
	if (a->event == BGP_EVENT_DOWN)
		tell(ctx, "neighbour-down", name, a->error.text);
}

static void on_bmp_event(void *ctx, const char *type, const char *subject, const char *detail)
{
	tell(ctx, type, subject, detail);
}

static void on_daemon_event(void *ctx, const char *json)
{
	struct glass *g = ctx;

	keep(g, json);
}

static void on_daemon_changed(void *ctx)
{
	struct glass *g = ctx;

	views_expire(g->views);
}

static void on_daemon_turned(void *ctx, bool connected)
{
	struct glass *g = ctx;

	tell(g, connected ? "daemon-up" : "daemon-lost", g->env.conf->site,
		connected ? "nearcastd answers" : "nearcastd does not answer");
}

static const struct link_ops link_ops = { on_daemon_event, on_daemon_changed, on_daemon_turned };

static void on_history_lost(void *ctx, const char *why)
{
	struct glass *g = ctx;

	tell(g, why ? "history-lost" : "history-kept", g->env.conf->history.file,
		why ? why : "events are written again");
}

static const struct history_ops history_ops = { on_history_lost };

static void on_site_changed(void *ctx, size_t n, bool turned)
{
	struct glass *g = ctx;
	struct site_info site;

	views_expire(g->views);
	if (!turned)
		return;
	sites_info(g->sites, n, &site);
	tell(g, site.reachable ? "site-reachable" : "site-unreachable", site.conf->name,
		site.reachable ? site.conf->url : site.error);
	site_info_free(&site);
}

static void on_site_event(void *ctx, const char *json)
{
	keep(ctx, json);
}

static const struct sites_ops sites_ops = { on_site_changed, on_site_event };

static void on_cache_turned(void *ctx, const struct glass_cache *cache, bool up)
{
	struct glass *g = ctx;
	char text[IP_TEXT], subject[IP_TEXT + 16];

	views_expire(g->views);
	snprintf(subject, sizeof(subject), "%s port %u", ip_print(&cache->address, text),
		(unsigned)(uint16_t)cache->port);
	tell(g, up ? "rpki-cache-up" : "rpki-cache-down", subject,
		up ? "its answer is whole" : "it does not answer");
}

static const struct rpki_ops rpki_ops = { on_cache_turned };

static void print_names(const char *const *names, size_t n, size_t count, struct strbuf *b)
{
	for (size_t i = 0; i < n; i++)
		sb_printf(b, "%s%s", i ? ", " : "", names[i]);
	if (n < count)
		sb_printf(b, " and %zu more", count - n);
}

// "4 clients from fra1 to nyc1: ..."
static void print_move(const char *from, const char *to, size_t count, struct strbuf *b)
{
	sb_printf(b, "%zu client%s", count, count == 1 ? "" : "s");
	if (!from)
		sb_str(b, " between many sites: ");
	else if (!*to)
		sb_printf(b, " of %s reach%s nobody: ", from, count == 1 ? "es" : "");
	else if (!*from)
		sb_printf(b, " reach%s %s: ", count == 1 ? "es" : "", to);
	else
		sb_printf(b, " from %s to %s: ", from, to);
}

// The history knows an event by its time, site, type and subject: no two moves have the same. A clock
// that was set back is followed all the same.
static int64_t next_time(struct glass *g)
{
	int64_t now_us = clock_unix_us();
	bool set_back = g->moved_us > now_us + 1000000;

	g->moved_us = now_us > g->moved_us || set_back ? now_us : g->moved_us + 1;
	return g->moved_us;
}

// The type `catchment`: like the other events of the glass, and who moved from where to where.
static void on_moved(void *ctx, const char *from, const char *to, size_t count,
	const char *const *names, size_t name_count)
{
	struct glass *g = ctx;
	own(sb_free) struct strbuf b = {}, detail = {};
	struct out *o = out_new(OUT_JSON, &b);
	char time[TIME_TEXT];

	print_move(from, to, count, &detail);
	print_names(names, name_count, count, &detail);
	out_object(o, NULL);
	out_str(o, "time", time_print(next_time(g), time));
	out_str(o, "site", g->env.conf->site);
	out_str(o, "source", "glass");
	out_str(o, "type", "catchment");
	out_str(o, "subject", from && *to ? to : from ? from : "");
	out_str(o, "from", from && *from ? from : NULL);
	out_str(o, "to", to && *to ? to : NULL);
	out_uint(o, "count", count);
	out_array(o, "clients");
	for (size_t i = 0; i < name_count; i++)
		out_str(o, NULL, names[i]);
	out_end(o);
	out_str(o, "detail", sb_text(&detail));
	out_end(o);
	out_free(&o);
	b.s[--b.len] = '\0'; // the newline
	keep(g, sb_text(&b));
}

static void on_catchment_changed(void *ctx)
{
	struct glass *g = ctx;

	views_expire(g->views);
}

static void keep_client(
	void *ctx, const struct catchment_client *client, int64_t time_us, bool gone)
{
	struct glass *g = ctx;
	struct history_client h = {
		.time_us = time_us,
		.gone = gone,
		.has_place = client->has_place,
		.lat = client->lat,
		.lon = client->lon,
		.rtt_ms = client->rtt_ms,
	};

	if (!g->history)
		return;
	snprintf(h.client, sizeof(h.client), "%s", client->name);
	snprintf(h.site, sizeof(h.site), "%s", gone ? "" : client->site);
	history_add_client(g->history, &h);
}

static const struct catchment_ops catchment_ops = { on_moved, on_catchment_changed, keep_client };

// What was known of clients before the glass started or after it stops is no longer.
static void keep_unknown(struct glass *g)
{
	const struct history_client nobody = { .time_us = clock_unix_us(), .rtt_ms = -1 };

	if (g->history && g->catchment)
		history_add_client(g->history, &nobody);
}

static void on_beat(uv_timer_t *timer)
{
	struct glass *g = timer->data;

	journal_beat(g->journal);
}

// ---- Views ----

static struct view *make_view(void *ctx)
{
	struct glass *g = ctx;
	struct view *v = mem_zalloc(sizeof(*v));

	atomic_init(&v->holders, 1);
	v->rib = rib_snapshot(g->env.rib);
	v->conf = g->env.conf;
	v->made = clock_now();
	v->made_us = clock_unix_us();
	v->started_us = g->started_us;
	v->neighbour_count = rib_neighbours_top(g->env.rib); // none is ever removed
	v->neighbours = mem_zalloc(v->neighbour_count * sizeof(*v->neighbours));
	for (size_t i = 0; i < g->neighbour_count; i++)
		neighbour_info(g->neighbours[i], &v->neighbours[i]); // numbers are given in order
	if (g->bmp)
		bmp_info(g->bmp, v->neighbours);
	if (g->link)
		link_info(g->link, &v->daemon);
	v->roster = g->link ? roster_hold(link_roster(g->link)) : NULL;
	v->daemon_status = v->daemon.status ? mem_strdup(v->daemon.status) : NULL;
	v->daemon.status = NULL;
	if (g->history)
		history_info(g->history, &v->history);
	if (g->catchment) {
		catchment_info(g->catchment, &v->catchment_info);
		v->catchment = catchment_list(g->catchment);
	}
	v->rpki = g->rpki;
	if (g->rpki)
		rpki_info(g->rpki, &v->rpki_info);
	v->site_count = g->sites ? v->conf->sites.count : 0;
	v->sites = mem_zalloc((v->site_count + 1) * sizeof(*v->sites));
	for (size_t i = 0; i < v->site_count; i++)
		sites_info(g->sites, i, &v->sites[i]);
	return v;
}

// ---- Ports ----

static void on_accept(void *ctx, int fd, const struct ip_addr *remote)
{
	struct glass *g = ctx;

	for (size_t i = 0; i < g->neighbour_count; i++)
		if (ip_equal(&neighbour_conf(g->neighbours[i])->address, remote)) {
			neighbour_accept(g->neighbours[i], fd);
			return;
		}
	close(fd); // a stranger
}

static int open_ports(struct glass *g, struct strbuf *error)
{
	const struct glass_conf *c = g->env.conf;
	char text[IP_TEXT];

	g->ports = mem_zalloc((c->listen.count + 1) * sizeof(*g->ports));
	items_for_each(const struct ip_addr, a, c->listen)
	{
		int rc = port_new(&g->ports[g->port_count], g->env.loop, a,
			(uint16_t)c->listen_port, NULL, on_accept, g);
		if (rc < 0) {
			sb_printf(error, "cannot listen on %s port %lu: %s", ip_print(a, text),
				(unsigned long)c->listen_port, port_problem(rc));
			return rc;
		}
		g->port_count++;
	}
	return 0;
}

static int add_neighbours(struct glass *g, uint64_t seed, struct strbuf *error)
{
	const struct glass_conf *c = g->env.conf;

	g->neighbours = mem_zalloc((c->neighbours.count + 1) * sizeof(struct neighbour *));
	items_for_each(const struct glass_neighbour, n, c->neighbours)
	{
		struct neighbour *made = neighbour_new(&g->env, n, seed + g->neighbour_count);
		if (!made) {
			sb_str(error, "more neighbours than the store takes");
			return -ENOSPC;
		}
		g->neighbours[g->neighbour_count++] = made;
	}
	return 0;
}

static int open_history(struct glass *g, struct strbuf *error)
{
	const struct glass_history *h = &g->env.conf->history;
	own(sb_free) struct strbuf note = {};

	int rc = history_new(&g->history, g->env.loop, h, &history_ops, g, &note, error);
	if (rc == 0 && note.len > 0)
		tell(g, "history-damaged", h->file, sb_text(&note));
	return rc;
}

int glass_new(struct glass **ret, uv_loop_t *loop, const struct glass_conf *conf, uint64_t seed,
	struct strbuf *error)
{
	struct glass *g = mem_zalloc(sizeof(*g));

	g->env = (struct neighbour_env){
		.loop = loop,
		.conf = conf,
		.rib = rib_new(),
		.room = &g->room,
		.event = on_event,
		.ctx = g,
	};
	g->started_us = clock_unix_us();
	g->log = log_new();
	int rc = open_ports(g, error);
	if (rc == 0)
		rc = add_neighbours(g, seed, error);
	if (rc == 0 && conf->sites.count > 0)
		rc = sites_new(&g->sites, loop, conf, &sites_ops, g, error);
	g->bmp_env = (struct bmp_env){
		.loop = loop,
		.conf = conf,
		.rib = g->env.rib,
		.room = &g->room,
		.event = on_bmp_event,
		.ctx = g,
	};
	if (rc == 0 && conf->has_bmp)
		rc = bmp_new(&g->bmp, &g->bmp_env, error);
	g->journal = journal_new(g->started_us);
	if (rc == 0 && conf->has_probes)
		rc = probes_new(&g->probes, loop, conf, seed ^ 0x70726f6265, error);
	if (rc == 0 && conf->has_history)
		rc = open_history(g, error);
	if (rc == 0 && conf->has_catchment)
		rc = catchment_new(&g->catchment, loop, &conf->catchment, &catchment_ops, g, error);
	if (rc == 0 && conf->rpki.count > 0)
		rc = rpki_new(&g->rpki, loop, conf, g->env.rib, &rpki_ops, g, error);
	if (rc < 0)
		return rc; // the process ends
	g->views = views_new(loop, make_view, g);
	uv_timer_init(loop, &g->beat);
	g->beat.data = g;
	uv_timer_start(&g->beat, on_beat, BEAT_MS, BEAT_MS);
	*ret = g;
	return 0;
}

void glass_start(struct glass *g)
{
	const char *daemon = g->env.conf->daemon;

	log_start(g->log);
	if (g->history)
		history_start(g->history);
	keep_unknown(g);
	if (g->catchment)
		catchment_start(g->catchment);
	if (daemon)
		g->link = link_new(g->env.loop, daemon, &link_ops, g);
	if (g->sites)
		sites_start(g->sites);
	if (g->rpki && rpki_start(g->rpki) < 0)
		tell(g, "rpki-lost", "rpki", "no thread for it");
	for (size_t i = 0; i < g->neighbour_count; i++)
		neighbour_start(g->neighbours[i]);
}

void glass_stop(struct glass *g, const char *why)
{
	for (size_t i = 0; i < g->port_count; i++)
		port_free(&g->ports[i]);
	g->port_count = 0;
	for (size_t i = 0; i < g->neighbour_count; i++)
		neighbour_stop(g->neighbours[i], why);
	if (g->bmp)
		bmp_stop(g->bmp);
	if (g->link)
		link_stop(g->link);
	if (g->sites)
		sites_stop(g->sites);
	if (g->probes)
		probes_stop(g->probes);
	if (g->rpki)
		rpki_stop(g->rpki);
	if (g->catchment)
		catchment_stop(g->catchment);
	keep_unknown(g);
	if (g->history)
		history_stop(g->history);
	uv_close((uv_handle_t *)&g->beat, NULL);
	journal_close(g->journal);
	views_close(g->views);
}

void glass_free(struct glass **which)
{
	struct glass *g = take(*which);

	if (!g)
		return;
	for (size_t i = 0; i < g->neighbour_count; i++)
		neighbour_free(&g->neighbours[i]);
	free(g->neighbours);
	free(g->ports);
	link_free(&g->link);
	sites_free(&g->sites);
	bmp_free(&g->bmp);
	history_free(&g->history);
	probes_free(&g->probes);
	rpki_free(&g->rpki);
	catchment_free(&g->catchment);
	journal_free(&g->journal);
	views_free(&g->views);
	rib_free(&g->env.rib);
	log_free(&g->log);
	free(g);
}

void glass_note(struct glass *g, const char *text)
{
	log_line(g->log, "nearglass: %s", text);
}

struct views *glass_views(struct glass *g)
{
	return g->views;
}

struct probes *glass_probes(struct glass *g)
{
	return g->probes;
}

struct history *glass_history(struct glass *g)
{
	return g->history;
}

struct journal *glass_journal(struct glass *g)
{
	return g->journal;
}
