#include "nearcast/plan_html.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

enum { HEAVIEST = 40, SEARCHABLE = 250000 };

void plan_html_text(struct strbuf *b, const char *s)
{
	static const struct {
		char from;
		const char *to;
	} rows[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" },
		{ '\'', "&#39;" } };

	for (; *s; s++) {
		const char *to = NULL;
		for (size_t i = 0; i < countof(rows); i++)
			if (rows[i].from == *s)
				to = rows[i].to;
		if (to)
			sb_str(b, to);
		else
			sb_char(b, *s);
	}
}

// ---- Tables ----

static void add_ms(struct strbuf *b, bool has, double ms)
{
	if (has)
		sb_printf(b, "<td class=\"n\">%.1f</td>", ms);
	else
		sb_str(b, "<td class=\"n\">-</td>");
}

static void add_site(struct strbuf *b, const struct plan_world *w, uint32_t i)
{
	const struct plan_site *site = &w->plan->sites[i];
	const struct plan_site_sum *sum = &w->summary.sites[i];
	bool has_ms = w->summary.placed > 0 && sum->weight > 0 && site->has_place;

	sb_printf(b, "<tr><td><span class=\"key\" style=\"background:%s\"></span>",
		plan_html_colour(i));
	plan_html_text(b, site->name);
	sb_str(b, "</td><td>");
	plan_html_text(b, site->city ? site->city : "");
	sb_printf(b,
		"</td><td class=\"n\">%u</td><td class=\"n\">%.1f %%</td>"
		"<td><span class=\"bar\" style=\"width:%.1f%%;background:%s\"></span></td>",
		sum->ases, sum->weight * 100, sum->weight * 100, plan_html_colour(i));
	if (site->has_capacity)
		sb_printf(b, "<td class=\"n%s\">%.0f %%%s</td>",
			sum->weight > site->capacity ? " over" : "", site->capacity * 100,
			sum->weight > site->capacity ? " over" : "");
	else
		sb_str(b, "<td class=\"n\">-</td>");
	add_ms(b, has_ms, sum->mean_ms);
	add_ms(b, has_ms, sum->p95_ms);
	sb_str(b, "</tr>\n");
}

static void add_sites(struct strbuf *b, const struct plan_world *w)
{
	sb_str(b, "<h2>Sites</h2>\n<table><tr><th>site</th><th>city</th><th class=\"n\">ASes</th>"
		  "<th class=\"n\">share</th><th style=\"width:25%\"></th>"
		  "<th class=\"n\">capacity</th><th class=\"n\">mean ms</th>"
		  "<th class=\"n\">p95 ms</th></tr>\n");
	for (uint32_t i = 0; i < w->plan->announcement.site_count; i++)
		add_site(b, w, i);
	sb_str(b, "</table>\n");
}

static double weight_of(const struct plan_world *w, uint32_t node)
{
	return w->clients ? w->clients->of[node].weight / w->clients->total : 1.0 / w->graph->count;
}

static void add_heaviest_row(struct strbuf *b, const struct plan_world *w, uint32_t node)
{
	const struct plan_announcement *a = &w->plan->announcement;
	const struct plan_route *r = &w->routes->route[node];
	int site = plan_world_site(w, node);
	struct plan_choice c = plan_choice_at(w->routes, a, &w->failures.mask, node);

	sb_printf(b, "<tr><td>%u</td><td class=\"n\">%.2f %%</td><td>", w->graph->asn[node],
		weight_of(w, node) * 100);
	plan_html_text(b, site < 0 ? "no route" : w->plan->sites[site].name);
	sb_printf(b, "</td><td>%s</td><td class=\"n\">%u</td><td class=\"n\">%u</td><td>",
		plan_class_name((enum plan_class)r->class), r->length, c.tied);
	if (c.second.class == PLAN_NO_ROUTE) {
		sb_str(b, "-");
	} else {
		plan_html_text(b, w->plan->sites[a->seeds[c.second.seed].site].name);
		sb_printf(b, " (%s, %u)", plan_class_name((enum plan_class)c.second.class),
			c.second.length);
	}
	sb_str(b, "</td></tr>\n");
}

static void add_heaviest(struct strbuf *b, const struct plan_world *w)
{
	uint32_t best[HEAVIEST];
	size_t count = 0;

	if (!w->clients || !w->clients->weighted)
		return;
	for (uint32_t v = 0; v < w->graph->count; v++) {
		size_t at = count < HEAVIEST ? count++ : HEAVIEST;
		for (; at > 0 && weight_of(w, best[at - 1]) < weight_of(w, v); at--)
			if (at < HEAVIEST)
				best[at] = best[at - 1];
		if (at < HEAVIEST)
			best[at] = v;
	}
	sb_str(b, "<h2>The heaviest ASes</h2>\n<table><tr><th>AS</th><th class=\"n\">share</th>"
		  "<th>site</th><th>route from</th><th class=\"n\">length</th>"
		  "<th class=\"n\">tied</th><th>runner-up</th></tr>\n");
	for (size_t i = 0; i < count; i++)
		add_heaviest_row(b, w, best[i]);
	sb_str(b, "</table>\n");
}

// ---- Routes that can be asked for ----

static void add_base36(struct strbuf *b, uint32_t n)
{
	char digits[8];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36];
		n /= 36;
	} while (n > 0);
	sb_add(b, digits + at, sizeof(digits) - at);
}

