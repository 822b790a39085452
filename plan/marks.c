#include "plan/marks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

void plan_marks_add(struct plan_marks *m, size_t sites, size_t truth, size_t said, const double *p)
{
	m->sites = sites > m->sites ? sites : m->sites;
	m->of[truth]++;
	m->right[truth] += said == truth;
	if (!p)
		return;
	for (size_t i = 0; i + 1 < sites; i++) { // the last one follows from the others
		int at = (int)(p[i] * PLAN_BINS);
		struct plan_bin *b = &m->bins[at < PLAN_BINS ? at : PLAN_BINS - 1];
		double hit = i == truth;
		b->count++;
		b->hits += i == truth;
		b->sum += p[i];
		m->squares += (p[i] - hit) * (p[i] - hit);
	}
}

void plan_marks_add_bins(struct plan_marks *m, const struct plan_marks *of)
{
	for (size_t i = 0; i < PLAN_BINS; i++) {
		m->bins[i].count += of->bins[i].count;
		m->bins[i].hits += of->bins[i].hits;
		m->bins[i].sum += of->bins[i].sum;
	}
	m->squares += of->squares;
}

uint64_t plan_marks_count(const struct plan_marks *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->sites; i++)
		n += m->of[i];
	return n;
}

double plan_marks_accuracy(const struct plan_marks *m)
{
	uint64_t n = plan_marks_count(m), right = 0;

	for (size_t i = 0; i < m->sites; i++)
		right += m->right[i];
	return n ? (double)right / (double)n : 0;
}

double plan_marks_balanced(const struct plan_marks *m)
{
	double sum = 0;
	size_t sites = 0;

	for (size_t i = 0; i < m->sites; i++) {
		if (m->of[i] == 0)
			continue;
		sum += (double)m->right[i] / (double)m->of[i];
		sites++;
	}
	return sites ? sum / (double)sites : 0;
}

double plan_marks_majority(const struct plan_marks *m)
{
	uint64_t n = plan_marks_count(m), most = 0;

	for (size_t i = 0; i < m->sites; i++)
		most = m->of[i] > most ? m->of[i] : most;
	return n ? (double)most / (double)n : 0;
}

double plan_marks_brier(const struct plan_marks *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < PLAN_BINS; i++)
		n += m->bins[i].count;
	return n ? m->squares / (double)n : 0;
}

// ---- Decisions ----

struct rank {
	double p;
	size_t at;
};

static int by_probability(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->p != y->p)
		return x->p > y->p ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void give(uint8_t *said, const double *p, size_t n, size_t sites, size_t site, size_t want)
{
	own(free_ptr) struct rank *r = mem_resize(NULL, n + 1, sizeof(*r));

	for (size_t i = 0; i < n; i++)
		r[i] = (struct rank){ p[i * sites + site], i };
	qsort(r, n, sizeof(*r), by_probability);
	for (size_t i = 0; i < want; i++)
		said[r[i].at] = (uint8_t)site;
}

void plan_decide(uint8_t *said, const double *p, size_t n, size_t sites)
{
	double expected[PLAN_VOTE_SITES_MAX] = {};
	size_t has[PLAN_VOTE_SITES_MAX] = {};

	for (size_t i = 0; i < n; i++) {
		size_t best = 0;
		for (size_t j = 0; j < sites; j++) {
			expected[j] += p[i * sites + j];
			if (p[i * sites + j] > p[i * sites + best])
				best = j;
		}
		said[i] = (uint8_t)best;
		has[best]++;
	}
	for (size_t j = 0; j < sites; j++) {
		size_t want = (size_t)(expected[j] / 2);
		if (want > has[j])
			give(said, p, n, sites, j, want);
	}
}

double plan_marks_area(const double *p, const uint8_t *truth, size_t n)
{
	own(free_ptr) struct rank *r = mem_resize(NULL, n + 1, sizeof(*r));
	double of[2] = {}, wins = 0, above = 0; // above: of the second site, with more

	for (size_t i = 0; i < n; i++) {
		r[i] = (struct rank){ p[2 * i + 1], i };
		of[truth[i]]++;
	}
	qsort(r, n, sizeof(*r), by_probability);
	for (size_t i = 0, next; i < n; i = next) {
		double first = 0, second = 0;
		for (next = i; next < n && r[next].p == r[i].p; next++)
			*(truth[r[next].at] ? &second : &first) += 1;
		wins += first * (above + second / 2);
		above += second;
	}
	return of[0] > 0 && of[1] > 0 ? wins / (of[0] * of[1]) : 0.5;
}

// ---- Calibration ----

#define SURE 1e-4 // no probability nearer to 0

void plan_calibrated(double power, double *p, size_t sites)
{
	double sum = 0;

	for (size_t i = 0; i < sites; i++)
		sum += p[i] = pow(p[i] < SURE ? SURE : p[i], power);
	for (size_t i = 0; i < sites; i++)
		p[i] /= sum;
}

// Newton's method on the log-likelihood, whose second derivative never changes its sign.
double plan_calibrate(
	const double *p, const uint8_t *truth, const double *weight, size_t n, size_t sites)
{
	double power = 1, q[PLAN_VOTE_SITES_MAX];

	for (int step = 0; step < 20; step++) {
		double slope = 0, curve = 1e-9;
		for (size_t i = 0; i < n; i++) {
			double mean = 0, square = 0, of_truth = 0;
			memcpy(q, p + i * sites, sites * sizeof(*q));
			plan_calibrated(power, q, sites);
			for (size_t j = 0; j < sites; j++) {
				double l = p[i * sites + j];
				l = log(l < SURE ? SURE : l);
				mean += q[j] * l;
				square += q[j] * l * l;
				of_truth = j == truth[i] ? l : of_truth;
			}
			slope += weight[i] * (of_truth - mean);
			curve += weight[i] * (square - mean * mean);
		}
		double move = slope / curve;
		power += move > 0.3 ? 0.3 : move < -0.3 ? -0.3 : move;
		power = power < 0.05 ? 0.05 : power > 5 ? 5 : power;
	}
	return power;
}
