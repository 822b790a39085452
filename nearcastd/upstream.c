#include "nearcastd/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/tcpauth.h"
#include "speaker/speaker.h"

struct upstream {
	const struct conf *conf;
	const struct conf_upstream *entry; // in conf
	const struct conf_upstream *up;    // entry, or own
	struct conf_upstream own;          // of one in a range: entry with its address and name
	struct ip_addr address;            // of one in a range
	char *name;                        // the same; NULL: not in a range
	instant idle_since;                // NEVER: it has a session or is opening one
	const struct upstream_ops *ops;
	void *ctx;
	struct speaker *speaker;
	bool started;
	struct bfd_thread *bfd_thread;
	struct bfd_watch *bfd; // NULL: none
	instant bfd_fell;
	uint64_t cause; // of what happens to the session now
};

static int protect(const void *keys, int fd, const struct ip_addr *remote, bool accepted)
{
	if (!accepted)
		return tcpauth_connect(fd, remote, keys);
	return tcpauth_is_signed(fd, keys) ? 0 : -EACCES;
}

// An external neighbour is on the link unless said otherwise (TTL 1); GTSM
// sends 255 and wants back 255 less the hops allowed (RFC 5082 section 3).
static struct conn_options options_of(const struct upstream *u)
{
	bool external = u->up->as != u->conf->as;
	struct conn_options o = {
		.remote = u->up->address,
		.interface = u->up->interface,
		.port = (uint16_t)u->up->port,
		.source = u->up->source,
		.ttl = external && !u->up->multihop ? 1 : 0,
		.prompt = u->up->fleet,
		.protect = protect,
		.keys = u->up,
	};

	if (u->up->ttl_security) {
		o.ttl = 255;
		o.min_ttl = (uint8_t)(256 - u->up->ttl_security);
	}
	return o;
}

static void on_event(void *ctx, const struct bgp_action *what)
{
	struct upstream *u = ctx;

	if (what->event == BGP_EVENT_STATE)
		u->idle_since = what->to < BGP_OPENSENT ? clock_now() : INSTANT_NEVER;
	u->ops->event(u->ctx, u, what);
}

// ---- BFD ----

// Whatever wait BGP is in since the path failed is over when the path is back. Not after short
// outages, so that a path that flaps does not make BGP flap as fast.
static void try_again(struct upstream *u)
{
	const span long_enough = span_s(10);

	if (bgp_peer_state(upstream_peer(u)) >= BGP_OPENSENT ||
		!instant_due(instant_add(u->bfd_fell, long_enough), clock_now()))
		return;
	speaker_stop(u->speaker, BGP_CEASE_ADMIN_RESET, NULL);
	speaker_start(u->speaker);
}

// BGP does not wait for BFD to come up, but it goes when BFD goes (RFC 5882 sections 4.1 and
// 4.2); RFC 9384 has the subcode.
static void on_bfd(void *ctx, const struct bfd_news *news)
{
	struct upstream *u = ctx;

	u->cause = u->ops->bfd(u->ctx, u, news);
	if (news->failed) {
		u->bfd_fell = clock_now();
		speaker_reset(u->speaker, BGP_CEASE_BFD_DOWN, "BFD went down");
	}
	if (news->state == BFD_UP)
		try_again(u);
	u->cause = 0;
}

static struct bfd_watch_options bfd_options_of(const struct conf_upstream *up)
{
	uint8_t hops_ttl = up->ttl_security ? (uint8_t)(256 - up->ttl_security) : 0;

	struct bfd_watch_options o = {
		.remote = up->address,
		.source = up->source,
		.multihop = up->bfd.multihop,
		.min_ttl = up->bfd.multihop ? hops_ttl : BFD_TTL,
		.timing = { up->bfd.interval, up->bfd.interval, (uint8_t)up->bfd.multiplier },
	};

	if (up->interface)
		snprintf(o.interface, sizeof(o.interface), "%s", up->interface);
	return o;
}

static bool same_session(const struct bfd_watch_options *a, const struct bfd_watch_options *b)
{
	return ip_equal(&a->remote, &b->remote) && strcmp(a->interface, b->interface) == 0 &&
	       ip_equal(&a->source, &b->source) && a->multihop == b->multihop &&
	       a->min_ttl == b->min_ttl;
}

static bool same_timing(const struct bfd_timing *a, const struct bfd_timing *b)
{
	return a->min_tx.us == b->min_tx.us && a->min_rx.us == b->min_rx.us &&
	       a->multiplier == b->multiplier;
}

