#include "plan/optimise.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/rng.h"
#include "plan/evaluate.h"
#include "plan/genes.h"

enum {
	TRIED_BITS = 20, // states that are remembered so as not to be tried twice
	KICK_MAX = 5,    // things changed at random to leave a valley
	RESTART = 4,     // one kick in so many starts from anywhere
	KICKS = 1024,    // tries to find 64 states that were not tried
};

// Lane by lane, what is evaluated.
struct lane {
	uint8_t *state;
	struct plan_seed *seeds;
	bool *seeds_off;
	struct plan_announcement announcement;
	struct plan_mask mask;
	struct plan_score score;
};

enum stage { STAGE_START, STAGE_GREEDY, STAGE_WORK, STAGE_DONE };

struct plan_search {
	struct plan_optimise_options options;
	struct genes genes;
	struct plan_reduced *reduced;
	struct plan_batch *batch;
	struct evaluator *evaluator;
	struct plan_plan small; // sites of the plan, seeds on the reduced graph
	struct plan_seed *seeds;
	uint32_t *poison;

	enum stage stage;
	struct rng rng;
	struct plan_found current;
	uint32_t *moves; // gene << 8 | option
	uint32_t move_count, move_at;
	uint64_t *tried;  // hashes of states; 0 is empty
	uint64_t next_at; // of an enumeration

	struct plan_found start, greedy, best, frontier[PLAN_FRONTIER_MAX];
	uint64_t evaluated;
	struct lane lane[PLAN_LANES];
	uint32_t lanes;
};

static const char *const objective_names[] = {
	[PLAN_MEAN] = "mean",
	[PLAN_P95] = "p95",
	[PLAN_BALANCE] = "balance",
};
static_assert(countof(objective_names) == PLAN_OBJECTIVE_MAX);

const char *plan_objective_name(enum plan_objective o)
{
	return objective_names[o];
}

static const char *const method_names[] = {
	[PLAN_EXHAUSTIVE] = "exhaustive",
	[PLAN_SEARCH] = "search",
	[PLAN_GREEDY] = "greedy",
};
static_assert(countof(method_names) == PLAN_METHOD_MAX);

const char *plan_method_name(enum plan_method m)
{
	return method_names[m];
}

// ---- Better and worse ----

static bool is_better(const struct plan_score *a, const struct plan_score *b)
{
	static const double nothing = 1e-9;

	if (a->overload < b->overload - nothing || a->overload > b->overload + nothing)
		return a->overload < b->overload;
	return a->value < b->value - nothing * (1 + b->value);
}

static void keep(const struct plan_search *s, struct plan_found *to, const struct lane *from)
{
	if (!to->state)
		to->state = mem_zalloc(s->genes.count);
	memcpy(to->state, from->state, s->genes.count);
	to->score = from->score;
}

static void keep_if_better(
	const struct plan_search *s, struct plan_found *to, const struct lane *from)
{
	bool better = !to->state || is_better(&from->score, &to->score);
	// Of equal ones, the one that changes less.
	bool simpler = to->state && !better && !is_better(&to->score, &from->score) &&
		       from->score.changes < to->score.changes;

	if (better || simpler)
		keep(s, to, from);
}

// ---- Evaluating ----

static double value_of(const struct plan_search *s, const struct plan_score *x)
{
	switch (s->options.objective) {
	case PLAN_P95:
		return x->p95_ms;
	case PLAN_BALANCE:
		return x->fullest + 100 * x->unreached;
	default:
		return x->mean_ms;
	}
}

static struct lane *add_lane(struct plan_search *s, const uint8_t *state)
{
	struct lane *l = &s->lane[s->lanes++];

	memcpy(l->state, state, s->genes.count);
	return l;
}

static int evaluate(struct plan_search *s, bool all_figures)
{
	struct plan_variant variants[PLAN_LANES];
	struct plan_score scores[PLAN_LANES];

	for (uint32_t i = 0; i < s->lanes; i++) {
		struct lane *l = &s->lane[i];
		genes_apply(&s->genes, l->state, l->seeds, l->seeds_off);
		variants[i] = (struct plan_variant){ &l->announcement, &l->mask };
	}
	int rc = plan_batch_run(s->batch, variants, s->lanes);
	if (rc < 0)
		return rc;
	evaluator_run(s->evaluator, s->batch, s->lanes,
		all_figures || s->options.objective == PLAN_P95, scores);
	for (uint32_t i = 0; i < s->lanes; i++) {
		struct lane *l = &s->lane[i];
		l->score = scores[i];
		l->score.value = value_of(s, &scores[i]);
		l->score.changes = genes_changes(&s->genes, l->state);
	}
	return 0;
}

