// Makes the events of a timeline happen.
#pragma once

#include "lab/command.h"
#include "lab/service.h"

// To all targets of the step. 0, or negative errno with a sentence in *error. `run` starts its
// command, which is left in *command for the caller to look after.
[[nodiscard]] int event_do(const struct scn_step *step, const struct world *w,
	struct services *services, struct command *command, struct strbuf *error);
