#include "plan/impact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { NO_SITE = UINT16_MAX };

struct plan_impacts {
	struct plan_ground g;
	struct plan_batch *batch;
	struct plan_routes *alone; // for what no lane can count
	uint16_t *site;            // before, of each node
	float *ms;                 // of each node to each site; NULL: no places
	double total;
	bool lanes; // fit
};

static void measure_distances(struct plan_impacts *x)
{
	uint32_t sites = x->g.plan->announcement.site_count, n = x->g.graph->count;

	if (!x->g.clients || !x->g.clients->placed)
		return;
	x->ms = mem_resize(NULL, (size_t)n * sites, sizeof(*x->ms));
	for (uint32_t v = 0; v < n; v++)
		for (uint32_t s = 0; s < sites; s++)
			x->ms[(size_t)v * sites + s] = (float)plan_node_ms(
				x->g.clients, x->g.latency, v, &x->g.plan->sites[s]);
}

struct plan_impacts *plan_impacts_new(const struct plan_ground *ground)
{
	struct plan_impacts *x = mem_zalloc(sizeof(*x));
	uint32_t n = ground->graph->count;

	x->g = *ground;
	x->total = ground->clients ? ground->clients->total : n;
	x->site = mem_resize(NULL, n, sizeof(*x->site));
	for (uint32_t v = 0; v < n; v++) {
		int site = plan_site(ground->before, &ground->plan->announcement, v);
		x->site[v] = site < 0 ? NO_SITE : (uint16_t)site;
	}
	x->batch = plan_batch_new(ground->graph);
	x->lanes = true;
	measure_distances(x);
	return x;
}

void plan_impacts_free(struct plan_impacts **x)
{
	struct plan_impacts *old = take(*x);

	if (!old)
		return;
	plan_batch_free(&old->batch);
	plan_routes_free(&old->alone);
	free(old->site);
	free(old->ms);
	free(old);
}

// What is summed for one mask.
struct sum {
	double moved, lost, gained, ms, placed;
	double *load; // one a site
};

static void add_node(
	const struct plan_impacts *x, struct sum *s, uint32_t node, uint16_t site, double weight)
{
	uint16_t was = x->site[node];
	uint32_t sites = x->g.plan->announcement.site_count;

	if (site == NO_SITE) {
		s->lost += was != NO_SITE ? weight : 0;
		return;
	}
	s->load[site] += weight;
	if (was == NO_SITE)
		s->gained += weight;
	else if (was != site)
		s->moved += weight;
	float ms = x->ms ? x->ms[(size_t)node * sites + site] : -1;
	if (ms >= 0) {
		s->ms += (double)ms * weight;
		s->placed += weight;
	}
}

static void conclude(const struct plan_impacts *x, const struct sum *s, struct plan_impact *ret)
{
	*ret = (struct plan_impact){ .moved = s->moved / x->total,
		.lost = s->lost / x->total,
		.gained = s->gained / x->total,
		.mean_ms = s->placed > 0 ? s->ms / s->placed : 0 };
	for (uint32_t i = 0; i < x->g.plan->announcement.site_count; i++) {
		const struct plan_site *site = &x->g.plan->sites[i];
		double share = s->load[i] / x->total;
		if (site->has_capacity && share > site->capacity)
			ret->overload += share - site->capacity;
		if (share > ret->fullest) {
			ret->fullest = share;
			ret->fullest_site = i;
		}
	}
}

static double weight_of(const struct plan_impacts *x, uint32_t node)
{
	return x->g.clients ? x->g.clients->of[node].weight : 1;
}

static void sum_lane(const struct plan_impacts *x, uint32_t lane, struct sum *s)
{
	const struct plan_seed *seeds = x->g.plan->seeds;

	for (uint32_t v = 0; v < x->g.graph->count; v++) {
		const struct plan_row *row = &x->batch->row[v];
		bool none = row->key[lane] == PLAN_LANE_NO_ROUTE;
		add_node(x, s, v, none ? NO_SITE : seeds[row->seed[lane]].site, weight_of(x, v));
	}
}

static int sum_alone(struct plan_impacts *x, const struct plan_mask *mask, struct sum *s)
{
	if (!x->alone)
		x->alone = plan_routes_new(x->g.graph);
	int rc = plan_propagate(x->alone, &x->g.plan->announcement, mask);
	for (uint32_t v = 0; rc == 0 && v < x->g.graph->count; v++) {
		int site = plan_site(x->alone, &x->g.plan->announcement, v);
		add_node(x, s, v, site < 0 ? NO_SITE : (uint16_t)site, weight_of(x, v));
	}
	return rc;
}

int plan_impacts_of(struct plan_impacts *x, const struct plan_mask *const *masks, uint32_t count,
	struct plan_impact *ret)
{
	struct plan_variant variants[PLAN_LANES];
	uint32_t sites = x->g.plan->announcement.site_count;
	own(free_ptr) double *load = mem_zalloc(sites * sizeof(*load));
	int rc = 0;

	for (uint32_t i = 0; i < count; i++)
		variants[i] = (struct plan_variant){ &x->g.plan->announcement, masks[i] };
	if (x->lanes)
		x->lanes = plan_batch_run(x->batch, variants, count) == 0;
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		struct sum s = { .load = load };
		memset(load, 0, sites * sizeof(*load));
		if (x->lanes)
			sum_lane(x, i, &s);
		else
			rc = sum_alone(x, masks[i], &s);
		if (rc == 0)
			conclude(x, &s, &ret[i]);
	}
	return rc;
}

void plan_carried(const struct plan_routes *r, const struct plan_clients *clients, double *carried)
{
	uint32_t n = r->graph->count, longest = 0;

	for (uint32_t v = 0; v < n; v++) {
		bool reached = r->route[v].class != PLAN_NO_ROUTE;
		carried[v] = !reached ? 0 : clients ? clients->of[v].weight : 1;
		if (r->route[v].length > longest)
			longest = r->route[v].length;
	}
	// The longest paths first: whoever is nearer has then heard of all that crosses it.
	own(free_ptr) uint32_t *first = mem_zalloc((longest + 2) * sizeof(*first));
	own(free_ptr) uint32_t *sorted = mem_resize(NULL, n, sizeof(*sorted));
	for (uint32_t v = 0; v < n; v++)
		first[longest - r->route[v].length + 1]++;
	for (uint32_t i = 0; i <= longest; i++)
		first[i + 1] += first[i];
	for (uint32_t v = 0; v < n; v++)
		sorted[first[longest - r->route[v].length]++] = v;
	for (uint32_t i = 0; i < n; i++)
		if (r->route[sorted[i]].next_hop != PLAN_NONE)
			carried[r->route[sorted[i]].next_hop] += carried[sorted[i]];
}
