// Makes the events of a timeline happen.
#pragma once

#include "lab/command.h"
#include "lab/service.h"

// Of a step that goes to and fro: what is still to come. Zero: nothing.
struct turns {
	uint64_t done;
	instant begun;
};

// To all targets of the step. 0, or negative errno with a sentence in *error. `run` starts its
// command, which is left in *command for the caller to look after.
[[nodiscard]] int event_do(const struct scn_step *step, const struct world *w,
	struct services *services, struct command *command, struct strbuf *error);

// Makes those turns of the step happen that are due. True when all have happened, or one failed
// with a sentence in *error. t->done is 1 after event_do().
[[nodiscard]] bool event_turn(struct turns *t, const struct scn_step *step, const struct world *w,
	struct services *services, instant now, struct strbuf *error);
