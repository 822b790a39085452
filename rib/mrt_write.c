#include "rib/mrt_write.h"

#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

// ---- Records ----

// The length is written when the body is there.
static size_t begin(struct wr *w, uint32_t time_s, uint16_t type, uint16_t subtype)
{
	wr_u32(w, time_s);
	wr_u16(w, type);
	wr_u16(w, subtype);
	size_t at = wr_len(w);
	wr_u32(w, 0);
	return at;
}

static void end(struct wr *w, size_t at)
{
	if (w->bad)
		return;
	struct wr length = wr_init(w->start + at, 4);
	wr_u32(&length, (uint32_t)(wr_len(w) - at - 4));
}

static void write_addr(struct wr *w, const struct ip_addr *a)
{
	wr_bytes(w, a->b, ip_bytes((enum ip_family)a->family));
}

// ---- TABLE_DUMP_V2 ----

enum { PEER_IP6 = 1, PEER_AS4 = 2 };

// Neighbours have their place among those in use.
static unsigned index_of(const struct rib *r, unsigned neighbour)
{
	unsigned n = 0;

	for (unsigned i = 0; i < neighbour; i++)
		n += rib_neighbour(r, i) != NULL;
	return n;
}

void mrt_write_peers(
	struct wr *w, uint32_t time_s, uint32_t collector, const char *view, const struct rib *r)
{
	size_t at = begin(w, time_s, MRT_TABLE_DUMP_V2, MRT_PEER_INDEX_TABLE);

	wr_u32(w, collector);
	wr_u16(w, (uint16_t)strlen(view));
	wr_bytes(w, view, strlen(view));
	wr_u16(w, (uint16_t)index_of(r, rib_neighbours_top(r)));
	for (unsigned i = 0; i < rib_neighbours_top(r); i++) {
		const struct rib_neighbour *n = rib_neighbour(r, i);
		if (!n)
			continue;
		wr_u8(w, (uint8_t)(PEER_AS4 | (n->addr.family == IP6 ? PEER_IP6 : 0)));
		wr_u32(w, n->id);
		write_addr(w, &n->addr);
		wr_u32(w, n->as);
	}
	end(w, at);
}

//	| peer (2) | originated (4) | path id (4), only ADDPATH | n (2) | attributes |
static void write_entry(
	struct wr *w, const struct rib *r, const struct rib_route *route, bool paths)
{
	struct rib_attrs a = rib_set_read(r, route->set);

	wr_u16(w, (uint16_t)index_of(r, route->neighbour));
	wr_u32(w, route->time_s);
	if (paths)
		wr_u32(w, route->path_id);
	size_t at = wr_len16_open(w);
	rib_attrs_write(w, &a);
	wr_len16_close(w, at);
}

static uint16_t subtype_of(enum ip_family family, bool paths)
{
	if (family == IP4)
		return paths ? MRT_RIB_IPV4_UNICAST_ADDPATH : MRT_RIB_IPV4_UNICAST;
	return paths ? MRT_RIB_IPV6_UNICAST_ADDPATH : MRT_RIB_IPV6_UNICAST;
}

static bool has_paths(const struct rib *r, const struct rib_route *route)
{
	return rib_neighbour(r, route->neighbour)->paths;
}

static void write_record(struct wr *w, uint32_t time_s, uint32_t *sequence, const struct rib *r,
	const struct ip_prefix *prefix, const struct rib_route *routes, size_t n, bool paths)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += has_paths(r, &routes[i]) == paths;
	if (count == 0)
		return;
	count = count > UINT16_MAX ? UINT16_MAX : count; // as many as a record can name
	size_t at = begin(w, time_s, MRT_TABLE_DUMP_V2,
		subtype_of((enum ip_family)prefix->addr.family, paths));
	wr_u32(w, (*sequence)++);
	prefix_write(w, prefix);
	wr_u16(w, (uint16_t)count);
	for (size_t i = 0; i < n && count > 0; i++) {
		if (has_paths(r, &routes[i]) != paths)
			continue;
		write_entry(w, r, &routes[i], paths);
		count--;
	}
	end(w, at);
}

void mrt_write_prefix(struct wr *w, uint32_t time_s, uint32_t *sequence, const struct rib *r,
	enum ip_family family, uint32_t prefix)
{
	struct rib_route few[64];
	own(free_ptr) struct rib_route *many = NULL;
	struct rib_route *routes = few;
	struct ip_prefix key = prefixes_key(rib_prefixes(r, family), prefix);
	size_t n = rib_routes(r, family, prefix, few, countof(few));

	if (n > countof(few)) {
		routes = many = mem_resize(NULL, n, sizeof(*many));
		n = rib_routes(r, family, prefix, many, n);
	}
	write_record(w, time_s, sequence, r, &key, routes, n, false);
	write_record(w, time_s, sequence, r, &key, routes, n, true);
}

// ---- BGP4MP_ET ----

enum { INTERFACE = 0 };

// Subtypes of BGP4MP, RFC 6396 section 4.4 and RFC 8050 section 3.
static uint16_t message_subtype(const struct mrt_session *s, bool from_local)
{
	static const uint16_t subtypes[2][2][2] = {
		// [add_path][as4][from_local]
		{ { 1, 6 }, { 4, 7 } },
		{ { 8, 10 }, { 9, 11 } },
	};

	return subtypes[s->add_path][s->as4][from_local];
}

static size_t begin_session(
	struct wr *w, int64_t time_us, uint16_t subtype, const struct mrt_session *s)
{
	size_t at = begin(w, (uint32_t)(time_us / 1000000), MRT_BGP4MP_ET, subtype);

	wr_u32(w, (uint32_t)(time_us % 1000000));
	if (s->as4) {
		wr_u32(w, s->peer_as);
		wr_u32(w, s->local_as);
	} else {
		wr_u16(w, (uint16_t)s->peer_as);
		wr_u16(w, (uint16_t)s->local_as);
	}
	wr_u16(w, INTERFACE);
	wr_u16(w, s->peer.family);
	write_addr(w, &s->peer);
	write_addr(w, &s->local);
	return at;
}

void mrt_write_message(struct wr *w, int64_t time_us, const struct mrt_session *s, bool from_local,
	const void *message, size_t n)
{
	size_t at = begin_session(w, time_us, message_subtype(s, from_local), s);

	wr_bytes(w, message, n);
	end(w, at);
}

void mrt_write_state(
	struct wr *w, int64_t time_us, const struct mrt_session *s, uint16_t from, uint16_t to)
{
	size_t at = begin_session(w, time_us, s->as4 ? 5 : 0, s);

	wr_u16(w, from);
	wr_u16(w, to);
	end(w, at);
}
