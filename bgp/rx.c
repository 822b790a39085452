// From bytes to messages to events of the state machine.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bgp/inside.h"
#include "bgp/routes.h"
#include "lib/mem.h"
#include "lib/own.h"

static void end_by_fault(
	struct bgp_conn *c, enum bgp_fsm_event event, const struct bgp_fault *f, const char *detail)
{
	struct bgp_cause cause = {
		.code = bgp_fault_code(f->kind),
		.subcode = bgp_fault_subcode(f->kind),
		.data = f->data,
		.len = f->data_len,
	};
	const char *name = f->attr ? bgp_attr_name(f->attr) : "";

	snprintf(cause.text, sizeof(cause.text), "%s%s%s%s", name, f->attr ? ": " : "",
		bgp_fault_name(f->kind), detail);
	bgp_conn_event(c, event, &cause);
}

// An event that a message brings in any state; the table says whether it has a place there.
static void event_of_message(struct bgp_conn *c, enum bgp_fsm_event event, const struct bgp_msg *m)
{
	const struct bgp_cause cause = { .data = &m->type, .len = 1 };

	bgp_conn_event(c, event, &cause);
}

// ---- OPEN ----

// RFC 4271 section 6.8, RFC 6286 section 2.3: the connection stays that was
// opened by the side with the higher identifier, or AS number when they are equal.
static enum bgp_dir winner(const struct bgp_peer *p, const struct bgp_open *theirs)
{
	if (p->config.router_id != theirs->id)
		return p->config.router_id > theirs->id ? BGP_OUT : BGP_IN;
	return p->config.local_as > theirs->as ? BGP_OUT : BGP_IN;
}

// True: this connection lives on. The rule of identifiers holds against a
// connection in OpenConfirm. Against an established session it holds only for a rival, whose
// OPEN was sent before the KEEPALIVE that let the neighbour establish the other one: then the
// neighbour had both to choose from, in OpenConfirm, and has chosen by identifiers too. To prefer
// the session then would end both. A connection that came later yields to the session.
static bool survives_collision(struct bgp_conn *c, const struct bgp_open *theirs)
{
	struct bgp_conn *other = bgp_conn_other(c);
	const struct bgp_cause cause = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_COLLISION };

	if (other->state < BGP_OPENCONFIRM)
		return true;
	bool by_identifier = other->state == BGP_OPENCONFIRM || c->rival;
	bool survives = by_identifier && winner(c->peer, theirs) == c->dir;
	bgp_conn_event(survives ? other : c, BGP_EV_COLLISION_DUMP, &cause);
	return survives;
}

static void detail_of_open(char *text, size_t size, const struct bgp_fault *f,
	const struct bgp_open *o, const struct bgp_peer_config *cf)
{
	text[0] = '\0';
	if (f->kind == BGP_FAULT_PEER_AS && o->as)
		snprintf(text, size, ": %u came, %u is configured", o->as, cf->peer_as);
	if (f->kind == BGP_FAULT_ROLE)
		snprintf(text, size, ": the neighbour of a %s says %s", bgp_role_name(cf->role),
			o->caps.has_role ? bgp_role_name(o->caps.role) : "none");
	if (f->kind == BGP_FAULT_ID && o->id)
		snprintf(text, size, ": it is our own");
}

static void rx_open(struct bgp_conn *c, const struct bgp_msg *m)
{
	struct bgp_peer *p = c->peer;
	const struct bgp_open ours = bgp_conn_open(c);
	struct bgp_open theirs = {};
	char detail[64];

	p->counters.opens_in++;
	if (c->state != BGP_OPENSENT) {
		event_of_message(c, BGP_EV_RX_OPEN, m);
		return;
	}
	struct bgp_fault f = bgp_open_parse(&theirs, m->body);
	if (f.kind == BGP_FAULT_NONE)
		f = bgp_open_check(&theirs, &ours, p->config.peer_as, p->config.strict_role);
	if (f.kind != BGP_FAULT_NONE) {
		detail_of_open(detail, sizeof(detail), &f, &theirs, &p->config);
		end_by_fault(c, BGP_EV_BAD_OPEN, &f, detail);
		return;
	}
	if (!survives_collision(c, &theirs))
		return;
	c->theirs = theirs;
	event_of_message(c, BGP_EV_RX_OPEN, m);
}

