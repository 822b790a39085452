// A route reflector (RFC 4456) with ADD-PATH (RFC 7911): every path goes on, with
// ORIGINATOR_ID and CLUSTER_LIST, from clients to all and from other reflectors to clients.
// Its sessions are real; the UPDATEs are put on them as bytes, written once for all neighbours.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/attr.h"
#include "bgp/msg.h"
#include "bgp/routes.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "sim/world.h"

static bool is_client(const struct sim_end *e)
{
	return sim_end_other(e)->party->kind == SIM_NODE;
}

// ---- Messages ----

static void write_reflection(
	struct wr *w, const struct sim_reflector *r, const struct bgp_path *p, uint32_t originator)
{
	wr_u8(w, BGP_FLAG_OPTIONAL);
	wr_u8(w, BGP_ATTR_ORIGINATOR_ID);
	wr_u8(w, 4);
	wr_u32(w, originator);
	wr_u8(w, BGP_FLAG_OPTIONAL);
	wr_u8(w, BGP_ATTR_CLUSTER_LIST);
	wr_u8(w, (uint8_t)(4 + rd_left(&p->cluster_list)));
	wr_u32(w, r->party.id);
	wr_bytes(w, p->cluster_list.p, rd_left(&p->cluster_list));
}

// RFC 4456 section 8: the attributes as they came, these two among them.
static void write_attributes(struct wr *w, const struct sim_reflector *r,
	const struct bgp_update *u, uint32_t originator)
{
	struct rd raw = u->path.raw;
	struct bgp_raw_attr a;
	bool reflected = false;

	while (bgp_attr_next(&raw, &a)) {
		if (a.code == BGP_ATTR_ORIGINATOR_ID || a.code == BGP_ATTR_CLUSTER_LIST)
			continue;
		if (a.code > BGP_ATTR_CLUSTER_LIST && !reflected) {
			write_reflection(w, r, &u->path, originator);
			reflected = true;
		}
		wr_bytes(w, a.start, a.size);
	}
	if (!reflected)
		write_reflection(w, r, &u->path, originator);
}

static void keep_message(struct sim_route *route, const uint8_t *bytes, size_t len)
{
	free(route->message);
	route->message = mem_dup(bytes, len);
	route->len = len;
}

static void write_announcement(struct sim_reflector *r, struct sim_route *route,
	const struct bgp_update *u, const struct ip_prefix *prefix)
{
	const struct sim_end *from = route->from;
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	bool reflected = bgp_path_has(&u->path, BGP_ATTR_ORIGINATOR_ID);

	bgp_msg_begin(&w, BGP_MSG_UPDATE);
	wr_u16(&w, 0);
	size_t at = wr_len16_open(&w);
	write_attributes(
		&w, r, u, reflected ? u->path.originator_id : sim_end_other(from)->party->id);
	wr_len16_close(&w, at);
	wr_u32(&w, (uint32_t)(route - r->routes) + 1);
	prefix_write(&w, prefix);
	size_t len = bgp_msg_end(&w);
	assert(len > 0);
	keep_message(route, buf, len);
}

static size_t write_withdrawal(
	const struct sim_reflector *r, const struct sim_route *route, uint8_t *buf, size_t room)
{
	struct wr w = wr_init(buf, room);

	bgp_msg_begin(&w, BGP_MSG_UPDATE);
	size_t at = wr_len16_open(&w);
	wr_u32(&w, (uint32_t)(route - r->routes) + 1);
	prefix_write(&w, &r->party.world->prefix);
	wr_len16_close(&w, at);
	wr_u16(&w, 0);
	return bgp_msg_end(&w);
}

// ---- Routes ----

static struct sim_route *find_route(struct sim_reflector *r, struct sim_end *from, uint32_t path)
{
	for (size_t i = 0; i < from->route_count; i++)
		if (r->routes[from->routes[i]].path == path)
			return &r->routes[from->routes[i]];
	return NULL;
}

static struct sim_route *add_route(struct sim_reflector *r, struct sim_end *from, uint32_t path)
{
	if (r->route_count == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->routes = mem_resize(r->routes, r->room, sizeof(*r->routes));
	}
	from->routes = mem_resize(from->routes, from->route_count + 1, sizeof(*from->routes));
	from->routes[from->route_count++] = (uint32_t)r->route_count;
	struct sim_route *route = &r->routes[r->route_count++];
	*route = (struct sim_route){ .from = from, .path = path };
	return route;
}

static bool has_passed_here(const struct sim_reflector *r, const struct bgp_update *u)
{
	struct rd list = u->path.cluster_list;

	while (rd_more(&list))
		if (rd_u32(&list) == r->party.id)
			return true;
	return false;
}

static void on_flush(void *obj, uint64_t life);

static void mark(struct sim_reflector *r, struct sim_route *route)
{
	struct sim_world *w = r->party.world;

	route->dirty = true;
	r->version++;
	if (r->due)
		return;
	r->due = true;
	sim_after(w, sim_between(w, span_us(500), w->plan.turn), on_flush, r, r->life);
}

void sim_reflector_routes(void *ctx, const struct bgp_update *u)
{
	struct sim_end *e = ctx;
	struct sim_reflector *r = (struct sim_reflector *)e->party;
	struct bgp_routes walk;
	struct bgp_route came;

	bgp_routes_begin(&walk, u);
	while (bgp_routes_next(&walk, &came)) {
		struct sim_route *route = find_route(r, e, came.path);
		bool gone = came.withdrawn || has_passed_here(r, u);
		if (!route && gone)
			continue;
		if (!route)
			route = add_route(r, e, came.path);
		if (gone)
			free_ptr(&route->message);
		else
			write_announcement(r, route, u, &came.prefix);
		mark(r, route);
	}
}

