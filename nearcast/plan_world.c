// Everything a verb needs, from its options.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearcast/plan.h"

struct client_reading {
	struct plan_clients *clients;
	struct plan_fault fault;
};

static int take_places(void *context, const void *bytes, size_t n)
{
	struct client_reading *x = context;

	return plan_clients_places(x->clients, bytes, n, &x->fault);
}

static int take_weights(void *context, const void *bytes, size_t n)
{
	struct client_reading *x = context;

	return plan_clients_weights(x->clients, bytes, n, &x->fault);
}

static bool read_clients(struct client_reading *x, const char *path, bool places)
{
	int rc = plan_read(path, places ? "reading places" : "reading weights",
		places ? take_places : take_weights, x);

	if (rc == 0)
		rc = places ? plan_clients_places_end(x->clients, &x->fault)
			    : plan_clients_weights_end(x->clients, &x->fault);
	if (rc < 0 && x->fault.why.len > 0)
		plan_say_fault(path, &x->fault);
	plan_fault_free(&x->fault);
	return rc == 0;
}

static bool load_clients(struct plan_world *w, const struct plan_cli *c)
{
	bool fine = true;

	if (!c->weights && c->places.count == 0)
		return true;
	w->clients = plan_clients_new(w->graph);
	struct client_reading x = { .clients = w->clients };
	for (size_t i = 0; fine && i < c->places.count; i++)
		fine = read_clients(&x, c->places.text[i], true);
	if (fine && c->weights)
		fine = read_clients(&x, c->weights, false);
	return fine;
}

bool plan_world_open(struct plan_world *w, const struct plan_cli *c)
{
	*w = (struct plan_world){ .latency = PLAN_LATENCY_DEFAULT, .latency_error_ms = -1 };
	double began = plan_cpu_ms();
	w->graph = plan_load_graph(c->graph);
	w->graph_ms = plan_cpu_ms() - began;
	return w->graph && load_clients(w, c);
}

// ---- Round-trip times that were measured ----

struct rtt_reading {
	const struct plan_world *w;
	struct plan_rtt *samples;
	size_t count, cap;
	struct plan_table table;
	struct plan_fault fault;
};

static const struct plan_site *find_site(const struct plan_plan *p, const char *name)
{
	for (uint32_t i = 0; i < p->announcement.site_count; i++)
		if (strcmp(p->sites[i].name, name) == 0)
			return &p->sites[i];
	return NULL;
}

// asn, site, ms.
static int take_rtt_row(
	void *context, bool first, char **cells, size_t count, struct plan_fault *fault)
{
	static const struct plan_latency km_only = { 0, 100 };
	struct rtt_reading *x = context;
	uint32_t as;
	double ms;

	if (first && !plan_cell_as(cells[0], &as))
		return 0; // a heading
	if (count < 3 || !plan_cell_as(cells[0], &as) || !plan_cell_number(cells[2], 0, 1e6, &ms)) {
		sb_str(&fault->why, "a row wants an AS number, a site and milliseconds");
		return -EINVAL;
	}
	uint32_t node = plan_node(x->w->graph, as);
	const struct plan_site *site = find_site(x->w->plan, cells[1]);
	if (!site) {
		sb_printf(&fault->why, "there is no site `%.60s` in the announcement", cells[1]);
		return -EINVAL;
	}
	double km = node == PLAN_NONE ? -1 : plan_node_ms(x->w->clients, &km_only, node, site);
	if (km < 0)
		return 0;
	if (x->count == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 1024;
		x->samples = mem_resize(x->samples, x->cap, sizeof(*x->samples));
	}
	x->samples[x->count++] = (struct plan_rtt){ km, ms };
	return 0;
}

static int take_rtt(void *context, const void *bytes, size_t n)
{
	struct rtt_reading *x = context;

	return plan_table_feed(&x->table, bytes, n, take_rtt_row, x, &x->fault);
}

static bool fit_latency(struct plan_world *w, const char *path)
{
	struct rtt_reading x = { .w = w };
	int rc = plan_read(path, "reading round-trip times", take_rtt, &x);

	if (rc == 0)
		rc = plan_table_end(&x.table, take_rtt_row, &x, &x.fault);
	if (rc < 0 && x.fault.why.len > 0)
		plan_say_fault(path, &x.fault);
	if (rc == 0) {
		rc = plan_latency_fit(&w->latency, &w->latency_error_ms, x.samples, x.count);
		if (rc < 0)
			cli_fail(CLI_REFUSED,
				"%s: %zu samples between known places; too few to fit", path,
				x.count);
	}
	w->latency_samples = x.count;
	free(x.samples);
	sb_free(&x.table.part);
	plan_fault_free(&x.fault);
	return rc == 0;
}

// ---- Routes ----

bool plan_world_compute(struct plan_world *w)
{
	plan_summary_free(&w->summary);
	if (!w->routes)
		w->routes = plan_routes_new(w->graph);
	double began = plan_cpu_ms();
	int rc = plan_propagate(w->routes, &w->plan->announcement, &w->failures.mask);
	w->routes_ms = plan_cpu_ms() - began;
	if (rc < 0) {
		cli_fail(CLI_REFUSED, "a path of over %d ASes", PLAN_LENGTH_MAX);
		return false;
	}
	plan_summarise(&w->summary, w->routes, w->plan, w->learned ? w->learned->site : NULL,
		w->clients, &w->latency);
	return true;
}

bool plan_world_load(struct plan_world *w, const struct plan_cli *c)
{
	if (!plan_world_open(w, c))
		return false;
	w->plan = plan_load_announcement(c, w->graph);
	if (!w->plan || !plan_load_failures(&w->failures, c, w->graph, w->plan))
		return false;
	if (c->rtt && !fit_latency(w, c->rtt))
		return false;
	if (c->learned &&
		!(w->learned = plan_load_learned(c->learned, w->graph, w->plan, &w->failures.mask)))
		return false;
	return plan_world_compute(w);
}

int plan_world_site(const struct plan_world *w, uint32_t node)
{
	int site = plan_site(w->routes, &w->plan->announcement, node);
	bool known = w->learned && w->learned->site[node] >= 0;

	return known && site >= 0 ? w->learned->site[node] : site;
}

void plan_world_share(struct plan_world *w, const struct plan_world *of)
{
	*w = (struct plan_world){ .graph = of->graph,
		.clients = of->clients,
		.latency = of->latency,
		.latency_error_ms = of->latency_error_ms,
		.latency_samples = of->latency_samples,
		.shares = true };
}

void plan_world_free(struct plan_world *w)
{
	plan_summary_free(&w->summary);
	plan_routes_free(&w->routes);
	plan_learned_free(&w->learned);
	plan_failures_free(&w->failures);
	plan_plan_free(&w->plan);
	if (w->shares)
		return;
	plan_clients_free(&w->clients);
	plan_graph_free(&w->graph);
}
