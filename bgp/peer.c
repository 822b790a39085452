#include "bgp/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/inside.h"
#include "lib/mem.h"
#include "lib/own.h"

enum { BACKLOG_MAX = 64 * 1024 }; // over this, UPDATEs wait

static void conn_init(struct bgp_conn *c, struct bgp_peer *p, enum bgp_dir dir)
{
	*c = (struct bgp_conn){ .peer = p, .dir = dir };
	bgp_conn_forget(c); // stops its timers
}

struct bgp_peer *bgp_peer_new(const struct bgp_peer_config *config)
{
	struct bgp_peer *p = mem_zalloc(sizeof(*p));
	struct bgp_peer_config *cf = &p->config;

	*cf = *config;
	if (!(cf->families & BGP_FAMILY_ALL))
		cf->families = BGP_FAMILY_ALL;
	if (cf->connect_retry.us < span_ms(1).us)
		cf->connect_retry = span_ms(1); // a wait of nothing would spin
	if (cf->connect_retry_max.us < cf->connect_retry.us)
		cf->connect_retry_max = cf->connect_retry;
	p->rng.state = cf->seed;
	list_init(&p->queue);
	bgp_ribout_init(&p->out, cf->fleet);
	for (int d = 0; d < BGP_DIR_MAX; d++)
		conn_init(&p->conn[d], p, (enum bgp_dir)d);
	return p;
}

void bgp_peer_free(struct bgp_peer **pp)
{
	struct bgp_peer *p = take(*pp);

	if (!p)
		return;
	for (int d = 0; d < BGP_DIR_MAX; d++)
		bgp_conn_forget(&p->conn[d]);
	bgp_queue_free(p);
	bgp_ribout_free(&p->out);
	bgp_ribin_clear(&p->in);
	bgp_ribin_clear(&p->echo);
	free(p->message);
	free(p);
}

// ---- The operator ----

void bgp_peer_start(struct bgp_peer *p, instant now)
{
	p->now = now;
	p->started = true;
	p->failures = 0;
	p->bare = false;
	p->rest_until = now;
	if (!p->config.passive)
		bgp_conn_event(&p->conn[BGP_OUT], BGP_EV_MANUAL_START, NULL);
	bgp_conn_event(&p->conn[BGP_IN], BGP_EV_MANUAL_START_PASSIVE, NULL);
}

static bool takes_text(uint8_t subcode)
{
	return subcode == BGP_CEASE_ADMIN_SHUTDOWN || subcode == BGP_CEASE_ADMIN_RESET;
}

static void stop_conn(struct bgp_conn *c, const struct bgp_cause *cause)
{
	bgp_conn_event(c, BGP_EV_MANUAL_STOP, cause);
	bgp_conn_forget(c); // a timer may still run in Idle
}

enum { CEASE_DATA_MAX = 1 + BGP_SHUTDOWN_TEXT_MAX };

// data: room for what goes into the NOTIFICATION.
static struct bgp_cause cease(uint8_t data[CEASE_DATA_MAX], uint8_t subcode, const char *text)
{
	struct wr w = wr_init(data, CEASE_DATA_MAX);
	struct bgp_cause cause = { .code = BGP_ERR_CEASE, .subcode = subcode };

	if (takes_text(subcode))
		bgp_shutdown_build(&w, text);
	cause.data = data;
	cause.len = wr_len(&w);
	if (text)
		bgp_text_copy(cause.text, sizeof(cause.text) - 1, text, strlen(text));
	return cause;
}

void bgp_peer_stop(struct bgp_peer *p, instant now, uint8_t cease_subcode, const char *text)
{
	uint8_t data[CEASE_DATA_MAX];
	struct bgp_cause cause = cease(data, cease_subcode, text);

	p->now = now;
	p->started = false;
	// The one that only listens goes first, so that the outside sees one step to Idle.
	enum bgp_dir first = p->conn[BGP_IN].state == BGP_ACTIVE ? BGP_IN : BGP_OUT;
	stop_conn(&p->conn[first], &cause);
	stop_conn(bgp_conn_other(&p->conn[first]), &cause);
	p->failures = 0;
}

void bgp_peer_reset(struct bgp_peer *p, instant now, uint8_t cease_subcode, const char *text)
{
	uint8_t data[CEASE_DATA_MAX];
	struct bgp_cause cause = cease(data, cease_subcode, text);

	p->now = now;
	for (int d = 0; d < BGP_DIR_MAX; d++)
		if (p->conn[d].state >= BGP_OPENSENT)
			bgp_conn_event(&p->conn[d], BGP_EV_AUTO_STOP, &cause);
}