// A batch, and what it teaches. The index of its best lane.
static int evaluate_and_keep(struct plan_search *s)
{
	int rc = evaluate(s, false), best = 0;

	for (uint32_t i = 0; rc == 0 && i < s->lanes; i++) {
		const struct lane *l = &s->lane[i];
		keep_if_better(s, &s->best, l);
		if (l->score.changes < PLAN_FRONTIER_MAX)
			keep_if_better(s, &s->frontier[l->score.changes], l);
		if (is_better(&l->score, &s->lane[best].score))
			best = (int)i;
	}
	s->evaluated += s->lanes;
	return rc < 0 ? rc : best;
}

int plan_search_score(struct plan_search *s, const uint8_t *state, struct plan_score *ret)
{
	s->lanes = 0;
	const struct lane *l = add_lane(s, state);
	int rc = evaluate(s, true);
	if (rc == 0)
		*ret = l->score;
	return rc;
}

// ---- Going downhill ----

static void shuffle(struct plan_search *s)
{
	for (uint32_t i = s->move_count; i > 1; i--) {
		uint32_t k = (uint32_t)rng_range(&s->rng, 0, i - 1), swap = s->moves[i - 1];
		s->moves[i - 1] = s->moves[k];
		s->moves[k] = swap;
	}
	s->move_at = 0;
}

// False: it was there already. A full place forgets what it had: trying twice does no harm.
static bool first_time(struct plan_search *s, const uint8_t *state)
{
	uint64_t hash = genes_hash(&s->genes, state) | 1;
	uint64_t *at = &s->tried[hash >> (64 - TRIED_BITS)];

	if (*at == hash)
		return false;
	*at = hash;
	return true;
}

// Random changes of a state; some may change nothing.
static void change_some(struct plan_search *s, uint8_t *state, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t gene = s->moves[rng_range(&s->rng, 0, s->move_count - 1)] >> 8;
		const struct gene *g = &s->genes.list[gene];
		state[gene] = g->option[rng_range(&s->rng, 0, g->count - 1)];
	}
}

// Fills the lanes with neighbours of the current state; false: there is none left.
static bool fill_lanes(struct plan_search *s)
{
	own(free_ptr) uint8_t *state = mem_dup(s->current.state, s->genes.count);

	s->lanes = 0;
	for (; s->move_at < s->move_count && s->lanes < PLAN_LANES; s->move_at++) {
		uint32_t gene = s->moves[s->move_at] >> 8;
		uint8_t was = state[gene];
		state[gene] = (uint8_t)s->moves[s->move_at];
		if (state[gene] != was) {
			(void)first_time(s, state);
			add_lane(s, state);
		}
		state[gene] = was;
	}
	return s->lanes > 0;
}

// Lanes that are left over cost hardly anything: they try what comes later anyway, or two changes
// at once.
static void fill_spare(struct plan_search *s)
{
	const struct genes *g = &s->genes;

	while (s->lanes < PLAN_LANES) {
		uint8_t *state = s->lane[s->lanes].state;
		if (s->options.method == PLAN_GREEDY)
			return;
		if (s->options.method == PLAN_EXHAUSTIVE) {
			if (s->next_at == g->total)
				return;
			genes_nth(g, s->next_at++, state);
		} else {
			memcpy(state, s->current.state, g->count);
			change_some(s, state, 2);
		}
		s->lanes++;
	}
}

// The greedy search looks at all single changes and takes the best of them, again and again.
static int step_greedy(struct plan_search *s)
{
	if (fill_lanes(s)) {
		uint32_t single = s->lanes;
		fill_spare(s);
		int rc = evaluate_and_keep(s);
		for (uint32_t i = 0; rc >= 0 && i < single; i++)
			keep_if_better(s, &s->greedy, &s->lane[i]);
		return rc < 0 ? rc : 1;
	}
	bool better = is_better(&s->greedy.score, &s->current.score);
	memcpy(s->current.state, s->greedy.state, s->genes.count);
	s->current.score = s->greedy.score;
	s->move_at = 0;
	if (!better)
		s->stage = s->options.method == PLAN_GREEDY ? STAGE_DONE : STAGE_WORK;
	return s->stage != STAGE_DONE;
}

