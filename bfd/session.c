#include "bfd/session.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "lib/rng.h"

// A change of the intervals holds once the neighbour has answered a packet that
// carries it, section 6.5. Values that change again meanwhile need a sequence of their
// own, and between two sequences goes one packet without Poll, so that an answer to the
// first is not taken for one to the second.
enum poll {
	POLL_NONE,
	POLL_WANTED,   // from the next packet on
	POLL_ASKED,    // packets with Poll are under way
	POLL_OUTDATED, // the same, for values that changed again
	POLL_PAUSE,    // answered for these; the next packet goes without, then it is wanted
};

struct bfd_session {
	struct bfd_vars v;
	struct bfd_timing timing; // as configured; v has what is sent
	struct rng rng;
	enum poll poll;
	span tx_held, rx_held; // desired_min_tx and required_min_rx as far as they hold
	instant now;           // of the latest call
	instant last_tx, next_tx;
	instant silent_at; // when a disabled session stops telling
	bool send, final;  // wanted from bfd_session_next()
	bool changed;
	struct bfd_action event;
	uint8_t packet[BFD_PACKET_BYTES];
};

static const span slow_start = { 1000000 }; // section 6.8.3: while not Up

static span span_max(span a, span b)
{
	return a.us > b.us ? a : b;
}

// ---- Timers ----

// Section 6.8.7: up to a quarter less, and with a multiplier of 1 at least a tenth, so
// that one interval and its jitter stay within the detection time.
static span jittered(struct bfd_session *s, span interval)
{
	int64_t low = interval.us - interval.us / 4;
	int64_t high = s->v.multiplier == 1 ? interval.us - interval.us / 10 : interval.us;

	return span_us(rng_range(&s->rng, low, high > low ? high : low));
}

// Section 6.8.7: when nothing is sent periodically.
static bool quiet(const struct bfd_session *s)
{
	const struct bfd_vars *v = &s->v;

	if (v->state == BFD_ADMIN_DOWN && instant_due(s->silent_at, s->now))
		return true;
	if (v->remote_demand && v->state == BFD_UP && v->remote_state == BFD_UP &&
		s->poll == POLL_NONE)
		return true;
	return span_is_zero(v->remote_min_rx);
}

// Sections 6.8.2 and 6.8.4: the intervals that follow from both sides' wishes. A change takes
// effect on the packet that is waiting to be sent and on the detection that runs.
static void negotiate(struct bfd_session *s)
{
	struct bfd_vars *v = &s->v;
	span tx = quiet(s) ? span_us(0) : span_max(s->tx_held, v->remote_min_rx);

	if (span_is_zero(tx))
		s->next_tx = INSTANT_NEVER;
	else if (tx.us != v->tx_interval.us)
		s->next_tx = instant_add(s->last_tx, jittered(s, tx));
	v->tx_interval = tx;
	if (!instant_is_never(v->heard))
		v->detection_time =
			span_us(v->remote_multiplier * span_max(s->rx_held, v->remote_min_tx).us);
}

static instant expiry(const struct bfd_session *s)
{
	return instant_add(s->v.heard, s->v.detection_time); // NEVER stays never
}

// ---- Poll Sequences ----

static void poll_start(struct bfd_session *s)
{
	if (s->poll == POLL_NONE)
		s->poll = POLL_WANTED;
	else if (s->poll == POLL_ASKED)
		s->poll = POLL_OUTDATED;
}

// Whether the packet that goes now has Poll.
static bool poll_sends(struct bfd_session *s)
{
	if (s->poll == POLL_PAUSE) {
		s->poll = POLL_WANTED;
		return false;
	}
	if (s->poll == POLL_WANTED)
		s->poll = POLL_ASKED;
	return s->poll != POLL_NONE;
}

