#include "nearglass/stale.h"

#include "bgp/proto.h"

static const struct {
	unsigned bit;
	enum ip_family family;
} families[] = { { BGP_FAMILY_IP4, IP4 }, { BGP_FAMILY_IP6, IP6 } };

enum { COUNT = sizeof(families) / sizeof(families[0]) };

// What is stale and of those families goes.
static void sweep(struct stale *s, unsigned which)
{
	for (int i = 0; i < COUNT; i++)
		if (which & families[i].bit)
			(void)rib_sweep_stale(s->rib, s->neighbour, families[i].family);
	s->families &= ~which;
	if (s->families == 0)
		uv_timer_stop(&s->timer);
}

static void on_timer(uv_timer_t *timer)
{
	struct stale *s = timer->data;

	sweep(s, s->families);
}

static void wait_for(struct stale *s, span time)
{
	uv_timer_start(&s->timer, on_timer, (uint64_t)(time.us + 999) / 1000, 0);
}

void stale_init(struct stale *s, uv_loop_t *loop, struct rib *rib, unsigned neighbour, span most)
{
	*s = (struct stale){ .rib = rib, .neighbour = neighbour, .most = most };
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
}

void stale_lost(struct stale *s, unsigned which, span time)
{
	span kept = span_min(time, s->most);

	if (span_is_zero(kept))
		which = 0;
	sweep(s, s->families); // of the loss before: RFC 4724 section 4.2
	for (int i = 0; i < COUNT; i++)
		if (which & families[i].bit)
			rib_mark_stale(s->rib, s->neighbour, families[i].family);
		else
			(void)rib_flush(s->rib, s->neighbour, families[i].family);
	s->families = which;
	if (which)
		wait_for(s, kept);
}

void stale_back(struct stale *s, unsigned which)
{
	sweep(s, s->families & ~which);
	if (s->families)
		wait_for(s, s->most);
}

void stale_end_of_rib(struct stale *s, unsigned which)
{
	sweep(s, s->families & which);
}

void stale_stop(struct stale *s)
{
	if (!uv_is_closing((uv_handle_t *)&s->timer))
		uv_close((uv_handle_t *)&s->timer, NULL);
}