static void add_routes(struct strbuf *b, const struct plan_world *w)
{
	uint32_t before = 0;

	sb_str(b, "<script type=\"text/plain\" id=\"routes\">");
	for (uint32_t v = 0; v < w->graph->count; v++) {
		const struct plan_route *r = &w->routes->route[v];
		add_base36(b, w->graph->asn[v] - before);
		before = w->graph->asn[v];
		if (r->class != PLAN_NO_ROUTE) {
			sb_char(b, '.');
			if (r->next_hop == PLAN_NONE)
				sb_char(b, '-');
			else
				add_base36(b, r->next_hop);
			sb_char(b, '.');
			add_base36(b, (uint32_t)plan_site(w->routes, &w->plan->announcement, v));
		}
		sb_char(b, v % 16 == 15 ? '\n' : ' ');
	}
	sb_str(b, "</script>\n<script type=\"application/json\" id=\"sites\">[");
	for (uint32_t i = 0; i < w->plan->announcement.site_count; i++) {
		own(sb_free) struct strbuf name = {};
		json_quote(&name, w->plan->sites[i].name);
		sb_str(b, i > 0 ? "," : "");
		for (const char *s = sb_text(&name); *s; s++)
			if (*s == '<') // so that no name can end the script
				sb_str(b, "\\u003c");
			else
				sb_char(b, *s);
	}
	sb_printf(b, "]</script>\n<script>%s</script>\n", plan_html_script);
}

static void add_search(struct strbuf *b, const struct plan_world *w)
{
	if (w->graph->count > SEARCHABLE)
		return;
	sb_str(b, "<h2>One AS</h2>\n<p><label>AS number <input id=\"asn\" inputmode=\"numeric\" "
		  "autocomplete=\"off\"></label></p><p id=\"route\" aria-live=\"polite\"></p>\n");
}

// ---- The page ----

static void add_start(struct strbuf *b)
{
	sb_str(b, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
		  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		  "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
		  "<meta name=\"viewport\" content=\"width=device-width\">\n"
		  "<title>nearcast plan: catchments</title>\n<style>");
	sb_printf(b, "%s</style>\n", plan_html_style);
}

static void add_figures(struct strbuf *b, const struct plan_world *w)
{
	const struct plan_summary *s = &w->summary;

	if (s->placed > 0)
		sb_printf(b,
			"<p>Mean round-trip time %.1f ms, median %.1f ms, 95 %% under %.1f ms, by "
			"distance.</p>\n",
			s->mean_ms, s->median_ms, s->p95_ms);
	if (s->overload > 0)
		sb_printf(b,
			"<p class=\"over\">%.1f %% of the load is more than sites can "
			"carry.</p>\n",
			s->overload * 100);
}

static void add_head(struct strbuf *b, const struct plan_world *w)
{
	const struct plan_summary *s = &w->summary;

	add_start(b);
	sb_printf(b,
		"<h1>%u of %u ASes have a route to %u site%s, with %.1f %% of the weight.</h1>\n",
		s->reached, s->ases, w->plan->announcement.site_count,
		w->plan->announcement.site_count == 1 ? "" : "s", s->weight * 100);
	add_figures(b, w);
}

static void add_foot(struct strbuf *b, const struct plan_cli *c, const struct plan_world *w)
{
	sb_str(b, "<p class=\"faint\">Predicted on ");
	plan_html_text(b, c->graph);
	sb_printf(b, " (%u ASes, %u transit and %u peer links), weights: ", w->graph->count,
		w->graph->transit_links, w->graph->peer_links);
	plan_html_text(b, c->weights ? c->weights : "each AS counts one");
	sb_str(b, ", announcement: ");
	if (c->announce || c->origin)
		plan_html_text(b, c->announce ? c->announce : c->origin);
	for (size_t i = 0; i < c->argument_count; i++) {
		sb_str(b, i > 0 ? ", then " : "");
		plan_html_text(b, c->arguments[i]);
	}
	sb_str(b, ". Routes follow customer, peer, provider, then path length, then the lowest AS "
		  "number; real routers have more to choose by.</p>\n");
}

static enum cli_exit write_file(const char *path, const struct strbuf *b)
{
	own(close_file) FILE *out = fopen(path, "w");

	if (!out || fwrite(sb_text(b), 1, b->len, out) != b->len || fflush(out) != 0)
		return cli_fail(CLI_REFUSED, "%s: %s", path, strerror(errno));
	return CLI_DONE;
}

enum cli_exit plan_write_html(const struct plan_cli *c, const struct plan_world *w)
{
	own(sb_free) struct strbuf b = {};

	add_head(&b, w);
	plan_html_map(&b, w);
	add_sites(&b, w);
	add_search(&b, w);
	add_heaviest(&b, w);
	add_foot(&b, c, w);
	if (w->graph->count <= SEARCHABLE)
		add_routes(&b, w);
	sb_str(&b, "</html>\n");
	return write_file(c->html, &b);
}

// One after the other, so that the eye can go to and fro.
enum cli_exit plan_write_html_diff(const struct plan_cli *c, const struct plan_world *before,
	const struct plan_world *after, double moved)
{
	const struct plan_world *const worlds[] = { before, after };
	own(sb_free) struct strbuf b = {};

	add_start(&b);
	sb_printf(&b, "<h1>%.1f %% of the weight moves.</h1>\n", moved * 100);
	for (size_t i = 0; i < countof(worlds); i++) {
		sb_printf(&b, "<h2>%s</h2>\n", i == 0 ? "Before" : "After");
		add_figures(&b, worlds[i]);
		plan_html_map(&b, worlds[i]);
		add_sites(&b, worlds[i]);
	}
	add_foot(&b, c, after);
	sb_str(&b, "</html>\n");
	return write_file(c->html, &b);
}
