// nearcast plan optimise: the best sites, neighbours and prepends that the time allows to find.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/schema.h"
#include "lib/text.h"
#include "nearcast/plan.h"
#include "plan/optimise.h"

enum { RATE_EXPECTED = 4000 }; // evaluations a second, to choose a method by

struct optimising {
	struct plan_cli *c;
	struct plan_world w;
	struct plan_optimise_options options;
	bool method_given;
	double budget_s, took_s;
	struct plan_search *search;
	bool complete; // nothing is left to try
};

static double now_s(void)
{
	return plan_now_ms() / 1e3;
}

// ---- Options ----

static bool read_word(const char *what, const char *text, size_t count,
	const char *(*name)(size_t index), size_t *ret)
{
	const char *names[8] = {};

	for (size_t i = 0; i < count; i++)
		names[i] = name(i);
	const char *found = word_find(what, text, names);
	for (size_t i = 0; found && i < count; i++)
		if (strcmp(found, names[i]) == 0)
			*ret = i;
	return found != NULL;
}

static const char *objective_name(size_t i)
{
	return plan_objective_name((enum plan_objective)i);
}

static const char *method_name(size_t i)
{
	return plan_method_name((enum plan_method)i);
}

static const char *change_name(size_t i)
{
	static const char *const names[] = { "sites", "neighbours", "prepends" };

	return names[i];
}