static void poll_answered(struct bfd_session *s)
{
	if (s->poll == POLL_ASKED) {
		s->tx_held = s->v.desired_min_tx;
		s->rx_held = s->v.required_min_rx;
		s->poll = POLL_NONE;
	} else if (s->poll == POLL_OUTDATED) {
		s->poll = POLL_PAUSE;
	}
}

// What is sent, after the configuration or the state changed. Section 6.8.3: an interval that
// grows here, or that the other side may shrink by, waits for the neighbour while Up.
static void set_intervals(struct bfd_session *s)
{
	struct bfd_vars *v = &s->v;
	bool up = v->state == BFD_UP;
	span tx = up ? s->timing.min_tx : span_max(s->timing.min_tx, slow_start);
	span rx = s->timing.min_rx;

	if (!up || tx.us < s->tx_held.us)
		s->tx_held = tx;
	if (!up || rx.us > s->rx_held.us)
		s->rx_held = rx;
	if (tx.us != v->desired_min_tx.us || rx.us != v->required_min_rx.us)
		poll_start(s);
	v->desired_min_tx = tx;
	v->required_min_rx = rx;
}

// ---- States ----

// RFC 5882 section 3.2: no failure when the neighbour's operator took the session down.
static bool is_failure(const struct bfd_session *s, enum bfd_state from)
{
	return from == BFD_UP && s->v.state == BFD_DOWN && s->v.remote_state != BFD_ADMIN_DOWN;
}

static void event(struct bfd_session *s, enum bfd_fsm_event ev)
{
	struct bfd_vars *v = &s->v;
	enum bfd_state from = v->state;
	struct bfd_fsm_step step = bfd_fsm_step(from, ev);

	if (step.next == from)
		return;
	v->state = step.next;
	v->diag = step.diag;
	v->since = s->now;
	s->event = (struct bfd_action){
		.kind = BFD_DO_EVENT,
		.from = s->changed ? s->event.from : from,
		.to = step.next,
		.diag = step.diag,
		.failed = is_failure(s, from) || (s->changed && s->event.failed),
	};
	s->changed = true;
	s->send = true; // section 6.8.7: a change is told at once
	set_intervals(s);
}

// ---- Calls ----

struct bfd_session *bfd_session_new(const struct bfd_config *config, instant now)
{
	struct bfd_session *s = mem_zalloc(sizeof(*s));

	s->timing = config->timing;
	s->rng.state = config->seed;
	s->now = s->last_tx = now;
	s->next_tx = s->silent_at = INSTANT_NEVER;
	s->tx_held = span_max(config->timing.min_tx, slow_start);
	s->rx_held = config->timing.min_rx;
	s->v = (struct bfd_vars){
		.state = BFD_DOWN,
		.remote_state = BFD_DOWN,
		.local_disc = config->discriminator,
		.desired_min_tx = s->tx_held,
		.required_min_rx = s->rx_held,
		.remote_min_rx = span_us(1), // section 6.8.1
		.multiplier = config->timing.multiplier,
		.since = now,
		.heard = INSTANT_NEVER,
	};
	s->send = true;
	negotiate(s);
	return s;
}

void bfd_session_free(struct bfd_session **s)
{
	free(*s);
	*s = NULL;
}

void bfd_session_disable(struct bfd_session *s, instant now)
{
	struct bfd_vars *v = &s->v;

	s->now = now;
	if (v->state == BFD_ADMIN_DOWN)
		return;
	event(s, BFD_EV_DISABLE);
	// The neighbour's detection time, as section 6.8.16 asks.
	span each = span_max(v->desired_min_tx, v->remote_min_rx);
	s->silent_at = instant_add(now, span_us(v->multiplier * each.us));
	negotiate(s);
}

void bfd_session_enable(struct bfd_session *s, instant now)
{
	s->now = now;
	s->silent_at = INSTANT_NEVER;
	event(s, BFD_EV_ENABLE);
	negotiate(s);
}

