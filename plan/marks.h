// How good predictions are where the truth is known.
#pragma once

#include "plan/votes.h"

enum { PLAN_BINS = 10 };

struct plan_bin {
	uint64_t count; // probabilities that fell in it
	uint64_t hits;  // of them, those whose site it was
	double sum;     // of the probabilities
};

struct plan_marks {
	size_t sites;
	uint64_t of[PLAN_VOTE_SITES_MAX];    // ASes that go to each site
	uint64_t right[PLAN_VOTE_SITES_MAX]; // of them, those of whom it was said
	struct plan_bin bins[PLAN_BINS];     // by probability: [0, 0.1), ... [0.9, 1]
	double squares;                      // sum of (p - hit)^2 over the sites (Brier 1950)
};

// One AS that goes to site number `truth` of sites, of which `said` was expected, with probabilities
// p; NULL: none are known.
void plan_marks_add(struct plan_marks *m, size_t sites, size_t truth, size_t said, const double *p);
// Adds the bins of another, as for a curve over several trials.
void plan_marks_add_bins(struct plan_marks *m, const struct plan_marks *of);

uint64_t plan_marks_count(const struct plan_marks *m);
double plan_marks_accuracy(const struct plan_marks *m);
// Mean over the sites of the share of their ASes that was found; 1/sites is chance.
double plan_marks_balanced(const struct plan_marks *m);
// Accuracy of saying the largest site for all.
double plan_marks_majority(const struct plan_marks *m);
// How often an AS of the second of two sites has the greater probability p[2 * i + 1] than one of the first:
// the area under the curve of Hanley and McNeil (1982). 0.5 is chance, also where a site has none.
double plan_marks_area(const double *p, const uint8_t *truth, size_t n);
// Mean over ASes of the squared error of the first site's probability; 0.25 is a coin.
double plan_marks_brier(const struct plan_marks *m);

// The site to expect for each of n ASes from probabilities p[i * sites]. The likeliest, but for one
// thing: where a site has the expected share m (the mean of its probability) and fewer than m/2 of the
// ASes, it is given those likeliest to go there, up to m/2. A site with hundreds of clients is
// otherwise forecast to have none, since each of them alone is unlikely.
void plan_decide(uint8_t *said, const double *p, size_t n, size_t sites);

// Calibration: probabilities are raised to a power and made to add up to 1 again, so that what is said
// with 80 % comes true in 80 %. Fitted to n cases of `sites` probabilities with the truth and a weight.
double plan_calibrate(
	const double *p, const uint8_t *truth, const double *weight, size_t n, size_t sites);
void plan_calibrated(double power, double *p, size_t sites);
