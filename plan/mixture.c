#include "plan/mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/rng.h"

enum {
	OPTIONS = PLAN_VOTE_SITES_MAX + 1, // the sites, and out of reach
	NEWTON_STEPS = 3,
	LANES = 8, // kinds are padded to that many, for the vectors of the compiler
};

// A trial as the model sees it: sites, and out of reach where that can be told.
struct lesson {
	const struct plan_trial *trial;
	uint8_t option[OPTIONS];
	uint8_t count;
	bool reach, reach_only;
	float absent; // weight of an AS that is missing
};

struct plan_mixture {
	struct lesson *lessons;
	size_t lesson_count;
	size_t options; // sites + 1
	unsigned kinds, lanes, starts;
	uint32_t as_count, patterns, groups;
	uint32_t *pattern_of; // of each AS
	uint8_t *codes;       // patterns * lessons: index in option[], or PLAN_VOTE_NONE
	uint32_t *weight;     // of patterns: ASes
	uint16_t *group;      // of patterns
	double *worth;        // starts * kinds * options
	float *kind;          // starts * patterns * lanes: probability of each kind
	double *share;        // starts * kinds: over all ASes
};

// What one start works on.
struct start {
	struct plan_mixture *m;
	const struct plan_mixture_options *o;
	double *worth;    // kinds * options
	float *kind;      // patterns * lanes
	double *share;    // kinds
	float *log_p;     // lessons * OPTIONS * lanes
	float *prior;     // groups * lanes, logarithms
	double *count;    // lessons * OPTIONS * kinds: ASes of each kind that chose so
	double *in_group; // groups * lanes
};

// ---- Who is out of reach ----

// A site is out of reach for the ASes that are missing if this trial has less than half of all ASes,
// yet at least LISTED of those that another trial has: that is no random sample of them, but a
// part of the Internet.
#define HALF     0.5
#define LISTED   0.25
#define ENRICHED 2.0

static double share_seen(
	const struct plan_votes *v, const struct plan_trial *t, const struct plan_trial *other)
{
	uint32_t both = 0;

	for (uint32_t i = 0; i < v->as_count; i++)
		both += t->choice[i] != PLAN_VOTE_NONE && other->choice[i] != PLAN_VOTE_NONE;
	return (double)both / other->count;
}

static void look_for_reach(
	struct plan_mixture *m, const struct plan_votes *v, struct lesson *x, uint32_t ases)
{
	double base = (double)x->trial->count / ases, listed = 0;

	if (base >= HALF)
		return;
	for (size_t i = 0; i < m->lesson_count; i++) {
		const struct plan_trial *other = m->lessons[i].trial;
		if (other == x->trial || other->count < ases / 100)
			continue;
		double s = share_seen(v, x->trial, other);
		listed = s > listed ? s : listed;
	}
	if (listed < LISTED || listed < ENRICHED * base)
		return;
	x->reach = true;
	x->absent = (float)listed;
	x->option[x->count++] = (uint8_t)v->site_count;
}

static void take_lessons(struct plan_mixture *m, const struct plan_votes *v, const bool *without,
	const bool *contradicted)
{
	uint32_t ases = 0;

	m->lessons = mem_zalloc((v->trial_count + 1) * sizeof(*m->lessons));
	for (size_t i = 0; i < v->trial_count; i++) {
		const struct plan_trial *t = &v->trials[i];
		if ((without && without[i]) || t->count == 0)
			continue;
		struct lesson *x = &m->lessons[m->lesson_count++];
		x->trial = t;
		x->reach_only = contradicted && contradicted[i];
		x->count = t->site_count;
		memcpy(x->option, t->sites, t->site_count);
	}
	for (uint32_t i = 0; i < v->as_count; i++) {
		bool seen = false;
		for (size_t j = 0; j < m->lesson_count && !seen; j++)
			seen = m->lessons[j].trial->choice[i] != PLAN_VOTE_NONE;
		ases += seen;
	}
	for (size_t i = 0; i < m->lesson_count; i++)
		look_for_reach(m, v, &m->lessons[i], ases);
}

// ---- Patterns: ASes that did the same in all trials are one ----

struct keys {
	const uint8_t *bytes;
	size_t width;
};

static int by_key(const void *a, const void *b, void *context)
{
	const struct keys *k = context;

	return memcmp(k->bytes + *(const uint32_t *)a * k->width,
		k->bytes + *(const uint32_t *)b * k->width, k->width);
}

