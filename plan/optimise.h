// The best announcement: which sites and neighbours are on, and how often each is prepended.
//
// A search is stepped: each step evaluates up to 64 announcements as lanes of one batch on a reduced
// graph. Where all announcements can be tried they are, and the answer is proven. Otherwise it goes
// downhill by single changes until none helps (that first valley is what a greedy search finds), then
// again and again from the best one with a few things changed at random: iterated local search
// (Lourenço, Martin and Stützle, 2003).
#pragma once

#include "plan/batch.h"
#include "plan/reduce.h"

enum plan_objective {
	PLAN_MEAN,    // mean round-trip time of all clients
	PLAN_P95,     // 95th percentile of it
	PLAN_BALANCE, // how full the fullest site is, beside its capacity or an equal share
	PLAN_OBJECTIVE_MAX,
};

enum plan_method { PLAN_EXHAUSTIVE, PLAN_SEARCH, PLAN_GREEDY, PLAN_METHOD_MAX };

const char *plan_objective_name(enum plan_objective o); // "mean"
const char *plan_method_name(enum plan_method m);       // "exhaustive"

enum { PLAN_CHANGE_SITES = 1, PLAN_CHANGE_NEIGHBOURS = 2, PLAN_CHANGE_PREPENDS = 4 };

// What an announcement without a route costs a client: as much as this round-trip time.
#define PLAN_UNREACHED_MS 1000.0

struct plan_optimise_options {
	enum plan_objective objective;
	enum plan_method method;
	unsigned change;      // PLAN_CHANGE_*
	unsigned max_prepend; // at most PLAN_PREPEND_MAX
	uint64_t seed;        // of the random changes
};

// How good an announcement is. Less overload is better whatever the value.
struct plan_score {
	double overload; // share of all load beyond what sites can carry
	double value;    // of the objective
	double mean_ms, p95_ms, fullest, unreached;
	uint32_t changes; // from the file's announcement
};

// A state: of each site whether it is on, then of each seed 0 for off or 1 + prepends.
struct plan_found {
	struct plan_score score;
	uint8_t *state; // NULL: none found
};

enum { PLAN_FRONTIER_MAX = 64 };

struct plan_search;

// plan: borrowed. *why is set on failure: -E2BIG: more neighbours than a lane can count; -ENODATA:
// latency is asked for and no site or no client has a place, or there is nothing to change.
[[nodiscard]] int plan_search_new(struct plan_search **ret, const struct plan_graph *g,
	const struct plan_plan *plan, const struct plan_clients *clients,
	const struct plan_latency *latency, const struct plan_optimise_options *options,
	struct strbuf *why);
void plan_search_free(struct plan_search **s); // NULL inside is fine

// Announcements that there are to try, UINT64_MAX when more than that.
uint64_t plan_search_total(const struct plan_search *s);
uint64_t plan_search_evaluated(const struct plan_search *s);

// The next batch. 1: there is more; 0: all was tried, or the greedy search is at its end (a
// PLAN_SEARCH has none); -EOVERFLOW: a path that no lane can count.
[[nodiscard]] int plan_search_step(struct plan_search *s);

// What was found so far; valid until the next step. The start is the file's announcement.
const struct plan_found *plan_search_start(const struct plan_search *s);
const struct plan_found *plan_search_greedy(
	const struct plan_search *s); // state NULL: not there yet
const struct plan_found *plan_search_best(const struct plan_search *s);
// The best with that many changes from the file; state NULL: none was tried. at most
// PLAN_FRONTIER_MAX - 1 changes.
const struct plan_found *plan_search_frontier(const struct plan_search *s, uint32_t changes);

// Number of entries of a state, and what they are.
uint32_t plan_search_genes(const struct plan_search *s);
// All figures of a state, whatever the objective. -EOVERFLOW as above.
[[nodiscard]] int plan_search_score(
	struct plan_search *s, const uint8_t *state, struct plan_score *ret);
