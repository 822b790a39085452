#include "plan/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

// Of a millisecond each; the last but one holds all beyond, the last what has no place.
enum { BINS = 1024 };

struct figures {
	double load, cost, placed; // weight, weight times milliseconds, weight that has a distance
};

struct evaluator {
	const struct plan_reduced *r;
	const struct plan_plan *plan;
	uint32_t sites;
	float *ms;           // of place p to site s, at p * (sites + 1) + s; negative: unknown
	uint16_t *bin;       // likewise
	double *weight;      // of each node
	struct figures *at;  // of node v at site s, at v * (sites + 1) + s; without load
	struct figures *sum; // of lane l at site s, at l * (sites + 1) + s; the last site: no route
	float *bins;         // of bin n in lane l, at n * (lanes + 1) + l
	uint8_t site_of[256]; // of a seed
	bool distances;
};

static void measure_place(struct evaluator *e, const struct plan_latency *latency, uint32_t p)
{
	size_t row = (size_t)p * (e->sites + 1);

	for (uint32_t s = 0; s < e->sites; s++) {
		const struct plan_site *site = &e->plan->sites[s];
		double km = plan_distance_km((double)e->r->places[p].lat,
			(double)e->r->places[p].lon, site->lat, site->lon);
		double ms = site->has_place ? plan_latency_ms(latency, km) : -1;
		e->ms[row + s] = (float)ms;
		e->bin[row + s] = (uint16_t)(ms < 0 ? BINS - 1 : ms < BINS - 2 ? ms : BINS - 2);
		e->distances |= site->has_place;
	}
	e->bin[row + e->sites] = BINS - 2; // no route
}

