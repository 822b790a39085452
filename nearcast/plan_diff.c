// nearcast plan diff A B: who moves where when one announcement takes the place of another.
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearcast/plan.h"

enum { SHOWN = 20 };

// Sites are matched by name; one more stands for "no route".
struct diff {
	const struct plan_world *a, *b;
	size_t names_count;
	const char **names;
	uint32_t *of_a, *of_b; // index of each site's name
	double *weight;        // names + 1 squared, from a to b
	uint32_t *ases;
};

static uint32_t name_index(struct diff *d, const char *name)
{
	for (size_t i = 0; i < d->names_count; i++)
		if (strcmp(d->names[i], name) == 0)
			return (uint32_t)i;
	d->names[d->names_count] = name;
	return (uint32_t)d->names_count++;
}

static uint32_t *name_all(struct diff *d, const struct plan_plan *p)
{
	uint32_t *of = mem_zalloc((p->announcement.site_count + 1) * sizeof(*of));

	for (uint32_t i = 0; i < p->announcement.site_count; i++)
		of[i] = name_index(d, p->sites[i].name);
	return of;
}

static uint32_t site_at(
	const struct diff *d, const struct plan_world *w, const uint32_t *of, uint32_t node)
{
	int site = plan_world_site(w, node);

	return site < 0 ? (uint32_t)d->names_count : of[site];
}

static const char *name_of(const struct diff *d, size_t index)
{
	return index < d->names_count ? d->names[index] : NULL;
}

static double share_of(const struct plan_world *w, uint32_t node)
{
	return w->clients ? w->clients->of[node].weight / w->clients->total : 1.0 / w->graph->count;
}

static void count_moves(struct diff *d)
{
	size_t n = d->names_count + 1;

	d->weight = mem_zalloc(n * n * sizeof(*d->weight));
	d->ases = mem_zalloc(n * n * sizeof(*d->ases));
	for (uint32_t v = 0; v < d->a->graph->count; v++) {
		size_t at = site_at(d, d->a, d->of_a, v) * n + site_at(d, d->b, d->of_b, v);
		d->weight[at] += share_of(d->a, v);
		d->ases[at]++;
	}
}

static void write_site_row(struct out *o, const struct plan_cli *c, const struct diff *d, size_t i)
{
	size_t n = d->names_count + 1;
	double before = 0, after = 0;

	for (size_t k = 0; k < n; k++) {
		before += d->weight[i * n + k];
		after += d->weight[k * n + i];
	}
	if (!name_of(d, i) && before <= 0 && after <= 0)
		return;
	out_object(o, NULL);
	out_str(o, "site", name_of(d, i));
	plan_out_share(o, c, "before", before);
	plan_out_share(o, c, "after", after);
	plan_out_share(o, c, "change", after - before);
	out_end(o);
}

static void write_moves(struct out *o, const struct plan_cli *c, const struct diff *d)
{
	size_t n = d->names_count + 1;

	out_table(o, "moves");
	for (size_t i = 0; i < n * n; i++) {
		if (i / n == i % n || d->ases[i] == 0)
			continue;
		out_object(o, NULL);
		out_str(o, "from", name_of(d, i / n));
		out_str(o, "to", name_of(d, i % n));
		out_uint(o, "ases", d->ases[i]);
		plan_out_share(o, c, "share", d->weight[i]);
		out_end(o);
	}
	out_end(o);
}

// The heaviest ASes that move; a heap would be faster, and 20 of 80,000 need none.
static void write_heaviest(struct out *o, const struct plan_cli *c, const struct diff *d)
{
	uint32_t best[SHOWN];
	size_t count = 0;

	for (uint32_t v = 0; v < d->a->graph->count; v++) {
		if (site_at(d, d->a, d->of_a, v) == site_at(d, d->b, d->of_b, v))
			continue;
		size_t at = count < SHOWN ? count++ : SHOWN;
		for (; at > 0 && share_of(d->a, best[at - 1]) < share_of(d->a, v); at--)
			if (at < SHOWN)
				best[at] = best[at - 1];
		if (at < SHOWN)
			best[at] = v;
	}
	out_table(o, "heaviest");
	for (size_t i = 0; i < count; i++) {
		out_object(o, NULL);
		out_uint(o, "asn", d->a->graph->asn[best[i]]);
		out_str(o, "from", name_of(d, site_at(d, d->a, d->of_a, best[i])));
		out_str(o, "to", name_of(d, site_at(d, d->b, d->of_b, best[i])));
		plan_out_share(o, c, "share", share_of(d->a, best[i]));
		out_end(o);
	}
	out_end(o);
}

