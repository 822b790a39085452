#include "plan/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { BINS = 1024 }; // of a millisecond each; the last holds all beyond

struct evaluator {
	const struct plan_reduced *r;
	const struct plan_plan *plan;
	uint32_t sites;
	float *ms;       // of place p to site s, at p * sites + s; negative: unknown
	double *cost;    // of node v at site s: weight times milliseconds, at v * (sites + 1) + s
	double *weight;  // of each node
	double *load;    // of lane l at site s, at l * (sites + 1) + s; the last one: no route
	double *cost_at; // likewise
	float *bins;     // of lane l, at l * BINS
	double *placed;  // weight of a site's clients that have a distance, at v * (sites + 1) + s
	double *placed_at;
	uint8_t site_of[256]; // of a seed
	bool distances;
};

static void measure_places(struct evaluator *e, const struct plan_latency *latency)
{
	const struct plan_reduced *r = e->r;

	e->ms = mem_resize(NULL, (size_t)r->place_count * e->sites + 1, sizeof(*e->ms));
	for (uint32_t p = 0; p < r->place_count; p++)
		for (uint32_t s = 0; s < e->sites; s++) {
			const struct plan_site *site = &e->plan->sites[s];
			double km = plan_distance_km((double)r->places[p].lat,
				(double)r->places[p].lon, site->lat, site->lon);
			e->ms[p * e->sites + s] =
				site->has_place ? (float)plan_latency_ms(latency, km) : -1;
			e->distances |= site->has_place;
		}
}

static void add_costs(struct evaluator *e)
{
	size_t row = e->sites + 1;

	for (uint32_t i = 0; i < e->r->part_count; i++) {
		const struct plan_load_part *part = &e->r->parts[i];
		e->weight[part->node] += part->weight;
		for (uint32_t s = 0; s < e->sites && part->place != PLAN_NONE; s++) {
			double ms = (double)e->ms[part->place * e->sites + s];
			if (ms < 0)
				continue;
			e->cost[part->node * row + s] += part->weight * ms;
			e->placed[part->node * row + s] += part->weight;
		}
	}
}

struct evaluator *evaluator_new(const struct plan_reduced *r, const struct plan_plan *plan,
	const struct plan_latency *latency)
{
	struct evaluator *e = mem_zalloc(sizeof(*e));
	size_t row = plan->announcement.site_count + 1, nodes = r->graph->count;

	e->r = r;
	e->plan = plan;
	e->sites = plan->announcement.site_count;
	e->cost = mem_zalloc(nodes * row * sizeof(double));
	e->placed = mem_zalloc(nodes * row * sizeof(double));
	e->weight = mem_zalloc(nodes * sizeof(double));
	e->load = mem_zalloc(PLAN_LANES * row * sizeof(double));
	e->cost_at = mem_zalloc(PLAN_LANES * row * sizeof(double));
	e->placed_at = mem_zalloc(PLAN_LANES * row * sizeof(double));
	e->bins = mem_zalloc(PLAN_LANES * BINS * sizeof(float));
	memset(e->site_of, (int)e->sites, sizeof(e->site_of));
	for (uint32_t i = 0; i < plan->announcement.seed_count; i++)
		e->site_of[i] = (uint8_t)plan->seeds[i].site;
	measure_places(e, latency);
	add_costs(e);
	return e;
}

void evaluator_free(struct evaluator **e)
{
	struct evaluator *old = take(*e);

	if (!old)
		return;
	free(old->ms);
	free(old->cost);
	free(old->placed);
	free(old->weight);
	free(old->load);
	free(old->cost_at);
	free(old->placed_at);
	free(old->bins);
	free(old);
}

bool evaluator_has_distances(const struct evaluator *e)
{
	return e->distances;
}

// Sites of all lanes at a node; the one past the last is "no route".
static void sites_at(
	const struct evaluator *e, const struct plan_row *row, uint32_t lanes, uint8_t *site)
{
	for (uint32_t l = 0; l < lanes; l++)
		site[l] = row->key[l] == PLAN_LANE_NO_ROUTE ? (uint8_t)e->sites
							    : e->site_of[row->seed[l]];
}