static void add_costs(struct evaluator *e)
{
	size_t row = e->sites + 1;

	for (uint32_t i = 0; i < e->r->part_count; i++) {
		const struct plan_load_part *part = &e->r->parts[i];
		e->weight[part->node] += part->weight;
		for (uint32_t s = 0; s < e->sites && part->place != PLAN_NONE; s++) {
			double ms = (double)e->ms[part->place * row + s];
			if (ms < 0)
				continue;
			e->at[part->node * row + s].cost += part->weight * ms;
			e->at[part->node * row + s].placed += part->weight;
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
	e->weight = mem_zalloc(nodes * sizeof(*e->weight));
	e->at = mem_zalloc(nodes * row * sizeof(*e->at));
	e->sum = mem_zalloc((PLAN_LANES + 1) * row * sizeof(*e->sum));
	e->bins = mem_zalloc((PLAN_LANES + 1) * BINS * sizeof(*e->bins));
	e->ms = mem_zalloc((r->place_count * row + 1) * sizeof(*e->ms));
	e->bin = mem_zalloc((r->place_count * row + 1) * sizeof(*e->bin));
	memset(e->site_of, (int)e->sites, sizeof(e->site_of));
	for (uint32_t i = 0; i < plan->announcement.seed_count; i++)
		e->site_of[i] = (uint8_t)plan->seeds[i].site;
	for (uint32_t p = 0; p < r->place_count; p++)
		measure_place(e, latency, p);
	add_costs(e);
	return e;
}

void evaluator_free(struct evaluator **e)
{
	struct evaluator *old = take(*e);

	if (!old)
		return;
	free(old->ms);
	free(old->bin);
	free(old->weight);
	free(old->at);
	free(old->sum);
	free(old->bins);
	free(old);
}

bool evaluator_has_distances(const struct evaluator *e)
{
	return e->distances;
}

// Sites of all lanes at a node; the one past the last is "no route". Whether they are all the same.
static bool sites_at(
	const struct evaluator *e, const struct plan_row *row, uint32_t lanes, uint8_t *site)
{
	for (uint32_t l = 0; l < lanes; l++)
		site[l] = row->key[l] == PLAN_LANE_NO_ROUTE ? (uint8_t)e->sites
							    : e->site_of[row->seed[l]];
	return memcmp(site, site + 1, lanes - 1) == 0;
}

// In a search most announcements of a batch differ in little, and most nodes go to the same site in all
// of them: that is added up once, in what stands behind the last lane.
static void add_loads(struct evaluator *e, const struct plan_batch *b, uint32_t lanes)
{
	size_t row = e->sites + 1;
	uint8_t site[PLAN_LANES];

	memset(e->sum, 0, (PLAN_LANES + 1) * row * sizeof(*e->sum));
	for (uint32_t v = 0; v < e->r->graph->count; v++) {
		const struct figures *at = e->at + v * row;
		if (e->weight[v] <= 0)
			continue;
		bool same = sites_at(e, &b->row[v], lanes, site);
		for (uint32_t l = same ? PLAN_LANES : 0; l < (same ? PLAN_LANES + 1 : lanes); l++) {
			uint8_t s = site[same ? 0 : l];
			struct figures *sum = &e->sum[l * row + s];
			sum->load += e->weight[v];
			sum->cost += at[s].cost;
			sum->placed += at[s].placed;
		}
	}
}

static void add_bins(struct evaluator *e, const struct plan_batch *b, uint32_t lanes)
{
	uint8_t site[PLAN_LANES];
	uint32_t node = PLAN_NONE;
	bool same = false;

	memset(e->bins, 0, (PLAN_LANES + 1) * BINS * sizeof(*e->bins));
	for (uint32_t i = 0; i < e->r->part_count; i++) {
		const struct plan_load_part *part = &e->r->parts[i];
		if (part->place == PLAN_NONE)
			continue;
		if (part->node != node) {
			node = part->node;
			same = sites_at(e, &b->row[node], lanes, site);
		}
		const uint16_t *bin = e->bin + part->place * (e->sites + 1);
		float weight = (float)(part->weight / e->r->total);
		if (same)
			e->bins[bin[site[0]] * (PLAN_LANES + 1) + PLAN_LANES] += weight;
		for (uint32_t l = 0; l < lanes && !same; l++)
			e->bins[bin[site[l]] * (PLAN_LANES + 1) + l] += weight;
	}
}

static double percentile(const struct evaluator *e, uint32_t lane, double share)
{
	const float *bins = e->bins;
	double total = 0, below = 0;

#define BIN(i) \
	((double)(bins[(i) * (PLAN_LANES + 1) + lane] + bins[(i) * (PLAN_LANES + 1) + PLAN_LANES]))
	for (size_t i = 0; i < BINS - 1; i++)
		total += BIN(i);
	for (size_t i = 0; i < BINS - 1 && total > 0; i++) {
		double here = BIN(i);
		if (here > 0 && below + here >= share * total)
			return (double)i + (share * total - below) / here;
		below += here;
	}
#undef BIN
	return 0;
}

static struct figures figures_of(const struct evaluator *e, uint32_t lane, uint32_t site)
{
	size_t row = e->sites + 1;
	const struct figures *own_part = &e->sum[lane * row + site];
	const struct figures *shared = &e->sum[PLAN_LANES * row + site];

	return (struct figures){ own_part->load + shared->load, own_part->cost + shared->cost,
		own_part->placed + shared->placed };
}

static void conclude(const struct evaluator *e, uint32_t lane, bool p95, struct plan_score *ret)
{
	double reached = 0, placed = 0, total = 0;

	*ret = (struct plan_score){};
	for (uint32_t s = 0; s < e->sites; s++) {
		const struct plan_site *site = &e->plan->sites[s];
		struct figures sum = figures_of(e, lane, s);
		double share = sum.load / e->r->total;
		double fit = site->has_capacity ? site->capacity : 1.0 / e->sites;
		reached += share;
		placed += sum.placed;
		total += sum.cost;
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
		ret->p95_ms = percentile(e, lane, 0.95);
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
