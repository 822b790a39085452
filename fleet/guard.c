#include "fleet/guard.h"

#include <string.h>

static void count_in(struct guard_site *s, const struct guard_row *row)
{
	s->announcing |= row->announcing;
	if (row->standing < s->others)
		s->others = row->standing;
}

// The sites as the other nodes make them up, and then the own node added to its site. An able
// node counts as such only while it announces.
static unsigned gather(const struct guard_input *in)
{
	struct guard_site *sites = in->scratch;
	unsigned known = 0;

	for (size_t i = 0; i < in->site_count; i++)
		sites[i] = (struct guard_site){ .best = STANDING_MAX, .others = STANDING_MAX };
	for (size_t i = 0; i < in->count; i++) {
		struct guard_row row = in->rows[i];
		if (row.standing == STANDING_ABLE && !row.announcing)
			row.standing = STANDING_OUT;
		count_in(&sites[row.site], &row);
	}
	for (size_t i = 0; i < in->site_count; i++)
		sites[i].best = sites[i].others;
	if (in->own.standing < sites[in->own.site].best)
		sites[in->own.site].best = in->own.standing;
	for (size_t i = 0; i < in->site_count; i++)
		known += sites[i].best < STANDING_MAX || i == in->own.site;
	return known;
}

static void take_priority(struct guard_site *s, const struct guard_row *row)
{
	if (row->standing == s->best && row->priority > s->priority)
		s->priority = row->priority;
}

static void find_priorities(const struct guard_input *in)
{
	for (size_t i = 0; i < in->count; i++)
		take_priority(&in->scratch[in->rows[i].site], &in->rows[i]);
	take_priority(&in->scratch[in->own.site], &in->own);
}

static bool is_candidate(const struct guard_site *s)
{
	return s->best > STANDING_ABLE && s->best < STANDING_OUT;
}

// Site a stands in before site b.
static bool is_before(const struct guard_input *in, size_t a, size_t b)
{
	const struct guard_site *x = &in->scratch[a], *y = &in->scratch[b];

	if (x->best != y->best)
		return x->best < y->best;
	if (x->priority != y->priority)
		return x->priority > y->priority;
	return strcmp(in->site_names[a], in->site_names[b]) < 0;
}

// How many sites are ranked before the own one, and how many of those announce.
static unsigned rank(const struct guard_input *in, unsigned *announcing)
{
	unsigned before = 0;

	*announcing = 0;
	for (size_t i = 0; i < in->site_count; i++) {
		if (i == in->own.site || !is_candidate(&in->scratch[i]) ||
			!is_before(in, i, in->own.site))
			continue;
		before++;
		*announcing += in->scratch[i].announcing;
	}
	return before;
}

static unsigned able_sites(const struct guard_input *in)
{
	unsigned able = 0;

	for (size_t i = 0; i < in->site_count; i++)
		able += in->scratch[i].others == STANDING_ABLE;
	return able;
}

// The node is not able, hears others, and able sites are missing.
static enum guard_verdict among_candidates(const struct guard_input *in, struct guard_result *r)
{
	const struct guard_site *own = &in->scratch[in->own.site];
	unsigned announcing;

	r->rank = rank(in, &announcing);
	if (own->others == STANDING_ABLE)
		return GUARD_FREE; // the site is able without this node
	if (in->own.standing == STANDING_HARD && own->best < STANDING_HARD)
		return GUARD_FREE; // another node here is better than a dead one
	if (r->rank < r->m - r->able)
		return GUARD_HOLD;
	return r->able + announcing >= r->m ? GUARD_FREE : GUARD_WAITS;
}

struct guard_result guard_judge(const struct guard_input *in)
{
	struct guard_result r = { .known = gather(in) };
	bool hard = in->own.standing == STANDING_HARD;

	find_priorities(in);
	r.m = min_sites_of(&in->min_sites, r.known);
	r.able = able_sites(in);
	if (in->own.standing == STANDING_OUT)
		return r;
	if (in->isolated) {
		r.verdict = hard || !in->isolated_hold ? GUARD_FREE : GUARD_ISOLATED;
		return r;
	}
	if (r.able >= r.m || (hard && r.able > 0))
		return r;
	r.verdict = among_candidates(in, &r);
	return r;
}

struct guard_result guard_judge_leaving(const struct guard_input *in)
{
	struct guard_result r = { .known = gather(in) };

	r.m = min_sites_of(&in->min_sites, r.known);
	r.able = able_sites(in);
	if (r.able < r.m)
		r.verdict = in->isolated ? GUARD_ISOLATED : GUARD_HOLD;
	return r;
}