static void add_loads(struct evaluator *e, const struct plan_batch *b, uint32_t lanes)
{
	size_t row = e->sites + 1;
	uint8_t site[PLAN_LANES];

	memset(e->load, 0, PLAN_LANES * row * sizeof(double));
	memset(e->cost_at, 0, PLAN_LANES * row * sizeof(double));
	memset(e->placed_at, 0, PLAN_LANES * row * sizeof(double));
	for (uint32_t v = 0; v < e->r->graph->count; v++) {
		const double *cost = e->cost + v * row, *placed = e->placed + v * row;
		double weight = e->weight[v];
		if (weight <= 0)
			continue;
		sites_at(e, &b->row[v], lanes, site);
		for (uint32_t l = 0; l < lanes; l++) {
			size_t at = l * row + site[l];
			e->load[at] += weight;
			e->cost_at[at] += cost[site[l]];
			e->placed_at[at] += placed[site[l]];
		}
	}
}

static void add_bins(struct evaluator *e, const struct plan_batch *b, uint32_t lanes)
{
	uint8_t site[PLAN_LANES];
	uint32_t node = PLAN_NONE;

	memset(e->bins, 0, PLAN_LANES * BINS * sizeof(float));
	for (uint32_t i = 0; i < e->r->part_count; i++) {
		const struct plan_load_part *part = &e->r->parts[i];
		if (part->place == PLAN_NONE)
			continue;
		if (part->node != node) {
			node = part->node;
			sites_at(e, &b->row[node], lanes, site);
		}
		const float *ms = e->ms + part->place * e->sites;
		float weight = (float)(part->weight / e->r->total);
		for (uint32_t l = 0; l < lanes; l++) {
			float here = site[l] < e->sites ? ms[site[l]] : (float)BINS;
			if (here >= 0)
				e->bins[l * BINS + (here < BINS - 1 ? (size_t)here : BINS - 1)] +=
					weight;
		}
	}
}

static double percentile(const float *bins, double share)
{
	double total = 0, below = 0;

	for (size_t i = 0; i < BINS; i++)
		total += (double)bins[i];
	for (size_t i = 0; i < BINS && total > 0; i++) {
		double here = (double)bins[i];
		if (here > 0 && below + here >= share * total)
			return (double)i + (share * total - below) / here;
		below += here;
	}
	return 0;
}

static void conclude(const struct evaluator *e, uint32_t lane, bool p95, struct plan_score *ret)
{
	size_t row = e->sites + 1;
	const double *load = e->load + lane * row, *cost = e->cost_at + lane * row;
	const double *placed_at = e->placed_at + lane * row;
	double reached = 0, placed = 0, total = 0;

	*ret = (struct plan_score){};
	for (uint32_t s = 0; s < e->sites; s++) {
		const struct plan_site *site = &e->plan->sites[s];
		double share = load[s] / e->r->total;
		double fit = site->has_capacity ? site->capacity : 1.0 / e->sites;
		reached += share;
		placed += placed_at[s];
		total += cost[s];
		if (site->has_capacity)
			ret->overload += fmax(0, share - site->capacity);
		if (share > 0)
			ret->fullest = fmax(ret->fullest, fit > 0 ? share / fit : share * 1e6);
	}
	ret->unreached = fmax(0, 1 - reached);
	// What has no route counts as much as it weighs, also where its place is not known.
	double lost = ret->unreached * e->r->total;
	if (placed + lost > 0)
		ret->mean_ms = (total + PLAN_UNREACHED_MS * lost) / (placed + lost);
	if (p95)
		ret->p95_ms = percentile(e->bins + lane * BINS, 0.95);
}

void evaluator_run(struct evaluator *e, const struct plan_batch *b, uint32_t lanes, bool p95,
	struct plan_score *ret)
{
	add_loads(e, b, lanes);
	if (p95)
		add_bins(e, b, lanes);
	for (uint32_t l = 0; l < lanes; l++)
		conclude(e, l, p95, &ret[l]);
}
