// What the planner costs: one row a graph, made smaller and larger from the one that is given.
//
// usage: plan_cost GRAPH      prints a table of tabs; times are CPU time in milliseconds, the least of
//                             several runs ("least") and their median
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/plan_loop.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/rng.h"
#include "lib/source.h"
#include "plan/batch.h"
#include "plan/optimise.h"

enum { RUNS = 41, BATCHES = 9, PIECE = 256 << 10 };

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "plan_cost: %s\n", what);
	exit(1);
}

struct times {
	double list[RUNS];
	size_t count;
};

static int ascending(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static void print_times(const char *what, struct times *t, double each, const struct plan_graph *g)
{
	qsort(t->list, t->count, sizeof(double), ascending);
	printf("%u\t%u\t%s\t%.4f\t%.4f\n", g->count, g->transit_links + g->peer_links, what,
		t->list[0] / each, t->list[t->count / 2] / each);
	fflush(stdout);
}

// ---- Graphs ----

static struct plan_graph *load(const char *path)
{
	own(source_close) struct source *s = NULL;
	struct plan_builder *b = plan_builder_new();
	struct plan_fault fault = {};
	struct plan_graph *g = NULL;

	if (source_open(&s, open(path, O_RDONLY | O_CLOEXEC)) < 0)
		die(path);
	for (;;) {
		if (source_want(s, PIECE) < 0)
			die("cannot read the graph");
		struct rd window = source_window(s);
		size_t n = rd_left(&window);
		if (n == 0)
			break;
		if (plan_builder_feed(b, window.p, n, &fault) < 0)
			die(sb_text(&fault.why));
		source_skip(s, n);
	}
	if (plan_builder_finish(&g, &b, &fault) < 0)
		die(sb_text(&fault.why));
	return g;
}

// A share of the ASes with all their providers; or every AS several times, with the neighbours of
// its original.
static struct plan_graph *resize(const struct plan_graph *g, double share, uint32_t copies)
{
	struct rng rng = { 1 };
	own(free_ptr) bool *keep = mem_zalloc(g->count);
	struct plan_builder *b = plan_builder_new();
	struct plan_fault fault = {};
	struct plan_graph *ret = NULL;
	int rc = 0;

	for (uint32_t i = 0; i < g->count; i++) { // customers before their providers
		uint32_t v = g->order[i];
		keep[v] |= (double)rng_range(&rng, 0, 999999) / 1e6 < share;
		struct plan_span up = plan_neighbours(g, v, PLAN_PROVIDER);
		for (uint32_t k = 0; keep[v] && k < up.count; k++)
			keep[up.node[k]] = true;
	}
	for (uint32_t v = 0; v < g->count; v++) {
		bool leaf = plan_neighbours(g, v, PLAN_CUSTOMER).count == 0;
		for (uint32_t copy = 0; keep[v] && copy < (leaf ? copies : 1); copy++) {
			uint32_t asn = g->asn[v] + (copy ? 1000000000u + copy * 10000000u : 0);
			for (enum plan_relation r = PLAN_PEER; r <= PLAN_PROVIDER; r++) {
				struct plan_span s = plan_neighbours(g, v, r);
				for (uint32_t k = 0; rc == 0 && k < s.count; k++)
					if (keep[s.node[k]])
						rc = plan_builder_add(b, asn, g->asn[s.node[k]], r);
			}
		}
	}
	if (rc < 0 || plan_builder_finish(&ret, &b, &fault) < 0)
		die("cannot resize the graph");
	return ret;
}

// ---- Work ----

struct job {
	struct plan_seed seeds[3];
	uint32_t origins[3];
	struct plan_announcement announcement;
};

static void random_job(struct job *j, struct rng *rng, const struct plan_graph *g)
{
	uint32_t n = 1 + (uint32_t)rng_range(rng, 0, 2);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t node = (uint32_t)rng_range(rng, 0, g->count - 1);
		for (uint32_t k = 0; k < i; k++)
			if (j->origins[k] == node)
				node = (node + 1) % g->count;
		j->origins[i] = node;
		j->seeds[i] = (struct plan_seed){ .node = node,
			.from = g->asn[node],
			.site = (uint16_t)i,
			.length = 1,
			.class = PLAN_ORIGIN,
			.scope = PLAN_TO_ALL };
	}
	j->announcement = (struct plan_announcement){ n, j->seeds, n, PLAN_NONE };
}

static void compare(
	const struct plan_graph *g, const struct plan_routes *r, const struct loop_route *loop)
{
	for (uint32_t v = 0; v < g->count; v++)
		if (r->route[v].class != loop[v].class || r->route[v].length != loop[v].length ||
			r->route[v].next_hop != loop[v].next_hop)
			die("the loop and the engine disagree");
}

