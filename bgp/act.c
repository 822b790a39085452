// The actions of the state machine carried out on one connection.
#include <assert.h>

#include "bgp/inside.h"
#include "lib/mem.h"
#include "lib/own.h"

enum {
	OPEN_HOLD_S = 240, // section 8.2.2: the large hold timer of OpenSent
	ATTEMPT_S = 10,    // a TCP attempt is given at least this long
	SEND_HOLD_S = 480, // RFC 9687 section 3.2: at least 8 minutes
};

// ---- Timers ----

static void start_timer(struct bgp_conn *c, enum bgp_timer timer, span after)
{
	c->timer[timer] = instant_add(c->peer->now, after);
}

void bgp_conn_stop_timer(struct bgp_conn *c, enum bgp_timer timer)
{
	c->timer[timer] = INSTANT_NEVER;
}

static void stop_timers(struct bgp_conn *c)
{
	for (int i = 0; i < BGP_TIMER_MAX; i++)
		bgp_conn_stop_timer(c, (enum bgp_timer)i);
}

// Section 10: a random factor between 0.75 and 1.
static span jitter(struct bgp_peer *p, span s)
{
	return (span){ rng_range(&p->rng, s.us - s.us / 4, s.us) };
}

// The wait before the next attempt: doubled with each failure, up to the
// greatest, so that a neighbour that flaps or talks nonsense is met ever less often.
static span backoff(struct bgp_peer *p)
{
	const struct bgp_peer_config *cf = &p->config;
	span wait = cf->connect_retry;

	for (unsigned i = 1; i < p->failures && wait.us < cf->connect_retry_max.us; i++)
		wait.us *= 2;
	return jitter(p, span_min(wait, cf->connect_retry_max));
}

static void start_hold(struct bgp_conn *c)
{
	if (span_is_zero(c->agreed.hold_time))
		bgp_conn_stop_timer(c, BGP_TIMER_HOLD); // section 4.2: 0 means none
	else
		start_timer(c, BGP_TIMER_HOLD, c->agreed.hold_time);
}

// Section 4.4: not more often than once a second.
static void start_keepalive(struct bgp_conn *c)
{
	if (span_is_zero(c->agreed.hold_time)) {
		bgp_conn_stop_timer(c, BGP_TIMER_KEEPALIVE);
		return;
	}
	span wait = jitter(c->peer, c->agreed.keepalive);
	start_timer(c, BGP_TIMER_KEEPALIVE, wait.us < span_s(1).us ? span_s(1) : wait);
}

// RFC 9687: runs while bytes wait, begins anew whenever some were taken.
void bgp_conn_backlog(struct bgp_conn *c, size_t bytes)
{
	span hold = { c->agreed.hold_time.us * 2 };
	span wait = hold.us > span_s(SEND_HOLD_S).us ? hold : span_s(SEND_HOLD_S);

	if (c->state != BGP_ESTABLISHED || bytes == 0)
		bgp_conn_stop_timer(c, BGP_TIMER_SEND_HOLD);
	else if (bytes < c->backlog || instant_is_never(c->timer[BGP_TIMER_SEND_HOLD]))
		start_timer(c, BGP_TIMER_SEND_HOLD, wait);
	c->backlog = bytes;
}

void bgp_conn_spoke(struct bgp_conn *c)
{
	start_keepalive(c);
}

// ---- Sending ----

static void send_open(struct bgp_conn *c)
{
	struct bgp_peer *p = c->peer;
	const struct bgp_open open = bgp_conn_open(c);
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	bgp_queue_send(c, buf, bgp_open_build(&w, &open));
	p->counters.opens_out++;
}

static void send_keepalive(struct bgp_conn *c)
{
	uint8_t buf[BGP_HEADER_BYTES];
	struct wr w = wr_init(buf, sizeof(buf));

	bgp_queue_send(c, buf, bgp_keepalive_build(&w));
	c->peer->counters.keepalives_out++;
	start_keepalive(c);
}

static void send_notification(struct bgp_conn *c, const struct bgp_cause *cause)
{
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	bgp_queue_send(c, buf,
		bgp_notification_build(&w, cause->code, cause->subcode, cause->data, cause->len));
	c->peer->counters.notifications_out++;
}

// ---- The end of a connection ----

void bgp_conn_forget(struct bgp_conn *c)
{
	stop_timers(c);
	free_ptr(&c->in);
	c->in_len = c->in_size = 0;
	c->held = false;
	c->backlog = 0;
	c->tcp = false;
}

static void hang_up(struct bgp_conn *c)
{
	if (c->tcp)
		bgp_queue_close(c);
	bgp_conn_forget(c);
}

bool bgp_peer_rests(const struct bgp_peer *p)
{
	return instant_before(p->now, p->rest_until);
}

static void rest(struct bgp_conn *c, const struct bgp_cause *cause)
{
	bgp_conn_event(c, BGP_EV_AUTO_STOP, cause);
	if (c->dir == BGP_IN || !c->peer->config.passive)
		c->timer[BGP_TIMER_IDLE] = c->peer->rest_until;
}

