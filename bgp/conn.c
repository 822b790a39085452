// One run of the state machine: events in, and what a failure means to the peer.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bgp/inside.h"
#include "lib/own.h"

static bool is_failure(enum bgp_fsm_action action)
{
	return action == BGP_ACT_RECONNECT || action == BGP_ACT_LOST || action == BGP_ACT_DROP ||
	       action == BGP_ACT_NOTIFY || action == BGP_ACT_FSM_ERROR;
}

// RFC 6608: the subcode is the state, the data the type of the message.
static struct bgp_cause fsm_error(
	enum bgp_state state, enum bgp_fsm_event event, const struct bgp_cause *cause)
{
	struct bgp_cause c = { .code = BGP_ERR_FSM };

	if (cause && cause->len) {
		c.subcode = (uint8_t)(state - BGP_OPENSENT + BGP_FSM_IN_OPENSENT);
		c.data = cause->data;
		c.len = cause->len;
	}
	snprintf(c.text, sizeof(c.text), "%s in state %s", bgp_fsm_event_name(event),
		bgp_state_name(state));
	return c;
}

static struct bgp_error error_of(const struct bgp_cause *cause, enum bgp_fsm_action action)
{
	struct bgp_error e = { .code = cause->code, .subcode = cause->subcode };

	e.sent = cause->code && !cause->received &&
		 (action == BGP_ACT_NOTIFY || action == BGP_ACT_FSM_ERROR);
	if (cause->text[0]) {
		memcpy(e.text, cause->text, sizeof(e.text));
	} else {
		const char *subcode = bgp_subcode_name(cause->code, cause->subcode);
		snprintf(e.text, sizeof(e.text), "%s%s%s", bgp_code_name(cause->code),
			*subcode ? ", " : "", subcode);
	}
	return e;
}

// A failure that means nothing to the outside: the other connection goes on, or
// nothing was under way.
static bool is_quiet(const struct bgp_conn *c, enum bgp_state from, enum bgp_fsm_event event)
{
	const struct bgp_conn *other = &c->peer->conn[c->dir == BGP_OUT ? BGP_IN : BGP_OUT];

	if (from == BGP_ESTABLISHED)
		return false;
	if (other->state >= BGP_OPENSENT)
		return true;
	return (event == BGP_EV_MANUAL_STOP || event == BGP_EV_AUTO_STOP) && from < BGP_OPENSENT;
}

// A session that lived longer than the greatest wait clears the record.
static void count_failure(struct bgp_conn *c, enum bgp_state from)
{
	struct bgp_peer *p = c->peer;
	span lived = instant_diff(p->now, c->established);

	if (from == BGP_ESTABLISHED && lived.us >= p->config.connect_retry_max.us)
		p->failures = 0;
	if (p->failures < UINT16_MAX)
		p->failures++;
}

static enum bgp_state seen_state(const struct bgp_peer *p)
{
	// How near each state is to a session.
	static const int rank[] = {
		[BGP_IDLE] = 0,
		[BGP_ACTIVE] = 1,
		[BGP_CONNECT] = 2,
		[BGP_OPENSENT] = 3,
		[BGP_OPENCONFIRM] = 4,
		[BGP_ESTABLISHED] = 5,
	};
	enum bgp_state out = p->conn[BGP_OUT].state, in = p->conn[BGP_IN].state;

	return rank[out] >= rank[in] ? out : in;
}

static void show_state(struct bgp_conn *c)
{
	struct bgp_peer *p = c->peer;
	enum bgp_state from = p->state, to = seen_state(p);

	if (from == to)
		return;
	p->state = to;
	p->since = p->now;
	bgp_queue_state(c, from, to);
}

// After a failure: the place of accepted connections listens again at once, the
// other one tries again later.
static void recover(struct bgp_conn *c)
{
	if (!c->peer->started || bgp_peer_rests(c->peer))
		return;
	if (c->dir == BGP_IN && c->state == BGP_IDLE)
		bgp_conn_event(c, BGP_EV_AUTO_START_PASSIVE, NULL);
	bgp_peer_rearm(c->peer);
}

static void fail(struct bgp_conn *c, enum bgp_state from, enum bgp_fsm_event event,
	enum bgp_fsm_action action, const struct bgp_cause *cause)
{
	struct bgp_peer *p = c->peer;
	bool quiet = is_quiet(c, from, event);

	if (from == BGP_ESTABLISHED) {
		bgp_ribout_down(&p->out);
		bgp_ribin_clear(&p->in);
		bgp_ribin_clear(&p->echo);
		p->counters.prefixes_sent = 0;
	}
	if (!quiet)
		count_failure(c, from);
	recover(c);
	show_state(c);
	if (quiet)
		return;
	p->error = error_of(cause, action);
	p->has_error = true;
	bgp_queue_event(c, BGP_EVENT_DOWN, &p->error);
}

void bgp_conn_event(struct bgp_conn *c, enum bgp_fsm_event event, const struct bgp_cause *cause)
{
	static const struct bgp_cause nothing = {};
	enum bgp_state from = c->state;
	struct bgp_fsm_step step = bgp_fsm_step(from, event);
	struct bgp_cause own_cause;

	if (!cause)
		cause = &nothing;
	if (step.action == BGP_ACT_FSM_ERROR) {
		own_cause = fsm_error(from, event, cause);
		cause = &own_cause;
	}
	c->state = step.next;
	bgp_conn_act(c, step.action, cause);
	if (is_failure(step.action)) {
		fail(c, from, event, step.action, cause);
		return;
	}
	show_state(c);
	if (step.action == BGP_ACT_UP) {
		bgp_queue_event(c, BGP_EVENT_ESTABLISHED, NULL);
		c->held = true;
	}
}

static const struct {
	enum bgp_fsm_event event;
	uint8_t code;
	const char *text;
} timers[] = {
	[BGP_TIMER_CONNECT] = { BGP_EV_CONNECT_RETRY, 0, "no answer to the connection attempt" },
	[BGP_TIMER_IDLE] = { BGP_EV_IDLE_HOLD, 0, "" },
	[BGP_TIMER_HOLD] = { BGP_EV_HOLD, BGP_ERR_HOLD_TIMER, "hold timer expired" },
	[BGP_TIMER_KEEPALIVE] = { BGP_EV_KEEPALIVE, 0, "" },
	[BGP_TIMER_SEND_HOLD] = { BGP_EV_SEND_HOLD, BGP_ERR_SEND_HOLD, "send hold timer expired" },
};
static_assert(countof(timers) == BGP_TIMER_MAX);

void bgp_conn_timer(struct bgp_conn *c, enum bgp_timer timer)
{
	struct bgp_cause cause = { .code = timers[timer].code };
	bool again = timer == BGP_TIMER_IDLE || (timer == BGP_TIMER_CONNECT && !c->tcp);

	bgp_conn_stop_timer(c, timer);
	if (timer == BGP_TIMER_IDLE && c->dir == BGP_IN) { // the end of a rest
		bgp_conn_event(c, BGP_EV_AUTO_START_PASSIVE, NULL);
		return;
	}
	if (again && bgp_conn_other(c)->state >= BGP_OPENCONFIRM)
		return; // the neighbour came first; bgp_peer_rearm() when that ends
	snprintf(cause.text, sizeof(cause.text), "%s", timers[timer].text);
	bgp_conn_event(c, timers[timer].event, &cause);
}