// A few random changes of the best state, or now and then of any.
static void kick_one(struct plan_search *s, uint8_t *state)
{
	const struct genes *g = &s->genes;
	bool anywhere = rng_range(&s->rng, 1, RESTART) == 1;
	int64_t n = anywhere ? g->count : rng_range(&s->rng, 2, KICK_MAX);

	memcpy(state, s->best.state, g->count);
	change_some(s, state, n);
}

// A batch of them costs hardly more than one. Where all were tried before, one will do.
static void kick(struct plan_search *s)
{
	s->lanes = 0;
	for (int i = 1; i <= KICKS && s->lanes < PLAN_LANES; i++) {
		uint8_t *state = s->lane[s->lanes].state;
		kick_one(s, state);
		if (first_time(s, state) || (i == KICKS && s->lanes == 0))
			s->lanes++;
	}
	shuffle(s);
}

static int step_search(struct plan_search *s)
{
	bool valley = !fill_lanes(s);

	if (valley)
		kick(s);
	else
		fill_spare(s);
	int best = evaluate_and_keep(s);
	if (best < 0)
		return best;
	if (valley || is_better(&s->lane[best].score, &s->current.score)) {
		memcpy(s->current.state, s->lane[best].state, s->genes.count);
		s->current.score = s->lane[best].score;
		shuffle(s);
	}
	return 1;
}

// ---- All there are ----

static int step_all(struct plan_search *s)
{
	s->lanes = 0;
	for (; s->lanes < PLAN_LANES && s->next_at < s->genes.total; s->next_at++)
		genes_nth(&s->genes, s->next_at, s->lane[s->lanes++].state);
	int best = s->lanes > 0 ? evaluate_and_keep(s) : 0;
	if (best < 0)
		return best;
	if (s->next_at == s->genes.total)
		s->stage = STAGE_DONE;
	return s->stage != STAGE_DONE;
}

static int step_start(struct plan_search *s)
{
	s->lanes = 0;
	genes_start(&s->genes, s->lane[s->lanes++].state);
	int best = evaluate_and_keep(s);
	if (best < 0)
		return best;
	keep(s, &s->start, &s->lane[0]);
	keep(s, &s->greedy, &s->lane[0]);
	keep(s, &s->current, &s->lane[0]);
	s->stage = STAGE_GREEDY;
	return 1;
}

int plan_search_step(struct plan_search *s)
{
	switch (s->stage) {
	case STAGE_START:
		return step_start(s);
	case STAGE_GREEDY:
		return step_greedy(s);
	case STAGE_WORK:
		return s->options.method == PLAN_EXHAUSTIVE ? step_all(s) : step_search(s);
	default:
		return 0;
	}
}

// ---- Beginning and end ----

// The plan's seeds on the reduced graph.
static void move_seeds(struct plan_search *s, const struct plan_plan *plan)
{
	const struct plan_announcement *a = &plan->announcement;
	uint32_t poisoned = 0;

	for (uint32_t i = 0; i < a->seed_count; i++)
		poisoned += a->seeds[i].poisoned;
	s->seeds = mem_dup(a->seeds, a->seed_count * sizeof(*a->seeds));
	s->poison = mem_zalloc((poisoned + 1) * sizeof(*s->poison));
	uint32_t *to = s->poison;
	for (uint32_t i = 0; i < a->seed_count; i++) {
		struct plan_seed *seed = &s->seeds[i];
		seed->node = s->reduced->of[seed->node];
		for (uint32_t k = 0; k < seed->poisoned; k++)
			to[k] = s->reduced->of[a->seeds[i].poison[k]];
		seed->poison = to;
		to += seed->poisoned;
	}
	s->small = *plan;
	s->small.seeds = s->seeds;
	s->small.announcement.seeds = s->seeds;
	if (a->origin != PLAN_NONE)
		s->small.announcement.origin = s->reduced->of[a->origin];
}

