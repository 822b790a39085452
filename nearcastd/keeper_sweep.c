// Old times leave the keeper's tables, a slice each second (flow/keeper.h says why).
#include "lib/clock.h"
#include "nearcastd/keeper_inside.h"

static uint64_t monotonic_ns(void)
{
	return (uint64_t)clock_now().us * 1000;
}

// What nobody swept for an hour cannot be told from what is new.
int keep_sweep_begin(struct keep *k)
{
	uint64_t now = monotonic_ns();

	k->slice = 0;
	k->swept_since = keeper_sweep_time(now);
	if (!keeper_sweep_late(&k->config, now))
		return 0;
	int rc = keeper_sweep_all(k->keeper, now);
	if (rc < 0)
		return rc;
	k->config.swept = k->swept_since;
	return keeper_configure(k->keeper, &k->config);
}

// The programs are told when a turn is done.
int keep_sweep(struct keep *k)
{
	uint64_t now = monotonic_ns();

	if (keeper_sweep_late(&k->config, now)) // this process was stopped meanwhile
		return keep_sweep_begin(k);
	int rc = keeper_sweep(k->keeper, k->slice, now, k->config.moved_s);
	if (rc < 0 || ++k->slice < KEEPER_SLICES)
		return rc;
	k->config.swept = k->swept_since;
	k->swept_since = keeper_sweep_time(now);
	k->slice = 0;
	return keeper_configure(k->keeper, &k->config);
}
