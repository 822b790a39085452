#include "fleet/recovery.h"

void recovery_init(struct recovery *r, span after)
{
	*r = (struct recovery){ .after = after, .due = INSTANT_NEVER };
}

void recovery_set_after(struct recovery *r, span after)
{
	if (!instant_is_never(r->due))
		r->due = instant_add(r->due, span_us(after.us - r->after.us));
	r->after = after;
}

static bool is_able(enum health h)
{
	return h == HEALTH_UP || h == HEALTH_DEGRADED;
}

void recovery_health(struct recovery *r, enum health health, instant now)
{
	if (r->failed && instant_due(r->due, now))
		r->failed = false;
	if (health == HEALTH_DOWN)
		r->failed = true;
	if (!r->failed || !is_able(health))
		r->due = INSTANT_NEVER;
	else if (instant_is_never(r->due))
		r->due = instant_add(now, r->after);
}

bool recovery_waits(const struct recovery *r, instant now)
{
	return r->failed && !instant_is_never(r->due) && instant_before(now, r->due);
}

instant recovery_deadline(const struct recovery *r, instant now)
{
	return recovery_waits(r, now) ? r->due : INSTANT_NEVER;
}