// ---- TCP ----

static void begin(struct bgp_conn *c, enum bgp_fsm_event event, const struct ip_addr *local)
{
	c->tcp = true;
	c->local = *local;
	bgp_conn_event(c, event, NULL);
}

void bgp_peer_connected(struct bgp_peer *p, instant now, const struct ip_addr *local)
{
	struct bgp_conn *c = &p->conn[BGP_OUT];

	p->now = now;
	if (c->state == BGP_CONNECT)
		begin(c, BGP_EV_TCP_ACKED, local);
	else if (!c->tcp)
		bgp_queue_close(c); // an attempt that was given up meanwhile
}

bool bgp_peer_accepted(struct bgp_peer *p, instant now, const struct ip_addr *local)
{
	struct bgp_conn *c = &p->conn[BGP_IN];

	p->now = now;
	if (c->state == BGP_OPENSENT) { // the neighbour gave the earlier one up
		bgp_queue_forget(c);
		bgp_conn_forget(c);
		c->state = BGP_ACTIVE;
	}
	if (c->state != BGP_ACTIVE)
		return false;
	begin(c, BGP_EV_TCP_CONFIRMED, local);
	return true;
}

void bgp_peer_closed(struct bgp_peer *p, instant now, enum bgp_dir dir, const char *why)
{
	struct bgp_conn *c = &p->conn[dir];
	struct bgp_cause cause = {};

	p->now = now;
	if (!c->tcp)
		return;
	snprintf(cause.text, sizeof(cause.text), "%s", why && *why ? why : "connection closed");
	bgp_queue_forget(c);
	bgp_conn_forget(c); // there is nothing left to close
	bgp_conn_event(c, BGP_EV_TCP_FAILS, &cause);
}

void bgp_peer_received(
	struct bgp_peer *p, instant now, enum bgp_dir dir, const void *data, size_t len)
{
	p->now = now;
	bgp_conn_received(&p->conn[dir], data, len);
}

void bgp_peer_set_backlog(struct bgp_peer *p, instant now, enum bgp_dir dir, size_t bytes)
{
	p->now = now;
	bgp_conn_backlog(&p->conn[dir], bytes);
}

// ---- Time ----

static bool earliest(const struct bgp_peer *p, enum bgp_dir *dir, enum bgp_timer *timer)
{
	instant first = INSTANT_NEVER;

	for (int d = 0; d < BGP_DIR_MAX; d++) {
		for (int t = 0; t < BGP_TIMER_MAX; t++) {
			if (!instant_before(p->conn[d].timer[t], first))
				continue;
			first = p->conn[d].timer[t];
			*dir = (enum bgp_dir)d;
			*timer = (enum bgp_timer)t;
		}
	}
	return !instant_is_never(first);
}

instant bgp_peer_deadline(const struct bgp_peer *p)
{
	enum bgp_dir dir;
	enum bgp_timer timer;

	return earliest(p, &dir, &timer) ? p->conn[dir].timer[timer] : INSTANT_NEVER;
}

void bgp_peer_tick(struct bgp_peer *p, instant now)
{
	enum bgp_dir dir;
	enum bgp_timer timer;

	p->now = now;
	while (earliest(p, &dir, &timer) && instant_due(p->conn[dir].timer[timer], now))
		bgp_conn_timer(&p->conn[dir], timer);
}

// ---- What is to be done ----

// The direction of the session that is up, BGP_DIR_MAX when none is.
static enum bgp_dir established(const struct bgp_peer *p)
{
	int d = 0;

	while (d < BGP_DIR_MAX && p->conn[d].state != BGP_ESTABLISHED)
		d++;
	return (enum bgp_dir)d;
}

// The prefixes of the latest UPDATE, read back from it: one event each.
static bool next_report(struct bgp_peer *p, struct bgp_action *ret)
{
	struct ip_prefix prefix;

	if (!bgp_nlri_next_path(&p->report, p->writer.family, p->writer.paths, &prefix, NULL))
		return false;
	*ret = (struct bgp_action){
		.kind = BGP_DO_EVENT,
		.event = p->writer.withdraw ? BGP_EVENT_WITHDRAWN : BGP_EVENT_ANNOUNCED,
		.prefix = prefix,
	};
	return true;
}

// Nothing looks at the latest message any more.
static void make_room(struct bgp_peer *p, size_t size)
{
	if (size <= p->message_size)
		return;
	p->message = mem_resize(p->message, size, 1);
	p->message_size = size;
}

