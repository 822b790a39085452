#include "lib/seed.h"

#include <errno.h>
#include <sys/random.h>

#include "lib/hash.h"

int seed_draw(uint64_t *ret)
{
	struct {
		uint8_t hash_key[16];
		uint64_t rng;
	} random;

	// So few octets come whole, once the kernel has any.
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -errno;
	hash_set_key(random.hash_key);
	*ret = random.rng;
	return 0;
}
