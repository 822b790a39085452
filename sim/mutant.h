// The guard's rule once more, written to be read and not to be fast, with a switch on each of
// its clauses. With no switch it says what fleet/guard.c says: test/sim compares them. With
// one it is a mutant that the invariants have to find.
//
// The linker puts it in place of guard_judge() (--wrap): the engine that is shipped knows
// nothing of it.
#pragma once

#include <stdbool.h>

#include "fleet/guard.h"
#include "fleet/member.h"

enum sim_mutation {
	SIM_NO_MUTATION,  // the plain rule, spelt out here
	SIM_NO_WAIT,      // withdraws at once, in one step
	SIM_NO_MAKE,      // does not wait until those who hold announce
	SIM_HARD_HELD,    // a dead server is held beside able sites
	SIM_HARD_FIRST,   // hard evidence is ranked before soft
	SIM_LAST_FIRST,   // names are ranked backwards
	SIM_OWN_FIRST,    // everyone ranks itself first
	SIM_OWN_LAST,     // everyone ranks itself last
	SIM_ROUND_DOWN,   // a share is rounded down
	SIM_FORGETS,      // only sites in sight are known
	SIM_COUNTS_NODES, // nodes are counted, not sites
	SIM_COUNTS_OWN,   // counts itself among those that remain
	SIM_COUNTS_SOFT,  // sites that are not able count as able
	SIM_ISOLATED,     // hears nobody, and goes
	SIM_NEVER_GOES,   // holds, however many are able
	SIM_NO_GUARD,
	SIM_MUTATION_MAX,
};

struct sim_mutant {
	const char *name, *text;
	enum sim_mutation mutation;
};

extern const struct sim_mutant sim_mutants[SIM_MUTATION_MAX];

const struct sim_mutant *sim_mutant_find(const char *name); // NULL: there is none
// From now on in this process; NULL: the rule of fleet/guard.c.
void sim_mutant_set(const struct sim_mutant *m);
// What a mutant changes in the configuration of a member.
void sim_mutant_member(const struct sim_mutant *m, struct member_config *config);

struct guard_result sim_rule(const struct guard_input *in, enum sim_mutation broken);

// The linker's names.
struct guard_result __real_guard_judge(const struct guard_input *in);
struct guard_result __wrap_guard_judge(const struct guard_input *in);
