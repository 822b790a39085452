// What a program draws from the kernel once, at its start.
#pragma once

#include <stdint.h>

// Sets the key of lib/hash.h, and gives a seed for jitter and the like (lib/rng.h). 0; negative errno.
[[nodiscard]] int seed_draw(uint64_t *ret);
