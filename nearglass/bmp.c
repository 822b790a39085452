#include "nearglass/bmp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgp/bmp.h"
#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/port.h"

struct router;
struct session;

// Never freed before the glass: readers of older views still point to its name.
struct peer {
	struct peer *next;
	struct router *router;
	struct session *by; // who tells of it, while it is up
	struct bmp_peer key;
	struct glass_neighbour conf;
	char name[160];
	struct feed feed;
	struct stale stale;
	struct bmp_up said; // by the PEER UP that it goes by
	struct bgp_codec codec;
	bool up;
	bool own;   // that PEER UP was of this very table
	bool spoke; // and routes came since
	int64_t since_us;
	struct bgp_counters counters;
	struct bgp_error error;
	bool has_error;
};

struct router {
	struct bmp *bmp;
	const struct glass_router *conf;
	struct session *sessions; // the latest first
	struct peer *peers;
	bool full; // told that there are too many
};

// A connection. A router has several at a time where each of its VRFs has one, or where it came back before
// it was noticed that the one before is dead: who says last that a peer is up tells of it.
struct session {
	struct session *next;
	struct router *router;
	struct conn *conn;
	struct strbuf in;
};

enum { SESSIONS_MAX = 16 }; // of a router

struct bmp {
	const struct bmp_env *env;
	struct router *routers;
	size_t router_count, peer_count;
	struct port **ports;
	size_t port_count;
};

// ---- Peers ----

static void name_peer(struct peer *p)
{
	const char *table = bmp_table_name(p->key.table);
	char addr[IP_TEXT] = "";
	int n;

	if (p->key.addr.family != IP_NONE)
		(void)ip_print(&p->key.addr, addr);
	n = snprintf(p->name, sizeof(p->name), "%s%s%s%s%s", p->router->conf->name,
		addr[0] ? "/" : "", addr, table[0] ? "/" : "", table);
	if (p->key.distinguisher)
		snprintf(p->name + n, sizeof(p->name) - (size_t)n, "/%lx",
			(unsigned long)p->key.distinguisher);
}

static struct rib_neighbour spec_of(const struct peer *p)
{
	bool loc = p->key.addr.family == IP_NONE;

	return (struct rib_neighbour){
		.addr = loc ? p->router->conf->address : p->key.addr,
		.as = p->key.as,
		.id = p->key.id,
		.internal = p->codec.local_as == p->key.as,
		.paths = p->codec.paths_in != 0,
	};
}

static struct peer *find_peer(const struct router *r, const struct bmp_peer *key)
{
	for (struct peer *p = r->peers; p; p = p->next)
		if (bmp_peer_equal(&p->key, key))
			return p;
	return NULL;
}

// NULL: there are too many.
static struct peer *new_peer(struct router *r, const struct bmp_peer *key)
{
	struct bmp *b = r->bmp;
	struct peer *p = mem_zalloc(sizeof(*p));

	p->router = r;
	p->key = *key;
	name_peer(p);
	const struct rib_neighbour spec = spec_of(p);
	int number = b->peer_count < BMP_PEERS_MAX ? rib_neighbour_add(b->env->rib, &spec) : -1;
	if (number < 0) {
		free(p);
		return NULL;
	}
	p->conf = (struct glass_neighbour){ .name = p->name, .address = spec.addr, .as = key->as };
	p->feed = (struct feed){
		.rib = b->env->rib,
		.neighbour = (unsigned)number,
		.room = b->env->room,
	};
	stale_init(&p->stale, b->env->loop, b->env->rib, p->feed.neighbour,
		b->env->conf->bmp.stale_time);
	p->next = r->peers;
	r->peers = p;
	b->peer_count++;
	return p;
}

// The tables of one peer: its session is theirs.
static bool same_session(const struct peer *p, const struct bmp_peer *key)
{
	return p->key.distinguisher == key->distinguisher && ip_equal(&p->key.addr, &key->addr);
}

// A table that is told of from here on.
static void begin(
	struct peer *p, struct session *by, const struct bmp_peer *key, const struct bmp_up *said)
{
	const struct bmp_env *env = p->router->bmp->env;
	bool goes_on = p->up && p->by == by && !p->own &&
		       !p->spoke; // it was begun by another table's PEER UP

	if (p->up && !goes_on)
		stale_lost(&p->stale, 0, (span){}); // a session that begins has no routes
	p->by = by;
	p->own = false;
	p->key.as = key->as;
	p->key.id = key->id;
	p->said = *said;
	p->codec = bmp_codec(&p->key, said);
	const struct rib_neighbour spec = spec_of(p);
	bool same = rib_neighbour(env->rib, p->feed.neighbour)->paths == spec.paths;
	stale_back(&p->stale, same ? BGP_FAMILY_ALL : 0); // else what is kept lies in other lanes
	rib_neighbour_set(env->rib, p->feed.neighbour, &spec);
	p->spoke = false;
	if (goes_on)
		return;
	p->up = true;
	p->since_us = clock_unix_us();
	p->counters.established++;
	env->event(env->ctx, "neighbour-up", p->name, "told of by BMP");
}