// ---- Passing them on ----

struct batch {
	struct sim_buffer *buffer;
	struct sim_slice *slices;
	size_t count;
};

static bool belongs(const struct sim_route *route, bool from_clients, bool dirty_only)
{
	return is_client(route->from) == from_clients &&
	       (dirty_only ? route->dirty : route->message != NULL);
}

static struct batch batch_of(struct sim_reflector *r, bool from_clients, bool dirty_only)
{
	enum { WITHDRAWAL_MAX = 64 };
	struct batch b = {};
	size_t size = 0, n = 0, at = 0;

	for (size_t i = 0; i < r->route_count; i++) {
		const struct sim_route *route = &r->routes[i];
		if (!belongs(route, from_clients, dirty_only))
			continue;
		size += route->message ? route->len : WITHDRAWAL_MAX;
		n++;
	}
	if (n == 0)
		return b;
	b.buffer = sim_buffer_new(size);
	b.slices = mem_zalloc(n * sizeof(*b.slices));
	for (size_t i = 0; i < r->route_count; i++) {
		const struct sim_route *route = &r->routes[i];
		size_t from = at;
		if (!belongs(route, from_clients, dirty_only))
			continue;
		if (route->message)
			memcpy(b.buffer->bytes + at, route->message, route->len);
		at += route->message ? route->len
				     : write_withdrawal(r, route, b.buffer->bytes + at, size - at);
		b.slices[b.count++] =
			(struct sim_slice){ from, at, sim_end_other(route->from)->party };
	}
	return b;
}

static void batch_free(struct batch *b)
{
	sim_buffer_unref(&b->buffer);
	free_ptr(&b->slices);
	b->count = 0;
}

// All but what came from there.
static void send_batch(struct sim_end *e, const struct batch *b)
{
	const struct sim_party *to = sim_end_other(e)->party;
	size_t from = 0, end = 0;

	for (size_t i = 0; i < b->count; i++) {
		end = b->slices[i].to;
		if (b->slices[i].of != to)
			continue;
		if (b->slices[i].from > from)
			sim_end_send(e, b->buffer, from, b->slices[i].from);
		from = end;
	}
	if (end > from)
		sim_end_send(e, b->buffer, from, end);
}

static void on_flush(void *obj, uint64_t life)
{
	struct sim_reflector *r = obj;

	if (life != r->life || !r->party.running)
		return;
	r->due = false;
	for (int from_clients = 1; from_clients >= 0; from_clients--) {
		struct batch b = batch_of(r, from_clients, true);
		for (unsigned i = 0; i < r->party.end_count; i++)
			if (b.count && (from_clients || is_client(r->party.ends[i])))
				send_batch(r->party.ends[i], &b);
		batch_free(&b);
	}
	for (size_t i = 0; i < r->route_count; i++)
		r->routes[i].dirty = false;
}

// ---- Sessions ----

// Many come up at one time, and all are told the same.
static const struct batch *table(struct sim_reflector *r, bool from_clients)
{
	struct sim_table *t = &r->tables[from_clients];

	if (t->version == r->version && t->batch)
		return t->batch;
	if (t->batch)
		batch_free(t->batch);
	else
		t->batch = mem_zalloc(sizeof(*t->batch));
	*t->batch = batch_of(r, from_clients, false);
	t->version = r->version;
	return t->batch;
}

void sim_reflector_session(struct sim_end *e, bool up)
{
	struct sim_reflector *r = (struct sim_reflector *)e->party;

	if (!up) {
		for (size_t i = 0; i < e->route_count; i++) {
			struct sim_route *route = &r->routes[e->routes[i]];
			if (!route->message)
				continue;
			free_ptr(&route->message);
			mark(r, route);
		}
		return;
	}
	const struct bgp_negotiated *agreed = bgp_peer_negotiated(e->peer);
	if (!agreed)
		return; // came up and went down in one read
	assert(agreed->paths_send & BGP_FAMILY_IP4);
	send_batch(e, table(r, true));
	if (is_client(e))
		send_batch(e, table(r, false));
}

void sim_reflector_start(struct sim_reflector *r)
{
	r->party.host_up = r->party.running = true;
	r->life++;
	for (unsigned i = 0; i < r->party.end_count; i++)
		sim_end_start(r->party.ends[i]);
}

static void forget(struct sim_reflector *r)
{
	for (size_t i = 0; i < r->route_count; i++)
		free(r->routes[i].message);
	for (unsigned i = 0; i < r->party.end_count; i++) {
		free_ptr(&r->party.ends[i]->routes);
		r->party.ends[i]->route_count = 0;
	}
	free_ptr(&r->routes);
	r->route_count = r->room = 0;
	r->due = false;
	r->version++;
}

void sim_reflector_kill(struct sim_reflector *r, bool host)
{
	r->party.running = false;
	r->party.host_up = !host;
	r->life++;
	for (unsigned i = 0; i < r->party.end_count; i++)
		sim_end_kill(r->party.ends[i], host);
	forget(r);
}

void sim_reflector_free(struct sim_reflector *r)
{
	forget(r);
	for (int i = 0; i < 2; i++) {
		if (r->tables[i].batch)
			batch_free(r->tables[i].batch);
		free_ptr(&r->tables[i].batch);
	}
}
