// What several verbs of nearcast plan print.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nearcast/plan.h"

enum cli_exit plan_write(const struct strbuf *b)
{
	if (fwrite(sb_text(b), 1, b->len, stdout) != b->len || fflush(stdout) != 0)
		return cli_fail(CLI_REFUSED, "cannot write: %s", strerror(errno));
	return CLI_DONE;
}

uint32_t plan_next_hop(const struct plan_routes *r, const struct plan_plan *p, uint32_t node)
{
	const struct plan_route *has = &r->route[node];

	return has->next_hop == PLAN_NONE ? p->seeds[has->seed].from : r->graph->asn[has->next_hop];
}

void plan_out_share(struct out *o, const struct plan_cli *c, const char *name, double share)
{
	if (c->json)
		out_double(o, name, share, 6);
	else
		out_strf(o, name, "%.1f %%", share * 100);
}

void plan_out_ms(struct out *o, const struct plan_cli *c, const char *name, double ms)
{
	if (ms < 0)
		out_null(o, name);
	else if (c->json)
		out_double(o, name, ms, 2);
	else
		out_strf(o, name, "%.1f", ms);
}

static void write_sites(struct out *o, const struct plan_cli *c, const struct plan_world *w)
{
	bool capacity = false;

	for (uint32_t i = 0; i < w->plan->announcement.site_count; i++)
		capacity |= w->plan->sites[i].has_capacity;
	out_table(o, "sites");
	for (uint32_t i = 0; i < w->plan->announcement.site_count; i++) {
		const struct plan_site *site = &w->plan->sites[i];
		const struct plan_site_sum *sum = &w->summary.sites[i];
		out_object(o, NULL);
		out_str(o, "site", site->name);
		if (c->json)
			out_str(o, "city", site->city);
		out_uint(o, "ases", sum->ases);
		plan_out_share(o, c, "share", sum->weight);
		if (w->summary.placed > 0) {
			plan_out_ms(o, c, "mean_ms", sum->weight > 0 ? sum->mean_ms : -1);
			plan_out_ms(o, c, "p95_ms", sum->weight > 0 ? sum->p95_ms : -1);
		}
		if (capacity && site->has_capacity) {
			plan_out_share(o, c, "capacity", site->capacity);
			out_bool(o, "over", sum->weight > site->capacity);
		} else if (capacity) {
			out_null(o, "capacity");
			out_bool(o, "over", false);
		}
		out_end(o);
	}
	out_end(o);
}

static void write_latency(struct out *o, const struct plan_cli *c, const struct plan_world *w)
{
	if (w->summary.placed <= 0)
		return;
	out_object(o, "latency");
	plan_out_ms(o, c, "mean_ms", w->summary.mean_ms);
	plan_out_ms(o, c, "median_ms", w->summary.median_ms);
	plan_out_ms(o, c, "p95_ms", w->summary.p95_ms);
	plan_out_share(o, c, "of_share", w->summary.placed);
	out_double(o, "factor", w->latency.factor, 3);
	out_double(o, "base_ms", w->latency.base_ms, 2);
	if (w->latency_error_ms >= 0) {
		out_uint(o, "fitted_to", w->latency_samples);
		out_double(o, "median_error_ms", w->latency_error_ms, 2);
	}
	out_end(o);
}

void plan_write_summary(struct out *o, const struct plan_cli *c, const struct plan_world *w)
{
	const struct plan_summary *s = &w->summary;

	if (w->learned)
		out_line(o, "Where %u ASes go is known or learnt.", w->learned->count);
	out_line(o, "%u of %u ASes have a route (%.2f %%), with %.1f %% of the weight.", s->reached,
		s->ases, 100.0 * s->reached / s->ases, s->weight * 100);
	if (c->json) {
		out_uint(o, "ases", s->ases);
		out_uint(o, "reached", s->reached);
		out_double(o, "weight_reached", s->weight, 6);
		out_double(o, "graph_ms", w->graph_ms, 3);
		out_double(o, "routes_ms", w->routes_ms, 3);
		if (w->learned)
			out_uint(o, "learned", w->learned->count);
		out_str(o, "weights", c->weights ? c->weights : "each AS counts one");
	}
	out_object(o, "classes");
	for (enum plan_class k = PLAN_ORIGIN; k < PLAN_NO_ROUTE; k++)
		out_uint(o, plan_class_name(k), s->by_class[k]);
	out_end(o);
	write_latency(o, c, w);
	if (s->overload > 0 || c->json)
		plan_out_share(o, c, "overload", s->overload);
	write_sites(o, c, w);
}
