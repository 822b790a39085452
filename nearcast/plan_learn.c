// nearcast plan learn: where each AS would go if some sites announced together, from what it did in
// other trials. What was measured with just these sites is told as it was measured; ASes that no
// trial saw are filled in from the graph.
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearcast/plan.h"
#include "plan/prefer.h"

// How a row came to be.
enum evidence { MEASURED, CHAIN, MODEL, FILLED, EVIDENCE_MAX };

static const char *const evidence_names[] = { "measured", "chain", "model", "filled" };

struct question {
	uint8_t sites[PLAN_VOTE_SITES_MAX];
	size_t count;
};

struct answer {
	uint32_t count; // ASes: those of the votes, then those filled in
	uint32_t *asn;
	uint8_t *said; // index in the question
	uint8_t *evidence;
	double *p; // count * sites of the question
};

static enum cli_exit read_question(struct question *q, const struct plan_votes *v, const char *text)
{
	own(free_ptr) char *copy = mem_strdup(text);

	for (char *at = copy, *word; (word = strsep(&at, ","));) {
		uint8_t site = 0;
		while (site < v->site_count && strcmp(v->sites[site], word) != 0)
			site++;
		if (site == v->site_count)
			return cli_fail(
				CLI_REFUSED, "--predict: no trial has a site `%.60s`", word);
		if (memchr(q->sites, site, q->count))
			return cli_fail(CLI_USAGE, "--predict: `%.60s` stands there twice", word);
		q->sites[q->count++] = site;
	}
	return q->count >= 2 ? CLI_DONE : cli_fail(CLI_USAGE, "--predict wants two sites or more");
}

// The trial of just these sites; NULL: there was none.
static const struct plan_trial *find_trial(const struct plan_votes *v, const struct question *q)
{
	for (size_t i = 0; i < v->trial_count; i++) {
		const struct plan_trial *t = &v->trials[i];
		size_t n = 0;
		for (uint8_t j = 0; j < t->site_count; j++)
			n += memchr(q->sites, t->sites[j], q->count) != NULL;
		if (n == q->count && t->site_count == q->count)
			return t;
	}
	return NULL;
}

static size_t index_of(const struct question *q, uint8_t site)
{
	return (size_t)((const uint8_t *)memchr(q->sites, site, q->count) - q->sites);
}

// A site that chains of trials put before all others asked for; count of q: there is none.
static size_t find_chain(const struct plan_votes *v, const struct question *q, uint32_t as)
{
	for (size_t i = 0; i < q->count; i++) {
		size_t before = 0;
		for (size_t j = 0; j < q->count; j++)
			before += j != i && plan_prefers(v, NULL, as, q->sites[i], q->sites[j]) ==
						    PLAN_PREFERS_FIRST;
		if (before + 1 == q->count)
			return i;
	}
	return q->count;
}

static void answer_all(struct answer *a, const struct plan_lessons *l, const struct question *q)
{
	const struct plan_votes *v = l->votes;
	const struct plan_trial *t = find_trial(v, q);
	struct plan_scoring_options o = { .mixture = l->mixture,
		.calibration_starts = 2,
		.min_share = 0.02,
		.group = l->group,
		.groups = l->groups };
	own(free_ptr) bool *contradicted = mem_zalloc(v->trial_count);

	plan_scoring_contradicted(v, NULL, &o, contradicted);
	o.mixture.contradicted = contradicted;
	own(plan_mixture_free) struct plan_mixture *m =
		plan_mixture_fit(v, NULL, l->group, l->groups, &o.mixture);

	uint32_t room = v->as_count + (l->graph ? l->graph->count : 0);
	a->count = v->as_count;
	a->asn = mem_resize(NULL, room, sizeof(*a->asn));
	memcpy(a->asn, v->asn, v->as_count * sizeof(*a->asn));
	a->p = mem_resize(NULL, room * q->count, sizeof(*a->p));
	a->said = mem_zalloc(room);
	a->evidence = mem_zalloc(room);
	for (uint32_t i = 0; i < v->as_count; i++)
		plan_mixture_choose(m, i, q->sites, q->count, a->p + i * q->count);
	plan_decide(a->said, a->p, v->as_count, q->count);
	for (uint32_t i = 0; i < v->as_count; i++) {
		uint8_t measured = t ? plan_vote_of(t, i) : PLAN_VOTE_NONE;
		size_t chain = find_chain(v, q, i);
		a->evidence[i] = measured != PLAN_VOTE_NONE ? MEASURED
				 : chain < q->count         ? CHAIN
							    : MODEL;
		if (measured != PLAN_VOTE_NONE)
			a->said[i] = (uint8_t)index_of(q, measured);
	}
}