void bfd_session_set_timing(struct bfd_session *s, instant now, const struct bfd_timing *timing)
{
	s->now = now;
	s->timing = *timing;
	s->v.multiplier = timing->multiplier; // needs no Poll Sequence
	set_intervals(s);
	negotiate(s);
}

// The later half of section 6.8.6.
enum bfd_verdict bfd_session_received(
	struct bfd_session *s, instant now, const struct bfd_packet *p)
{
	struct bfd_vars *v = &s->v;

	s->now = now;
	if (p->your_disc && p->your_disc != v->local_disc)
		return BFD_UNKNOWN_SESSION;
	if (p->auth)
		return BFD_AUTHENTICATED;
	v->remote_disc = p->my_disc;
	v->remote_state = p->state;
	v->remote_diag = p->diag;
	v->remote_demand = p->demand;
	v->remote_min_rx = p->required_min_rx;
	v->remote_min_tx = p->desired_min_tx;
	v->remote_multiplier = p->multiplier;
	if (p->final)
		poll_answered(s);
	if (v->state == BFD_ADMIN_DOWN) {
		negotiate(s);
		return BFD_DISABLED;
	}
	v->heard = now;
	v->received++;
	event(s, (enum bfd_fsm_event)p->state);
	if (p->poll)
		s->final = true;
	negotiate(s);
	return BFD_OK;
}

instant bfd_session_deadline(const struct bfd_session *s)
{
	instant first = s->send || s->final ? s->now : s->next_tx;

	if (s->v.state == BFD_ADMIN_DOWN)
		return instant_is_never(s->next_tx) ? first : instant_min(first, s->silent_at);
	return instant_min(first, expiry(s));
}

void bfd_session_tick(struct bfd_session *s, instant now)
{
	struct bfd_vars *v = &s->v;

	s->now = now;
	if (instant_due(expiry(s), now)) { // then nothing of the neighbour is known any more
		v->heard = INSTANT_NEVER;
		v->remote_disc = 0;
		v->remote_demand = false;
		v->remote_min_rx = span_us(1);
		v->detection_time = span_us(0);
		event(s, BFD_EV_EXPIRED);
	}
	negotiate(s);
	if (instant_due(s->next_tx, now))
		s->send = true;
}

// ---- What is to be done ----

static void build(struct bfd_session *s, bool poll, bool final)
{
	struct bfd_vars *v = &s->v;
	struct bfd_packet p = {
		.diag = (uint8_t)v->diag,
		.state = v->state,
		.poll = poll,
		.final = final,
		.multiplier = v->multiplier,
		.my_disc = v->local_disc,
		.your_disc = v->remote_disc,
		.desired_min_tx = v->desired_min_tx,
		.required_min_rx = v->required_min_rx,
	};

	struct wr w = wr_init(s->packet, sizeof(s->packet));
	bfd_packet_build(&w, &p);
	v->sent++;
}

// An answer to Poll goes at once and beside the timer (section 6.8.7); Poll and Final
// never stand in one packet (section 6.5).
static bool next_packet(struct bfd_session *s)
{
	if (s->final) {
		s->final = false;
		build(s, false, true);
		return true;
	}
	if (!s->send)
		return false;
	s->send = false;
	build(s, poll_sends(s), false);
	s->last_tx = s->now;
	if (!span_is_zero(s->v.tx_interval))
		s->next_tx = instant_add(s->now, jittered(s, s->v.tx_interval));
	return true;
}

bool bfd_session_next(struct bfd_session *s, struct bfd_action *ret)
{
	if (s->changed) {
		s->changed = false;
		*ret = s->event;
		return true;
	}
	if (!next_packet(s))
		return false;
	*ret = (struct bfd_action){
		.kind = BFD_DO_SEND,
		.data = s->packet,
		.len = BFD_PACKET_BYTES,
	};
	return true;
}

const struct bfd_vars *bfd_session_vars(const struct bfd_session *s)
{
	return &s->v;
}
