#include "plan/genes.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"

static void allow(struct gene *g, unsigned value)
{
	for (uint8_t i = 0; i < g->count; i++)
		if (g->option[i] == value)
			return;
	if (g->count < GENE_OPTIONS_MAX)
		g->option[g->count++] = (uint8_t)value;
}

static void init_seed(struct genes *g, uint32_t seed, const struct plan_optimise_options *o)
{
	struct gene *gene = &g->list[g->sites + seed];
	unsigned prepend = g->plan->prepend[seed];
	bool off = g->plan->seeds_off[seed];

	allow(gene, off ? 0 : 1 + prepend);
	if (g->plan->fixed[seed])
		return;
	if (o->change & PLAN_CHANGE_NEIGHBOURS) {
		allow(gene, 1 + prepend);
		allow(gene, 0);
	}
	if ((o->change & PLAN_CHANGE_PREPENDS) && (!off || (o->change & PLAN_CHANGE_NEIGHBOURS)))
		for (unsigned p = 0; p <= o->max_prepend; p++)
			allow(gene, 1 + p);
}

static void order_seeds(struct genes *g)
{
	g->first = mem_zalloc((g->sites + 1) * sizeof(*g->first));
	g->of_site = mem_zalloc((g->seeds + 1) * sizeof(*g->of_site));
	uint32_t at = 0;
	for (uint32_t site = 0; site < g->sites; site++) {
		g->first[site] = at;
		for (uint32_t i = 0; i < g->seeds; i++)
			if (g->plan->seeds[i].site == site)
				g->of_site[at++] = i;
	}
	g->first[g->sites] = at;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static void count_states(struct genes *g)
{
	g->states = mem_zalloc(g->sites * sizeof(*g->states));
	g->total = 1;
	for (uint32_t site = 0; site < g->sites; site++) {
		uint64_t on = 1;
		for (uint32_t i = g->first[site]; i < g->first[site + 1]; i++)
			on = times(on, g->list[g->sites + g->of_site[i]].count);
		bool may_be_off = g->list[site].count > 1;
		g->states[site] = on == UINT64_MAX ? on : on + may_be_off;
		g->total = times(g->total, g->states[site]);
	}
}

void genes_init(
	struct genes *g, const struct plan_plan *plan, const struct plan_optimise_options *options)
{
	*g = (struct genes){ .plan = plan,
		.sites = plan->announcement.site_count,
		.seeds = plan->announcement.seed_count };
	g->count = g->sites + g->seeds;
	g->list = mem_zalloc(g->count * sizeof(*g->list));
	for (uint32_t i = 0; i < g->sites; i++) {
		allow(&g->list[i], 1);
		if ((options->change & PLAN_CHANGE_SITES) && !plan->sites[i].fixed)
			allow(&g->list[i], 0);
	}
	for (uint32_t i = 0; i < g->seeds; i++)
		init_seed(g, i, options);
	for (uint32_t i = 0; i < g->count; i++)
		g->variable += g->list[i].count > 1;
	order_seeds(g);
	count_states(g);
}

void genes_free(struct genes *g)
{
	free(g->list);
	free(g->of_site);
	free(g->first);
	free(g->states);
	*g = (struct genes){};
}

void genes_start(const struct genes *g, uint8_t *state)
{
	for (uint32_t i = 0; i < g->count; i++)
		state[i] = g->list[i].option[0];
}

void genes_nth(const struct genes *g, uint64_t number, uint8_t *state)
{
	genes_start(g, state);
	for (uint32_t site = 0; site < g->sites; site++) {
		uint64_t here = number % g->states[site];
		number /= g->states[site];
		if (g->list[site].count > 1 && here-- == 0) {
			state[site] = 0;
			continue;
		}
		for (uint32_t i = g->first[site]; i < g->first[site + 1]; i++) {
			uint32_t gene = g->sites + g->of_site[i];
			state[gene] = g->list[gene].option[here % g->list[gene].count];
			here /= g->list[gene].count;
		}
	}
}

static bool speaks(const struct genes *g, const uint8_t *state, uint32_t gene)
{
	return gene < g->sites || state[g->plan->seeds[gene - g->sites].site];
}

uint32_t genes_changes(const struct genes *g, const uint8_t *state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->count; i++)
		n += speaks(g, state, i) && state[i] != g->list[i].option[0];
	return n;
}

uint64_t genes_hash(const struct genes *g, const uint8_t *state)
{
	own(free_ptr) uint8_t *heard = mem_dup(state, g->count);

	for (uint32_t i = 0; i < g->count; i++)
		if (!speaks(g, state, i))
			heard[i] = 0;
	return hash_bytes(heard + g->sites, g->seeds);
}

void genes_apply(
	const struct genes *g, const uint8_t *state, struct plan_seed *seeds, bool *seeds_off)
{
	for (uint32_t i = 0; i < g->seeds; i++) {
		uint8_t value = state[g->sites + i];
		seeds[i] = g->plan->seeds[i];
		seeds_off[i] = value == 0 || !state[seeds[i].site];
		if (value > 0)
			seeds[i].length = (uint16_t)(g->plan->seeds[i].length -
						     g->plan->prepend[i] + value - 1);
	}
}