static uint8_t *make_keys(const struct plan_mixture *m, const uint16_t *group, size_t width)
{
	uint8_t *bytes = mem_zalloc((m->as_count + 1) * width);

	for (uint32_t i = 0; i < m->as_count; i++) {
		uint8_t *key = bytes + i * width;
		for (size_t j = 0; j < m->lesson_count; j++) {
			const struct lesson *x = &m->lessons[j];
			uint8_t c = x->trial->choice[i];
			if (c == PLAN_VOTE_NONE && x->reach)
				c = x->trial->site_count;
			else if (x->reach_only)
				c = PLAN_VOTE_NONE;
			key[j] = c;
		}
		memcpy(key + m->lesson_count, &(uint16_t){ group ? group[i] : 0 }, sizeof(*group));
	}
	return bytes;
}

static void find_patterns(struct plan_mixture *m, const uint16_t *group)
{
	struct keys k = { .width = m->lesson_count + sizeof(*group) };
	own(free_ptr) uint8_t *bytes = make_keys(m, group, k.width);
	own(free_ptr) uint32_t *order = mem_resize(NULL, m->as_count + 1, sizeof(*order));

	k.bytes = bytes;
	for (uint32_t i = 0; i < m->as_count; i++)
		order[i] = i;
	qsort_r(order, m->as_count, sizeof(*order), by_key, &k);
	m->pattern_of = mem_zalloc((m->as_count + 1) * sizeof(*m->pattern_of));
	m->codes = mem_zalloc((m->as_count + 1) * (m->lesson_count + 1));
	m->weight = mem_zalloc((m->as_count + 1) * sizeof(*m->weight));
	m->group = mem_zalloc((m->as_count + 1) * sizeof(*m->group));
	for (uint32_t i = 0; i < m->as_count; i++) {
		const uint8_t *key = bytes + order[i] * k.width;
		if (i == 0 || by_key(&order[i], &order[i - 1], &k) != 0) {
			memcpy(m->codes + m->patterns * m->lesson_count, key, m->lesson_count);
			memcpy(&m->group[m->patterns], key + m->lesson_count, sizeof(*m->group));
			m->patterns++;
		}
		m->pattern_of[order[i]] = m->patterns - 1;
		m->weight[m->patterns - 1]++;
	}
}

// ---- Expectation: of which kind is each pattern ----

static void choose(const double *worth, const uint8_t *option, size_t n, double *p)
{
	double most = -INFINITY, sum = 0;

	for (size_t i = 0; i < n; i++)
		most = worth[option[i]] > most ? worth[option[i]] : most;
	for (size_t i = 0; i < n; i++)
		sum += p[i] = exp(worth[option[i]] - most);
	for (size_t i = 0; i < n; i++)
		p[i] /= sum;
}

static void fill_log_p(struct start *s)
{
	const struct plan_mixture *m = s->m;
	double p[OPTIONS];

	for (size_t j = 0; j < m->lesson_count; j++) {
		const struct lesson *x = &m->lessons[j];
		float *to = s->log_p + j * OPTIONS * m->lanes;
		for (unsigned k = 0; k < m->kinds; k++) {
			choose(s->worth + k * m->options, x->option, x->count, p);
			for (size_t i = 0; i < x->count; i++) {
				double floored = p[i] < s->o->floor ? s->o->floor : p[i];
				float l = (float)log(
					floored > 1 - s->o->floor ? 1 - s->o->floor : floored);
				to[i * m->lanes + k] =
					x->reach && i + 1 == x->count ? l * x->absent : l;
			}
		}
	}
}

// Kinds that much less likely than the likeliest one, as a logarithm, count for nothing.
#define NEVER (-14.0F)

static void expect_one(struct start *s, uint32_t pattern)
{
	const struct plan_mixture *m = s->m;
	const uint8_t *code = m->codes + pattern * m->lesson_count;
	float *q = s->kind + pattern * m->lanes, most = -INFINITY, sum = 0;
	float l[PLAN_KINDS_MAX];

	memcpy(l, s->prior + m->group[pattern] * m->lanes, m->lanes * sizeof(*l));
	for (size_t j = 0; j < m->lesson_count; j++) {
		if (code[j] == PLAN_VOTE_NONE)
			continue;
		const float *p = s->log_p + (j * OPTIONS + code[j]) * m->lanes;
		for (unsigned k = 0; k < m->lanes; k++)
			l[k] += p[k];
	}
	for (unsigned k = 0; k < m->kinds; k++)
		most = l[k] > most ? l[k] : most;
	for (unsigned k = 0; k < m->kinds; k++)
		sum += q[k] = l[k] - most < NEVER ? 0 : expf(l[k] - most);
	for (unsigned k = 0; k < m->kinds; k++)
		q[k] /= sum;
}

