// Which site an AS would choose, for pairs of sites that were never announced together.
//
// The model is a mixture of rankings. There are a few kinds of ASes; to each kind k a site s is worth a
// number u[k][s], and an AS of that kind goes to s of the announced sites with probability
// exp(u[k][s]) / sum over them (Luce 1959; two sites: Bradley and Terry 1952). Kinds and worths are
// learnt together from all trials by expectation maximisation (Dempster, Laird and Rubin 1977; for
// rankings: Murphy and Martin 2003). What an AS did in other trials says of which kind it is, and so
// what it will do in a trial that nobody made. The total orders of AnyOpt (Zhang et al., SIGCOMM
// 2021) are the case of one kind per AS.
//
// An AS that is missing in a trial can say something too. Where few ASes answer, and nearly all
// that do answer in some other trial, the sites of the trial were out of reach for the rest: they
// chose the worth of nothing at all, u[k][out of reach].
#pragma once

#include "plan/votes.h"

struct plan_mixture_options {
	unsigned kinds;  // 1 to PLAN_KINDS_MAX
	unsigned starts; // random beginnings, whose answers are averaged; 1 to PLAN_STARTS_MAX
	unsigned rounds; // of expectation and maximisation
	double ridge;    // how strongly worths are held near 0, in ASes
	double floor;    // least probability of any choice: noise in what was measured
	double group;    // ASes that the share of kinds over all counts for within a group
	uint64_t seed;
	// Trials whose answers the others contradict (plan/score.h), one flag each, or NULL: all that
	// they teach is who is out of reach.
	const bool *contradicted;
};

enum { PLAN_KINDS_MAX = 32, PLAN_STARTS_MAX = 64 };

#define PLAN_MIXTURE_DEFAULT                                                                    \
	{                                                                                       \
		.kinds = 16, .starts = 8, .rounds = 30, .ridge = 2, .floor = 0.02, .group = 20, \
		.seed = 1                                                                       \
	}

struct plan_mixture;

// without: trials that must teach nothing, one flag each; NULL: all teach. group: of each AS, such
// as its country, less than groups; ASes of a group share how likely the kinds are. NULL: one group.
// Takes a second or so for 50,000 ASes. v must live as long as the mixture.
[[nodiscard]] struct plan_mixture *plan_mixture_fit(const struct plan_votes *v, const bool *without,
	const uint16_t *group, uint32_t groups, const struct plan_mixture_options *o);
void plan_mixture_free(struct plan_mixture **m); // NULL inside is fine

// Probability that an AS goes to sites[i] when the sites are announced together, into p[i]; an
// AS that no trial saw is like the average. They add up to 1.
void plan_mixture_choose(
	const struct plan_mixture *m, uint32_t as, const uint8_t *sites, size_t count, double *p);
// Kinds of ASes: how many there are of each pattern of results; for curiosity and tests.
uint32_t plan_mixture_patterns(const struct plan_mixture *m);