// ---- UPDATE ----

// One event at a time: a full table would make a million of them.
static void tell_received(struct bgp_conn *c, const struct bgp_fault *f)
{
	struct bgp_error e = {};

	if (c->peer->received_queued)
		return;
	if (f->kind != BGP_FAULT_NONE)
		snprintf(e.text, sizeof(e.text), "%s%s%s: %s",
			f->attr ? bgp_attr_name(f->attr) : "", f->attr ? ": " : "",
			bgp_fault_name(f->kind), bgp_verb_name(f->verb));
	c->peer->received_queued = true;
	bgp_queue_event(c, BGP_EVENT_RECEIVED, &e);
}

static bool is_over_limit(const struct bgp_peer *p)
{
	return p->config.max_prefixes && bgp_ribin_count(&p->in) > p->config.max_prefixes;
}

// RFC 4486 section 4.
static void end_by_limit(struct bgp_peer *p)
{
	struct bgp_cause cause = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_MAX_PREFIXES };

	snprintf(cause.text, sizeof(cause.text), "more than %zu prefixes", p->config.max_prefixes);
	bgp_peer_rest(p, p->config.max_prefixes_wait, &cause);
}

static bool has_tag(const struct bgp_update *u, const struct bgp_community *tag)
{
	struct rd plain = u->path.communities, large = u->path.large;

	while (!tag->large && rd_more(&plain)) {
		uint32_t value = rd_u32(&plain);
		if (!plain.bad && value == bgp_community_to_u32(tag))
			return true;
	}
	while (tag->large && rd_more(&large)) {
		uint32_t a = rd_u32(&large);
		uint32_t b = rd_u32(&large);
		uint32_t c = rd_u32(&large);
		if (!large.bad && a == tag->a && b == tag->b && c == tag->c)
			return true;
	}
	return false;
}

// A route without the tag takes the place of one that had it.
static void note_echo(struct bgp_peer *p, struct bgp_update u)
{
	enum { ECHO_MAX = 1024 };

	if (!p->config.has_tag)
		return;
	if (!has_tag(&u, &p->config.tag)) {
		if (bgp_ribin_count(&p->echo) == 0)
			return;
		u.fault.verb = BGP_VERB_WITHDRAW;
	}
	bgp_ribin_update(&p->echo, &u, ECHO_MAX);
}

static void rx_update(struct bgp_conn *c, const struct bgp_msg *m)
{
	struct bgp_counters *n = &c->peer->counters;
	struct bgp_update u;
	size_t announced, withdrawn;

	n->updates_in++;
	if (c->state != BGP_ESTABLISHED) {
		event_of_message(c, BGP_EV_RX_UPDATE, m);
		return;
	}
	bgp_update_decode(&u, m->body, &c->codec);
	if (u.fault.verb == BGP_VERB_RESET) {
		end_by_fault(c, BGP_EV_BAD_UPDATE, &u.fault, "");
		return;
	}
	c->codec.families &= ~bgp_routes_disabled(&u); // not listened to any more
	if (c->peer->config.max_prefixes) {
		bgp_ribin_update(&c->peer->in, &u, c->peer->config.max_prefixes);
		n->prefixes_received = bgp_ribin_count(&c->peer->in);
	} else {
		bgp_update_count(&u, &announced, &withdrawn);
		n->prefixes_received += announced;
	}
	note_echo(c->peer, u);
	if (c->peer->config.routes)
		c->peer->config.routes(c->peer->config.routes_ctx, &u);
	tell_received(c, &u.fault);
	event_of_message(c, BGP_EV_RX_UPDATE, m);
	if (is_over_limit(c->peer))
		end_by_limit(c->peer);
}

// ---- The others ----

// RFC 5492 section 3. In OpenSent and OpenConfirm our OPEN is what it is about.
static bool refuses_capabilities(const struct bgp_conn *c, const struct bgp_notification *n)
{
	return n->code == BGP_ERR_OPEN && n->subcode == BGP_OPEN_UNSUPPORTED_PARAM &&
	       c->state < BGP_ESTABLISHED && !c->bare && bgp_peer_may_be_bare(c->peer);
}

