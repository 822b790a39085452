// The map: land, clients as pies of the sites they go to, sites as triangles.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearcast/plan_html.h"
#include "nearcast/plan_land.h"

// Equal Earth (Šavrič, Patterson and Jenny, 2018).
void plan_map_at(double lat, double lon, double *x, double *y)
{
	static const double a1 = 1.340264, a2 = -0.081106, a3 = 0.000893, a4 = 0.003796;
	static const double scale = PLAN_MAP_WIDTH / 2.0 / 2.7066299836;
	double t = asin(sqrt(3) / 2 * sin(lat * M_PI / 180)), t2 = t * t, t6 = t2 * t2 * t2;

	*x = PLAN_MAP_WIDTH / 2.0 + scale * 2 * sqrt(3) * (lon * M_PI / 180) * cos(t) /
					    (3 * (a1 + 3 * a2 * t2 + t6 * (7 * a3 + 9 * a4 * t2)));
	*y = PLAN_MAP_WIDTH / 2.0 * 0.4867 - scale * t * (a1 + a2 * t2 + t6 * (a3 + a4 * t2));
}

const char *plan_html_colour(uint32_t site)
{
	static const char *const hues[] = { "#77aadd", "#ee8866", "#44bb99", "#eedd88", "#ffaabb",
		"#99ddff", "#bbcc33", "#aaaa00" };

	return site < countof(hues) ? hues[site] : "#aaaaaa";
}

// ---- Clients ----

struct client_at {
	float lat, lon;
	uint32_t node;
};

static int by_place(const void *x, const void *y)
{
	const struct client_at *a = x, *b = y;

	if (a->lat != b->lat)
		return a->lat < b->lat ? -1 : 1;
	if (a->lon != b->lon)
		return a->lon < b->lon ? -1 : 1;
	return 0;
}

static const char *country_at(const struct plan_clients *c, const struct client_at *at)
{
	for (size_t i = 0; i < c->country_count; i++)
		if (c->countries[i].lat == at->lat && c->countries[i].lon == at->lon)
			return c->countries[i].name;
	return NULL;
}

struct pie {
	double x, y, radius, total;
	const double *weight; // one a site, then what has no route
	uint32_t sites;
};

static const char *slice_colour(const struct pie *p, uint32_t site)
{
	return site < p->sites ? plan_html_colour(site) : "#000000";
}

static void add_slices(struct strbuf *b, const struct pie *p)
{
	double angle = 0;

	for (uint32_t s = 0; s <= p->sites; s++) {
		double share = p->weight[s] / p->total, end = angle + 2 * M_PI * share;
		if (share >= 0.999)
			sb_printf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>",
				p->x, p->y, p->radius, slice_colour(p, s));
		else if (share > 0.001)
			sb_printf(b,
				"<path d=\"M%.1f %.1fL%.1f %.1fA%.1f %.1f 0 %d 1 %.1f %.1fz\" "
				"fill=\"%s\"/>",
				p->x, p->y, p->x + p->radius * sin(angle),
				p->y - p->radius * cos(angle), p->radius, p->radius, share > 0.5,
				p->x + p->radius * sin(end), p->y - p->radius * cos(end),
				slice_colour(p, s));
		angle = end;
	}
}

// The same in words, for the table beside the map.
static void add_row(struct strbuf *b, const struct plan_world *w, const struct client_at *at,
	const struct pie *p)
{
	const char *country = country_at(w->clients, at);
	bool first = true;

	sb_str(b, "<tr><td>");
	if (country)
		plan_html_text(b, country);
	else
		sb_printf(b, "%.1f %.1f", (double)at->lat, (double)at->lon);
	sb_printf(b, "</td><td class=\"n\">%.2f %%</td><td>", p->total / w->clients->total * 100);
	for (uint32_t s = 0; s <= p->sites; s++) {
		if (p->weight[s] / p->total < 0.0005)
			continue;
		sb_str(b, first ? "" : ", ");
		plan_html_text(b, s < p->sites ? w->plan->sites[s].name : "no route");
		sb_printf(b, " %.1f %%", p->weight[s] / p->total * 100);
		first = false;
	}
	sb_str(b, "</td></tr>\n");
}

