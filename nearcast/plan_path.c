// nearcast plan path AS...: how an AS gets there, and what else it could have chosen.
#include <string.h>

#include "nearcast/plan.h"

enum { OFFERS_SHOWN = 20, PATH_SHOWN = 64 };

// The path that the node would have with that offer.
static void write_path(
	struct out *o, const struct plan_world *w, uint32_t node, const struct plan_offer *x)
{
	own(sb_free) struct strbuf b = {};
	const struct plan_announcement *a = &w->plan->announcement;
	uint32_t path[PATH_SHOWN];
	size_t n = x->neighbour == PLAN_NONE
			   ? plan_seed_path(w->graph, &a->seeds[x->seed], path, PATH_SHOWN)
			   : plan_path(w->routes, a, x->neighbour, path, PATH_SHOWN);
	bool origin = x->class == PLAN_ORIGIN; // stands in what it sends

	if (!origin)
		sb_printf(&b, "%u", w->graph->asn[node]);
	for (size_t i = 0; i < n && i < PATH_SHOWN; i++)
		sb_printf(&b, "%s%u", i > 0 || !origin ? " " : "", path[i]);
	out_str(o, "path", sb_text(&b));
}

static void write_offer(struct out *o, const struct plan_world *w, uint32_t node,
	const struct plan_offer *x, size_t i)
{
	out_object(o, NULL);
	out_uint(o, "rank", i + 1);
	out_uint(o, "from",
		x->neighbour == PLAN_NONE ? w->plan->seeds[x->seed].from
					  : w->graph->asn[x->neighbour]);
	out_str(o, "class", plan_class_name((enum plan_class)x->class));
	out_uint(o, "length", x->length);
	out_str(o, "site", w->plan->sites[w->plan->seeds[x->seed].site].name);
	write_path(o, w, node, x);
	out_end(o);
}

static void write_as(struct out *o, const struct plan_world *w, uint32_t node)
{
	const struct plan_announcement *a = &w->plan->announcement;
	const struct plan_route *r = &w->routes->route[node];
	struct plan_offer offers[OFFERS_SHOWN];
	size_t n = plan_offers_at(w->routes, a, &w->failures.mask, node, offers, OFFERS_SHOWN);

	out_object(o, NULL);
	out_uint(o, "asn", w->graph->asn[node]);
	if (r->class == PLAN_NO_ROUTE) {
		out_null(o, "site");
	} else {
		struct plan_choice c = plan_choice_at(w->routes, a, &w->failures.mask, node);
		out_str(o, "site", w->plan->sites[w->plan->seeds[r->seed].site].name);
		out_str(o, "class", plan_class_name((enum plan_class)r->class));
		out_uint(o, "length", r->length);
		out_uint(o, "tied", c.tied);
		out_uint(o, "tied_sites", c.tied_sites);
		out_uint(o, "offers_in_all", n);
	}
	out_table(o, "offers");
	for (size_t i = 0; i < n && i < OFFERS_SHOWN; i++)
		write_offer(o, w, node, &offers[i], i);
	out_end(o);
	out_end(o);
}

static uint32_t find_as(const struct plan_world *w, const char *text)
{
	uint32_t as, node = PLAN_NONE;

	if (!plan_cell_as(text, &as))
		cli_fail(CLI_USAGE, "`%.40s` is not an AS number", text);
	else if ((node = plan_node(w->graph, as)) == PLAN_NONE)
		cli_fail(CLI_REFUSED, "AS %u is not in the graph", as);
	return node;
}

enum cli_exit plan_path_of(struct plan_cli *c)
{
	own(plan_world_free) struct plan_world w = {};
	own(sb_free) struct strbuf b = {};
	uint32_t nodes[PLAN_LIST_MAX];

	if (!plan_world_load(&w, c))
		return CLI_REFUSED;
	for (size_t i = 0; i < c->argument_count; i++)
		if ((nodes[i] = find_as(&w, c->arguments[i])) == PLAN_NONE)
			return CLI_REFUSED;
	struct out *o = out_new(c->json ? OUT_JSON : OUT_TEXT, &b);
	out_array(o, NULL);
	for (size_t i = 0; i < c->argument_count; i++)
		write_as(o, &w, nodes[i]);
	out_end(o);
	out_free(&o);
	return plan_write(&b);
}