static void rx_notification(struct bgp_conn *c, const struct bgp_msg *m)
{
	struct bgp_notification n = bgp_notification_parse(m->body);
	struct bgp_cause cause = { .code = n.code, .subcode = n.subcode, .received = true };
	bool version = n.code == BGP_ERR_OPEN && n.subcode == BGP_OPEN_UNSUPPORTED_VERSION;

	c->peer->counters.notifications_in++;
	bgp_shutdown_parse(cause.text, &n);
	if (refuses_capabilities(c, &n)) {
		c->peer->bare = true;
		snprintf(cause.text, sizeof(cause.text), "tried again without capabilities");
	}
	bgp_conn_event(
		c, version ? BGP_EV_RX_NOTIFICATION_VERSION : BGP_EV_RX_NOTIFICATION, &cause);
}

static void rx_keepalive(struct bgp_conn *c, const struct bgp_msg *m)
{
	c->peer->counters.keepalives_in++;
	event_of_message(c, BGP_EV_RX_KEEPALIVE, m);
}

// RFC 2918 section 4: a family that was not agreed on is ignored.
static void rx_refresh(struct bgp_conn *c, const struct bgp_msg *m)
{
	struct bgp_refresh r;

	c->peer->counters.refreshes_in++;
	if (c->state == BGP_ESTABLISHED) {
		struct bgp_fault f = bgp_refresh_parse(&r, m);

		if (f.kind != BGP_FAULT_NONE) {
			end_by_fault(c, BGP_EV_BAD_REFRESH, &f, "");
			return;
		}
		if (r.subtype == BGP_REFRESH_REQUEST)
			bgp_ribout_refresh(&c->peer->out, r.family & c->agreed.families);
	}
	event_of_message(c, BGP_EV_RX_REFRESH, m);
}

static void (*const handlers[])(struct bgp_conn *c, const struct bgp_msg *m) = {
	[BGP_MSG_OPEN] = rx_open,
	[BGP_MSG_UPDATE] = rx_update,
	[BGP_MSG_NOTIFICATION] = rx_notification,
	[BGP_MSG_KEEPALIVE] = rx_keepalive,
	[BGP_MSG_ROUTE_REFRESH] = rx_refresh,
};

// Nothing is listened to on a connection whose session is over.
static bool is_listening(const struct bgp_conn *c)
{
	return c->tcp && c->state >= BGP_OPENSENT;
}

// RFC 8654 section 4: what this side said it takes, whether or not the neighbour takes it too.
static size_t greatest(const struct bgp_conn *c)
{
	return c->peer->config.extended_messages && !c->bare ? BGP_MSG_EXTENDED_MAX : BGP_MSG_MAX;
}

// Handles the whole messages at the start of c->in; returns the bytes they took.
static size_t handle_messages(struct bgp_conn *c)
{
	size_t at = 0;

	while (is_listening(c) && !c->held) {
		struct bgp_msg m;
		struct bgp_fault f;
		int r = bgp_msg_frame_up_to(&m, &f, c->in + at, c->in_len - at, greatest(c));

		if (r == -EAGAIN)
			break;
		if (r < 0) {
			end_by_fault(c, BGP_EV_BAD_HEADER, &f, "");
			break;
		}
		at += m.size;
		handlers[m.type](c, &m);
	}
	return at;
}

static void handle_input(struct bgp_conn *c)
{
	size_t done = handle_messages(c);

	if (!is_listening(c))
		return;
	c->in_len -= done;
	memmove(c->in, c->in + done, c->in_len);
}

// All of len where nothing is handled now; else for a message that is greater than what there is,
// as few ever are.
static void make_room(struct bgp_conn *c, size_t len)
{
	size_t size = c->held ? c->in_len + len : c->in_len == c->in_size ? greatest(c) : 0;

	if (size <= c->in_size)
		return;
	c->in = mem_resize(c->in, size, 1);
	c->in_size = size;
}

void bgp_conn_received(struct bgp_conn *c, const uint8_t *data, size_t len)
{
	while (len > 0 && is_listening(c)) {
		make_room(c, len);
		size_t room = c->in_size - c->in_len;
		size_t n = len < room ? len : room;

		memcpy(c->in + c->in_len, data, n);
		c->in_len += n;
		data += n;
		len -= n;
		handle_input(c);
	}
}

bool bgp_conn_unhold(struct bgp_conn *c)
{
	if (!c->held)
		return false;
	c->held = false;
	handle_input(c);
	return true;
}