// ---- Maximisation: shares of kinds, and worths ----

static void count_one(struct start *s, uint32_t pattern)
{
	const struct plan_mixture *m = s->m;
	const uint8_t *code = m->codes + pattern * m->lesson_count;
	const float *q = s->kind + pattern * m->lanes;
	double *group = s->in_group + m->group[pattern] * m->lanes;
	double some[PLAN_KINDS_MAX]; // of the kinds that it may be: few
	unsigned kind[PLAN_KINDS_MAX], n = 0;

	for (unsigned k = 0; k < m->kinds; k++)
		if (q[k] > 0) {
			some[n] = (double)m->weight[pattern] * (double)q[k];
			group[k] += some[n];
			kind[n++] = k;
		}
	for (size_t j = 0; j < m->lesson_count; j++) {
		const struct lesson *x = &m->lessons[j];
		if (code[j] == PLAN_VOTE_NONE)
			continue;
		double *to = s->count + (j * OPTIONS + code[j]) * m->kinds;
		double share = x->reach && code[j] + 1 == x->count ? (double)x->absent : 1;
		for (unsigned i = 0; i < n; i++)
			to[kind[i]] += share * some[i];
	}
}

static void set_prior(struct start *s)
{
	const struct plan_mixture *m = s->m;

	for (unsigned k = 0; k < m->kinds; k++) {
		s->share[k] = 0;
		for (uint32_t g = 0; g < m->groups; g++)
			s->share[k] += s->in_group[g * m->lanes + k] / m->as_count;
	}
	for (uint32_t g = 0; g < m->groups; g++) {
		const double *in = s->in_group + g * m->lanes;
		double n = 0;
		for (unsigned k = 0; k < m->kinds; k++)
			n += in[k];
		for (unsigned k = 0; k < m->kinds; k++)
			s->prior[g * m->lanes + k] = (float)log(
				(in[k] + s->o->group * s->share[k]) / (n + s->o->group) + 1e-12);
	}
}

// Solves a * x = y in place, a symmetric and positive (Cholesky); the answer is in y.
static void solve(double *a, double *y, size_t n)
{
	for (size_t j = 0; j < n; j++) {
		for (size_t k = 0; k < j; k++)
			for (size_t i = j; i < n; i++)
				a[i * n + j] -= a[i * n + k] * a[j * n + k];
		double root = sqrt(a[j * n + j]);
		for (size_t i = j; i < n; i++)
			a[i * n + j] /= root;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++)
			y[i] -= a[i * n + k] * y[k];
		y[i] /= a[i * n + i];
	}
	for (size_t i = n; i-- > 0;) {
		for (size_t k = i + 1; k < n; k++)
			y[i] -= a[k * n + i] * y[k];
		y[i] /= a[i * n + i];
	}
}

// Adds what a lesson says of one kind to the slope and the curvature of the likelihood.
static void add_lesson(const struct start *s, size_t j, unsigned k, double *slope, double *curve)
{
	const struct plan_mixture *m = s->m;
	const struct lesson *x = &m->lessons[j];
	const double *count = s->count + j * OPTIONS * m->kinds + k;
	double p[OPTIONS], n = 0;

	for (size_t i = 0; i < x->count; i++)
		n += count[i * m->kinds];
	choose(s->worth + k * m->options, x->option, x->count, p);
	for (size_t i = 0; i < x->count; i++) {
		double *row = curve + x->option[i] * m->options;
		slope[x->option[i]] += n * p[i] - count[i * m->kinds];
		for (size_t l = 0; l < x->count; l++)
			row[x->option[l]] += n * p[i] * ((i == l) - p[l]);
	}
}

static void set_worth(struct start *s, unsigned k)
{
	const struct plan_mixture *m = s->m;
	double slope[OPTIONS], curve[OPTIONS * OPTIONS];
	double *worth = s->worth + k * m->options;
	size_t n = m->options;

	for (int step = 0; step < NEWTON_STEPS; step++) {
		memset(curve, 0, n * n * sizeof(*curve));
		for (size_t i = 0; i < n; i++) {
			slope[i] = s->o->ridge * worth[i];
			curve[i * n + i] = s->o->ridge;
		}
		for (size_t j = 0; j < m->lesson_count; j++)
			add_lesson(s, j, k, slope, curve);
		solve(curve, slope, n);
		for (size_t i = 0; i < n; i++)
			worth[i] -= slope[i] > 1.5 ? 1.5 : slope[i] < -1.5 ? -1.5 : slope[i];
	}
}

