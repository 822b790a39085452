#include "nearcastd/upstream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/clock.h"
#include "nearcastd/conn.h"

struct upstream;

// One direction's connection, with its way back to the upstream.
struct side {
	struct upstream *u;
	enum bgp_dir dir;
	struct conn *conn; // NULL: none
};

struct upstream {
	uv_loop_t *loop;
	uv_timer_t timer;
	const struct conf *conf;
	const struct conf_upstream *up;
	const struct upstream_ops *ops;
	void *ctx;
	struct bgp_peer *peer;
	struct side sides[BGP_DIR_MAX];
	bool pumping;
};

static void pump(struct upstream *u);

static void on_timer(uv_timer_t *timer)
{
	struct upstream *u = timer->data;

	bgp_peer_tick(u->peer, clock_now());
	pump(u);
}

static void arm_timer(struct upstream *u)
{
	instant deadline = bgp_peer_deadline(u->peer);

	if (instant_is_never(deadline))
		uv_timer_stop(&u->timer);
	else
		uv_timer_start(&u->timer, on_timer, clock_ms_until(deadline, clock_now()), 0);
}

static void on_up(void *ctx)
{
	struct side *s = ctx;
	struct ip_addr local = conn_local(s->conn);

	bgp_peer_connected(s->u->peer, clock_now(), &local);
	pump(s->u);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
	struct side *s = ctx;

	bgp_peer_received(s->u->peer, clock_now(), s->dir, bytes, len);
	pump(s->u);
}

static void on_drained(void *ctx)
{
	struct side *s = ctx;

	bgp_peer_set_backlog(s->u->peer, clock_now(), s->dir, conn_backlog(s->conn));
	pump(s->u);
}

static void on_down(void *ctx, const char *why)
{
	struct side *s = ctx;

	conn_finish(&s->conn);
	bgp_peer_closed(s->u->peer, clock_now(), s->dir, why);
	pump(s->u);
}

static const struct conn_ops conn_ops = {
	.up = on_up,
	.data = on_data,
	.drained = on_drained,
	.down = on_down,
};

// An external neighbour is on the link unless said otherwise (TTL 1); GTSM
// sends 255 and wants back 255 less the hops allowed (RFC 5082 section 3).
static struct conn_options options_of(const struct upstream *u)
{
	bool external = u->up->as != u->conf->as;
	struct conn_options o = {
		.remote = u->up->address,
		.port = (uint16_t)u->up->port,
		.source = u->up->source,
		.ttl = external && !u->up->multihop ? 1 : 0,
		.password = u->up->password,
	};

	if (u->up->ttl_security) {
		o.ttl = 255;
		o.min_ttl = (uint8_t)(256 - u->up->ttl_security);
	}
	return o;
}

static void do_connect(struct upstream *u)
{
	struct side *s = &u->sides[BGP_OUT];
	struct conn_options o = options_of(u);
	int error;

	conn_finish(&s->conn);
	s->conn = conn_connect(u->loop, &o, &conn_ops, s, &error);
	if (!s->conn)
		bgp_peer_closed(u->peer, clock_now(), BGP_OUT, strerror(-error));
}

static void do_send(struct upstream *u, const struct bgp_action *a)
{
	struct side *s = &u->sides[a->dir];

	if (!s->conn)
		return;
	conn_send(s->conn, a->data, a->len);
	if (conn_backlog(s->conn))
		bgp_peer_set_backlog(u->peer, clock_now(), a->dir, conn_backlog(s->conn));
}

// What the engine wants done, until it wants nothing more.
static void pump(struct upstream *u)
{
	struct bgp_action a;

	if (u->pumping)
		return; // an event's listener called back: the outer loop goes on
	u->pumping = true;
	while (bgp_peer_next(u->peer, &a)) {
		switch (a.kind) {
		case BGP_DO_CONNECT:
			do_connect(u);
			break;
		case BGP_DO_SEND:
			do_send(u, &a);
			break;
		case BGP_DO_CLOSE:
			conn_finish(&u->sides[a.dir].conn);
			break;
		case BGP_DO_EVENT:
			u->ops->event(u->ctx, u, &a);
			break;
		}
	}
	u->pumping = false;
	arm_timer(u);
}

static struct ip_addr node_address(const struct conf *conf, enum ip_family family)
{
	items_for_each(struct ip_addr, a, conf->node.addresses) if (a->family == family) return *a;
	return (struct ip_addr){};
}