static void add_pie(struct strbuf *b, struct strbuf *rows, const struct plan_world *w,
	const struct client_at *at, const double *weight, double largest)
{
	struct pie p = { .weight = weight, .sites = w->plan->announcement.site_count };
	const char *country = country_at(w->clients, at);

	for (uint32_t s = 0; s <= p.sites; s++)
		p.total += weight[s];
	if (p.total <= 0)
		return;
	plan_map_at((double)at->lat, (double)at->lon, &p.x, &p.y);
	p.radius = 3 + 37 * sqrt(p.total / largest);
	sb_str(b, "<g class=\"pie\"><title>");
	if (country)
		plan_html_text(b, country);
	sb_printf(b, " %.2f %% of the weight", p.total / w->clients->total * 100);
	sb_str(b, "</title>");
	add_slices(b, &p);
	sb_str(b, "</g>\n");
	add_row(rows, w, at, &p);
}

static double largest_place(
	const struct plan_clients *c, const struct client_at *list, size_t count)
{
	double largest = 0, here = 0;

	for (size_t i = 0; i < count; i++) {
		here = i > 0 && by_place(&list[i - 1], &list[i]) == 0 ? here : 0;
		here += c->of[list[i].node].weight;
		largest = fmax(largest, here);
	}
	return largest;
}

static void add_clients(struct strbuf *b, struct strbuf *rows, const struct plan_world *w)
{
	const struct plan_clients *c = w->clients;
	uint32_t sites = w->plan->announcement.site_count;
	own(free_ptr) struct client_at *list = mem_zalloc(w->graph->count * sizeof(*list));
	own(free_ptr) double *weight = mem_zalloc((sites + 1) * sizeof(*weight));
	size_t count = 0;

	for (uint32_t v = 0; v < w->graph->count; v++)
		if (c->of[v].placed && c->of[v].weight > 0)
			list[count++] = (struct client_at){ c->of[v].lat, c->of[v].lon, v };
	qsort(list, count, sizeof(*list), by_place);
	double largest = largest_place(c, list, count);
	for (size_t i = 0; i < count; i++) {
		int site = plan_world_site(w, list[i].node);
		weight[site < 0 ? sites : (uint32_t)site] += c->of[list[i].node].weight;
		if (i + 1 < count && by_place(&list[i], &list[i + 1]) == 0)
			continue;
		add_pie(b, rows, w, &list[i], weight, largest);
		memset(weight, 0, (sites + 1) * sizeof(*weight));
	}
}

// ---- Sites ----

static void add_sites(struct strbuf *b, const struct plan_world *w)
{
	for (uint32_t i = 0; i < w->plan->announcement.site_count; i++) {
		const struct plan_site *site = &w->plan->sites[i];
		double x, y;
		if (!site->has_place)
			continue;
		plan_map_at(site->lat, site->lon, &x, &y);
		sb_printf(b, "<path class=\"site\" d=\"M%.1f %.1fl11 19h-22z\" fill=\"%s\"><title>",
			x, y - 12, plan_html_colour(i));
		plan_html_text(b, site->city ? site->city : site->name);
		sb_printf(b, "</title></path><text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x + 13,
			y + 6);
		plan_html_text(b, site->name);
		sb_str(b, "</text>\n");
	}
}

void plan_html_map(struct strbuf *b, const struct plan_world *w)
{
	own(sb_free) struct strbuf rows = {};
	bool any = w->clients && w->clients->placed;

	for (uint32_t i = 0; i < w->plan->announcement.site_count; i++)
		any |= w->plan->sites[i].has_place;
	if (!any)
		return;
	sb_printf(b,
		"<svg class=\"map\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-label=\"map of the catchments; the table below says the same\">\n"
		"<path class=\"land\" d=\"%s\"/>\n",
		PLAN_MAP_WIDTH, PLAN_MAP_HEIGHT, plan_land);
	if (w->clients && w->clients->placed)
		add_clients(b, &rows, w);
	add_sites(b, w);
	sb_str(b,
		"</svg>\n<p class=\"faint\">Circles are clients, as large as their weight, in the "
		"colours of the sites that they go to; black has no route. Triangles are "
		"sites.</p>\n");
	if (rows.len > 0)
		sb_printf(b,
			"<details><summary>The map as a table</summary><table><tr><th>place</th>"
			"<th class=\"n\">share</th><th>goes to</th></tr>\n%s</table></details>\n",
			sb_text(&rows));
}