static void expect(struct start *s)
{
	fill_log_p(s);
	for (uint32_t i = 0; i < s->m->patterns; i++)
		expect_one(s, i);
}

static void maximise(struct start *s)
{
	const struct plan_mixture *m = s->m;

	memset(s->in_group, 0, m->groups * m->lanes * sizeof(*s->in_group));
	memset(s->count, 0, m->lesson_count * OPTIONS * m->kinds * sizeof(*s->count));
	for (uint32_t i = 0; i < m->patterns; i++)
		count_one(s, i);
	set_prior(s);
	for (unsigned k = 0; k < m->kinds; k++)
		set_worth(s, k);
}

// ---- Starts ----

static double uniform(struct rng *rng)
{
	return ((double)(rng_next(rng) >> 11) + 0.5) * 0x1p-53;
}

static void run_start(struct plan_mixture *m, const struct plan_mixture_options *o, unsigned i)
{
	struct rng rng = { o->seed * 0x9e3779b97f4a7c15u + i };
	struct start s = { .m = m, .o = o };
	size_t table = (m->lesson_count + 1) * OPTIONS;

	s.worth = m->worth + (size_t)i * m->kinds * m->options;
	s.kind = m->kind + (size_t)i * m->patterns * m->lanes;
	s.share = m->share + (size_t)i * m->kinds;
	s.log_p = mem_zalloc(table * m->lanes * sizeof(*s.log_p));
	s.prior = mem_zalloc((size_t)m->groups * m->lanes * sizeof(*s.prior));
	s.count = mem_zalloc(table * m->kinds * sizeof(*s.count));
	s.in_group = mem_zalloc((size_t)m->groups * m->lanes * sizeof(*s.in_group));
	for (size_t j = 0; j < m->kinds * m->options; j++) // Box and Muller 1958
		s.worth[j] = 1.5 * sqrt(-2 * log(uniform(&rng))) * cos(2 * M_PI * uniform(&rng));
	for (unsigned round = 0; round < o->rounds; round++) {
		expect(&s);
		maximise(&s);
	}
	free(s.log_p);
	free(s.prior);
	free(s.count);
	free(s.in_group);
}

struct plan_mixture *plan_mixture_fit(const struct plan_votes *v, const bool *without,
	const uint16_t *group, uint32_t groups, const struct plan_mixture_options *o)
{
	struct plan_mixture *m = mem_zalloc(sizeof(*m));

	m->options = v->site_count + 1;
	m->kinds = o->kinds;
	m->lanes = (o->kinds + LANES - 1) / LANES * LANES;
	m->starts = o->starts;
	m->as_count = v->as_count;
	m->groups = group ? groups : 1;
	take_lessons(m, v, without, o->contradicted);
	find_patterns(m, group);
	m->worth = mem_zalloc(m->starts * m->kinds * m->options * sizeof(*m->worth));
	m->kind = mem_zalloc((size_t)m->starts * (m->patterns + 1) * m->lanes * sizeof(*m->kind));
	m->share = mem_zalloc((size_t)m->starts * m->kinds * sizeof(*m->share));
	for (unsigned i = 0; i < m->starts; i++)
		run_start(m, o, i);
	return m;
}

void plan_mixture_free(struct plan_mixture **m)
{
	struct plan_mixture *old = take(*m);

	if (!old)
		return;
	free(old->lessons);
	free(old->pattern_of);
	free(old->codes);
	free(old->weight);
	free(old->group);
	free(old->worth);
	free(old->kind);
	free(old->share);
	free(old);
}

void plan_mixture_choose(
	const struct plan_mixture *m, uint32_t as, const uint8_t *sites, size_t count, double *p)
{
	double one[PLAN_VOTE_SITES_MAX];

	memset(p, 0, count * sizeof(*p));
	for (unsigned i = 0; i < m->starts; i++) {
		const double *share = m->share + (size_t)i * m->kinds;
		const float *kind =
			as == UINT32_MAX ? NULL
					 : m->kind + ((size_t)i * m->patterns + m->pattern_of[as]) *
							     m->lanes;
		for (unsigned k = 0; k < m->kinds; k++) {
			double q = kind ? (double)kind[k] : share[k];
			choose(m->worth + ((size_t)i * m->kinds + k) * m->options, sites, count,
				one);
			for (size_t j = 0; j < count; j++)
				p[j] += q * one[j] / m->starts;
		}
	}
}

uint32_t plan_mixture_patterns(const struct plan_mixture *m)
{
	return m->patterns;
}
