#include "nearcastd/fleet_load.h"

#include <string.h>

#include "lib/clock.h"
#include "nearcastd/daemon.h"

enum {
	READ_MS = 2000,
	TELL_S = 10,       // not more often
	TELL_PERCENT = 10, // nor of a smaller change
};

static bool is_much(uint32_t was, uint32_t is)
{
	uint64_t diff = was > is ? was - is : is - was;

	return diff * 100 > (uint64_t)was * TELL_PERCENT;
}

// Said when it begins and when it is over, not with each reading.
static void note_problem(struct service *s, const struct load_reading *r)
{
	struct daemon *d = s->daemon;
	bool known = r->problem == LOAD_OK;

	if (s->load_problem == r->problem)
		return;
	s->load_problem = r->problem;
	struct event_fields f = {
		.subject = s->conf->name,
		.reason = load_problem_name(r->problem),
		.detail = s->conf->guard.load_file,
	};
	char detail[500];
	if (r->problem == LOAD_UNREADABLE) {
		snprintf(detail, sizeof(detail), "%.400s: %s", s->conf->guard.load_file,
			strerror(r->error));
		f.detail = detail;
	}
	events_add(d->events, known ? EVENT_LOAD_KNOWN : EVENT_LOAD_UNKNOWN, &f);
}

static void on_reading(void *ctx, const struct load_reading *r)
{
	struct service *s = ctx;
	struct member *m = &s->member;
	bool known = r->problem == LOAD_OK;
	instant now = clock_now();

	note_problem(s, r);
	if (!instant_is_never(s->load_told) &&
		!instant_due(instant_add(s->load_told, span_s(TELL_S)), now))
		return;
	if (m->has_load == known && (!known || !is_much(m->load, r->load)))
		return;
	m->has_load = known;
	m->load = known ? r->load : 0;
	s->load_told = now;
	fleet_say(s->daemon->fleet, s);
}

static void on_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	for (size_t i = 0; i < d->service_count; i++)
		if (d->services[i].load)
			load_file_read(d->services[i].load, d->loop, on_reading, &d->services[i]);
}

void fleet_load_start(struct daemon *d)
{
	d->load_timer.data = d;
	uv_timer_init(d->loop, &d->load_timer);
	uv_timer_start(&d->load_timer, on_timer, 0, READ_MS);
}

void fleet_load_end(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->load_timer, NULL);
}
