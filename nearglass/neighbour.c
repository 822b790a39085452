#include "nearglass/neighbour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/mem.h"

struct side {
	struct neighbour *n;
	enum bgp_dir dir;
	struct conn *conn; // NULL: none
};

struct neighbour {
	const struct neighbour_env *env;
	const struct glass_neighbour *conf;
	struct bgp_peer *peer;
	struct feed feed;
	struct stale stale;
	unsigned restarts; // families that the neighbour of this session wants kept
	span restart_time;
	uint32_t time_s; // of what is being received
	int64_t since_us;
	uv_timer_t timer;
	struct side sides[BGP_DIR_MAX];
	bool up; // established; failed attempts are no events
	bool pumping;
};

static void pump(struct neighbour *n);

// ---- Time and bytes in ----

static void on_timer(uv_timer_t *timer)
{
	struct neighbour *n = timer->data;

	bgp_peer_tick(n->peer, clock_now());
	pump(n);
}

static void arm_timer(struct neighbour *n)
{
	instant deadline = bgp_peer_deadline(n->peer), now = clock_now();

	if (instant_is_never(deadline))
		uv_timer_stop(&n->timer);
	else
		uv_timer_start(&n->timer, on_timer,
			instant_due(deadline, now) ? 0
						   : (uint64_t)(deadline.us - now.us + 999) / 1000,
			0);
}

static void on_up(void *ctx)
{
	struct side *s = ctx;
	struct ip_addr local = conn_local(s->conn);

	bgp_peer_connected(s->n->peer, clock_now(), &local);
	pump(s->n);
}

// RFC 4486: more than the configuration takes.
static void check_limit(struct neighbour *n)
{
	size_t have = rib_route_count(n->env->rib, n->feed.neighbour, IP_NONE);

	if (n->conf->max_routes == 0 || have <= n->conf->max_routes)
		return;
	bgp_peer_reset(n->peer, clock_now(), BGP_CEASE_MAX_PREFIXES, NULL);
	pump(n);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
	struct side *s = ctx;

	s->n->time_s = (uint32_t)(clock_unix_us() / 1000000);
	bgp_peer_received(s->n->peer, clock_now(), s->dir, bytes, len);
	pump(s->n);
	check_limit(s->n);
}

static void on_down(void *ctx, const char *why)
{
	struct side *s = ctx;

	conn_finish(&s->conn);
	bgp_peer_closed(s->n->peer, clock_now(), s->dir, why);
	pump(s->n);
}

static void on_drained(void *ctx)
{
	struct side *s = ctx;

	bgp_peer_set_backlog(s->n->peer, clock_now(), s->dir, conn_backlog(s->conn));
	pump(s->n);
}

static const struct conn_ops conn_ops = {
	.up = on_up,
	.data = on_data,
	.drained = on_drained,
	.down = on_down,
};

static void on_routes(void *ctx, const struct bgp_update *u)
{
	struct neighbour *n = ctx;

	feed_update(&n->feed, u, n->time_s);
	if (u->end_of_rib)
		stale_end_of_rib(&n->stale, u->end_of_rib);
}

// ---- What the engine wants ----

// An external neighbour is on the link unless said otherwise.
static struct conn_options options_of(const struct neighbour *n)
{
	bool external = n->conf->as != n->env->conf->as;

	return (struct conn_options){
		.remote = n->conf->address,
		.port = (uint16_t)n->conf->port,
		.source = n->conf->source,
		.ttl = external && !n->conf->multihop ? 1 : 0,
	};
}

static void do_connect(struct neighbour *n)
{
	struct side *s = &n->sides[BGP_OUT];
	struct conn_options o = options_of(n);
	int error;

	conn_finish(&s->conn);
	s->conn = conn_connect(n->env->loop, &o, &conn_ops, s, &error);
	if (!s->conn)
		bgp_peer_closed(n->peer, clock_now(), BGP_OUT, strerror(-error));
}

