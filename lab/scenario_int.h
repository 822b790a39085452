// Inside the loading of scenarios.
#pragma once

#include "lab/scenario.h"

// Fills in what follows from other keys, and checks what they mean together. -EINVAL.
[[nodiscard]] int scenario_check(struct scenario *s, struct faults *faults);

struct checker {
	struct scenario *s;
	struct faults *faults;
};

#define FAULT(c, at, expected, ...) faults_add((c)->faults, &(c)->s->doc, at, expected, __VA_ARGS__)

void check_site_known(struct checker *c, struct place at, const char *name);
// The event of a step, with its targets and what belongs to it.
void check_event(struct checker *c, const struct scn_step *step);

// Whether the event can happen to that target (scenario_targets.c).
void check_target(struct checker *c, const struct scn_step *step, const char *target);

// Sessions, and what a step says of them (scenario_sessions.c).
extern const struct schema session_schema, sessions_expect_schema;
void check_sessions(struct checker *c);
void check_sessions_expect(struct checker *c, const struct scn_step *step);

// Says that there is no `what` of that name in the list, of structs of that size that
// begin with their names, if so.
void check_known(struct checker *c, struct place at, const struct items *list, size_t size,
	const char *what, const char *name);

// Whether there is a node of that name, and nearcastd runs there.
bool scenario_has_daemon(const struct scenario *s, const char *node);
