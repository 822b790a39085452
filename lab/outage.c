#include "lab/outage.h"

#include <stdlib.h>

enum fate { FATE_BEFORE, FATE_ANSWERED, FATE_LOST, FATE_OPEN };

// What became of a query as far as a step from `event` to `end` is concerned.
static enum fate fate_of(const struct query_record *q, span timeout, instant event, instant end)
{
	instant expires = instant_add(q->sent, timeout);

	if (!instant_is_never(q->answered)) {
		if (instant_before(q->answered, event))
			return FATE_BEFORE;
		return instant_before(end, q->answered) ? FATE_OPEN : FATE_ANSWERED;
	}
	if (instant_due(expires, event))
		return FATE_BEFORE; // lost, but to something earlier
	return instant_due(expires, end) ? FATE_LOST : FATE_OPEN;
}

static int compare_spans(const void *a, const void *b)
{
	const span *x = a, *y = b;

	return (x->us > y->us) - (x->us < y->us);
}

struct samples {
	span rtt[RTT_SAMPLES];
	size_t count;
};

static void add_sample(struct samples *s, const struct query_record *q)
{
	s->rtt[s->count++ % RTT_SAMPLES] = instant_diff(q->answered, q->sent);
}

static span median(struct samples *s)
{
	size_t n = s->count < RTT_SAMPLES ? s->count : RTT_SAMPLES;

	if (n == 0)
		return (span){};
	qsort(s->rtt, n, sizeof(s->rtt[0]), compare_spans);
	return s->rtt[n / 2];
}

// A run of lost queries that may still go on.
struct run {
	bool open;
	instant first;
};

static void run_end(struct run *r, struct outage *o, instant at, bool ended)
{
	if (!r->open)
		return;
	span length = instant_diff(at, r->first);
	if (length.us > o->longest.us) {
		o->longest = length;
		o->open = !ended;
	}
	r->open = !ended;
}

struct outage outage_measure(
	const struct query_record *q, size_t n, span timeout, instant event, instant end)
{
	struct outage o = { .site_before = SITE_NONE, .site_after = SITE_NONE };
	struct samples before = {}, after = {};
	struct run run = {};

	for (size_t i = 0; i < n && !instant_before(end, q[i].sent); i++) {
		enum fate fate = fate_of(&q[i], timeout, event, end);
		if (fate == FATE_BEFORE && q[i].site != SITE_NONE) {
			o.site_before = q[i].site;
			add_sample(&before, &q[i]);
		}
		if (fate == FATE_ANSWERED) {
			o.sent++;
			o.site_after = q[i].site;
			add_sample(&after, &q[i]);
			run_end(&run, &o, q[i].sent, true);
		}
		if (fate == FATE_LOST) {
			o.sent++;
			o.lost++;
			if (!run.open)
				run = (struct run){ true, q[i].sent };
		}
	}
	if (run.open)
		o.site_after = SITE_NONE; // it was lost in the end
	run_end(&run, &o, end, false);
	o.rtt_before = median(&before);
	o.rtt_after = median(&after);
	return o;
}

struct outage outage_worse(struct outage a, struct outage b)
{
	struct outage o = a.longest.us >= b.longest.us ? a : b;

	o.sent = a.sent + b.sent;
	o.lost = a.lost + b.lost;
	o.open = a.open || b.open;
	if (a.site_before != b.site_before)
		o.site_before = SITE_NONE;
	if (a.site_after != b.site_after)
		o.site_after = SITE_NONE;
	return o;
}