static void do_send(struct neighbour *n, const struct bgp_action *a)
{
	struct side *s = &n->sides[a->dir];

	if (!s->conn)
		return;
	conn_send(s->conn, a->data, a->len);
	if (conn_backlog(s->conn))
		bgp_peer_set_backlog(n->peer, clock_now(), a->dir, conn_backlog(s->conn));
}

static void established(struct neighbour *n)
{
	const struct bgp_negotiated *agreed = bgp_peer_negotiated(n->peer);
	const struct rib_neighbour spec = {
		.addr = n->conf->address,
		.as = (uint32_t)n->conf->as,
		.id = agreed->peer_id,
		.internal = n->conf->as == n->env->conf->as,
		.paths = agreed->paths_receive != 0,
	};

	const struct rib_neighbour *was = rib_neighbour(n->env->rib, n->feed.neighbour);
	bool same = was && was->paths == spec.paths; // else what is kept lies in other lanes
	stale_back(&n->stale, same ? agreed->restart_kept : 0);
	rib_neighbour_set(n->env->rib, n->feed.neighbour, &spec);
	n->restarts = agreed->restart_families;
	n->restart_time = agreed->restart_time;
}

// RFC 4724 section 4.2: only the loss of the connection is a restart; who says by a NOTIFICATION
// that the session ends means it.
static void lost(struct neighbour *n, const struct bgp_error *error)
{
	stale_lost(&n->stale, error->code == 0 ? n->restarts : 0, n->restart_time);
	n->restarts = 0;
}

static void do_event(struct neighbour *n, const struct bgp_action *a)
{
	bool was_up = n->up;

	if (a->event == BGP_EVENT_STATE)
		n->since_us = clock_unix_us();
	if (a->event == BGP_EVENT_ESTABLISHED) {
		n->up = true;
		established(n);
	}
	if (a->event == BGP_EVENT_DOWN) {
		if (n->up)
			lost(n, &a->error);
		n->up = false;
	}
	if (n->up != was_up)
		n->env->event(n->env->ctx, n, a);
}

static void pump(struct neighbour *n)
{
	struct bgp_action a;

	if (n->pumping)
		return;
	n->pumping = true;
	while (bgp_peer_next(n->peer, &a)) {
		switch (a.kind) {
		case BGP_DO_CONNECT:
			do_connect(n);
			break;
		case BGP_DO_SEND:
			do_send(n, &a);
			break;
		case BGP_DO_CLOSE:
			conn_finish(&n->sides[a.dir].conn);
			break;
		case BGP_DO_EVENT:
			do_event(n, &a);
			break;
		}
	}
	n->pumping = false;
	arm_timer(n);
}

// ---- The neighbour ----

static struct bgp_peer_config config_of(struct neighbour *n, uint64_t seed)
{
	return (struct bgp_peer_config){
		.local_as = (uint32_t)n->env->conf->as,
		.peer_as = (uint32_t)n->conf->as,
		.router_id = ip_to_u32(&n->env->conf->router_id),
		.hold_time = n->conf->hold_time,
		.connect_retry = span_s(1),
		.connect_retry_max = span_s(120),
		.passive = n->conf->passive,
		.families = BGP_FAMILY_ALL,
		.seed = seed,
		.extended_messages = true,
		.paths_receive = n->conf->add_path ? BGP_FAMILY_ALL : 0,
		.extended_next_hop = true,
		.routes = on_routes,
		.routes_ctx = n,
	};
}

struct neighbour *neighbour_new(
	const struct neighbour_env *env, const struct glass_neighbour *conf, uint64_t seed)
{
	const struct rib_neighbour spec = {
		.addr = conf->address,
		.as = (uint32_t)conf->as,
		.internal = conf->as == env->conf->as,
		.paths = conf->add_path,
	};
	int number = rib_neighbour_add(env->rib, &spec);

	if (number < 0)
		return NULL;
	struct neighbour *n = mem_zalloc(sizeof(*n));
	n->env = env;
	n->conf = conf;
	n->since_us = clock_unix_us();
	n->feed = (struct feed){
		.rib = env->rib,
		.neighbour = (unsigned)number,
		.room = env->room,
	};
	const struct bgp_peer_config config = config_of(n, seed);
	n->peer = bgp_peer_new(&config);
	for (int dir = 0; dir < BGP_DIR_MAX; dir++)
		n->sides[dir] = (struct side){ .n = n, .dir = (enum bgp_dir)dir };
	uv_timer_init(env->loop, &n->timer);
	n->timer.data = n;
	stale_init(&n->stale, env->loop, env->rib, n->feed.neighbour, conf->stale_time);
	return n;
}

