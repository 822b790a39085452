// nearcast plan catchment: where every AS goes.
#include <string.h>

#include "nearcast/plan.h"

enum { PATH_SHOWN = 256 };

// The path with blanks between.
static void add_path(struct strbuf *b, const struct plan_world *w, uint32_t node)
{
	uint32_t path[PATH_SHOWN];
	size_t n = plan_path(w->routes, &w->plan->announcement, node, path, PATH_SHOWN);

	for (size_t i = 0; i < n && i < PATH_SHOWN; i++)
		sb_printf(b, "%s%u", i > 0 ? " " : "", path[i]);
	if (n > PATH_SHOWN)
		sb_str(b, " ...");
}

// ---- TSV ----

static void tsv_choice(struct strbuf *b, const struct plan_world *w, uint32_t node)
{
	const struct plan_announcement *a = &w->plan->announcement;
	struct plan_choice c = plan_choice_at(w->routes, a, &w->failures.mask, node);

	sb_printf(b, "\t%u\t%u", c.tied, c.tied_sites);
	if (c.second.class == PLAN_NO_ROUTE)
		sb_str(b, "\t-\t-\t-");
	else
		sb_printf(b, "\t%s\t%s\t%u", w->plan->sites[a->seeds[c.second.seed].site].name,
			plan_class_name((enum plan_class)c.second.class), c.second.length);
}

// Where it goes after all, how sure that is, and by what evidence.
static void tsv_learned(struct strbuf *b, const struct plan_world *w, uint32_t node)
{
	const struct plan_learned *l = w->learned;

	sb_printf(b, "\t%s", w->plan->sites[plan_world_site(w, node)].name);
	if (l->site[node] < 0)
		sb_str(b, "\t-\troutes");
	else if (l->probability[node] < 0)
		sb_printf(b, "\t-\t%s", l->evidence[node]);
	else
		sb_printf(b, "\t%.4f\t%s", (double)l->probability[node], l->evidence[node]);
}

static void tsv_row(
	struct strbuf *b, const struct plan_cli *c, const struct plan_world *w, uint32_t node)
{
	const struct plan_route *r = &w->routes->route[node];
	const struct plan_seed *seed = &w->plan->seeds[r->seed];

	sb_printf(b, "%u\t%s\t%u\t%u\t%u\t", w->graph->asn[node],
		plan_class_name((enum plan_class)r->class), r->length,
		plan_next_hop(w->routes, w->plan, node), seed->from);
	add_path(b, w, node);
	if (c->announce)
		sb_printf(b, "\t%s", w->plan->sites[seed->site].name);
	if (c->choices)
		tsv_choice(b, w, node);
	if (c->learned)
		tsv_learned(b, w, node);
	sb_char(b, '\n');
}

static enum cli_exit write_tsv(const struct plan_cli *c, const struct plan_world *w)
{
	enum { FLUSH = 1 << 20 };
	own(sb_free) struct strbuf b = {};
	enum cli_exit status = CLI_DONE;

	sb_printf(&b, "asn\tclass\tlength\tnext_hop\torigin\tpath%s%s%s\n",
		c->announce ? "\tsite" : "",
		c->choices ? "\ttied\ttied_sites\tsecond_site\tsecond_class\tsecond_length" : "",
		c->learned ? "\tlearned_site\tprobability\tevidence" : "");
	for (uint32_t v = 0; status == CLI_DONE && v < w->graph->count; v++) {
		if (w->routes->route[v].class != PLAN_NO_ROUTE)
			tsv_row(&b, c, w, v);
		if (b.len > FLUSH) {
			status = plan_write(&b);
			sb_clear(&b);
		}
	}
	return status == CLI_DONE ? plan_write(&b) : status;
}

// ---- JSON ----

static void json_choice(struct out *o, const struct plan_world *w, uint32_t node)
{
	const struct plan_announcement *a = &w->plan->announcement;
	struct plan_choice c = plan_choice_at(w->routes, a, &w->failures.mask, node);

	out_uint(o, "tied", c.tied);
	out_uint(o, "tied_sites", c.tied_sites);
	if (c.second.class == PLAN_NO_ROUTE) {
		out_null(o, "second");
		return;
	}
	out_object(o, "second");
	out_str(o, "site", w->plan->sites[a->seeds[c.second.seed].site].name);
	out_str(o, "class", plan_class_name((enum plan_class)c.second.class));
	out_uint(o, "length", c.second.length);
	out_uint(o, "next_hop",
		c.second.neighbour == PLAN_NONE ? w->plan->seeds[c.second.seed].from
						: w->graph->asn[c.second.neighbour]);
	out_end(o);
}

static void json_learned(struct out *o, const struct plan_world *w, uint32_t node)
{
	const struct plan_learned *l = w->learned;
	const struct plan_seed *by_routes = &w->plan->seeds[w->routes->route[node].seed];
	bool known = l->site[node] >= 0;

	if (known && l->probability[node] >= 0)
		out_double(o, "probability", (double)l->probability[node], 4);
	else
		out_null(o, "probability");
	out_str(o, "evidence", known ? l->evidence[node] : "routes");
	out_str(o, "site_by_routes", w->plan->sites[by_routes->site].name);
}

static void json_as(struct out *o, const struct plan_world *w, uint32_t node)
{
	const struct plan_route *r = &w->routes->route[node];
	uint32_t path[PATH_SHOWN];
	size_t n = plan_path(w->routes, &w->plan->announcement, node, path, PATH_SHOWN);

	out_object(o, NULL);
	out_uint(o, "asn", w->graph->asn[node]);
	if (n == 0) {
		out_null(o, "site");
		out_end(o);
		return;
	}
	out_str(o, "site", w->plan->sites[plan_world_site(w, node)].name);
	if (w->learned)
		json_learned(o, w, node);
	out_str(o, "class", plan_class_name((enum plan_class)r->class));
	out_uint(o, "length", r->length);
	out_uint(o, "next_hop", plan_next_hop(w->routes, w->plan, node));
	out_array(o, "path");
	for (size_t i = 0; i < n && i < PATH_SHOWN; i++)
		out_uint(o, NULL, path[i]);
	out_end(o);
	json_choice(o, w, node);
	out_end(o);
}

static void write_json_ases(struct out *o, const struct plan_world *w)
{
	out_array(o, "routes");
	for (uint32_t v = 0; v < w->graph->count; v++) {
		json_as(o, w, v);
		if (v % 1024 == 0)
			plan_progress("writing", v, w->graph->count);
	}
	plan_progress_end();
	out_end(o);
}

// ---- The verb ----

enum cli_exit plan_catchment(struct plan_cli *c)
{
	own(plan_world_free) struct plan_world w = {};
	own(sb_free) struct strbuf b = {};

	if (!plan_world_load(&w, c))
		return CLI_REFUSED;
	if (c->html && plan_write_html(c, &w) != CLI_DONE)
		return CLI_REFUSED;
	if (c->tsv)
		return write_tsv(c, &w);
	struct out *o = out_new(c->json ? OUT_JSON : OUT_TEXT, &b);
	out_object(o, NULL);
	plan_write_summary(o, c, &w);
	if (c->json)
		write_json_ases(o, &w);
	out_end(o);
	out_free(&o);
	return plan_write(&b);
}