void bgp_peer_rest(struct bgp_peer *p, span wait, const struct bgp_cause *cause)
{
	// The one that only listens goes first, so that the outside sees one step to Idle.
	struct bgp_conn *first = &p->conn[p->conn[BGP_IN].state == BGP_ACTIVE ? BGP_IN : BGP_OUT];

	p->rest_until = instant_add(p->now, wait.us < span_s(1).us ? span_s(1) : wait);
	rest(first, cause);
	rest(bgp_conn_other(first), cause);
}

void bgp_peer_rearm(struct bgp_peer *p)
{
	struct bgp_conn *out = &p->conn[BGP_OUT];

	if (!p->started || p->config.passive || p->conn[BGP_IN].state >= BGP_OPENCONFIRM)
		return;
	if (out->state == BGP_IDLE && instant_is_never(out->timer[BGP_TIMER_IDLE]))
		start_timer(out, BGP_TIMER_IDLE, backoff(p));
	if (out->state == BGP_ACTIVE && instant_is_never(out->timer[BGP_TIMER_CONNECT]))
		start_timer(out, BGP_TIMER_CONNECT, backoff(p));
}

// ---- Actions ----

static void act_ignore(struct bgp_conn *, const struct bgp_cause *) {}

static void act_connect(struct bgp_conn *c, const struct bgp_cause *)
{
	span wait = backoff(c->peer);

	stop_timers(c);
	c->tcp = true;
	bgp_queue_connect(c->peer);
	start_timer(
		c, BGP_TIMER_CONNECT, wait.us < span_s(ATTEMPT_S).us ? span_s(ATTEMPT_S) : wait);
}

static void act_reconnect(struct bgp_conn *c, const struct bgp_cause *cause)
{
	hang_up(c);
	act_connect(c, cause);
}

static void act_listen(struct bgp_conn *c, const struct bgp_cause *)
{
	stop_timers(c);
}

static void act_open(struct bgp_conn *c, const struct bgp_cause *)
{
	stop_timers(c);
	c->in = mem_zalloc(BGP_MSG_MAX);
	c->in_size = BGP_MSG_MAX;
	c->in_len = 0;
	c->agreed = (struct bgp_negotiated){};
	c->rival = false;
	c->bare = c->peer->bare;
	c->peer->bare = false;
	send_open(c);
	start_timer(c, BGP_TIMER_HOLD, span_s(OPEN_HOLD_S));
}

static void act_confirm(struct bgp_conn *c, const struct bgp_cause *)
{
	struct bgp_conn *other = bgp_conn_other(c);

	other->rival = other->state == BGP_OPENSENT;
	bgp_conn_negotiate(c);
	send_keepalive(c);
	start_hold(c);
}

// Section 6.8: beside an established session no other comes up. A rival is let
// be until its OPEN comes, see survives_collision() in rx.c.
static void dump_other(struct bgp_conn *c)
{
	struct bgp_conn *other = bgp_conn_other(c);
	struct bgp_cause cause = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_COLLISION };

	if (other->tcp && !other->rival)
		bgp_conn_event(other, BGP_EV_COLLISION_DUMP, &cause);
}

static void act_up(struct bgp_conn *c, const struct bgp_cause *)
{
	start_hold(c);
	c->established = c->peer->now;
	c->peer->counters.established++;
	c->peer->counters.prefixes_received = 0;
	c->peer->was_up = true;
	bgp_ribin_clear(&c->peer->in);
	bgp_ribin_clear(&c->peer->echo);
	bgp_ribout_up(&c->peer->out, &c->codec);
	dump_other(c);
}

static void act_keepalive(struct bgp_conn *c, const struct bgp_cause *)
{
	send_keepalive(c);
}

static void act_alive(struct bgp_conn *c, const struct bgp_cause *)
{
	start_hold(c);
}

static void act_drop(struct bgp_conn *c, const struct bgp_cause *)
{
	hang_up(c);
}

static void act_notify(struct bgp_conn *c, const struct bgp_cause *cause)
{
	send_notification(c, cause);
	hang_up(c);
}

static void (*const actions[])(struct bgp_conn *c, const struct bgp_cause *cause) = {
	[BGP_ACT_IGNORE] = act_ignore,
	[BGP_ACT_CONNECT] = act_connect,
	[BGP_ACT_RECONNECT] = act_reconnect,
	[BGP_ACT_LISTEN] = act_listen,
	[BGP_ACT_OPEN] = act_open,
	[BGP_ACT_CONFIRM] = act_confirm,
	[BGP_ACT_UP] = act_up,
	[BGP_ACT_KEEPALIVE] = act_keepalive,
	[BGP_ACT_ALIVE] = act_alive,
	[BGP_ACT_UPDATE] = act_alive,  // rx.c has counted the routes
	[BGP_ACT_REFRESH] = act_alive, // rx.c has put the routes in the queue
	[BGP_ACT_LOST] = act_drop,
	[BGP_ACT_DROP] = act_drop,
	[BGP_ACT_NOTIFY] = act_notify,
	[BGP_ACT_FSM_ERROR] = act_notify,
};
static_assert(countof(actions) == BGP_ACT_MAX);

void bgp_conn_act(struct bgp_conn *c, enum bgp_fsm_action action, const struct bgp_cause *cause)
{
	actions[action](c, cause);
}
