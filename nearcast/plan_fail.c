// nearcast plan fail: what each failure would do, the worst first; or one failure in full.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearcast/plan.h"
#include "plan/impact.h"

enum { TOP = 20, TOP_MAX = 1000 };

// One thing that may fail.
struct failure {
	const char *kind;
	char what[96];
	struct plan_mask mask;
	bool *seeds_off; // owned; NULL: the base's
	uint32_t node;
	struct plan_broken_link link;
	struct plan_impact impact;
};

struct failures {
	struct failure *list;
	size_t count, done, cap;
	const struct plan_world *w;
};

static struct failure *add(struct failures *f, const char *kind)
{
	if (f->count == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		f->list = mem_resize(f->list, f->cap, sizeof(*f->list));
	}
	struct failure *x = &f->list[f->count++];
	*x = (struct failure){ .kind = kind, .mask = f->w->failures.mask };
	return x;
}

// ---- What may fail ----

static void add_seeds(struct failures *f, bool whole_sites)
{
	const struct plan_plan *p = f->w->plan;
	uint32_t n = p->announcement.seed_count;

	for (uint32_t i = 0; i < (whole_sites ? p->announcement.site_count : n); i++) {
		if (!whole_sites && f->w->failures.seeds_off[i])
			continue;
		struct failure *x = add(f, whole_sites ? "site" : "session");
		x->seeds_off = mem_dup(f->w->failures.seeds_off, n * sizeof(bool));
		for (uint32_t k = 0; k < n; k++)
			x->seeds_off[k] |= whole_sites ? p->seeds[k].site == i : k == i;
		if (whole_sites)
			snprintf(x->what, sizeof(x->what), "%s", p->sites[i].name);
		else
			snprintf(x->what, sizeof(x->what), "%s/%u", p->sites[p->seeds[i].site].name,
				f->w->graph->asn[p->seeds[i].node]);
	}
}

struct ranked {
	uint32_t node;
	double carried;
};

static int heavier_first(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	if (a->carried != b->carried)
		return a->carried > b->carried ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

// The ASes, or the links to the next hop, that the most weight crosses.
static void add_heaviest(struct failures *f, size_t top, bool links)
{
	const struct plan_routes *r = f->w->routes;
	uint32_t n = r->graph->count;
	own(free_ptr) double *carried = mem_zalloc(n * sizeof(*carried));
	own(free_ptr) struct ranked *ranked = mem_zalloc(n * sizeof(*ranked));
	size_t count = 0;

	plan_carried(r, f->w->clients, carried);
	for (uint32_t v = 0; v < n; v++) {
		bool usable = links ? r->route[v].next_hop != PLAN_NONE
				    : r->route[v].class != PLAN_ORIGIN;
		if (usable && carried[v] > 0)
			ranked[count++] = (struct ranked){ v, carried[v] };
	}
	qsort(ranked, count, sizeof(*ranked), heavier_first);
	for (size_t i = 0; i < count && i < top; i++) {
		struct failure *x = add(f, links ? "link" : "as");
		uint32_t node = ranked[i].node, next = r->route[node].next_hop;
		if (links) {
			x->link = (struct plan_broken_link){ node < next ? node : next,
				node < next ? next : node };
			snprintf(x->what, sizeof(x->what), "%u-%u", r->graph->asn[node],
				r->graph->asn[next]);
		} else {
			x->node = node;
			snprintf(x->what, sizeof(x->what), "%u", r->graph->asn[node]);
		}
	}
}

// Lists may have moved while they grew, so masks point into them only now.
static void point_masks(struct failures *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct failure *x = &f->list[i];
		if (x->seeds_off)
			x->mask.seeds_off = x->seeds_off;
		if (strcmp(x->kind, "as") == 0) {
			x->mask.nodes = &x->node;
			x->mask.node_count = 1;
		} else if (strcmp(x->kind, "link") == 0) {
			x->mask.links = &x->link;
			x->mask.link_count = 1;
		}
	}
}

// ---- Trying them ----

static int try_all(struct failures *f)
{
	const struct plan_world *w = f->w;
	struct plan_ground ground = { w->graph, w->plan, w->clients, &w->latency, w->routes };
	own(plan_impacts_free) struct plan_impacts *impacts = plan_impacts_new(&ground);
	const struct plan_mask *masks[PLAN_LANES];
	struct plan_impact got[PLAN_LANES];
	int rc = 0;

	plan_catch_interrupt();
	while (rc == 0 && f->done < f->count && !plan_interrupted()) {
		size_t n = f->count - f->done < PLAN_LANES ? f->count - f->done : PLAN_LANES;
		for (size_t i = 0; i < n; i++)
			masks[i] = &f->list[f->done + i].mask;
		rc = plan_impacts_of(impacts, masks, (uint32_t)n, got);
		for (size_t i = 0; rc == 0 && i < n; i++)
			f->list[f->done++].impact = got[i];
		plan_progress("failures", f->done, f->count);
	}
	plan_progress_end();
	return rc;
}

