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

// The wait that as many failures would have led to.
static span wait_of(const struct holddown *h, span first, span max)
{
	span wait = first;

	for (int64_t us = h->first.us; us < h->wait.us && wait.us < max.us; us *= 2)
		wait = span_us(wait.us * 2);
	return span_min(span_min(wait, max), h->wait);
}

void holddown_configure(struct holddown *h, span first, span max)
{
	if (span_is_zero(first) || span_is_zero(h->first)) {
		holddown_init(h, first, max);
		return;
	}
	span wait = wait_of(h, first, max);
	if (wait.us < h->wait.us) {
		h->until = instant_add(h->until, span_us(wait.us - h->wait.us));
		h->wait = wait;
		plan_calm(h);
	}
	if (max.us < h->max.us && h->alert.us != INT64_MIN)
		h->alert = instant_add(h->alert, span_us(max.us - h->max.us));
	h->first = first;
	h->max = max;
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
	span next = span_us(h->wait.us * 2);
	h->wait = next.us < h->first.us ? h->first : span_min(next, h->max);
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
