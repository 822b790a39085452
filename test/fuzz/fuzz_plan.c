// What the planner reads: a graph, an announcement on it, origins, tables of clients. The input is split
// at bytes of 0. Whatever a graph and an announcement are, routes are the best of what is offered, and the
// lanes of a batch agree with them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "plan/batch.h"
#include "plan/clients.h"
#include "plan/load.h"
#include "plan/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct part {
	const char *text;
	size_t len;
};

// The next part; empty ones when there are no more.
static struct part next_part(const uint8_t **data, size_t *size)
{
	const uint8_t *zero = *size > 0 ? memchr(*data, 0, *size) : NULL;
	size_t n = zero ? (size_t)(zero - *data) : *size;
	struct part p = { n > 0 ? (const char *)*data : "", n };

	*data += n + (zero != NULL);
	*size -= n + (zero != NULL);
	return p;
}

static struct plan_graph *read_graph(struct part text)
{
	own(plan_builder_free) struct plan_builder *b = plan_builder_new();
	own(plan_fault_free) struct plan_fault fault = {};
	struct plan_graph *g = NULL;
	size_t half = text.len / 2; // a piece may end anywhere

	int rc = plan_builder_feed(b, text.text, half, &fault);
	if (rc == 0)
		rc = plan_builder_feed(b, text.text + half, text.len - half, &fault);
	if (rc == 0)
		rc = plan_builder_finish(&g, &b, &fault);
	if (rc < 0 && (fault.why.len == 0 || g))
		abort(); // refused without a reason
	return g;
}

static void check_routes(
	const struct plan_graph *g, const struct plan_announcement *a, const struct plan_mask *mask)
{
	own(plan_routes_free) struct plan_routes *r = plan_routes_new(g);
	own(plan_batch_free) struct plan_batch *b = plan_batch_new(g);
	struct plan_variant v = { a, mask };
	struct plan_offer best;
	uint32_t path[64];

	if (plan_propagate(r, a, mask) < 0)
		return;
	bool lanes = plan_batch_run(b, &v, 1) == 0;
	for (uint32_t node = 0; node < g->count; node++) {
		const struct plan_route *has = &r->route[node];
		size_t n = plan_offers_at(r, a, mask, node, &best, 1);
		if ((n == 0) != (has->class == PLAN_NO_ROUTE) ||
			(n > 0 && (best.seed != has->seed || best.length != has->length)))
			abort();
		if (plan_path(r, a, node, path, 64) != has->length)
			abort();
		(void)plan_choice_at(r, a, mask, node);
		if (lanes && b->row[node].key[0] != PLAN_LANE_NO_ROUTE &&
			b->row[node].seed[0] != has->seed)
			abort();
	}
}

static void read_announcement(const struct plan_graph *g, struct part text)
{
	own(plan_file_free) struct plan_file *f = NULL;
	own(plan_plan_free) struct plan_plan *p = NULL;
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));
	int rc = plan_file_load_text(&f, "fuzz", text.text, text.len, faults);

	if (rc == 0)
		rc = plan_from_file(&p, f, g, faults);
	if (rc < 0 && faults->count == 0)
		abort();
	if (rc == 0) {
		struct plan_mask mask = { .seeds_off = p->seeds_off };
		check_routes(g, &p->announcement, &mask);
	}
	faults_free(faults);
}

static void read_origins(const struct plan_graph *g, struct part text)
{
	own(sb_free) struct strbuf why = {}, copy = {};
	own(plan_plan_free) struct plan_plan *p = NULL;

	sb_add(&copy, text.text, text.len);
	int rc = plan_from_origins(&p, sb_text(&copy), g, &why);
	if ((rc < 0) != (why.len > 0))
		abort();
	if (rc == 0)
		check_routes(g, &p->announcement, NULL);
}

static void read_clients(const struct plan_graph *g, struct part places, struct part weights)
{
	own(plan_clients_free) struct plan_clients *c = plan_clients_new(g);
	own(plan_fault_free) struct plan_fault fault = {};
	int rc = plan_clients_places(c, places.text, places.len, &fault);

	if (rc == 0)
		rc = plan_clients_places_end(c, &fault);
	if (rc < 0)
		return;
	rc = plan_clients_weights(c, weights.text, weights.len, &fault);
	if (rc == 0)
		rc = plan_clients_weights_end(c, &fault);
	if (rc == 0 && !(c->total > 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(plan_graph_free) struct plan_graph *g = read_graph(next_part(&data, &size));

	if (!g)
		return 0;
	read_announcement(g, next_part(&data, &size));
	read_origins(g, next_part(&data, &size));
	struct part places = next_part(&data, &size);
	read_clients(g, places, next_part(&data, &size));
	return 0;
}