static struct peer *find_or_add(struct router *r, const struct bmp_peer *key)
{
	const struct bmp_env *env = r->bmp->env;
	struct peer *p = find_peer(r, key);

	if (!p)
		p = new_peer(r, key);
	if (!p && !r->full) {
		r->full = true;
		env->event(env->ctx, "bmp-full", r->conf->name,
			"more tables of neighbours than the glass takes: 4096");
	}
	return p;
}

// RFC 8671 section 6: what table the header of a PEER UP or PEER DOWN names says nothing, the session is
// that of all. But there are routers that send one for each table: those stand by themselves.
static void peer_up(struct session *s, const struct bmp_message *m)
{
	struct router *r = s->router;
	struct bmp_up up;

	if (bmp_up_parse(&up, m) < 0)
		return;
	struct peer *p = find_or_add(r, &m->peer);
	bool again = p && p->up && p->by == s && p->own;
	if (p) {
		begin(p, s, &m->peer, &up);
		p->own = true;
	}
	for (struct peer *q = r->peers; q; q = q->next) {
		bool ours = q->up && q->by == s;
		if (q != p && same_session(q, &m->peer) && (!ours || (again && !q->own)))
			begin(q, s, &m->peer, &up);
	}
}

// The one that a message of routes is about. NULL: nobody said that it is up.
static struct peer *told_of(struct session *s, const struct bmp_peer *key)
{
	struct router *r = s->router;
	struct peer *p = find_peer(r, key), *other = r->peers;

	if (p && p->up)
		return p->by == s ? p : NULL;
	while (other && !(other->up && other->by == s && same_session(other, key)))
		other = other->next;
	p = other ? find_or_add(r, key) : NULL;
	if (p)
		begin(p, s, key, &other->said);
	return p;
}

// kept: families whose routes may yet be told of again.
static void peer_down(struct peer *p, const char *why, unsigned kept)
{
	const struct bmp_env *env = p->router->bmp->env;

	if (!p->up)
		return;
	p->up = p->own = p->spoke = false;
	p->by = NULL;
	p->since_us = clock_unix_us();
	p->has_error = true;
	snprintf(p->error.text, sizeof(p->error.text), "%s", why);
	stale_lost(&p->stale, kept, p->stale.most);
	env->event(env->ctx, "neighbour-down", p->name, why);
}

static void end_session(struct session *s, const struct bmp_message *m)
{
	bool table_only = bmp_down_is_of_table(m);

	for (struct peer *p = s->router->peers; p; p = p->next)
		if (p->by == s && same_session(p, &m->peer) &&
			(!table_only || !p->own || p->key.table == m->peer.table))
			peer_down(p, bmp_down_reason(m), 0);
}

// After policy, and in Loc-RIB, LOCAL_PREF stands in routes of external neighbours as well: the
// message itself says how it is to be judged.
static bool is_internal(struct rd body)
{
	struct bgp_raw_attr a;
	size_t withdrawn = rd_u16(&body);

	(void)rd_bytes(&body, withdrawn);
	size_t n = rd_u16(&body);
	struct rd attrs = rd_sub(&body, n);
	while (bgp_attr_next(&attrs, &a))
		if (a.code == BGP_ATTR_LOCAL_PREF)
			return true;
	return false;
}

static void routes(struct session *s, const struct bmp_message *m)
{
	struct peer *p = told_of(s, &m->peer);
	int64_t time_us = m->peer.time_us ? m->peer.time_us : clock_unix_us();
	struct bgp_update u;
	struct rd body;

	if (!p || bmp_route_parse(&body, m) < 0)
		return;
	p->spoke = true;
	p->codec.as4 = m->peer.as4; // RFC 7854 section 4.2: of this message
	p->codec.ibgp = is_internal(body);
	bgp_update_decode(&u, body, &p->codec);
	p->counters.updates_in++;
	feed_update(&p->feed, &u, (uint32_t)(time_us / 1000000));
	if (u.end_of_rib)
		stale_end_of_rib(&p->stale, u.end_of_rib);
}

// ---- Routers ----

static void take_message(struct session *s, const struct bmp_message *m)
{
	if (m->type == BMP_PEER_UP)
		peer_up(s, m);
	else if (m->type == BMP_ROUTE_MONITORING)
		routes(s, m);
	else if (m->type == BMP_PEER_DOWN)
		end_session(s, m);
}

static void lose(struct session *s, const char *why)
{
	struct router *r = s->router;
	const struct bmp_env *env = r->bmp->env;
	struct session **at = &r->sessions;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	r->full = false;
	for (struct peer *p = r->peers; p; p = p->next)
		if (p->by == s)
			peer_down(p, "the router's BMP session ended", BGP_FAMILY_ALL);
	conn_finish(&s->conn);
	sb_free(&s->in);
	free(s);
	env->event(env->ctx, "bmp-down", r->conf->name, why);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
	struct session *s = ctx;
	struct bmp_message m;
	size_t at = 0;
	int rc = 0;

	sb_add(&s->in, (const char *)bytes, len);
	while (at < s->in.len && (rc = bmp_next(&m, s->in.s + at, s->in.len - at)) == 0) {
		take_message(s, &m);
		at += m.size;
	}
	sb_consume(&s->in, at);
	if (rc == -EBADMSG)
		lose(s, "it sent what is no BMP");
}

