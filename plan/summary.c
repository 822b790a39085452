#include "plan/summary.h"

#include <stdlib.h>

#include "lib/mem.h"

enum { BINS = 2000 }; // of half a millisecond; the last holds all beyond

static const double bin_ms = 0.5;

struct histogram {
	double weight[BINS];
	double total, sum_ms;
};

static void add(struct histogram *h, double ms, double weight)
{
	double at = ms / bin_ms;

	h->weight[at < BINS - 1 ? (size_t)at : BINS - 1] += weight;
	h->total += weight;
	h->sum_ms += weight * ms;
}

static double mean(const struct histogram *h)
{
	return h->total > 0 ? h->sum_ms / h->total : 0;
}

static double percentile(const struct histogram *h, double share)
{
	double below = 0, want = share * h->total;

	if (h->total <= 0)
		return 0;
	for (size_t i = 0; i < BINS; i++) {
		if (h->weight[i] > 0 && below + h->weight[i] >= want)
			return ((double)i + (want - below) / h->weight[i]) * bin_ms;
		below += h->weight[i];
	}
	return BINS * bin_ms;
}

double plan_node_ms(const struct plan_clients *clients, const struct plan_latency *latency,
	uint32_t node, const struct plan_site *site)
{
	if (!clients || !clients->of[node].placed || !site->has_place)
		return -1;
	const struct plan_client *c = &clients->of[node];
	return plan_latency_ms(
		latency, plan_distance_km((double)c->lat, (double)c->lon, site->lat, site->lon));
}

struct summing {
	struct plan_summary *s;
	struct histogram *all, *sites; // sites: one a site
	const struct plan_clients *clients;
	const struct plan_latency *latency;
	double total;
};

static void add_node(struct summing *x, const struct plan_plan *p, uint32_t node, int site,
	enum plan_class class)
{
	double weight = x->clients ? x->clients->of[node].weight : 1;
	double ms = plan_node_ms(x->clients, x->latency, node, &p->sites[site]);

	x->s->reached++;
	x->s->by_class[class]++;
	x->s->sites[site].ases++;
	x->s->sites[site].weight += weight / x->total;
	x->s->weight += weight / x->total;
	if (ms < 0)
		return;
	x->s->placed += weight / x->total;
	add(x->all, ms, weight);
	add(&x->sites[site], ms, weight);
}

void plan_summarise(struct plan_summary *ret, const struct plan_routes *r,
	const struct plan_plan *p, const int16_t *said, const struct plan_clients *clients,
	const struct plan_latency *latency)
{
	uint32_t sites = p->announcement.site_count;
	own(free_ptr) struct histogram *all = mem_zalloc((sites + 1) * sizeof(*all));
	struct summing x = { ret, all, all + 1, clients, latency,
		clients ? clients->total : r->graph->count };

	*ret = (struct plan_summary){ .ases = r->graph->count };
	ret->sites = mem_zalloc(sites * sizeof(*ret->sites));
	for (uint32_t v = 0; v < r->graph->count; v++) {
		int site = plan_site(r, &p->announcement, v);
		if (said && said[v] >= 0 && site >= 0)
			site = said[v];
		if (site >= 0)
			add_node(&x, p, v, site, (enum plan_class)r->route[v].class);
	}
	ret->mean_ms = mean(all);
	ret->median_ms = percentile(all, 0.5);
	ret->p95_ms = percentile(all, 0.95);
	for (uint32_t i = 0; i < sites; i++) {
		struct plan_site_sum *s = &ret->sites[i];
		s->mean_ms = mean(&x.sites[i]);
		s->p95_ms = percentile(&x.sites[i], 0.95);
		if (p->sites[i].has_capacity && s->weight > p->sites[i].capacity)
			ret->overload += s->weight - p->sites[i].capacity;
	}
}

void plan_summary_free(struct plan_summary *s)
{
	free(s->sites);
	*s = (struct plan_summary){};
}