// ---- ASes that no trial saw ----

// Where the announcement would lead each node by class and length, as an index of the question.
// NULL: failed.
static uint8_t *route_all(
	const struct plan_cli *c, const struct plan_lessons *l, const struct question *q)
{
	own(plan_plan_free) struct plan_plan *plan = plan_load_announcement(c, l->graph);
	own(plan_routes_free) struct plan_routes *routes = plan_routes_new(l->graph);
	uint8_t *to = mem_resize(NULL, l->graph->count, 1);

	if (!plan || plan_propagate(routes, &plan->announcement, NULL) < 0) {
		free(to);
		return NULL;
	}
	for (uint32_t i = 0; i < l->graph->count; i++) {
		int site = plan_site(routes, &plan->announcement, i);
		to[i] = UINT8_MAX;
		for (size_t j = 0; site >= 0 && j < q->count; j++)
			if (strcmp(plan->sites[site].name, l->votes->sites[q->sites[j]]) == 0)
				to[i] = (uint8_t)j;
	}
	return to;
}

static void set_known(struct plan_fill *f, const struct answer *a)
{
	for (uint32_t i = 0; i < a->count; i++) {
		uint32_t node = plan_node(f->graph, a->asn[i]);
		if (node == PLAN_NONE)
			continue;
		f->known[node] = true;
		for (size_t j = 0; j < f->sites; j++)
			f->p[node * f->sites + j] = a->evidence[i] == MEASURED
							    ? j == a->said[i]
							    : a->p[i * f->sites + j];
	}
}

static void add_filled(struct answer *a, const struct plan_fill *f)
{
	for (uint32_t v = 0; v < f->graph->count; v++) {
		const double *p = f->p + v * f->sites;
		size_t best = 0;
		if (f->known[v])
			continue;
		for (size_t j = 0; j < f->sites; j++)
			best = p[j] > p[best] ? j : best;
		a->asn[a->count] = f->graph->asn[v];
		a->said[a->count] = (uint8_t)best;
		a->evidence[a->count] = FILLED;
		memcpy(a->p + a->count++ * f->sites, p, f->sites * sizeof(*p));
	}
}

static bool fill(struct answer *a, const struct plan_cli *c, const struct plan_lessons *l,
	const struct question *q)
{
	const struct plan_graph *g = l->graph;
	own(free_ptr) double *p = mem_zalloc(g->count * q->count * sizeof(*p));
	own(free_ptr) bool *known = mem_zalloc(g->count);
	own(free_ptr) uint8_t *routed = c->announce ? route_all(c, l, q) : NULL;
	struct plan_fill f = { .graph = g,
		.sites = q->count,
		.p = p,
		.known = known,
		.group = l->node_group,
		.groups = l->groups,
		.routed = routed };

	if (c->announce && !routed)
		return false;
	set_known(&f, a);
	plan_fill(&f);
	add_filled(a, &f);
	return true;
}

// ---- Output ----