static void on_down(void *ctx, const char *why)
{
	lose(ctx, why);
}

static void on_nothing(void *) {}

static const struct conn_ops conn_ops = {
	.up = on_nothing,
	.data = on_data,
	.drained = on_nothing,
	.down = on_down,
};

// One more than there may be: the oldest goes.
static void make_room(struct router *r)
{
	struct session *s = r->sessions;
	size_t n = 0;

	for (; s && s->next; s = s->next)
		n++;
	if (n + 1 >= SESSIONS_MAX)
		lose(s, "it has more connections than the glass takes: 16");
}

static void accept_router(struct router *r, int fd)
{
	const struct bmp_env *env = r->bmp->env;
	const struct conn_options o = { .remote = r->conf->address, .watched = true };
	int error;

	make_room(r);
	struct session *s = mem_zalloc(sizeof(*s));
	s->router = r;
	s->conn = conn_adopt(env->loop, fd, &o, &conn_ops, s, &error);
	if (!s->conn) {
		free(s);
		return;
	}
	s->next = r->sessions;
	r->sessions = s;
	env->event(env->ctx, "bmp-up", r->conf->name, "connected");
}

static void on_accept(void *ctx, int fd, const struct ip_addr *remote)
{
	struct bmp *b = ctx;

	for (size_t i = 0; i < b->router_count; i++)
		if (ip_equal(&b->routers[i].conf->address, remote)) {
			accept_router(&b->routers[i], fd);
			return;
		}
	close(fd); // a stranger
}

// ---- The station ----

int bmp_new(struct bmp **ret, const struct bmp_env *env, struct strbuf *error)
{
	const struct glass_bmp *conf = &env->conf->bmp;
	struct bmp *b = mem_zalloc(sizeof(*b));
	char text[IP_TEXT];

	b->env = env;
	b->routers = mem_zalloc(conf->routers.count * sizeof(*b->routers));
	items_for_each(const struct glass_router, r, conf->routers) b->routers[b->router_count++] =
		(struct router){ .bmp = b, .conf = r };
	b->ports = mem_zalloc(conf->listen.count * sizeof(*b->ports));
	items_for_each(const struct ip_addr, a, conf->listen)
	{
		int rc = port_new(&b->ports[b->port_count], env->loop, a, (uint16_t)conf->port,
			NULL, on_accept, b);
		if (rc < 0) {
			sb_printf(error, "cannot listen for BMP on %s port %lu: %s",
				ip_print(a, text), (unsigned long)conf->port, strerror(-rc));
			return rc; // the process ends
		}
		b->port_count++;
	}
	*ret = b;
	return 0;
}

void bmp_stop(struct bmp *b)
{
	for (size_t i = 0; i < b->port_count; i++)
		port_free(&b->ports[i]);
	b->port_count = 0;
	for (size_t i = 0; i < b->router_count; i++)
		while (b->routers[i].sessions)
			lose(b->routers[i].sessions, "the glass is stopping");
	for (size_t i = 0; i < b->router_count; i++)
		for (struct peer *p = b->routers[i].peers; p; p = p->next)
			stale_stop(&p->stale);
}

void bmp_free(struct bmp **which)
{
	struct bmp *b = *which;

	*which = NULL;
	if (!b)
		return;
	for (size_t i = 0; i < b->router_count; i++) {
		struct peer *p = b->routers[i].peers;
		while (p) {
			struct peer *next = p->next;
			free(p);
			p = next;
		}
	}
	free(b->routers);
	free(b->ports);
	free(b);
}

static void peer_info(const struct peer *p, struct neighbour_info *ret)
{
	*ret = (struct neighbour_info){
		.conf = &p->conf,
		.kind = "bmp",
		.number = p->feed.neighbour,
		.as = p->key.as,
		.state = p->up ? BGP_ESTABLISHED : BGP_IDLE,
		.since_us = p->since_us,
		.router_id = p->key.id,
		.established = p->up,
		.paths = p->codec.paths_in != 0,
		.stale = p->stale.families != 0,
		.routes4 = rib_route_count(p->feed.rib, p->feed.neighbour, IP4),
		.routes6 = rib_route_count(p->feed.rib, p->feed.neighbour, IP6),
		.counters = p->counters,
		.last_error = p->error,
		.has_error = p->has_error,
	};
}

void bmp_info(const struct bmp *b, struct neighbour_info *ret)
{
	for (size_t i = 0; i < b->router_count; i++)
		for (const struct peer *p = b->routers[i].peers; p; p = p->next)
			peer_info(p, &ret[p->feed.neighbour]);
}
