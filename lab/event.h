// Makes the events of a timeline happen.
#pragma once

#include "lab/service.h"

// To all targets of the step. 0, or negative errno with a sentence in *error. `run` starts its command, in the node's
// directory, and leaves its process id in *command for the caller to wait for; 0 otherwise.
[[nodiscard]] int event_do(const struct scn_step *step, const struct world *w,
	struct services *services, pid_t *command, struct strbuf *error);
