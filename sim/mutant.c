#include "sim/mutant.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

const struct sim_mutant sim_mutants[SIM_MUTATION_MAX] = {
	{ "plain", "the rule, not broken", SIM_NO_MUTATION },
	{ "no-wait", "withdraws in one step", SIM_NO_WAIT },
	{ "no-make", "does not wait until those who hold announce", SIM_NO_MAKE },
	{ "hard-held", "holds a dead server beside able sites", SIM_HARD_HELD },
	{ "hard-first", "ranks hard evidence before soft", SIM_HARD_FIRST },
	{ "last-first", "ranks names backwards", SIM_LAST_FIRST },
	{ "own-first", "ranks itself first", SIM_OWN_FIRST },
	{ "own-last", "ranks itself last", SIM_OWN_LAST },
	{ "round-down", "rounds a share down", SIM_ROUND_DOWN },
	{ "forgets", "knows only the sites in sight", SIM_FORGETS },
	{ "counts-nodes", "counts nodes for sites", SIM_COUNTS_NODES },
	{ "counts-own", "counts itself among those that remain", SIM_COUNTS_OWN },
	{ "counts-soft", "counts failed sites as able", SIM_COUNTS_SOFT },
	{ "isolated", "goes when it hears nobody", SIM_ISOLATED },
	{ "never-goes", "holds, however many are able", SIM_NEVER_GOES },
	{ "no-guard", "every node decides alone", SIM_NO_GUARD },
};

static const struct sim_mutant *current;

const struct sim_mutant *sim_mutant_find(const char *name)
{
	for (size_t i = 0; i < countof(sim_mutants); i++)
		if (strcmp(sim_mutants[i].name, name) == 0)
			return &sim_mutants[i];
	return NULL;
}

void sim_mutant_set(const struct sim_mutant *m)
{
	current = m;
}

void sim_mutant_member(const struct sim_mutant *m, struct member_config *config)
{
	if (m && m->mutation == SIM_NO_WAIT)
		config->guard_wait = span_us(0);
}

struct guard_result __wrap_guard_judge(const struct guard_input *in)
{
	return current ? sim_rule(in, current->mutation) : __real_guard_judge(in);
}

// ---- The rule ----

struct place {
	const char *name;
	unsigned best, others; // standings
	unsigned priority;
	bool announcing, own;
	unsigned able_nodes;
};

static unsigned standing_of(const struct guard_row *row)
{
	return row->standing == STANDING_ABLE && !row->announcing ? STANDING_OUT : row->standing;
}

static void gather(const struct guard_input *in, struct place *places, bool own_row)
{
	for (size_t i = 0; i < in->count + own_row; i++) {
		bool own = i == in->count;
		const struct guard_row *row = own ? &in->own : &in->rows[i];
		struct place *p = &places[row->site];
		unsigned standing = own ? row->standing : standing_of(row);
		if (standing < p->best) {
			p->best = standing;
			p->priority = 0;
		}
		if (row->standing == p->best && row->priority > p->priority)
			p->priority = row->priority;
		if (own) {
			p->own = true;
			continue;
		}
		if (standing < p->others)
			p->others = standing;
		p->announcing |= row->announcing;
		p->able_nodes += standing == STANDING_ABLE;
	}
}

static int cmp(const struct place *a, const struct place *b, enum sim_mutation broken)
{
	static const unsigned hard_first[] = {
		[STANDING_SOFT] = STANDING_HARD, [STANDING_HARD] = STANDING_SOFT
	};
	unsigned x = a->best, y = b->best;

	if (broken == SIM_OWN_FIRST && a->own != b->own)
		return a->own ? -1 : 1;
	if (broken == SIM_OWN_LAST && a->own != b->own)
		return a->own ? 1 : -1;
	if (broken == SIM_HARD_FIRST && x >= STANDING_SOFT && y >= STANDING_SOFT) {
		x = hard_first[x];
		y = hard_first[y];
	}
	if (x != y)
		return x < y ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return broken == SIM_LAST_FIRST ? strcmp(b->name, a->name) : strcmp(a->name, b->name);
}

static unsigned share(const struct min_sites *m, unsigned known, enum sim_mutation broken)
{
	if (broken != SIM_ROUND_DOWN || !m->share)
		return min_sites_of(m, known);
	unsigned n = known * m->value / 100;
	return n ? n : 1;
}

static enum guard_verdict judge_rank(const struct guard_input *in, const struct place *places,
	struct guard_result *r, enum sim_mutation broken)
{
	const struct place *own = &places[in->own.site];
	unsigned announcing = 0;

	r->rank = 0;
	for (size_t i = 0; i < in->site_count; i++) {
		const struct place *p = &places[i];
		if (p == own || p->best == STANDING_ABLE || p->best >= STANDING_OUT ||
			cmp(p, own, broken) > 0)
			continue;
		r->rank++;
		announcing += p->announcing;
	}
	if (own->others == STANDING_ABLE)
		return GUARD_FREE;
	if (in->own.standing == STANDING_HARD && own->best < STANDING_HARD)
		return GUARD_FREE;
	if (r->rank < r->m - r->able)
		return GUARD_HOLD;
	if (broken == SIM_NO_MAKE)
		return GUARD_FREE;
	return r->able + announcing >= r->m ? GUARD_FREE : GUARD_WAITS;
}

static void count(const struct guard_input *in, const struct place *places, struct guard_result *r,
	enum sim_mutation broken)
{
	for (size_t i = 0; i < in->site_count; i++) {
		const struct place *p = &places[i];
		bool in_sight = p->best < STANDING_OUT || p->own;
		r->known += broken == SIM_FORGETS ? in_sight : p->best < STANDING_MAX || p->own;
		if (broken == SIM_COUNTS_NODES)
			r->able += p->able_nodes;
		else if (broken == SIM_COUNTS_SOFT)
			r->able += p->others <= STANDING_SOFT && p->announcing;
		else
			r->able += p->others == STANDING_ABLE;
	}
	r->able += broken == SIM_COUNTS_OWN;
}

struct guard_result sim_rule(const struct guard_input *in, enum sim_mutation broken)
{
	own(free_ptr) struct place *places = mem_zalloc(in->site_count * sizeof(*places));
	bool hard = in->own.standing == STANDING_HARD;
	struct guard_result r = {};

	for (size_t i = 0; i < in->site_count; i++)
		places[i] = (struct place){
			.name = in->site_names[i], .best = STANDING_MAX, .others = STANDING_MAX
		};
	gather(in, places, true);
	count(in, places, &r, broken);
	r.m = share(&in->min_sites, r.known, broken);
	if (in->own.standing == STANDING_OUT || broken == SIM_NO_GUARD)
		return r;
	if (in->isolated) {
		bool goes = hard || !in->isolated_hold || broken == SIM_ISOLATED;
		r.verdict = goes ? GUARD_FREE : GUARD_ISOLATED;
		return r;
	}
	if (broken == SIM_NEVER_GOES && !hard) {
		r.verdict = GUARD_HOLD;
		return r;
	}
	if (r.able >= r.m || (hard && r.able > 0 && broken != SIM_HARD_HELD))
		return r;
	r.verdict = judge_rank(in, places, &r, broken);
	return r;
}