static void write_tsv(const struct plan_lessons *l, const struct question *q,
	const struct answer *a, struct strbuf *b)
{
	sb_str(b, "asn\tsite\tprobability\tevidence\n");
	for (uint32_t i = 0; i < a->count; i++)
		sb_printf(b, "%u\t%s\t%.4f\t%s\n", a->asn[i], l->votes->sites[q->sites[a->said[i]]],
			a->p[i * q->count + a->said[i]], evidence_names[a->evidence[i]]);
}

static void write_sites(struct out *o, const struct plan_cli *c, const struct plan_lessons *l,
	const struct question *q, const struct answer *a)
{
	uint32_t n = a->count;

	out_table(o, "sites");
	for (size_t j = 0; j < q->count; j++) {
		uint32_t of[EVIDENCE_MAX] = {}, ases = 0;
		double expected = 0;
		for (uint32_t i = 0; i < n; i++) {
			expected += a->p[i * q->count + j] / n;
			if (a->said[i] != j)
				continue;
			ases++;
			of[a->evidence[i]]++;
		}
		out_object(o, NULL);
		out_str(o, "site", l->votes->sites[q->sites[j]]);
		out_uint(o, "ases", ases);
		plan_out_share(o, c, "share", (double)ases / n);
		plan_out_share(o, c, "expected_share", expected);
		for (size_t k = 0; k < EVIDENCE_MAX; k++)
			out_uint(o, evidence_names[k], of[k]);
		out_end(o);
	}
	out_end(o);
}

static void write_trials(struct out *o, const struct plan_cli *c, const struct plan_votes *v)
{
	out_table(o, "trials");
	for (size_t i = 0; i < v->trial_count; i++) {
		const struct plan_trial *t = &v->trials[i];
		own(sb_free) struct strbuf b = {};
		uint32_t most = 0;
		for (uint8_t j = 0; j < t->site_count; j++) {
			sb_printf(&b, "%s%s", j ? "," : "", v->sites[t->sites[j]]);
			most = t->of[j] > most ? t->of[j] : most;
		}
		out_object(o, NULL);
		out_str(o, "sites", sb_text(&b));
		out_uint(o, "ases", t->count);
		plan_out_share(o, c, "majority", t->count ? (double)most / t->count : 0);
		out_end(o);
	}
	out_end(o);
}

static void free_answer(struct answer *a)
{
	free(a->asn);
	free(a->p);
	free(a->said);
	free(a->evidence);
}

static enum cli_exit learn(
	struct plan_cli *c, const struct plan_lessons *l, const struct question *q)
{
	own(sb_free) struct strbuf b = {};
	struct answer a = {};

	if (q->count > 0) {
		answer_all(&a, l, q);
		if (l->graph && !fill(&a, c, l, q)) {
			free_answer(&a);
			return CLI_REFUSED;
		}
	}
	if (c->tsv) {
		write_tsv(l, q, &a, &b);
	} else {
		struct out *o = out_new(c->json ? OUT_JSON : OUT_TEXT, &b);
		out_object(o, NULL);
		out_line(o, "%u ASes seen in %zu trials.", l->votes->as_count,
			l->votes->trial_count);
		if (c->json)
			out_uint(o, "ases_seen", l->votes->as_count);
		if (q->count > 0)
			write_sites(o, c, l, q, &a);
		write_trials(o, c, l->votes);
		out_end(o);
		out_free(&o);
	}
	free_answer(&a);
	return plan_write(&b);
}

enum cli_exit plan_learn(struct plan_cli *c)
{
	own(plan_lessons_free) struct plan_lessons l = {};
	struct question q = {};

	if ((c->tsv || c->graph) && !c->predict)
		return cli_fail(CLI_USAGE, "%s goes with --predict", c->tsv ? "--tsv" : "--graph");
	if (c->announce && !c->graph)
		return cli_fail(CLI_USAGE, "--announce goes with --graph");
	enum cli_exit rc = plan_lessons_load(&l, c);
	if (rc == CLI_DONE && c->predict)
		rc = read_question(&q, l.votes, c->predict);
	return rc ? rc : learn(c, &l, &q);
}
