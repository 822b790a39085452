#include "plan/fill.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"

// Weights beside that of a provider, 1.
#define COUNTRY_WEIGHT 0.5
#define ROUTE_WEIGHT   0.5
#define ALL_WEIGHT     0.05
#define GROUP_PRIOR    5 // ASes that all ASes count for in a country

static void add(double *to, const double *from, size_t n, double weight)
{
	for (size_t i = 0; i < n; i++)
		to[i] += weight * from[i];
}

static void normalise(double *p, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += p[i];
	for (size_t i = 0; i < n; i++)
		p[i] = sum > 0 ? p[i] / sum : 1.0 / (double)n;
}

// Means over those that are known: of all, of each group, of each node's customers.
struct means {
	double *all, *group, *customers;
};

static void take_means(struct means *m, const struct plan_fill *f)
{
	size_t n = f->sites;

	m->all = mem_zalloc(n * sizeof(*m->all));
	m->group = mem_zalloc((f->groups + 1) * n * sizeof(*m->group));
	m->customers = mem_zalloc(f->graph->count * n * sizeof(*m->customers));
	for (uint32_t v = 0; v < f->graph->count; v++) {
		struct plan_span up = plan_neighbours(f->graph, v, PLAN_PROVIDER);
		if (!f->known[v])
			continue;
		add(m->all, f->p + v * n, n, 1);
		if (f->group)
			add(m->group + f->group[v] * n, f->p + v * n, n, 1);
		for (uint32_t i = 0; i < up.count; i++)
			add(m->customers + up.node[i] * n, f->p + v * n, n, 1.0 / up.count);
	}
	normalise(m->all, n);
	for (uint32_t g = 0; g < f->groups; g++) {
		add(m->group + g * n, m->all, n, GROUP_PRIOR);
		normalise(m->group + g * n, n);
	}
}

static void fill_one(const struct plan_fill *f, const struct means *m, uint32_t v, double *room)
{
	struct plan_span up = plan_neighbours(f->graph, v, PLAN_PROVIDER);
	size_t n = f->sites;
	double *p = f->p + v * n;

	for (size_t i = 0; i < n; i++)
		p[i] = ALL_WEIGHT * m->all[i];
	for (uint32_t i = 0; i < up.count; i++) {
		for (size_t j = 0; j < n; j++)
			room[j] = f->p[up.node[i] * n + j] + m->customers[up.node[i] * n + j];
		normalise(room, n);
		add(p, room, n, 1);
	}
	double sum = 0;
	for (size_t j = 0; j < n; j++)
		sum += room[j] = m->customers[v * n + j];
	normalise(room, n);
	if (sum > 0)
		add(p, room, n, 1);
	if (f->group && f->group[v])
		add(p, m->group + f->group[v] * n, n, COUNTRY_WEIGHT);
	if (f->routed && f->routed[v] < n)
		p[f->routed[v]] += ROUTE_WEIGHT;
	normalise(p, n);
}

void plan_fill(const struct plan_fill *f)
{
	own(free_ptr) double *room = mem_zalloc(f->sites * sizeof(*room));
	struct means m = {};

	take_means(&m, f);
	for (uint32_t v = 0; v < f->graph->count; v++)
		for (size_t i = 0; i < f->sites && !f->known[v]; i++)
			f->p[v * f->sites + i] = 0; // says nothing until it is filled
	for (uint32_t i = f->graph->count; i-- > 0;)
		if (!f->known[f->graph->order[i]])
			fill_one(f, &m, f->graph->order[i], room);
	free(m.all);
	free(m.group);
	free(m.customers);
}