static void measure_one(const struct plan_graph *g)
{
	own(plan_routes_free) struct plan_routes *r = plan_routes_new(g);
	own(free_ptr) struct loop_route *loop = mem_zalloc(g->count * sizeof(*loop));
	own(free_ptr) uint32_t *queue = mem_zalloc(g->count * sizeof(*queue));
	struct times engine = {}, plain = {};
	struct rng rng = { 2 };
	struct job j = {};

	for (int i = 0; i < RUNS; i++) {
		random_job(&j, &rng, g);
		double began = now_ms();
		plan_loop(g, j.origins, j.announcement.seed_count, loop, queue);
		double between = now_ms();
		if (plan_propagate(r, &j.announcement, NULL) < 0)
			die("propagate");
		engine.list[engine.count++] = now_ms() - between;
		plain.list[plain.count++] = between - began;
		if (g->sibling_links == 0)
			compare(g, r, loop);
	}
	print_times("loop", &plain, 1, g);
	print_times("one", &engine, 1, g);
}

static void measure_batch(const struct plan_graph *g)
{
	own(plan_batch_free) struct plan_batch *b = plan_batch_new(g);
	struct plan_variant variants[PLAN_LANES];
	static struct job jobs[PLAN_LANES];
	struct times t = {};
	struct rng rng = { 3 };

	for (int i = 0; i < BATCHES; i++) {
		for (size_t k = 0; k < PLAN_LANES; k++) {
			random_job(&jobs[k], &rng, g);
			variants[k] = (struct plan_variant){ &jobs[k].announcement, NULL };
		}
		double began = now_ms();
		if (plan_batch_run(b, variants, PLAN_LANES) < 0)
			die("batch");
		t.list[t.count++] = now_ms() - began;
	}
	print_times("batch", &t, PLAN_LANES, g);
}

// An announcement of ten sites with three large neighbours each.
static const char *announcement(const struct plan_graph *g, struct strbuf *b)
{
	struct rng rng = { 4 };

	sb_str(b, "as: 4200000000\nsites:\n");
	for (int site = 0; site < 10; site++) {
		sb_printf(b, "  - {name: s%d, neighbours: [", site);
		uint32_t taken[3];
		for (int k = 0; k < 3;) {
			uint32_t v = (uint32_t)rng_range(&rng, 0, g->count - 1);
			bool again = (k > 0 && v == taken[0]) || (k > 1 && v == taken[1]);
			if (again || plan_neighbours(g, v, PLAN_CUSTOMER).count < 20)
				continue;
			sb_printf(b, "%s{as: %u}", k > 0 ? ", " : "", g->asn[v]);
			taken[k++] = v;
		}
		sb_str(b, "]}\n");
	}
	return sb_text(b);
}

static void measure_optimise(const struct plan_graph *g)
{
	own(sb_free) struct strbuf text = {}, why = {};
	own(plan_file_free) struct plan_file *f = NULL;
	own(plan_plan_free) struct plan_plan *p = NULL;
	own(plan_search_free) struct plan_search *s = NULL;
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));
	struct plan_latency latency = PLAN_LATENCY_DEFAULT;
	struct plan_optimise_options o = { PLAN_BALANCE, PLAN_SEARCH,
		PLAN_CHANGE_NEIGHBOURS | PLAN_CHANGE_PREPENDS, 3, 1 };
	struct times t = {};

	(void)announcement(g, &text);
	if (plan_file_load_text(&f, "bench", sb_text(&text), text.len, faults) < 0 ||
		plan_from_file(&p, f, g, faults) < 0 ||
		plan_search_new(&s, g, p, NULL, &latency, &o, &why) < 0)
		die("optimise");
	for (size_t i = 0; i < 20; i++) {
		double began = now_ms();
		uint64_t before = plan_search_evaluated(s);
		for (int k = 0; k < 5; k++)
			if (plan_search_step(s) < 0)
				die("optimise: step");
		t.list[t.count++] =
			(now_ms() - began) / (double)(plan_search_evaluated(s) - before);
	}
	print_times("optimise", &t, 1, g);
	faults_free(faults);
}

static void measure_load(const char *path)
{
	struct times t = {};
	struct plan_graph *g = NULL;

	for (int i = 0; i < 3; i++) {
		plan_graph_free(&g);
		double began = now_ms();
		g = load(path);
		t.list[t.count++] = now_ms() - began;
	}
	print_times("load", &t, 1, g);
	plan_graph_free(&g);
}

int main(int argc, char **argv)
{
	static const struct {
		double share;
		uint32_t copies;
	} sizes[] = { { 0.02, 1 }, { 0.1, 1 }, { 0.3, 1 }, { 1, 1 }, { 1, 3 }, { 1, 6 } };

	if (argc != 2)
		die("usage: plan_cost GRAPH");
	puts("ases\tlinks\twhat\tleast_ms\tmedian_ms");
	measure_load(argv[1]);
	own(plan_graph_free) struct plan_graph *whole = load(argv[1]);
	for (size_t i = 0; i < countof(sizes); i++) {
		own(plan_graph_free) struct plan_graph *g =
			resize(whole, sizes[i].share, sizes[i].copies);
		measure_one(g);
		measure_batch(g);
		measure_optimise(g);
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr, "peak memory %ld MiB\n", usage.ru_maxrss / 1024);
	return 0;
}
