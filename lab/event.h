// Makes the events of a timeline happen.
#pragma once

#include "lab/service.h"

// 0, or negative errno with a sentence in *error. `run` starts its command and does not wait for it.
[[nodiscard]] int event_do(const struct scn_step *step, const struct world *w,
	struct services *services, struct strbuf *error);
