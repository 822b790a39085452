#include "plan/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/rng.h"
#include "plan/prefer.h"

// Predictions of some ASes of a trial that neither it nor the scored one taught.
struct plan_cases {
	double *p; // count * 2
	uint8_t *truth;
	size_t count;
};

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
	ret->cases = mem_zalloc((ret->count * ret->count + 1) * sizeof(*ret->cases));
}

void plan_scoring_free(struct plan_scoring *s)
{
	for (size_t i = 0; s->cases && i < s->count * s->count; i++) {
		free(s->cases[i].p);
		free(s->cases[i].truth);
	}
	free(s->cases);
	free(s->trials);
	*s = (struct plan_scoring){};
}

// ---- Calibration, on the other trials, each predicted without itself and without the scored one ----

enum { CASES_MAX = 4096, OTHERS_MAX = 16 }; // ASes of a trial; trials

static void fill_cases(struct plan_cases *c, const struct plan_mixture *m,
	const struct plan_trial *t, uint32_t as_count)
{
	uint32_t stride = t->count / CASES_MAX + 1, at = 0;

	c->p = mem_resize(NULL, t->count / stride + 1, 2 * sizeof(*c->p));
	c->truth = mem_zalloc(t->count / stride + 1);
	for (uint32_t i = 0; i < as_count; i++) {
		if (t->choice[i] == PLAN_VOTE_NONE || at++ % stride)
			continue;
		plan_mixture_choose(m, i, t->sites, 2, c->p + c->count * 2);
		c->truth[c->count++] = t->choice[i];
	}
}

// Both trials of a pair are hidden, so one fit tells of each for the calibration of the other.
static const struct plan_cases *cases_of(const struct plan_scoring *s, size_t scored, size_t other,
	const struct plan_votes *v, const struct plan_scoring_options *o)
{
	struct plan_cases *of = s->cases + scored * s->count + other;
	struct plan_mixture_options few = o->mixture;

	if (of->p)
		return of;
	own(free_ptr) bool *without = mem_zalloc(v->trial_count + 1);
	few.starts = o->calibration_starts;
	plan_scoring_hide(v, s->trials[scored].number, without);
	plan_scoring_hide(v, s->trials[other].number, without);
	own(plan_mixture_free) struct plan_mixture *m =
		plan_mixture_fit(v, without, o->group, o->groups, &few);
	fill_cases(of, m, s->trials[other].trial, v->as_count);
	fill_cases(s->cases + other * s->count + scored, m, s->trials[scored].trial, v->as_count);
	return of;
}

static bool can_calibrate(const struct plan_scoring *s, size_t scored, size_t other)
{
	const struct plan_trial *a = s->trials[scored].trial, *b = s->trials[other].trial;

	return scored != other && a->site_count == 2 && b->site_count == 2;
}

// Whether chains of the other trials say something of one AS in a hundred or more.
static bool is_spoken_of(
	const struct plan_votes *v, const struct plan_trial *t, const bool *without)
{
	uint32_t covered = 0;

	for (uint32_t i = 0; i < v->as_count; i++)
		covered += t->choice[i] != PLAN_VOTE_NONE &&
			   plan_prefers(v, without, i, t->sites[0], t->sites[1]) !=
				   PLAN_PREFERS_NOTHING;
	return covered * UINT64_C(100) >= t->count;
}

// What the others say of it is so sure and so wrong that a coin would have been the better forecast (ln 2 a
// throw), with some room. A trial of which they know nothing is not contradicted.
static bool is_contradicted(const struct plan_cases *c, const struct plan_votes *v,
	const struct plan_trial *t, const bool *without)
{
	double loss = 0;

	for (size_t i = 0; i < c->count; i++)
		loss -= log(fmax(c->p[2 * i + c->truth[i]], 1e-3)) / (double)c->count;
	return loss > 1.1 * M_LN2 && is_spoken_of(v, t, without);
}

static double calibrate(const struct plan_scoring *s, size_t scored, const struct plan_votes *v,
	const struct plan_scoring_options *o, bool *contradicted)
{
	own(free_ptr) double *p = mem_resize(NULL, OTHERS_MAX * (CASES_MAX + 1), 2 * sizeof(*p));
	own(free_ptr) double *weight = mem_resize(NULL, OTHERS_MAX * (CASES_MAX + 1), sizeof(*p));
	own(free_ptr) uint8_t *truth = mem_zalloc((size_t)OTHERS_MAX * (CASES_MAX + 1));
	size_t n = 0, others = 0;

	for (size_t i = 1; i < s->count && others < OTHERS_MAX && o->calibration_starts; i++) {
		size_t other = (scored + i) % s->count;
		if (!can_calibrate(s, scored, other))
			continue;
		const struct plan_cases *c = cases_of(s, scored, other, v, o);
		memcpy(p + 2 * n, c->p, c->count * 2 * sizeof(*p));
		memcpy(truth + n, c->truth, c->count);
		for (size_t j = 0; j < c->count; j++)
			weight[n + j] = 1.0 / (double)c->count;
		own(free_ptr) bool *without = mem_zalloc(v->trial_count + 1);
		plan_scoring_hide(v, s->trials[scored].number, without);
		plan_scoring_hide(v, s->trials[other].number, without);
		if (is_contradicted(c, v, s->trials[other].trial, without))
			contradicted[s->trials[other].number] = true;
		n += c->count;
		others++;
	}
	return n > 0 ? plan_calibrate(p, truth, weight, n, 2) : 1;
}

void plan_scoring_contradicted(const struct plan_votes *v, const bool *without,
	const struct plan_scoring_options *o, bool *flags)
{
	struct plan_mixture_options few = o->mixture;

	few.starts = o->calibration_starts;
	for (size_t i = 0; few.starts > 0 && i < v->trial_count; i++) {
		own(free_ptr) bool *hidden = mem_zalloc(v->trial_count + 1);
		struct plan_cases c = {};
		if ((without && without[i]) || v->trials[i].site_count != 2 ||
			!is_usable(&v->trials[i], o->min_share))
			continue;
		if (without)
			memcpy(hidden, without, v->trial_count);
		plan_scoring_hide(v, i, hidden);
		own(plan_mixture_free) struct plan_mixture *m =
			plan_mixture_fit(v, hidden, o->group, o->groups, &few);
		fill_cases(&c, m, &v->trials[i], v->as_count);
		flags[i] |= is_contradicted(&c, v, &v->trials[i], hidden);
		free(c.p);
		free(c.truth);
	}
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
	const struct plan_scoring_options *o, const bool *contradicted)
{
	struct plan_mixture_options full = o->mixture;
	const struct plan_trial *t = x->trial;
	own(free_ptr) bool *without = mem_zalloc(v->trial_count + 1);
	own(free_ptr) double *p = mem_resize(NULL, t->count + 1, t->site_count * sizeof(*p));
	own(free_ptr) uint8_t *said = mem_zalloc(t->count + 1);
	size_t at = 0;

	full.contradicted = contradicted;
	plan_scoring_hide(v, x->number, without);
	own(plan_mixture_free) struct plan_mixture *m =
		plan_mixture_fit(v, without, o->group, o->groups, &full);
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
	struct plan_scored_trial *x = &s->trials[*done];
	own(free_ptr) bool *contradicted = mem_zalloc(v->trial_count + 1);
	x->power = calibrate(s, *done, v, o, contradicted);
	for (size_t i = 0; i < v->trial_count; i++)
		x->contradicted += contradicted[i];
	predict(x, v, o, contradicted);
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