// The next hop of routes is this side's address of the session; for routes of
// the other family it is the node's.
static struct ip_addr next_hop(
	const struct conf *conf, const struct conf_upstream *upstream, enum ip_family family)
{
	if (upstream->address.family == family)
		return (struct ip_addr){};
	return node_address(conf, family);
}

struct upstream *upstream_new(uv_loop_t *loop, const struct conf *conf,
	const struct conf_upstream *upstream, const struct upstream_ops *ops, void *ctx,
	uint64_t seed)
{
	struct upstream *u = mem_zalloc(sizeof(*u));
	struct bgp_peer_config config = {
		.local_as = (uint32_t)conf->as,
		.peer_as = (uint32_t)upstream->as,
		.router_id = ip_to_u32(&conf->router_id),
		.hold_time = upstream->hold_time,
		.connect_retry = upstream->connect_retry,
		.connect_retry_max = span_s(120),
		.passive = upstream->passive,
		.families = upstream->families,
		.next_hop4 = next_hop(conf, upstream, IP4),
		.next_hop6 = next_hop(conf, upstream, IP6),
		.seed = seed,
	};

	u->loop = loop;
	u->ops = ops;
	u->ctx = ctx;
	upstream_rebind(u, conf, upstream);
	u->peer = bgp_peer_new(&config);
	for (int dir = 0; dir < BGP_DIR_MAX; dir++)
		u->sides[dir] = (struct side){ .u = u, .dir = (enum bgp_dir)dir };
	uv_timer_init(loop, &u->timer);
	u->timer.data = u;
	return u;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void upstream_free(struct upstream **up)
{
	struct upstream *u = take(*up);

	if (!u)
		return;
	for (int dir = 0; dir < BGP_DIR_MAX; dir++)
		conn_finish(&u->sides[dir].conn);
	bgp_peer_free(&u->peer);
	uv_close((uv_handle_t *)&u->timer, on_closed);
}

void upstream_start(struct upstream *u)
{
	bgp_peer_start(u->peer, clock_now());
	pump(u);
}

void upstream_stop(struct upstream *u, uint8_t cease_subcode, const char *text)
{
	bgp_peer_stop(u->peer, clock_now(), cease_subcode, text);
	pump(u);
}

void upstream_accept(struct upstream *u, int fd)
{
	struct side *s = &u->sides[BGP_IN];
	struct conn_options o = options_of(u);
	int error;
	struct conn *conn = conn_adopt(u->loop, fd, &o, &conn_ops, s, &error);

	if (!conn)
		return;
	struct ip_addr local = conn_local(conn);
	if (!bgp_peer_accepted(u->peer, clock_now(), &local)) {
		conn_finish(&conn);
		return;
	}
	conn_finish(&s->conn); // the engine let the new one take its place
	s->conn = conn;
	pump(u);
}

void upstream_announce(struct upstream *u, const struct ip_prefix *prefix, struct bgp_attrs *attrs)
{
	bgp_peer_announce(u->peer, clock_now(), prefix, attrs);
}

void upstream_withdraw(struct upstream *u, const struct ip_prefix *prefix)
{
	bgp_peer_withdraw(u->peer, clock_now(), prefix);
}

void upstream_flush(struct upstream *u)
{
	pump(u);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool upstream_unchanged(
	const struct upstream *u, const struct conf *conf, const struct conf_upstream *b)
{
	const struct conf_upstream *a = u->up;

	for (enum ip_family f = IP4; f <= IP6; f++) {
		struct ip_addr was = next_hop(u->conf, a, f), is = next_hop(conf, b, f);
		if (!ip_equal(&was, &is))
			return false;
	}
	return u->conf->as == conf->as && ip_equal(&u->conf->router_id, &conf->router_id) &&
	       ip_equal(&a->address, &b->address) && a->as == b->as && a->port == b->port &&
	       ip_equal(&a->source, &b->source) && same_text(a->password, b->password) &&
	       a->hold_time.us == b->hold_time.us && a->connect_retry.us == b->connect_retry.us &&
	       a->passive == b->passive && a->multihop == b->multihop &&
	       a->ttl_security == b->ttl_security && a->families == b->families;
}

void upstream_rebind(
	struct upstream *u, const struct conf *conf, const struct conf_upstream *upstream)
{
	u->conf = conf;
	u->up = upstream;
}

const struct conf_upstream *upstream_conf(const struct upstream *u)
{
	return u->up;
}

const struct bgp_peer *upstream_peer(const struct upstream *u)
{
	return u->peer;
}
