// What of an announcement may change, and to what. Part of plan/optimise.
//
// A state is an entry a gene: first the sites (1 on, 0 off), then the seeds (0 off, else 1 + prepends).
#pragma once

#include "plan/optimise.h"

enum { GENE_OPTIONS_MAX = PLAN_PREPEND_MAX + 3 };

struct gene {
	uint8_t option[GENE_OPTIONS_MAX]; // the first is what the file has
	uint8_t count;
};

struct genes {
	const struct plan_plan *plan; // borrowed
	uint32_t sites, seeds, count; // count: of all
	struct gene *list;
	uint32_t *of_site; // seeds, ordered by site
	uint32_t *first;   // of each site in of_site; one more than there are sites
	uint64_t *states;  // of each site with its neighbours
	uint64_t total;    // product of them; UINT64_MAX: more than that
	uint32_t variable; // genes with a choice
};

void genes_init(
	struct genes *g, const struct plan_plan *plan, const struct plan_optimise_options *options);
void genes_free(struct genes *g);

// The file's announcement.
void genes_start(const struct genes *g, uint8_t *state);
// The number-th of all, 0 to total - 1. What a site that is off does with its neighbours is left out.
void genes_nth(const struct genes *g, uint64_t number, uint8_t *state);
// How many things differ from the file. Neighbours of a site that is off do not count.
uint32_t genes_changes(const struct genes *g, const uint8_t *state);
// Equal for states that announce the same.
uint64_t genes_hash(const struct genes *g, const uint8_t *state);
// Seeds with the state's prepends, and which are off.
void genes_apply(
	const struct genes *g, const uint8_t *state, struct plan_seed *seeds, bool *seeds_off);
