#include "nearglass/neighbour.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "speaker/speaker.h"

struct neighbour {
	const struct neighbour_env *env;
	const struct glass_neighbour *conf;
	struct speaker *speaker;
	struct feed feed;
	struct stale stale;
	unsigned restarts; // families that the neighbour of this session wants kept
	span restart_time;
	int64_t since_us; // is it up, or is it not
	bool up;          // established; failed attempts are no events
};

// RFC 4486: more than the configuration takes. What is kept of the session before does not count: a
// neighbour that restarts may say all of it under other path identifiers.
static void check_limit(struct neighbour *n)
{
	size_t have = rib_route_count(n->env->rib, n->feed.neighbour, IP_NONE);

	if (n->conf->max_routes == 0 || have <= n->conf->max_routes)
		return;
	if (have - rib_stale_count(n->env->rib, n->feed.neighbour, IP_NONE) <= n->conf->max_routes)
		return;
	speaker_reset(n->speaker, BGP_CEASE_MAX_PREFIXES, NULL);
}

static void on_routes(void *ctx, const struct bgp_update *u)
{
	struct neighbour *n = ctx;

	feed_update(&n->feed, u, (uint32_t)(clock_unix_us() / 1000000));
	if (u->end_of_rib)
		stale_end_of_rib(&n->stale, u->end_of_rib);
}

static void established(struct neighbour *n)
{
	const struct bgp_negotiated *agreed = bgp_peer_negotiated(speaker_peer(n->speaker));
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

static void on_event(void *ctx, const struct bgp_action *a)
{
	struct neighbour *n = ctx;
	bool was_up = n->up;

	if (a->event == BGP_EVENT_RECEIVED)
		check_limit(n);
	if (a->event == BGP_EVENT_ESTABLISHED) {
		n->up = true;
		established(n);
	}
	if (a->event == BGP_EVENT_DOWN) {
		if (n->up)
			lost(n, &a->error);
		n->up = false;
	}
	if (n->up == was_up) // an attempt more changes nothing
		return;
	n->since_us = clock_unix_us();
	n->env->event(n->env->ctx, n, a);
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
	const struct conn_options socket = options_of(n);
	n->speaker = speaker_new(env->loop, &config, &socket, on_event, n);
	stale_init(&n->stale, env->loop, env->rib, n->feed.neighbour, conf->stale_time);
	return n;
}

void neighbour_start(struct neighbour *n)
{
	speaker_start(n->speaker);
}

// RFC 4724 section 5: a neighbour that restarts gracefully and opens another connection has lost
// the one there is, whose end was not seen.
void neighbour_accept(struct neighbour *n, int fd)
{
	if (n->up && n->restarts)
		speaker_drop(n->speaker, "it connected again");
	speaker_accept(n->speaker, fd);
}

void neighbour_stop(struct neighbour *n, const char *why)
{
	speaker_stop(n->speaker, BGP_CEASE_ADMIN_SHUTDOWN, why);
	speaker_free(&n->speaker);
	stale_stop(&n->stale);
}

void neighbour_free(struct neighbour **which)
{
	free(take(*which));
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
	const struct bgp_peer *peer = speaker_peer(n->speaker);
	const struct bgp_negotiated *agreed = bgp_peer_negotiated(peer);
	const struct bgp_error *error = bgp_peer_last_error(peer);

	*ret = (struct neighbour_info){
		.conf = n->conf,
		.kind = "bgp",
		.number = n->feed.neighbour,
		.as = (uint32_t)n->conf->as,
		.state = bgp_peer_state(peer),
		.since_us = n->since_us,
		.router_id = agreed ? agreed->peer_id : 0,
		.established = agreed != NULL,
		.paths = agreed ? agreed->paths_receive != 0 : spec_paths(n),
		.stale = n->stale.families != 0,
		.routes4 = rib_route_count(n->env->rib, n->feed.neighbour, IP4),
		.routes6 = rib_route_count(n->env->rib, n->feed.neighbour, IP6),
		.counters = *bgp_peer_counters(peer),
		.has_error = error != NULL,
	};
	if (error)
		ret->last_error = *error;
}
