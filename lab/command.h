// The command of a `run` step: in the node's directory, once or until it succeeds.
#pragma once

#include "lab/world.h"

// Zero: none, or over.
struct command {
	const struct scn_step *step;
	const struct lab_node *node;
	pid_t pid;     // 0: it failed, and waits to be run again
	instant again; // when
	long output;   // where in the node's run.log it begins
};

// Starts the command of the step. -errno.
[[nodiscard]] int command_start(
	struct command *c, const struct world *w, const struct scn_step *step);

// Looks after it; true when it is over, with a sentence in *why if it failed. give_up: it has
// no more time, and is killed.
[[nodiscard]] bool command_poll(
	struct command *c, const struct world *w, instant now, bool give_up, struct strbuf *why);

// What the latest run of it printed. -errno.
[[nodiscard]] int command_output(const struct command *c, const struct world *w, struct strbuf *b);