static bool read_change(const char *text, unsigned *ret)
{
	enum { KINDS = 3 };
	own(free_ptr) char *copy = mem_strdup(text);
	char *save = NULL;

	*ret = 0;
	for (char *at = strtok_r(copy, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		size_t kind = 0;
		if (!read_word("kind of change", at, KINDS, change_name, &kind))
			return false;
		*ret |= 1u << kind;
	}
	if (*ret == 0)
		cli_fail(CLI_USAGE, "--change wants sites, neighbours or prepends");
	return *ret != 0;
}

static bool read_whole(const char *option, const char *text, double max, uint64_t *ret)
{
	double n;

	if (!plan_cell_number(text, 0, max, &n) || n != (double)(uint64_t)n) {
		cli_fail(CLI_USAGE, "%s wants a whole number up to %.0f", option, max);
		return false;
	}
	*ret = (uint64_t)n;
	return true;
}

static bool read_time(const char *text, double *ret)
{
	own(sb_free) struct strbuf why = {};
	span s;

	if (schema_parse_span(text, &s, &why) < 0) {
		cli_fail(CLI_USAGE, "--time: %s", sb_text(&why));
		return false;
	}
	*ret = span_to_s(s);
	return true;
}

static bool read_options(struct optimising *x)
{
	const struct plan_cli *c = x->c;
	size_t objective = PLAN_MEAN, method = PLAN_SEARCH;
	uint64_t prepend = 3;

	x->options.change = PLAN_CHANGE_SITES | PLAN_CHANGE_NEIGHBOURS | PLAN_CHANGE_PREPENDS;
	x->options.seed = 1;
	x->budget_s = 30;
	if ((c->objective && !read_word("objective", c->objective, PLAN_OBJECTIVE_MAX,
				     objective_name, &objective)) ||
		(c->method &&
			!read_word("method", c->method, PLAN_METHOD_MAX, method_name, &method)) ||
		(c->change && !read_change(c->change, &x->options.change)) ||
		(c->prepend && !read_whole("--prepend", c->prepend, PLAN_PREPEND_MAX, &prepend)) ||
		(c->seed && !read_whole("--seed", c->seed, 1e15, &x->options.seed)) ||
		(c->time && !read_time(c->time, &x->budget_s)))
		return false;
	x->options.objective = (enum plan_objective)objective;
	x->options.method = (enum plan_method)method;
	x->options.max_prepend = (unsigned)prepend;
	x->method_given = c->method != NULL;
	return true;
}

// ---- Searching ----

static bool new_search(struct optimising *x)
{
	own(sb_free) struct strbuf why = {};
	int rc = plan_search_new(
		&x->search, x->w.graph, x->w.plan, x->w.clients, &x->w.latency, &x->options, &why);

	if (rc < 0)
		cli_fail(CLI_REFUSED, "%s", sb_text(&why));
	return rc == 0;
}

static bool choose_method(struct optimising *x)
{
	if (!new_search(x))
		return false;
	if (x->method_given || (double)plan_search_total(x->search) > RATE_EXPECTED * x->budget_s)
		return true;
	x->options.method = PLAN_EXHAUSTIVE;
	plan_search_free(&x->search);
	return new_search(x);
}

static bool search(struct optimising *x)
{
	double began = now_s();
	int rc = 1;

	plan_catch_interrupt();
	do {
		rc = plan_search_step(x->search);
		x->took_s = now_s() - began;
		bool counted = x->options.method == PLAN_EXHAUSTIVE;
		plan_progress(counted ? "trying all" : "searching",
			counted ? plan_search_evaluated(x->search) : (uint64_t)(x->took_s * 1000),
			counted ? plan_search_total(x->search) : (uint64_t)(x->budget_s * 1000));
	} while (rc == 1 && x->took_s < x->budget_s && !plan_interrupted());
	plan_progress_end();
	x->complete = rc == 0;
	if (rc < 0)
		cli_fail(CLI_REFUSED, "a path of over %d ASes", PLAN_LANE_LENGTH_MAX);
	return rc >= 0;
}

// ---- Telling ----

static void write_score(struct out *o, struct optimising *x, const char *name, uint32_t changes,
	const struct plan_found *f)
{
	struct plan_score s = f->score;

	if (plan_search_score(x->search, f->state, &s) < 0)
		s = f->score; // the figures that the search itself needs
	out_object(o, NULL);
	if (name)
		out_str(o, "what", name);
	out_uint(o, "changes", name ? s.changes : changes);
	plan_out_ms(o, x->c, "mean_ms", s.mean_ms);
	plan_out_ms(o, x->c, "p95_ms", s.p95_ms);
	out_double(o, "fullest", s.fullest, 3);
	plan_out_share(o, x->c, "overload", s.overload);
	plan_out_share(o, x->c, "unreached", s.unreached);
	out_end(o);
}

static bool better_than(const struct plan_score *a, const struct plan_score *b)
{
	if (a->overload < b->overload - 1e-9 || a->overload > b->overload + 1e-9)
		return a->overload < b->overload;
	return a->value < b->value - 1e-9;
}

// The least that each number of changes gives, as long as more gives less.
static void write_frontier(struct out *o, struct optimising *x)
{
	const struct plan_found *last = NULL;

	out_table(o, "frontier");
	for (uint32_t i = 0; i < PLAN_FRONTIER_MAX; i++) {
		const struct plan_found *f = plan_search_frontier(x->search, i);
		if (!f->state || (last && !better_than(&f->score, &last->score)))
			continue;
		write_score(o, x, NULL, i, f);
		last = f;
	}
	out_end(o);
}

static void add_value(struct strbuf *b, bool seed, uint8_t value)
{
	if (value == 0)
		sb_str(b, "off");
	else if (!seed || value == 1)
		sb_str(b, "on");
	else
		sb_printf(b, "prepend %u", value - 1u);
}

static void write_change(
	struct out *o, const struct optimising *x, uint32_t gene, uint8_t from, uint8_t to)
{
	const struct plan_plan *p = x->w.plan;
	uint32_t sites = p->announcement.site_count;
	bool seed = gene >= sites;
	uint32_t site = seed ? p->seeds[gene - sites].site : gene;
	own(sb_free) struct strbuf was = {}, is = {};

	add_value(&was, seed, from);
	add_value(&is, seed, to);
	out_object(o, NULL);
	out_str(o, "site", p->sites[site].name);
	if (seed)
		out_uint(o, "neighbour", x->w.graph->asn[p->seeds[gene - sites].node]);
	else
		out_null(o, "neighbour");
	out_str(o, "from", sb_text(&was));
	out_str(o, "to", sb_text(&is));
	out_end(o);
}

// Neighbours of a site that goes off say nothing more.
static void write_changes(struct out *o, const struct optimising *x)
{
	const uint8_t *from = plan_search_start(x->search)->state;
	const uint8_t *to = plan_search_best(x->search)->state;
	uint32_t sites = x->w.plan->announcement.site_count;

	out_table(o, "changes");
	for (uint32_t i = 0; i < plan_search_genes(x->search); i++) {
		bool silent = i >= sites && !to[x->w.plan->seeds[i - sites].site];
		if (!silent && from[i] != to[i])
			write_change(o, x, i, from[i], to[i]);
	}
	out_end(o);
}

static void write_head(struct out *o, const struct optimising *x)
{
	uint64_t n = plan_search_evaluated(x->search), total = plan_search_total(x->search);
	bool proven = x->complete && x->options.method == PLAN_EXHAUSTIVE;
	double rate = x->took_s > 0 ? (double)n / x->took_s : 0;

	out_line(o, "%llu announcements tried in %.1f s, %.0f a second%s.", (unsigned long long)n,
		x->took_s, rate,
		proven                                 ? "; there are no others"
		: x->options.method == PLAN_EXHAUSTIVE ? "; not all of them"
						       : "");
	if (!x->c->json)
		return;
	out_str(o, "objective", plan_objective_name(x->options.objective));
	out_str(o, "method", plan_method_name(x->options.method));
	out_uint(o, "evaluated", n);
	if (total == UINT64_MAX)
		out_null(o, "total");
	else
		out_uint(o, "total", total);
	out_bool(o, "proven", proven);
	out_double(o, "seconds", x->took_s, 3);
	out_double(o, "per_second", rate, 0);
}

static enum cli_exit tell(struct optimising *x)
{
	own(sb_free) struct strbuf b = {};
	struct out *o = out_new(x->c->json ? OUT_JSON : OUT_TEXT, &b);
	const struct plan_found *greedy = plan_search_greedy(x->search);

	out_object(o, NULL);
	write_head(o, x);
	out_table(o, "results");
	write_score(o, x, "start", 0, plan_search_start(x->search));
	if (greedy->state)
		write_score(o, x, "greedy", 0, greedy);
	write_score(o, x, "best", 0, plan_search_best(x->search));
	out_end(o);
	write_frontier(o, x);
	write_changes(o, x);
	out_end(o);
	out_free(&o);
	return plan_write(&b);
}

// ---- The best as a file ----

static void apply_best(const struct optimising *x, struct plan_file *f)
{
	const uint8_t *state = plan_search_best(x->search)->state;
	struct plan_site_conf *sites = f->sites.data;
	size_t gene = f->sites.count;

	for (size_t i = 0; i < f->sites.count; i++) {
		sites[i].off = !state[i];
		items_for_each(struct plan_neighbour, n, sites[i].neighbours)
		{
			uint8_t value = state[gene++];
			if (value == 0)
				n->announce = PLAN_OFF;
			else if (n->announce == PLAN_OFF)
				n->announce = PLAN_ON;
			if (value > 0)
				n->prepend = value - 1u;
		}
	}
}

// The file as it was read, with the best announcement in it. NULL: said why.
static struct plan_file *best_file(const struct optimising *x)
{
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));
	struct plan_file *f = NULL;
	int rc = plan_file_load(&f, x->c->announce, faults);

	faults_free(faults);
	if (rc < 0)
		cli_fail(CLI_REFUSED, "%s changed meanwhile", x->c->announce);
	else
		apply_best(x, f);
	return f;
}

