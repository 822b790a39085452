// A small seeded generator (SplitMix64, Steele, Lea and Flood, 2014) for jitter and
// simulation. Engines hold one and are given its seed; never for secrets.
#pragma once

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

// Uniform in [low, high], both included; low <= high.
static inline int64_t rng_range(struct rng *r, int64_t low, int64_t high)
{
	uint64_t width = (uint64_t)high - (uint64_t)low + 1;
	return width ? low + (int64_t)(rng_next(r) % width) : (int64_t)rng_next(r);
}