static void count_message(struct bgp_peer *p)
{
	if (p->message[BGP_HEADER_BYTES - 1] == BGP_MSG_UPDATE)
		p->counters.updates_out++;
	else
		p->counters.refreshes_out++;
	p->counters.prefixes_sent = p->out.told;
	p->report = p->writer.list_at ? bgp_update_list(&p->writer) : (struct rd){};
}

static bool next_update(struct bgp_peer *p, struct bgp_action *ret)
{
	enum bgp_dir dir = established(p);

	if (dir == BGP_DIR_MAX || p->conn[dir].backlog > BACKLOG_MAX)
		return false;
	make_room(p, bgp_codec_max(&p->conn[dir].codec));
	size_t n = bgp_ribout_next(&p->out, &p->writer, p->message);
	if (n == 0)
		return false;
	count_message(p);
	bgp_conn_spoke(&p->conn[dir]);
	*ret = (struct bgp_action){
		.kind = BGP_DO_SEND,
		.dir = dir,
		.data = p->message,
		.len = n,
	};
	return true;
}

static bool next_unsendable(struct bgp_peer *p, struct bgp_action *ret)
{
	struct ip_prefix prefix;
	const char *why;

	if (established(p) == BGP_DIR_MAX || !bgp_ribout_next_unsendable(&p->out, &prefix, &why))
		return false;
	*ret = (struct bgp_action){
		.kind = BGP_DO_EVENT,
		.event = BGP_EVENT_UNSENDABLE,
		.prefix = prefix,
	};
	snprintf(ret->error.text, sizeof(ret->error.text), "%s", why);
	return true;
}

// ESTABLISHED has been told: what came behind it is next.
static bool next_held(struct bgp_peer *p, struct bgp_action *ret)
{
	enum bgp_dir dir = established(p);

	return dir != BGP_DIR_MAX && bgp_conn_unhold(&p->conn[dir]) && bgp_queue_next(p, ret);
}

bool bgp_peer_next(struct bgp_peer *p, struct bgp_action *ret)
{
	return next_report(p, ret) || bgp_queue_next(p, ret) || next_held(p, ret) ||
	       next_update(p, ret) || next_unsendable(p, ret);
}

// ---- Adj-RIB-Out ----

void bgp_peer_announce(
	struct bgp_peer *p, instant now, const struct ip_prefix *prefix, struct bgp_attrs *attrs)
{
	p->now = now;
	bgp_ribout_announce(&p->out, prefix, attrs);
}

void bgp_peer_withdraw(struct bgp_peer *p, instant now, const struct ip_prefix *prefix)
{
	p->now = now;
	bgp_ribout_withdraw(&p->out, prefix);
}

bool bgp_peer_ask_again(struct bgp_peer *p, instant now)
{
	enum bgp_dir dir = established(p);

	p->now = now;
	if (dir == BGP_DIR_MAX || !p->conn[dir].agreed.refresh)
		return false;
	for (unsigned family = 1; family <= BGP_FAMILY_ALL; family <<= 1) {
		uint8_t message[BGP_MSG_MAX];
		struct wr w = wr_init(message, sizeof(message));

		if (!(p->conn[dir].agreed.families & family))
			continue;
		bgp_queue_send(
			&p->conn[dir], message, bgp_refresh_build(&w, family, BGP_REFRESH_REQUEST));
		p->counters.refreshes_out++;
		bgp_conn_spoke(&p->conn[dir]);
	}
	return true;
}

bool bgp_peer_announced(
	const struct bgp_peer *p, const struct ip_prefix *prefix, const struct bgp_attrs **attrs)
{
	const struct bgp_attrs *told = bgp_ribout_told(&p->out, prefix);

	if (!told)
		return false;
	if (attrs)
		*attrs = told;
	return true;
}

// ---- Looking at it ----

bool bgp_peer_hears(const struct bgp_peer *p, const struct ip_prefix *prefix)
{
	return bgp_ribin_has(&p->echo, prefix);
}

enum bgp_state bgp_peer_state(const struct bgp_peer *p)
{
	return p->state;
}

instant bgp_peer_since(const struct bgp_peer *p)
{
	return p->since;
}

const struct bgp_counters *bgp_peer_counters(const struct bgp_peer *p)
{
	return &p->counters;
}

const struct bgp_negotiated *bgp_peer_negotiated(const struct bgp_peer *p)
{
	enum bgp_dir dir = established(p);

	return dir == BGP_DIR_MAX ? NULL : &p->conn[dir].agreed;
}

const struct bgp_error *bgp_peer_last_error(const struct bgp_peer *p)
{
	return p->has_error ? &p->error : NULL;
}