static void write_tsv(struct strbuf *b, const struct diff *d)
{
	sb_str(b, "asn\tbefore\tafter\tshare\n");
	for (uint32_t v = 0; v < d->a->graph->count; v++) {
		uint32_t before = site_at(d, d->a, d->of_a, v),
			 after = site_at(d, d->b, d->of_b, v);
		if (before != after)
			sb_printf(b, "%u\t%s\t%s\t%.9f\n", d->a->graph->asn[v],
				before < d->names_count ? d->names[before] : "-",
				after < d->names_count ? d->names[after] : "-", share_of(d->a, v));
	}
}

static void write_latency(struct out *o, const struct plan_cli *c, const struct diff *d)
{
	if (d->a->summary.placed <= 0 && d->b->summary.placed <= 0)
		return;
	out_object(o, "latency");
	plan_out_ms(o, c, "mean_ms_before", d->a->summary.mean_ms);
	plan_out_ms(o, c, "mean_ms_after", d->b->summary.mean_ms);
	plan_out_ms(o, c, "p95_ms_before", d->a->summary.p95_ms);
	plan_out_ms(o, c, "p95_ms_after", d->b->summary.p95_ms);
	out_end(o);
}

static double moved_of(const struct diff *d)
{
	size_t n = d->names_count + 1;
	double moved = 0;

	for (size_t i = 0; i < n * n; i++)
		moved += i / n == i % n ? 0 : d->weight[i];
	return moved;
}

static void write_all(struct strbuf *b, const struct plan_cli *c, const struct diff *d)
{
	struct out *o = out_new(c->json ? OUT_JSON : OUT_TEXT, b);
	size_t n = d->names_count + 1;
	double moved = moved_of(d);

	out_object(o, NULL);
	out_line(o, "%.1f %% of the weight moves.", moved * 100);
	if (c->json)
		out_double(o, "moved", moved, 6);
	write_latency(o, c, d);
	if (d->b->summary.overload > 0 || c->json)
		plan_out_share(o, c, "overload", d->b->summary.overload);
	out_table(o, "sites");
	for (size_t i = 0; i < n; i++)
		write_site_row(o, c, d, i);
	out_end(o);
	write_moves(o, c, d);
	write_heaviest(o, c, d);
	out_end(o);
	out_free(&o);
}

static struct diff compare(const struct plan_world *before, const struct plan_world *after)
{
	uint32_t most =
		before->plan->announcement.site_count + after->plan->announcement.site_count;
	struct diff d = {
		.a = before, .b = after, .names = mem_zalloc((most + 1) * sizeof(char *))
	};

	d.of_a = name_all(&d, before->plan);
	d.of_b = name_all(&d, after->plan);
	count_moves(&d);
	return d;
}

static void diff_free(struct diff *d)
{
	free(d->names);
	free(d->of_a);
	free(d->of_b);
	free(d->weight);
	free(d->ases);
}

enum cli_exit plan_write_moves_page(
	const struct plan_cli *c, const struct plan_world *before, const struct plan_world *after)
{
	own(diff_free) struct diff d = compare(before, after);

	return plan_write_html_diff(c, before, after, moved_of(&d));
}

enum cli_exit plan_write_diff(
	struct plan_cli *c, const struct plan_world *before, const struct plan_world *after)
{
	own(sb_free) struct strbuf b = {};
	own(diff_free) struct diff d = compare(before, after);
	enum cli_exit status =
		c->html ? plan_write_html_diff(c, before, after, moved_of(&d)) : CLI_DONE;
	if (c->tsv)
		write_tsv(&b, &d);
	else
		write_all(&b, c, &d);
	return status == CLI_DONE ? plan_write(&b) : status;
}

enum cli_exit plan_diff(struct plan_cli *c)
{
	own(plan_world_free) struct plan_world before = {}, after = {};

	if (!plan_world_open(&before, c))
		return CLI_REFUSED;
	plan_world_share(&after, &before);
	before.plan = plan_load_either(c->arguments[0], before.graph);
	after.plan = before.plan ? plan_load_either(c->arguments[1], before.graph) : NULL;
	if (!after.plan || !plan_load_failures(&before.failures, c, before.graph, before.plan) ||
		!plan_load_failures(&after.failures, c, after.graph, after.plan) ||
		!plan_world_compute(&before) || !plan_world_compute(&after))
		return CLI_REFUSED;
	return plan_write_diff(c, &before, &after);
}
