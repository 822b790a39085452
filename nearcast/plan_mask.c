// --down AS, --cut AS-AS and --off SITE[/AS]: what is out of order.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearcast/plan.h"

void plan_failures_free(struct plan_failures *f)
{
	free(take(f->nodes));
	free(take(f->links));
	free(take(f->seeds_off));
	f->mask = (struct plan_mask){};
}

static bool read_as(const char *text, size_t n, uint32_t *ret)
{
	char digits[11] = {}, *end;

	if (n == 0 || n >= sizeof(digits) || strspn(text, "0123456789") < n)
		return false;
	memcpy(digits, text, n);
	unsigned long long as = strtoull(digits, &end, 10);
	*ret = (uint32_t)as;
	return as <= UINT32_MAX;
}

// The node of an AS number of n characters; PLAN_NONE, said.
static uint32_t find_as(const struct plan_graph *g, const char *option, const char *text, size_t n)
{
	uint32_t as, node = PLAN_NONE;

	if (!read_as(text, n, &as))
		cli_fail(CLI_USAGE, "%s: `%s` is not what it wants (nearcast help plan)", option,
			text);
	else if ((node = plan_node(g, as)) == PLAN_NONE)
		cli_fail(CLI_REFUSED, "%s: AS %u is not in the graph", option, as);
	return node;
}

static int ascending(const void *x, const void *y)
{
	const struct plan_broken_link *a = x, *b = y;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return (a->high > b->high) - (a->high < b->high);
}

static int ascending_node(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

static bool add_down(struct plan_failures *f, const struct plan_graph *g, const char *text)
{
	uint32_t node = find_as(g, "--down", text, strlen(text));

	if (node != PLAN_NONE)
		f->nodes[f->mask.node_count++] = node;
	return node != PLAN_NONE;
}

static bool shut_seeds_to(struct plan_failures *f, const struct plan_plan *p, uint32_t node)
{
	bool any = false;

	for (uint32_t i = 0; i < p->announcement.seed_count; i++)
		if (p->seeds[i].node == node)
			any = f->seeds_off[i] = true;
	if (!any)
		cli_fail(CLI_REFUSED, "--cut: no site has that neighbour");
	return any;
}

static bool add_cut(struct plan_failures *f, const struct plan_graph *g, const struct plan_plan *p,
	const char *text)
{
	const char *dash = strchr(text, '-');
	enum plan_relation is;

	if (!dash) {
		cli_fail(CLI_USAGE, "--cut wants two ASes, as 3356-1299");
		return false;
	}
	size_t n = (size_t)(dash - text);
	// A link to who announces is a door of its sites, and no link of the graph.
	uint32_t a, b, own_as = p->as;
	if (own_as && read_as(text, n, &a) && read_as(dash + 1, strlen(dash + 1), &b) &&
		(a == own_as || b == own_as)) {
		uint32_t node = plan_node(g, a == own_as ? b : a);
		return shut_seeds_to(f, p, node);
	}
	a = find_as(g, "--cut", text, n);
	b = a == PLAN_NONE ? a : find_as(g, "--cut", dash + 1, strlen(dash + 1));
	if (b == PLAN_NONE)
		return false;
	if (!plan_relation_of(g, a, b, &is)) {
		cli_fail(CLI_REFUSED, "--cut: AS %u and AS %u are not neighbours in the graph",
			g->asn[a], g->asn[b]);
		return false;
	}
	f->links[f->mask.link_count++] = (struct plan_broken_link){ a < b ? a : b, a < b ? b : a };
	return true;
}

// A whole site, or one neighbour of it.
static bool add_off(struct plan_failures *f, const struct plan_graph *g, const struct plan_plan *p,
	const char *text)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint32_t node = slash ? find_as(g, "--off", slash + 1, strlen(slash + 1)) : PLAN_NONE;
	bool found = false;

	if (slash && node == PLAN_NONE)
		return false;
	for (uint32_t i = 0; i < p->announcement.seed_count; i++) {
		const char *name = p->sites[p->seeds[i].site].name;
		if (strlen(name) != n || memcmp(name, text, n) != 0 ||
			(slash && p->seeds[i].node != node))
			continue;
		found = f->seeds_off[i] = true;
	}
	if (!found)
		cli_fail(CLI_REFUSED, "--off: there is no `%s` in the announcement", text);
	return found;
}

bool plan_load_failures(struct plan_failures *f, const struct plan_cli *c,
	const struct plan_graph *g, const struct plan_plan *p)
{
	bool fine = true;

	*f = (struct plan_failures){
		.nodes = mem_zalloc(PLAN_LIST_MAX * sizeof(*f->nodes)),
		.links = mem_zalloc(PLAN_LIST_MAX * sizeof(*f->links)),
		.seeds_off = mem_dup(p->seeds_off, p->announcement.seed_count * sizeof(bool)),
	};
	for (size_t i = 0; fine && i < c->down.count; i++)
		fine = add_down(f, g, c->down.text[i]);
	for (size_t i = 0; fine && i < c->cut.count; i++)
		fine = add_cut(f, g, p, c->cut.text[i]);
	for (size_t i = 0; fine && i < c->off.count; i++)
		fine = add_off(f, g, p, c->off.text[i]);
	qsort(f->nodes, f->mask.node_count, sizeof(*f->nodes), ascending_node);
	qsort(f->links, f->mask.link_count, sizeof(*f->links), ascending);
	f->mask.nodes = f->nodes;
	f->mask.links = f->links;
	f->mask.seeds_off = f->seeds_off;
	return fine;
}
