// --learned FILE: what plan learn --tsv found out about the sites of an announcement.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearcast/plan.h"

// What a row may name as its evidence; other words are taken as the last.
static const char *const evidence_words[] = { "measured", "chain", "model", "learned" };

struct reading {
	struct plan_learned *l;
	const struct plan_graph *g;
	const struct plan_plan *p;
	bool *announces; // of each site
	struct plan_table table;
	struct plan_fault fault;
};

void plan_learned_free(struct plan_learned **l)
{
	struct plan_learned *old = take(*l);

	if (!old)
		return;
	free(old->site);
	free(old->probability);
	free(old->evidence);
	free(old);
}

static int find_site(const struct plan_plan *p, const char *name)
{
	for (uint32_t i = 0; i < p->announcement.site_count; i++)
		if (strcmp(p->sites[i].name, name) == 0)
			return (int)i;
	return -1;
}

static const char *evidence_of(char **cells, size_t count)
{
	size_t last = countof(evidence_words) - 1;

	for (size_t i = 0; count > 3 && i < last; i++)
		if (strcmp(cells[3], evidence_words[i]) == 0)
			return evidence_words[i];
	return evidence_words[last];
}

// asn, site, and if they are there probability and evidence.
static int take_row(void *context, bool first, char **cells, size_t count, struct plan_fault *fault)
{
	struct reading *x = context;
	double probability = -1;
	uint32_t as;

	if (first && !plan_cell_as(cells[0], &as))
		return 0; // a heading
	if (count < 2 || !plan_cell_as(cells[0], &as) ||
		(count > 2 && !plan_cell_number(cells[2], 0, 1, &probability))) {
		sb_str(&fault->why, "a row wants an AS number, a site and a probability");
		return -EINVAL;
	}
	int site = find_site(x->p, cells[1]);
	if (site < 0) {
		sb_printf(&fault->why, "there is no site `%.60s` in the announcement", cells[1]);
		return -EINVAL;
	}
	uint32_t node = plan_node(x->g, as);
	if (node == PLAN_NONE || !x->announces[site])
		return 0;
	x->l->count += x->l->site[node] < 0;
	x->l->site[node] = (int16_t)site;
	x->l->probability[node] = (float)probability;
	x->l->evidence[node] = evidence_of(cells, count);
	return 0;
}

static int take_bytes(void *context, const void *bytes, size_t n)
{
	struct reading *x = context;

	return plan_table_feed(&x->table, bytes, n, take_row, x, &x->fault);
}

static struct plan_learned *learned_new(uint32_t count)
{
	struct plan_learned *l = mem_zalloc(sizeof(*l));

	l->site = mem_zalloc(count * sizeof(*l->site));
	l->probability = mem_zalloc(count * sizeof(*l->probability));
	l->evidence = mem_zalloc(count * sizeof(*l->evidence));
	for (uint32_t v = 0; v < count; v++)
		l->site[v] = -1;
	return l;
}

struct plan_learned *plan_load_learned(const char *path, const struct plan_graph *g,
	const struct plan_plan *p, const struct plan_mask *mask)
{
	own(free_ptr) bool *announces = mem_zalloc(p->announcement.site_count * sizeof(bool));
	struct reading x = { learned_new(g->count), g, p, announces };

	for (uint32_t i = 0; i < p->announcement.seed_count; i++)
		announces[p->seeds[i].site] |= plan_seed_is_on(&p->announcement, mask, i);
	int rc = plan_read(path, "reading what was learnt", take_bytes, &x);
	if (rc == 0)
		rc = plan_table_end(&x.table, take_row, &x, &x.fault);
	if (rc < 0 && x.fault.why.len > 0)
		plan_say_fault(path, &x.fault);
	if (rc < 0)
		plan_learned_free(&x.l);
	sb_free(&x.table.part);
	plan_fault_free(&x.fault);
	return x.l;
}