// The watch that the configuration wants.
static void set_bfd(struct upstream *u)
{
	struct bfd_watch_options want = bfd_options_of(u->up);
	const struct bfd_watch_options *is = u->bfd ? bfd_watch_options(u->bfd) : NULL;

	if (is && u->up->has_bfd && same_session(is, &want)) {
		if (!same_timing(&is->timing, &want.timing))
			bfd_watch_set_timing(u->bfd, &want.timing);
		return;
	}
	bfd_watch_free(&u->bfd);
	if (u->up->has_bfd)
		u->bfd = bfd_watch_new(u->bfd_thread, &want, on_bfd, u);
}

// ---- The upstream ----

static struct ip_addr node_address(const struct conf *conf, enum ip_family family)
{
	items_for_each(struct ip_addr, a, conf->node.addresses) if (a->family == family) return *a;
	return (struct ip_addr){};
}

// The next hop of routes is this side's address of the session; for routes of the other
// family, and for what the fleet is told, it is the node's.
static struct ip_addr next_hop(
	const struct conf *conf, const struct conf_upstream *upstream, enum ip_family family)
{
	if (upstream->address.family == family && !upstream->fleet)
		return (struct ip_addr){};
	return node_address(conf, family);
}

static unsigned families_of(const struct conf_upstream *u, enum conf_add_path way)
{
	return u->add_path & (int)way ? u->families : 0;
}

static struct bgp_peer_config peer_config(
	const struct conf *conf, const struct conf_upstream *u, uint64_t seed)
{
	return (struct bgp_peer_config){
		.local_as = (uint32_t)conf->as,
		.peer_as = (uint32_t)u->as,
		.router_id = ip_to_u32(&conf->router_id),
		.hold_time = u->hold_time,
		.connect_retry = u->connect_retry,
		.connect_retry_max = span_s(120),
		.passive = u->passive,
		.families = u->families,
		.next_hop4 = next_hop(conf, u, IP4),
		.next_hop6 = next_hop(conf, u, IP6),
		.has_tag = conf->has_site_tag,
		.tag = conf->site_tag,
		.seed = seed,
		.extended_messages = u->extended_messages,
		.restart_time = u->graceful_restart,
		.restarted = true,
		.paths_receive = families_of(u, CONF_ADD_PATH_RECEIVE),
		.paths_send = families_of(u, CONF_ADD_PATH_SEND),
		.extended_next_hop = u->extended_next_hop,
		.has_role = u->has_role,
		.strict_role = u->strict_role,
		.role = (enum bgp_role)u->role,
		.first_as = u->first_as,
		.max_prefixes = u->max_prefixes,
		.max_prefixes_wait = u->max_prefixes_restart,
		.no_llgr = u->no_llgr,
		.fleet = u->fleet,
	};
}

static void on_routes(void *ctx, const struct bgp_update *update)
{
	struct upstream *u = ctx;

	u->ops->routes(u->ctx, u, update);
}

// The settings of that file from now on.
static void bind_to(
	struct upstream *u, const struct conf *conf, const struct conf_upstream *upstream)
{
	u->conf = conf;
	u->entry = u->up = upstream;
	if (!u->name)
		return;
	u->own = *upstream;
	u->own.address = u->address;
	u->own.name = u->name;
	u->up = &u->own;
}

static struct upstream *make(struct upstream *u, uv_loop_t *loop, struct bfd_thread *bfd,
	const struct conf *conf, const struct conf_upstream *upstream,
	const struct upstream_ops *ops, void *ctx, uint64_t seed)
{
	u->bfd_thread = bfd;
	u->ops = ops;
	u->ctx = ctx;
	u->idle_since = clock_now();
	bind_to(u, conf, upstream);
	struct bgp_peer_config config = peer_config(conf, u->up, seed);
	if (ops->routes) {
		config.routes = on_routes;
		config.routes_ctx = u;
	}
	const struct conn_options socket = options_of(u);
	u->speaker = speaker_new(loop, &config, &socket, on_event, u);
	return u;
}

struct upstream *upstream_new(uv_loop_t *loop, struct bfd_thread *bfd, const struct conf *conf,
	const struct conf_upstream *upstream, const struct upstream_ops *ops, void *ctx,
	uint64_t seed)
{
	struct upstream *u = mem_zalloc(sizeof(*u));

	return make(u, loop, bfd, conf, upstream, ops, ctx, seed);
}

struct upstream *upstream_new_in_range(uv_loop_t *loop, struct bfd_thread *bfd,
	const struct conf *conf, const struct conf_upstream *range, const struct ip_addr *address,
	const struct upstream_ops *ops, void *ctx, uint64_t seed)
{
	struct upstream *u = mem_zalloc(sizeof(*u));
	struct strbuf name = {};
	char text[IP_TEXT];

	sb_printf(&name, "%s-%s", range->name, ip_print(address, text));
	u->name = sb_take(&name);
	u->address = *address;
	return make(u, loop, bfd, conf, range, ops, ctx, seed);
}