static void make_moves(struct plan_search *s)
{
	const struct genes *g = &s->genes;

	s->moves = mem_zalloc(g->count * GENE_OPTIONS_MAX * sizeof(*s->moves));
	for (uint32_t i = 0; i < g->count; i++)
		for (uint8_t k = 0; k < g->list[i].count && g->list[i].count > 1; k++)
			s->moves[s->move_count++] = i << 8 | g->list[i].option[k];
}

static void make_lanes(struct plan_search *s)
{
	for (size_t i = 0; i < PLAN_LANES; i++) {
		struct lane *l = &s->lane[i];
		l->state = mem_zalloc(s->genes.count);
		l->seeds = mem_zalloc(s->genes.seeds * sizeof(*l->seeds));
		l->seeds_off = mem_zalloc(s->genes.seeds * sizeof(*l->seeds_off));
		l->announcement = s->small.announcement;
		l->announcement.seeds = l->seeds;
		l->mask.seeds_off = l->seeds_off;
	}
	s->current.state = mem_zalloc(s->genes.count);
}

static int check(const struct plan_search *s, struct strbuf *why)
{
	if (s->genes.variable == 0) {
		sb_str(why, "there is nothing that may change");
		return -ENODATA;
	}
	if (s->options.objective != PLAN_BALANCE && !evaluator_has_distances(s->evaluator)) {
		sb_str(why,
			"no distances: sites want lat and lon, clients --weights with countries "
			"and --places");
		return -ENODATA;
	}
	return 0;
}

int plan_search_new(struct plan_search **ret, const struct plan_graph *g,
	const struct plan_plan *plan, const struct plan_clients *clients,
	const struct plan_latency *latency, const struct plan_optimise_options *options,
	struct strbuf *why)
{
	if (plan->announcement.seed_count > PLAN_LANE_SEEDS_MAX ||
		plan->announcement.site_count > PLAN_LANE_SEEDS_MAX) {
		sb_printf(why, "over %d neighbours", PLAN_LANE_SEEDS_MAX);
		return -E2BIG;
	}
	own(plan_search_free) struct plan_search *s = mem_zalloc(sizeof(*s));
	s->options = *options;
	s->rng.state = options->seed;
	s->reduced = plan_reduce(g, &plan->announcement, clients);
	move_seeds(s, plan);
	genes_init(&s->genes, &s->small, options);
	s->batch = plan_batch_new(s->reduced->graph);
	s->evaluator = evaluator_new(s->reduced, &s->small, latency);
	s->tried = mem_zalloc(sizeof(*s->tried) << TRIED_BITS);
	make_moves(s);
	make_lanes(s);
	int rc = check(s, why);
	if (rc == 0)
		*ret = take(s);
	return rc;
}

static void free_found(struct plan_found *f)
{
	free(f->state);
}

void plan_search_free(struct plan_search **s)
{
	struct plan_search *old = take(*s);

	if (!old)
		return;
	for (size_t i = 0; i < PLAN_LANES; i++) {
		free(old->lane[i].state);
		free(old->lane[i].seeds);
		free(old->lane[i].seeds_off);
	}
	for (size_t i = 0; i < PLAN_FRONTIER_MAX; i++)
		free_found(&old->frontier[i]);
	free_found(&old->start);
	free_found(&old->greedy);
	free_found(&old->best);
	free_found(&old->current);
	genes_free(&old->genes);
	evaluator_free(&old->evaluator);
	plan_batch_free(&old->batch);
	plan_reduced_free(&old->reduced);
	free(old->seeds);
	free(old->poison);
	free(old->moves);
	free(old->tried);
	free(old);
}

uint64_t plan_search_total(const struct plan_search *s)
{
	return s->genes.total;
}

uint64_t plan_search_evaluated(const struct plan_search *s)
{
	return s->evaluated;
}

const struct plan_found *plan_search_start(const struct plan_search *s)
{
	return &s->start;
}

const struct plan_found *plan_search_greedy(const struct plan_search *s)
{
	return &s->greedy;
}

const struct plan_found *plan_search_best(const struct plan_search *s)
{
	return &s->best;
}

const struct plan_found *plan_search_frontier(const struct plan_search *s, uint32_t changes)
{
	return &s->frontier[changes < PLAN_FRONTIER_MAX ? changes : PLAN_FRONTIER_MAX - 1];
}

uint32_t plan_search_genes(const struct plan_search *s)
{
	return s->genes.count;
}