static enum cli_exit write_best(const struct optimising *x)
{
	own(plan_file_free) struct plan_file *f = best_file(x);
	own(sb_free) struct strbuf b = {};

	if (!f)
		return CLI_REFUSED;
	schema_print(&plan_schema, f, &b);
	own(close_file) FILE *out = fopen(x->c->best, "w");
	if (!out || fwrite(sb_text(&b), 1, b.len, out) != b.len || fflush(out) != 0)
		return cli_fail(CLI_REFUSED, "%s: %s", x->c->best, strerror(errno));
	return CLI_DONE;
}

// A page with the map before and after.
static enum cli_exit write_page(struct optimising *x)
{
	own(plan_file_free) struct plan_file *f = best_file(x);
	own(plan_world_free) struct plan_world after = {};
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));

	if (!f)
		return CLI_REFUSED;
	plan_world_share(&after, &x->w);
	int rc = plan_from_file(&after.plan, f, after.graph, faults);
	faults_free(faults);
	if (rc < 0 || !plan_load_failures(&after.failures, x->c, after.graph, after.plan) ||
		!plan_world_compute(&after))
		return cli_fail(CLI_REFUSED, "the best announcement cannot be drawn");
	return plan_write_moves_page(x->c, &x->w, &after);
}

static enum cli_exit run(struct optimising *x)
{
	if (!plan_world_load(&x->w, x->c) || !choose_method(x) || !search(x))
		return CLI_REFUSED;
	enum cli_exit status = tell(x);
	if (status == CLI_DONE && x->c->best)
		status = write_best(x);
	if (status == CLI_DONE && x->c->html)
		status = write_page(x);
	return status == CLI_DONE && plan_interrupted() ? CLI_REFUSED : status;
}

enum cli_exit plan_optimise(struct plan_cli *c)
{
	struct optimising x = { .c = c };

	if ((c->best || c->html) && !c->announce)
		return cli_fail(CLI_USAGE, "%s wants --announce", c->best ? "--best" : "--html");
	enum cli_exit status = read_options(&x) ? run(&x) : CLI_USAGE;
	plan_search_free(&x.search);
	plan_world_free(&x.w);
	return status;
}
