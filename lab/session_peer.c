// One session: what it waits for, who answers, how it ends.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lab/clock.h"
#include "lab/session_int.h"
#include "lab/tcpsent.h"
#include "lib/mem.h"

static void on_talk(uv_timer_t *timer)
{
	struct peer *p = timer->data;

	if (!peer_is_over(p) && instant_is_never(p->waiting))
		p->ops->talk(p);
}

void peer_talk_after(struct peer *p, uint64_t ms)
{
	if (p->ops->talk && !p->talk) {
		p->talk = mem_zalloc(sizeof(*p->talk));
		uv_timer_init(p->all->loop, p->talk);
		p->talk->data = p;
	}
	if (p->talk)
		uv_timer_start(p->talk, on_talk, ms, 0);
}

static void restart_talk(struct peer *p)
{
	span left = instant_diff(instant_add(p->asked, p->s->scn->interval), lab_now());

	peer_talk_after(p, left.us > 0 ? (uint64_t)(left.us + 999) / 1000 : 0);
}

const struct ip_addr *peer_service(const struct peer *p)
{
	return scenario_service_address(p->all->scenario, p->s->family);
}

const uint8_t *peer_digest(const struct peer *p)
{
	const struct scn_session *entries = p->all->scenario->sessions.data;

	return p->all->digests[p->s->scn - entries];
}

// Of a download the client only listens.
static void set_waiting(struct peer *p, instant since)
{
	enum session_kind kind = p->s->scn->kind;
	bool listens = kind == SESSION_DOWNLOAD || kind == SESSION_QUIC;

	p->waiting = since;
	p->s->awaits = !instant_is_never(since) && !listens;
}

void peer_wait(struct peer *p)
{
	set_waiting(p, lab_now());
}

void peer_progress(struct peer *p, bool more)
{
	instant now = lab_now();

	if (!instant_is_never(p->waiting) && p->s->state == SESSION_OPEN)
		session_waited(p->s, p->waiting, now);
	set_waiting(p, more ? now : INSTANT_NEVER);
}

void peer_open(struct peer *p)
{
	if (p->s->state != SESSION_OPENING)
		return;
	p->s->state = SESSION_OPEN;
	p->s->opened = lab_now();
	p->all->unsettled--;
}

bool peer_answered_by(struct peer *p, const char *name)
{
	const struct scn_site *nodes = p->all->scenario->sites.data;
	int node = scenario_node(p->all->scenario, name);

	if (node < 0) {
		peer_break(p, BREAK_ANSWER, "answered by `%.40s`, which is no node", name);
		return false;
	}
	if (p->s->node == NODE_NONE)
		p->s->node = node;
	if (p->s->node == node)
		return true;
	peer_break(
		p, BREAK_OTHER_NODE, "answered by %s, opened by %s", name, nodes[p->s->node].name);
	return false;
}

// Sessions of one entry do not all speak in the same instant.
static void spread(struct peer *p)
{
	span ago = { p->s->scn->interval.us * (int64_t)(p->s->number - 1) /
		     (int64_t)p->s->scn->count };

	p->asked = (instant){ lab_now().us - ago.us };
}

void peer_answered(struct peer *p)
{
	if (p->s->state == SESSION_OPENING) {
		peer_open(p);
		spread(p);
	}
	if (p->last)
		peer_done(p);
	else
		restart_talk(p);
}

bool peer_is_over(const struct peer *p)
{
	return p->s->state == SESSION_DONE || p->s->state == SESSION_BROKEN;
}

void peer_close(struct peer *p)
{
	if (p->talk)
		uv_close((uv_handle_t *)p->talk, (uv_close_cb)free);
	p->talk = NULL;
	p->waiting = INSTANT_NEVER;
	if (p->ops->close)
		p->ops->close(p);
	tcp_close(p);
}

static void end(struct peer *p, enum session_state state)
{
	if (p->s->state == SESSION_OPENING || p->all->closing)
		p->all->unsettled--;
	peer_progress(p, false);
	p->s->state = state;
	p->s->ended = lab_now();
	peer_close(p);
}

void peer_done(struct peer *p)
{
	if (!peer_is_over(p))
		end(p, SESSION_DONE);
}

// The RST answers the last data sent. If that was not the first since nothing
// reaches the owner any more, the time runs from when that was known: no less than it took.
static void note_reset(struct peer *p)
{
	struct session *s = p->s;
	struct tcp_sent sent;

	if (tcp_sent_ask(tcp_fd(p), &sent) < 0)
		return;
	s->has_reset_took = true;
	s->reset_took = sent.since_last;
	if (s->owner_lost && sent.data_segments > p->data_sent + 1)
		s->reset_took = instant_diff(lab_now(), p->owner_lost);
}

static void note_speech(struct peer *p)
{
	struct tcp_sent sent;

	if (p->s->owner_lost && tcp_sent_ask(tcp_fd(p), &sent) == 0)
		p->s->spoke_since = sent.data_segments > p->data_sent;
}

void peer_break(struct peer *p, enum session_break how, const char *fmt, ...)
{
	va_list ap;

	if (peer_is_over(p))
		return;
	va_start(ap, fmt);
	vsnprintf(p->s->detail, sizeof(p->s->detail), fmt, ap);
	va_end(ap);
	p->s->how = how;
	note_speech(p);
	if (how == BREAK_RESET)
		note_reset(p);
	end(p, SESSION_BROKEN);
	if (p->all->ops->on_break)
		p->all->ops->on_break(p->all->ctx, p->s);
}
