#include "fleet/drain.h"

#include <assert.h>

#include "lib/own.h"

static const char *const names[] = {
	[DRAIN_NONE] = "none",
	[DRAIN_DEMOTED] = "demoted",
	[DRAIN_WITHDRAWN] = "withdrawn",
	[DRAIN_DRAINED] = "drained",
};
static_assert(countof(names) == DRAIN_STAGE_MAX);

const char *drain_stage_name(enum drain_stage s)
{
	return names[s];
}

void drain_init(struct drain *d)
{
	*d = (struct drain){ .next = INSTANT_NEVER, .until = INSTANT_NEVER };
}

void drain_begin(struct drain *d, instant now, span soft, span hard, span lasts)
{
	if (d->stage == DRAIN_NONE) {
		d->stage = DRAIN_DEMOTED;
		d->soft = soft;
		d->hard = hard;
		d->next = instant_add(now, soft);
	}
	d->until = span_is_zero(lasts) ? INSTANT_NEVER : instant_add(now, lasts);
}

void drain_cancel(struct drain *d)
{
	drain_init(d);
}

void drain_announces(struct drain *d, bool announced, instant now)
{
	if (d->stage != DRAIN_WITHDRAWN)
		return;
	if (announced)
		d->next = INSTANT_NEVER;
	else if (instant_is_never(d->next))
		d->next = instant_add(now, d->hard);
}

bool drain_tick(struct drain *d, instant now)
{
	if (d->stage == DRAIN_NONE)
		return false;
	if (instant_due(d->until, now)) {
		drain_cancel(d);
		return true;
	}
	if (!instant_due(d->next, now))
		return false;
	if (d->stage == DRAIN_DEMOTED) {
		d->stage = DRAIN_WITHDRAWN;
		d->next = instant_add(d->next, d->hard);
	} else {
		d->stage = DRAIN_DRAINED;
		d->next = INSTANT_NEVER;
	}
	return true;
}

instant drain_deadline(const struct drain *d)
{
	return instant_min(d->next, d->until);
}