static int worst_first(const void *x, const void *y)
{
	const struct plan_impact *a = &((const struct failure *)x)->impact;
	const struct plan_impact *b = &((const struct failure *)y)->impact;
	double worse = (b->lost - a->lost) * 1e6 + (b->overload - a->overload) * 1e3 +
		       (b->moved - a->moved);

	return (worse > 0) - (worse < 0);
}

// ---- Telling ----

static void write_failure(
	struct out *o, const struct plan_cli *c, const struct failures *f, const struct failure *x)
{
	out_object(o, NULL);
	out_str(o, "kind", x->kind);
	out_str(o, "failure", x->what);
	plan_out_share(o, c, "lost", x->impact.lost);
	plan_out_share(o, c, "moved", x->impact.moved);
	plan_out_share(o, c, "overload", x->impact.overload);
	out_str(o, "fullest", f->w->plan->sites[x->impact.fullest_site].name);
	plan_out_share(o, c, "its_share", x->impact.fullest);
	if (f->w->summary.placed > 0)
		plan_out_ms(o, c, "mean_ms", x->impact.mean_ms);
	out_end(o);
}

static void write_text(struct strbuf *b, const struct plan_cli *c, const struct failures *f)
{
	struct out *o = out_new(c->json ? OUT_JSON : OUT_TEXT, b);

	out_object(o, NULL);
	out_line(o, "%zu failures tried, the worst first%s.", f->done,
		f->done < f->count ? "; interrupted" : "");
	if (c->json) {
		out_uint(o, "tried", f->done);
		out_bool(o, "complete", f->done == f->count);
	}
	if (f->w->summary.placed > 0)
		plan_out_ms(o, c, "mean_ms_before", f->w->summary.mean_ms);
	out_table(o, "failures");
	for (size_t i = 0; i < f->done; i++)
		write_failure(o, c, f, &f->list[i]);
	out_end(o);
	out_end(o);
	out_free(&o);
}

static void write_tsv(struct strbuf *b, const struct failures *f)
{
	sb_str(b, "kind\tfailure\tlost\tmoved\toverload\tfullest\tits_share\tmean_ms\n");
	for (size_t i = 0; i < f->done; i++) {
		const struct failure *x = &f->list[i];
		sb_printf(b, "%s\t%s\t%.6f\t%.6f\t%.6f\t%s\t%.6f\t%.2f\n", x->kind, x->what,
			x->impact.lost, x->impact.moved, x->impact.overload,
			f->w->plan->sites[x->impact.fullest_site].name, x->impact.fullest,
			x->impact.mean_ms);
	}
}

static bool read_top(const char *text, size_t *ret)
{
	double n;

	*ret = TOP;
	if (!text)
		return true;
	if (!plan_cell_number(text, 0, TOP_MAX, &n) || n != (double)(size_t)n) {
		cli_fail(CLI_USAGE, "--top wants a whole number up to %d", TOP_MAX);
		return false;
	}
	*ret = (size_t)n;
	return true;
}

// Each failure by itself, all of them on top of what the file has off.
static enum cli_exit try_many(const struct plan_cli *c, const struct plan_world *w, size_t top)
{
	own(sb_free) struct strbuf b = {};
	struct failures f = { .w = w };

	if (w->plan->announcement.site_count > 1)
		add_seeds(&f, true);
	if (c->announce)
		add_seeds(&f, false);
	add_heaviest(&f, top, false);
	add_heaviest(&f, top, true);
	point_masks(&f);
	int rc = try_all(&f);
	qsort(f.list, f.done, sizeof(*f.list), worst_first);
	if (c->tsv)
		write_tsv(&b, &f);
	else
		write_text(&b, c, &f);
	bool whole = f.done == f.count;
	for (size_t i = 0; i < f.count; i++)
		free(f.list[i].seeds_off);
	free(f.list);
	if (rc < 0)
		return cli_fail(CLI_REFUSED, "a path of over %d ASes", PLAN_LENGTH_MAX);
	enum cli_exit status = plan_write(&b);
	return whole ? status : CLI_REFUSED;
}

enum cli_exit plan_fail(struct plan_cli *c)
{
	own(plan_world_free) struct plan_world w = {}, after = {};
	struct plan_list down = c->down, cut = c->cut, off = c->off;
	bool one = down.count + cut.count + off.count > 0;
	size_t top;

	if (!read_top(c->top, &top))
		return CLI_USAGE;
	c->down.count = c->cut.count = c->off.count = 0; // before it
	if (!plan_world_load(&w, c))
		return CLI_REFUSED;
	if (!one && c->html)
		return cli_fail(CLI_USAGE, "--html wants one failure: --down, --cut or --off");
	if (!one)
		return try_many(c, &w, top);
	plan_world_share(&after, &w);
	after.plan = w.plan;
	c->down = down;
	c->cut = cut;
	c->off = off;
	bool fine = plan_load_failures(&after.failures, c, w.graph, w.plan) &&
		    plan_world_compute(&after);
	enum cli_exit status = fine ? plan_write_diff(c, &w, &after) : CLI_REFUSED;
	after.plan = NULL; // it is w's
	return status;
}
