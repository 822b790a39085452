#include "lab/sessions.h"

#include <errno.h>
#include <string.h>

#include "lab/clock.h"
#include "lab/session_int.h"
#include "lab/stream.h"
#include "lab/tcpsent.h"
#include "lib/mem.h"

enum {
	OPEN_AT_ONCE = 20,   // each tick
	LAST_WORDS_MS = 200, // all are said within
	CLOSING_S = 300,     // a transfer that takes longer to its end is broken
	READ_BYTES = 1 << 16,
};

static const struct session_ops *const kinds[SESSION_KIND_MAX] = {
	[SESSION_HTTP] = &session_http_ops,
	[SESSION_DNS_TCP] = &session_dns_ops,
	[SESSION_DOWNLOAD] = &session_download_ops,
	[SESSION_UPLOAD] = &session_upload_ops,
	[SESSION_QUIC] = &session_quic_ops,
};

static void begin(struct peer *p)
{
	p->all->unsettled++;
	peer_wait(p);
	int rc = p->ops->open(p);
	if (rc < 0)
		peer_break(p, BREAK_REFUSED, "%s", strerror(-rc));
}

static void begin_some(struct sessions *s)
{
	for (int i = 0; i < OPEN_AT_ONCE && s->begun < s->list->count; i++)
		begin(&s->peers[s->begun++]);
}

static void note_lateness(struct sessions *s, instant now)
{
	span late = { instant_diff(now, s->ticked).us - SESSION_TICK_MS * 1000 };
	const struct session_wait w = { s->ticked, late };

	s->ticked = now;
	if (late.us > s->late.length.us)
		s->late = w;
	if (late.us > s->late_in_step.length.us)
		s->late_in_step = w;
}

static bool is_stalled(const struct peer *p, instant now)
{
	return !instant_is_never(p->waiting) &&
	       instant_due(instant_add(p->waiting, p->s->scn->stall), now);
}

static void look_after(struct peer *p, instant now)
{
	span closing = instant_diff(now, p->all->closing_since);

	if (p->ops->tick)
		p->ops->tick(p, now);
	if (peer_is_over(p))
		return;
	if (is_stalled(p, now))
		peer_break(p, BREAK_STALLED, "nothing for %.1f s", span_to_s(p->s->scn->stall));
	else if (p->all->closing && closing.us > span_s(CLOSING_S).us)
		peer_break(p, BREAK_STALLED, "not over %d s after the timeline", CLOSING_S);
}

static void on_tick(uv_timer_t *timer)
{
	struct sessions *s = timer->data;
	instant now = lab_now();

	note_lateness(s, now);
	if (s->opening)
		begin_some(s);
	for (size_t i = 0; i < s->begun; i++)
		if (!peer_is_over(&s->peers[i]))
			look_after(&s->peers[i], now);
}

// The digests that transfers must have, once an entry.
static void make_digests(struct sessions *s)
{
	const struct scn_session *entries = s->scenario->sessions.data;

	s->digests = mem_zalloc((s->scenario->sessions.count + 1) * sizeof(*s->digests));
	for (size_t i = 0; i < s->scenario->sessions.count; i++)
		if (entries[i].size > 0)
			stream_digest(entries[i].size, s->digests[i]);
}

struct sessions *sessions_new(uv_loop_t *loop, const struct scenario *scn, const struct world *w,
	struct session_list *list, const struct sessions_ops *ops, void *ctx)
{
	struct sessions *s = mem_zalloc(sizeof(*s));

	*s = (struct sessions){
		.scenario = scn,
		.topology = w->topology,
		.world = w,
		.loop = loop,
		.list = list,
		.ops = ops,
		.ctx = ctx,
		.bytes = mem_zalloc(READ_BYTES),
	};
	make_digests(s);
	s->peers = mem_zalloc((list->count + 1) * sizeof(*s->peers));
	for (size_t i = 0; i < list->count; i++)
		s->peers[i] = (struct peer){
			.s = &list->all[i],
			.all = s,
			.ops = kinds[list->all[i].scn->kind],
			.waiting = INSTANT_NEVER,
			.asked = INSTANT_NEVER,
		};
	return s;
}

void sessions_free(struct sessions **ret)
{
	struct sessions *s = *ret;

	if (!s)
		return;
	for (size_t i = 0; i < s->begun; i++)
		peer_close(&s->peers[i]);
	if (s->tick)
		uv_close((uv_handle_t *)s->tick, (uv_close_cb)free);
	free(s->digests);
	free(s->bytes);
	free(s->peers);
	free_ptr(ret);
}

void sessions_open(struct sessions *s)
{
	s->opening = true;
	s->ticked = lab_now();
	s->tick = mem_zalloc(sizeof(*s->tick));
	uv_timer_init(s->loop, s->tick);
	s->tick->data = s;
	uv_timer_start(s->tick, on_tick, 0, SESSION_TICK_MS);
}

bool sessions_are_open(const struct sessions *s)
{
	return s->begun == s->list->count && s->unsettled == 0;
}

void sessions_look(struct sessions *s)
{
	instant now = lab_now();

	for (size_t i = 0; i < s->begun; i++) {
		const struct peer *p = &s->peers[i];
		if (p->s->state == SESSION_OPEN && !instant_is_never(p->waiting))
			session_waited(p->s, p->waiting, now);
	}
}

void sessions_mark(struct sessions *s)
{
	for (size_t i = 0; i < s->list->count; i++)
		s->list->all[i].in_step = (struct session_wait){};
	s->late_in_step = (struct session_wait){};
}

void sessions_owner_lost(struct sessions *s, size_t node, instant at)
{
	struct tcp_sent sent;

	for (size_t i = 0; i < s->begun; i++) {
		struct peer *p = &s->peers[i];
		if (p->s->state != SESSION_OPEN || p->s->node != (int)node)
			continue;
		p->s->owner_lost = true;
		p->owner_lost = at;
		if (tcp_sent_ask(tcp_fd(p), &sent) == 0)
			p->data_sent = sent.data_segments;
	}
}

void sessions_close(struct sessions *s)
{
	s->opening = false;
	s->closing = true;
	s->closing_since = lab_now();
	s->unsettled = 0;
	for (size_t i = 0; i < s->begun; i++) {
		struct peer *p = &s->peers[i];
		if (peer_is_over(p))
			continue;
		s->unsettled++;
		p->last = true;
		peer_talk_after(p, i % LAST_WORDS_MS);
	}
}

bool sessions_are_over(const struct sessions *s)
{
	return s->closing && s->unsettled == 0;
}

struct session_wait sessions_late(const struct sessions *s)
{
	return s->late;
}

struct session_wait sessions_late_in_step(const struct sessions *s)
{
	return s->late_in_step;
}
