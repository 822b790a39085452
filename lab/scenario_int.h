// Inside the loading of scenarios.
#pragma once

#include "lab/scenario.h"

// Fills in what follows from other keys, and checks what they mean together. -EINVAL.
[[nodiscard]] int scenario_check(struct scenario *s, struct faults *faults);
