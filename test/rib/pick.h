// Random choices of the tests of rib/.
#pragma once

#include "lib/ip.h"
#include "lib/rng.h"

static inline struct rng rng_seed(uint64_t seed)
{
	return (struct rng){ seed };
}

// 0..n-1
static inline unsigned below(struct rng *r, size_t n)
{
	return (unsigned)(rng_next(r) % n);
}
