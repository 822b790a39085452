#include "fleet/holddown.h"

void holddown_init(struct holddown *h, span first, span max)
{
	*h = (struct holddown){
		.first = first,
		.max = max,
		.until = { INT64_MIN },
		.calm = INSTANT_NEVER,
		.alert = { INT64_MIN },
	};
}

// A wait decays after it was served and as long again passed without failure.
static void plan_calm(struct holddown *h)
{
	h->calm = span_is_zero(h->wait) ? INSTANT_NEVER : instant_add(h->until, h->wait);
}

void holddown_failed(struct holddown *h, instant now)
{
	if (span_is_zero(h->first))
		return;
	holddown_tick(h, now);
	bool is_first = span_is_zero(h->wait) && instant_due(h->alert, now);
	h->alert = instant_add(now, h->max);
	if (is_first)
		return;
	h->wait = span_is_zero(h->wait) ? h->first : span_min(span_us(h->wait.us * 2), h->max);
	h->until = instant_add(now, h->wait);
	plan_calm(h);
}

void holddown_tick(struct holddown *h, instant now)
{
	while (instant_due(h->calm, now)) {
		instant from = h->calm;
		h->wait = h->wait.us / 2 < h->first.us ? span_us(0) : span_us(h->wait.us / 2);
		h->calm = span_is_zero(h->wait) ? INSTANT_NEVER : instant_add(from, h->wait);
	}
}

bool holddown_active(const struct holddown *h, instant now)
{
	return instant_before(now, h->until);
}

instant holddown_deadline(const struct holddown *h, instant now)
{
	return holddown_active(h, now) ? h->until : h->calm;
}
