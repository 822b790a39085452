#include "plan/score.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/rng.h"
#include "plan/prefer.h"

void plan_scoring_hide(const struct plan_votes *v, size_t scored, bool *without)
{
	const struct plan_trial *t = &v->trials[scored];

	for (size_t i = 0; i < v->trial_count; i++)
		for (uint8_t a = 0; a < t->site_count && !without[i]; a++)
			for (uint8_t b = a + 1; b < t->site_count; b++)
				without[i] |=
					plan_trial_has(&v->trials[i], t->sites[a], t->sites[b]);
}

static bool is_usable(const struct plan_trial *t, double min_share)
{
	if (t->count == 0)
		return false;
	for (uint8_t i = 0; i < t->site_count; i++)
		if (t->of[i] < min_share * t->count || t->of[i] == 0)
			return false;
	return true;
}

void plan_scoring_open(
	struct plan_scoring *ret, const struct plan_votes *v, const struct plan_scoring_options *o)
{
	*ret = (struct plan_scoring){ .trials = mem_zalloc(
					      (v->trial_count + 1) * sizeof(*ret->trials)) };
	for (size_t i = 0; i < v->trial_count; i++)
		if (is_usable(&v->trials[i], o->min_share))
			ret->trials[ret->count++] = (struct plan_scored_trial){
				.trial = &v->trials[i], .number = i, .power = 1
			};
}

void plan_scoring_free(struct plan_scoring *s)
{
	free(s->trials);
	*s = (struct plan_scoring){};
}

// ---- Calibration, on the other trials, each predicted without itself and without the scored one ----

struct cases {
	double *p, *weight;
	uint8_t *truth;
	size_t count;
};

static void add_cases(struct cases *c, const struct plan_mixture *m, const struct plan_trial *t,
	uint32_t as_count)
{
	size_t n = c->count + t->count;

	c->p = mem_resize(c->p, n * 2 + 1, sizeof(*c->p));
	c->weight = mem_resize(c->weight, n + 1, sizeof(*c->weight));
	c->truth = mem_resize(c->truth, n + 1, sizeof(*c->truth));
	for (uint32_t i = 0; i < as_count; i++) {
		if (t->choice[i] == PLAN_VOTE_NONE)
			continue;
		plan_mixture_choose(m, i, t->sites, 2, c->p + c->count * 2);
		c->weight[c->count] = 1.0 / t->count;
		c->truth[c->count++] = t->choice[i];
	}
}

static double calibrate(const struct plan_scoring *s, size_t scored, const struct plan_votes *v,
	const struct plan_scoring_options *o)
{
	struct plan_mixture_options few = o->mixture;
	struct cases c = {};
	double power = 1;

	few.starts = o->calibration_starts;
	for (size_t i = 0; few.starts > 0 && i < s->count; i++) {
		own(free_ptr) bool *without = mem_zalloc(v->trial_count + 1);
		if (i == scored || s->trials[i].trial->site_count != 2)
			continue;
		plan_scoring_hide(v, s->trials[scored].number, without);
		if (without[s->trials[i].number])
			continue;
		plan_scoring_hide(v, s->trials[i].number, without);
		own(plan_mixture_free) struct plan_mixture *m =
			plan_mixture_fit(v, without, o->group, o->groups, &few);
		add_cases(&c, m, s->trials[i].trial, v->as_count);
	}
	if (c.count > 0)
		power = plan_calibrate(c.p, c.truth, c.weight, c.count, 2);
	free(c.p);
	free(c.weight);
	free(c.truth);
	return power;
}

// ---- One trial ----

static void mark(struct plan_scored_trial *x, const struct plan_votes *v, const bool *without,
	const double *p, const uint8_t *said)
{
	const struct plan_trial *t = x->trial;
	size_t n = t->site_count, at = 0;

	for (uint32_t i = 0; i < v->as_count; i++) {
		if (t->choice[i] == PLAN_VOTE_NONE)
			continue;
		plan_marks_add(&x->all, n, t->choice[i], said[at], p + at * n);
		enum plan_preference chain =
			n == 2 ? plan_prefers(v, without, i, t->sites[0], t->sites[1])
			       : PLAN_PREFERS_NOTHING;
		if (chain == PLAN_PREFERS_FIRST || chain == PLAN_PREFERS_SECOND) {
			plan_marks_add(&x->where, n, t->choice[i], said[at], NULL);
			plan_marks_add(
				&x->chain, n, t->choice[i], chain == PLAN_PREFERS_SECOND, NULL);
		}
		at++;
	}
}

static void predict(struct plan_scored_trial *x, const struct plan_votes *v,
	const struct plan_scoring_options *o)
{
	const struct plan_trial *t = x->trial;
	own(free_ptr) bool *without = mem_zalloc(v->trial_count + 1);
	own(free_ptr) double *p = mem_resize(NULL, t->count + 1, t->site_count * sizeof(*p));
	own(free_ptr) uint8_t *said = mem_zalloc(t->count + 1);
	size_t at = 0;

	plan_scoring_hide(v, x->number, without);
	own(plan_mixture_free) struct plan_mixture *m =
		plan_mixture_fit(v, without, o->group, o->groups, &o->mixture);
	for (uint32_t i = 0; i < v->as_count; i++)
		if (t->choice[i] != PLAN_VOTE_NONE)
			plan_mixture_choose(
				m, i, t->sites, t->site_count, p + at++ * t->site_count);
	plan_decide(said, p, at, t->site_count);
	for (size_t i = 0; i < at; i++)
		plan_calibrated(x->power, p + i * t->site_count, t->site_count);
	mark(x, v, without, p, said);
}

bool plan_scoring_step(struct plan_scoring *s, const struct plan_votes *v,
	const struct plan_scoring_options *o, size_t *done)
{
	if (*done >= s->count)
		return false;
	s->trials[*done].power = calibrate(s, *done, v, o);
	predict(&s->trials[*done], v, o);
	return ++*done < s->count;
}

// ---- The control ----

void plan_votes_shuffle(struct plan_votes *v, uint64_t seed)
{
	struct rng rng = { seed };
	own(free_ptr) uint32_t *seen = mem_resize(NULL, v->as_count + 1, sizeof(*seen));

	for (size_t i = 0; i < v->trial_count; i++) {
		uint8_t *choice = v->trials[i].choice;
		uint32_t n = 0;
		for (uint32_t j = 0; j < v->as_count; j++)
			if (choice[j] != PLAN_VOTE_NONE)
				seen[n++] = j;
		for (uint32_t j = n; j > 1; j--) { // Fisher and Yates 1938
			uint32_t k = (uint32_t)rng_range(&rng, 0, j - 1);
			uint8_t other = choice[seen[k]];
			choice[seen[k]] = choice[seen[j - 1]];
			choice[seen[j - 1]] = other;
		}
	}
}
