#include "bgp/bmp.h"

#include <errno.h>

#include "bgp/msg.h"
#include "lib/own.h"

enum { PEER_LOC = 3 }; // types of peers, section 4.2, RFC 9069 section 4.1
enum { FLAG_IP6 = 0x80, FLAG_POST = 0x40, FLAG_AS2 = 0x20, FLAG_OUT = 0x10 };

static bool has_peer(uint8_t type)
{
	return type <= BMP_PEER_UP || type == BMP_ROUTE_MIRRORING;
}

// Sixteen octets; an IPv4 address is in the last four.
static struct ip_addr read_addr(struct rd *r, bool six)
{
	const uint8_t *b = rd_bytes(r, 16);

	if (!b)
		return (struct ip_addr){};
	return six ? ip_from_bytes(IP6, b) : ip_from_bytes(IP4, b + 12);
}

static enum bmp_table table_of(uint8_t type, uint8_t flags)
{
	if (type == PEER_LOC)
		return BMP_LOC;
	if (flags & FLAG_OUT)
		return flags & FLAG_POST ? BMP_ADJ_OUT_POST : BMP_ADJ_OUT;
	return flags & FLAG_POST ? BMP_ADJ_IN_POST : BMP_ADJ_IN;
}

//	| type (1) | flags (1) | distinguisher (8) | address (16) | AS (4) | id (4) | s (4) | us (4) |
static struct bmp_peer read_peer(struct rd *r)
{
	struct bmp_peer p = {};
	uint8_t type = rd_u8(r);
	uint8_t flags = rd_u8(r);

	p.table = table_of(type, flags);
	p.distinguisher = (uint64_t)rd_u32(r) << 32;
	p.distinguisher |= rd_u32(r);
	bool loc = p.table == BMP_LOC;
	p.addr = read_addr(r, !loc && flags & FLAG_IP6);
	if (loc)
		p.addr = (struct ip_addr){};
	p.as4 = loc || !(flags & FLAG_AS2);
	p.as = rd_u32(r);
	p.id = rd_u32(r);
	int64_t s = rd_u32(r);
	p.time_us = s * 1000000 + rd_u32(r) % 1000000;
	return p;
}

int bmp_next(struct bmp_message *ret, const void *data, size_t len)
{
	struct rd r = rd_init(data, len);
	struct bmp_message m = {};
	uint8_t version = rd_u8(&r);

	if (!r.bad && version != BMP_VERSION)
		return -EBADMSG;
	m.size = rd_u32(&r);
	uint8_t type = rd_u8(&r);
	if (r.bad) {
		ret->size = BMP_HEADER_BYTES;
		return -EAGAIN;
	}
	if (m.size < BMP_HEADER_BYTES || m.size > BMP_MESSAGE_MAX)
		return -EBADMSG;
	m.body = rd_sub(&r, m.size - BMP_HEADER_BYTES);
	if (r.bad) {
		ret->size = m.size;
		return -EAGAIN;
	}
	m.type = type < BMP_TYPE_MAX ? (enum bmp_type)type : BMP_TYPE_MAX;
	m.has_peer = has_peer(type);
	if (m.has_peer)
		m.peer = read_peer(&m.body);
	if (m.body.bad)
		return -EBADMSG;
	*ret = m;
	return 0;
}

// One BGP message of that type out of a longer body.
static int read_bgp(struct rd *r, uint8_t type, struct rd *body)
{
	struct bgp_fault fault;
	struct bgp_msg m;

	if (bgp_msg_frame_up_to(&m, &fault, r->p, rd_left(r), BGP_MSG_EXTENDED_MAX) < 0 ||
		m.type != type)
		return -EBADMSG;
	*body = m.body;
	(void)rd_bytes(r, m.size);
	return 0;
}

static int read_open(struct rd *r, struct bgp_open *ret)
{
	struct rd body;

	if (read_bgp(r, BGP_MSG_OPEN, &body) < 0)
		return -EBADMSG;
	return bgp_open_parse(ret, body).kind == BGP_FAULT_NONE ? 0 : -EBADMSG;
}

//	| local address (16) | local port (2) | remote port (2) | OPEN sent | OPEN received | TLVs |
int bmp_up_parse(struct bmp_up *ret, const struct bmp_message *m)
{
	struct rd r = m->body;
	struct bmp_up up = {};

	up.local = read_addr(&r, m->peer.addr.family == IP6);
	(void)rd_u32(&r);
	if (r.bad || read_open(&r, &up.sent) < 0 || read_open(&r, &up.received) < 0)
		return -EBADMSG;
	*ret = up;
	return 0;
}

const char *bmp_down_reason(const struct bmp_message *m)
{
	static const char *const reasons[] = {
		[1] = "the router closed the session with a NOTIFICATION",
		[2] = "the router closed the session",
		[3] = "the neighbour closed the session with a NOTIFICATION",
		[4] = "the neighbour closed the session",
		[5] = "the router no longer tells of this neighbour",
		[6] = "the router's table is no longer told of",
	};
	struct rd r = m->body;
	uint8_t reason = rd_u8(&r);

	return reason > 0 && reason < countof(reasons) ? reasons[reason] : "for an unknown reason";
}

bool bmp_down_is_of_table(const struct bmp_message *m)
{
	struct rd r = m->body;

	return rd_u8(&r) == 5;
}

int bmp_route_parse(struct rd *update, const struct bmp_message *m)
{
	struct rd r = m->body;

	return read_bgp(&r, BGP_MSG_UPDATE, update);
}

struct bgp_codec bmp_codec(const struct bmp_peer *p, const struct bmp_up *up)
{
	const struct bgp_caps *sent = &up->sent.caps, *received = &up->received.caps;
	bool out = p->table == BMP_ADJ_OUT || p->table == BMP_ADJ_OUT_POST;

	return (struct bgp_codec){
		.local_as = up->sent.as,
		.as4 = p->as4,
		.families = BGP_FAMILY_ALL,
		.offered = BGP_FAMILY_ALL,
		.paths_in = out ? sent->paths_send & received->paths_receive
				: sent->paths_receive & received->paths_send,
		.extended_next_hop = true,
	};
}

bool bmp_peer_equal(const struct bmp_peer *a, const struct bmp_peer *b)
{
	return a->distinguisher == b->distinguisher && a->table == b->table &&
	       ip_equal(&a->addr, &b->addr);
}

const char *bmp_table_name(enum bmp_table table)
{
	static const char *const names[] = { "", "post", "out", "out-post", "loc" };

	return names[table];
}