void neighbour_start(struct neighbour *n)
{
	bgp_peer_start(n->peer, clock_now());
	pump(n);
}

// RFC 4724 section 5: a neighbour that restarts gracefully and opens another connection has lost
// the one there is, whose end was not seen.
static void replace(struct neighbour *n)
{
	if (!n->up || n->restarts == 0)
		return;
	for (int dir = 0; dir < BGP_DIR_MAX; dir++) {
		if (!n->sides[dir].conn)
			continue;
		conn_finish(&n->sides[dir].conn);
		bgp_peer_closed(n->peer, clock_now(), (enum bgp_dir)dir, "it connected again");
	}
	pump(n);
}

void neighbour_accept(struct neighbour *n, int fd)
{
	struct side *s = &n->sides[BGP_IN];
	struct sockaddr_storage ss = {};
	socklen_t len = sizeof(ss);
	struct ip_addr local = {};

	replace(n);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		local = ip_from_sockaddr((struct sockaddr *)&ss);
	if (!bgp_peer_accepted(n->peer, clock_now(), &local)) {
		close(fd);
		pump(n);
		return;
	}
	struct conn_options o = options_of(n);
	int error;
	conn_finish(&s->conn);
	s->conn = conn_adopt(n->env->loop, fd, &o, &conn_ops, s, &error);
	if (!s->conn)
		bgp_peer_closed(n->peer, clock_now(), BGP_IN, strerror(-error));
	pump(n);
}

void neighbour_stop(struct neighbour *n, const char *why)
{
	bgp_peer_stop(n->peer, clock_now(), BGP_CEASE_ADMIN_SHUTDOWN, why);
	pump(n);
	stale_stop(&n->stale);
	if (!uv_is_closing((uv_handle_t *)&n->timer))
		uv_close((uv_handle_t *)&n->timer, NULL);
}

void neighbour_free(struct neighbour **which)
{
	struct neighbour *n = take(*which);

	if (!n)
		return;
	bgp_peer_free(&n->peer);
	free(n);
}

const struct glass_neighbour *neighbour_conf(const struct neighbour *n)
{
	return n->conf;
}

// Of the routes that are kept.
static bool spec_paths(const struct neighbour *n)
{
	const struct rib_neighbour *spec = rib_neighbour(n->env->rib, n->feed.neighbour);

	return n->stale.families && spec && spec->paths;
}

void neighbour_info(const struct neighbour *n, struct neighbour_info *ret)
{
	const struct bgp_negotiated *agreed = bgp_peer_negotiated(n->peer);
	const struct bgp_error *error = bgp_peer_last_error(n->peer);

	*ret = (struct neighbour_info){
		.conf = n->conf,
		.kind = "bgp",
		.number = n->feed.neighbour,
		.as = (uint32_t)n->conf->as,
		.state = bgp_peer_state(n->peer),
		.since_us = n->since_us,
		.router_id = agreed ? agreed->peer_id : 0,
		.established = agreed != NULL,
		.paths = agreed ? agreed->paths_receive != 0 : spec_paths(n),
		.stale = n->stale.families != 0,
		.routes4 = rib_route_count(n->env->rib, n->feed.neighbour, IP4),
		.routes6 = rib_route_count(n->env->rib, n->feed.neighbour, IP6),
		.counters = *bgp_peer_counters(n->peer),
		.has_error = error != NULL,
	};
	if (error)
		ret->last_error = *error;
}