void upstream_free(struct upstream **up)
{
	struct upstream *u = take(*up);

	if (!u)
		return;
	bfd_watch_free(&u->bfd);
	speaker_free(&u->speaker);
	free(u->name);
	free(u);
}

void upstream_start(struct upstream *u)
{
	u->started = true;
	set_bfd(u);
	speaker_start(u->speaker);
}

void upstream_stop(struct upstream *u, uint8_t cease_subcode, const char *text)
{
	u->started = false;
	bfd_watch_free(&u->bfd); // AdminDown: the end of BGP is no failure of the path
	speaker_stop(u->speaker, cease_subcode, text);
}

void upstream_accept(struct upstream *u, int fd)
{
	speaker_accept(u->speaker, fd);
}

void upstream_announce(struct upstream *u, const struct ip_prefix *prefix, struct bgp_attrs *attrs)
{
	speaker_announce(u->speaker, prefix, attrs);
}

void upstream_withdraw(struct upstream *u, const struct ip_prefix *prefix)
{
	speaker_withdraw(u->speaker, prefix);
}

void upstream_flush(struct upstream *u)
{
	speaker_flush(u->speaker);
}

void upstream_ask_again(struct upstream *u)
{
	speaker_ask_again(u->speaker);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

// What both sides say in OPEN, and what this one holds the other to.
static bool same_terms(const struct conf_upstream *a, const struct conf_upstream *b)
{
	return a->fleet == b->fleet && a->families == b->families && a->has_role == b->has_role &&
	       a->role == b->role && a->strict_role == b->strict_role &&
	       a->extended_messages == b->extended_messages &&
	       a->extended_next_hop == b->extended_next_hop && a->add_path == b->add_path &&
	       a->graceful_restart.us == b->graceful_restart.us && a->no_llgr == b->no_llgr &&
	       a->first_as == b->first_as && a->max_prefixes == b->max_prefixes &&
	       a->max_prefixes_restart.us == b->max_prefixes_restart.us;
}

// Known by the same address: one in a range also by another range that has it.
static bool same_remote(const struct upstream *u, const struct conf_upstream *b)
{
	if (conf_upstream_is_range(b))
		return u->name && prefix_contains(&b->range, &u->address);
	return !u->name && ip_equal(&u->up->address, &b->address);
}

static bool same_keys(const struct conf_upstream *a, const struct conf_upstream *b)
{
	const struct conf_ao_key *old = a->ao_keys.data, *new = b->ao_keys.data;

	if (!same_text(a->password, b->password) || a->ao_keys.count != b->ao_keys.count)
		return false;
	for (size_t i = 0; i < a->ao_keys.count; i++)
		if (old[i].id != new[i].id || old[i].receive_id != new[i].receive_id ||
			old[i].algorithm != new[i].algorithm ||
			!same_text(old[i].secret, new[i].secret))
			return false;
	return true;
}

bool upstream_unchanged(
	const struct upstream *u, const struct conf *conf, const struct conf_upstream *b)
{
	const struct conf_upstream *a = u->up;

	for (enum ip_family f = IP4; f <= IP6; f++) {
		struct ip_addr was = next_hop(u->conf, a, f), is = next_hop(conf, a, f);
		if (!ip_equal(&was, &is))
			return false;
	}
	if (u->conf->has_site_tag != conf->has_site_tag ||
		bgp_community_cmp(&u->conf->site_tag, &conf->site_tag) != 0)
		return false;
	return u->conf->as == conf->as && ip_equal(&u->conf->router_id, &conf->router_id) &&
	       same_remote(u, b) && same_text(a->interface, b->interface) && a->as == b->as &&
	       a->port == b->port && ip_equal(&a->source, &b->source) && same_keys(a, b) &&
	       a->hold_time.us == b->hold_time.us && a->connect_retry.us == b->connect_retry.us &&
	       a->passive == b->passive && a->multihop == b->multihop &&
	       a->ttl_security == b->ttl_security && same_terms(a, b);
}

void upstream_rebind(
	struct upstream *u, const struct conf *conf, const struct conf_upstream *upstream)
{
	bind_to(u, conf, upstream);
	const struct conn_options socket = options_of(u);
	speaker_set_socket(u->speaker, &socket);
	if (u->started)
		set_bfd(u);
}

const struct conf_upstream *upstream_conf(const struct upstream *u)
{
	return u->up;
}

const struct conf_upstream *upstream_entry(const struct upstream *u)
{
	return u->entry;
}

instant upstream_idle_since(const struct upstream *u)
{
	return u->idle_since;
}

const struct bgp_peer *upstream_peer(const struct upstream *u)
{
	return speaker_peer(u->speaker);
}

struct bfd_watch *upstream_bfd(const struct upstream *u)
{
	return u->bfd;
}

uint64_t upstream_cause(const struct upstream *u)
{
	return u->cause;
}
