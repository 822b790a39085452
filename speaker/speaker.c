#include "speaker/speaker.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"

// One direction's connection, with its way back to the speaker.
struct side {
	struct speaker *s;
	enum bgp_dir dir;
	struct conn *conn; // NULL: none
};

struct speaker {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct bgp_peer *peer;
	struct conn_options socket;
	struct side sides[BGP_DIR_MAX];
	speaker_event_fn *event;
	void *ctx;
	bool pumping;
};

static void pump(struct speaker *s);

// ---- What happens ----

static void on_timer(uv_timer_t *timer)
{
	struct speaker *s = timer->data;

	bgp_peer_tick(s->peer, clock_now());
	pump(s);
}

static void on_up(void *ctx)
{
	struct side *side = ctx;
	struct ip_addr local = conn_local(side->conn);

	bgp_peer_connected(side->s->peer, clock_now(), &local);
	pump(side->s);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
	struct side *side = ctx;

	bgp_peer_received(side->s->peer, clock_now(), side->dir, bytes, len);
	pump(side->s);
}

static void on_drained(void *ctx)
{
	struct side *side = ctx;

	bgp_peer_set_backlog(side->s->peer, clock_now(), side->dir, conn_backlog(side->conn));
	pump(side->s);
}

static void lose(struct side *side, const char *why)
{
	conn_finish(&side->conn);
	bgp_peer_closed(side->s->peer, clock_now(), side->dir, why);
}

static void on_down(void *ctx, const char *why)
{
	struct side *side = ctx;

	lose(side, why);
	pump(side->s);
}

static const struct conn_ops conn_ops = {
	.up = on_up,
	.data = on_data,
	.drained = on_drained,
	.down = on_down,
};

// ---- What the engine wants ----

static void do_connect(struct speaker *s)
{
	struct side *side = &s->sides[BGP_OUT];
	int error;

	conn_finish(&side->conn);
	side->conn = conn_connect(s->loop, &s->socket, &conn_ops, side, &error);
	if (!side->conn)
		bgp_peer_closed(s->peer, clock_now(), BGP_OUT, strerror(-error));
}

static void do_send(struct speaker *s, const struct bgp_action *a)
{
	const struct side *side = &s->sides[a->dir];

	if (!side->conn)
		return;
	conn_send(side->conn, a->data, a->len);
	if (conn_backlog(side->conn))
		bgp_peer_set_backlog(s->peer, clock_now(), a->dir, conn_backlog(side->conn));
}

static void arm_timer(struct speaker *s)
{
	instant deadline = bgp_peer_deadline(s->peer);

	if (instant_is_never(deadline))
		uv_timer_stop(&s->timer);
	else
		uv_timer_start(&s->timer, on_timer, clock_ms_until(deadline, clock_now()), 0);
}

static void do_action(struct speaker *s, const struct bgp_action *a)
{
	switch (a->kind) {
	case BGP_DO_CONNECT:
		do_connect(s);
		break;
	case BGP_DO_SEND:
		do_send(s, a);
		break;
	case BGP_DO_CLOSE:
		conn_finish(&s->sides[a->dir].conn);
		break;
	case BGP_DO_EVENT:
		s->event(s->ctx, a);
		break;
	}
}

static void pump(struct speaker *s)
{
	struct bgp_action a;

	if (s->pumping)
		return; // called from within an event: the outer loop goes on
	s->pumping = true;
	while (bgp_peer_next(s->peer, &a))
		do_action(s, &a);
	s->pumping = false;
	arm_timer(s);
}

// ---- The neighbour ----

struct speaker *speaker_new(uv_loop_t *loop, const struct bgp_peer_config *config,
	const struct conn_options *socket, speaker_event_fn *event, void *ctx)
{
	struct speaker *s = mem_zalloc(sizeof(*s));

	s->loop = loop;
	s->socket = *socket;
	s->event = event;
	s->ctx = ctx;
	s->peer = bgp_peer_new(config);
	for (int dir = 0; dir < BGP_DIR_MAX; dir++)
		s->sides[dir] = (struct side){ .s = s, .dir = (enum bgp_dir)dir };
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	return s;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void speaker_free(struct speaker **which)
{
	struct speaker *s = take(*which);

	if (!s)
		return;
	for (int dir = 0; dir < BGP_DIR_MAX; dir++)
		conn_finish(&s->sides[dir].conn);
	bgp_peer_free(&s->peer);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

void speaker_set_socket(struct speaker *s, const struct conn_options *socket)
{
	s->socket = *socket;
}

void speaker_start(struct speaker *s)
{
	bgp_peer_start(s->peer, clock_now());
	pump(s);
}

void speaker_stop(struct speaker *s, uint8_t cease_subcode, const char *text)
{
	bgp_peer_stop(s->peer, clock_now(), cease_subcode, text);
	pump(s);
}

void speaker_reset(struct speaker *s, uint8_t cease_subcode, const char *text)
{
	bgp_peer_reset(s->peer, clock_now(), cease_subcode, text);
	pump(s);
}

void speaker_drop(struct speaker *s, const char *why)
{
	for (int dir = 0; dir < BGP_DIR_MAX; dir++)
		if (s->sides[dir].conn)
			lose(&s->sides[dir], why);
	pump(s);
}

void speaker_accept(struct speaker *s, int fd)
{
	struct side *side = &s->sides[BGP_IN];
	int error;
	struct conn *conn = conn_adopt(s->loop, fd, &s->socket, &conn_ops, side, &error);

	if (!conn)
		return;
	struct ip_addr local = conn_local(conn);
	if (!bgp_peer_accepted(s->peer, clock_now(), &local)) {
		conn_finish(&conn);
		return;
	}
	conn_finish(&side->conn); // the engine let the new one take its place
	side->conn = conn;
	pump(s);
}

void speaker_announce(struct speaker *s, const struct ip_prefix *prefix, struct bgp_attrs *attrs)
{
	bgp_peer_announce(s->peer, clock_now(), prefix, attrs);
}

void speaker_withdraw(struct speaker *s, const struct ip_prefix *prefix)
{
	bgp_peer_withdraw(s->peer, clock_now(), prefix);
}

void speaker_flush(struct speaker *s)
{
	pump(s);
}

void speaker_ask_again(struct speaker *s)
{
	instant now = clock_now();

	if (!bgp_peer_ask_again(s->peer, now) && bgp_peer_negotiated(s->peer))
		bgp_peer_reset(s->peer, now, BGP_CEASE_CONFIG_CHANGE, NULL);
	pump(s);
}

const struct bgp_peer *speaker_peer(const struct speaker *s)
{
	return s->peer;
}
