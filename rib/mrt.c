// Records and their kinds, peers, messages. Tables are in rib/mrt_rib.c.
#include "rib/mrt.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"

// ---- Records ----

enum { AS4 = 1, ADD_PATH = 2, FROM_LOCAL = 4 };

// clang-format off
static const struct row {
	uint16_t type, subtype;
	enum mrt_kind kind;
	const char *name;
	unsigned flags;
} rows[] = {
	{ MRT_TABLE_DUMP,    1,  MRT_KIND_TABLE,   "TABLE_DUMP AFI_IPv4" },
	{ MRT_TABLE_DUMP,    2,  MRT_KIND_TABLE,   "TABLE_DUMP AFI_IPv6" },
	{ MRT_TABLE_DUMP_V2, MRT_PEER_INDEX_TABLE,           MRT_KIND_PEERS, "TABLE_DUMP_V2 PEER_INDEX_TABLE" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_IPV4_UNICAST,           MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_IPV4_UNICAST" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_IPV4_MULTICAST,         MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_IPV4_MULTICAST" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_IPV6_UNICAST,           MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_IPV6_UNICAST" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_IPV6_MULTICAST,         MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_IPV6_MULTICAST" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_GENERIC,                MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_GENERIC" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_IPV4_UNICAST_ADDPATH,   MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_IPV4_UNICAST_ADDPATH" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_IPV4_MULTICAST_ADDPATH, MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_IPV4_MULTICAST_ADDPATH" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_IPV6_UNICAST_ADDPATH,   MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_IPV6_UNICAST_ADDPATH" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_IPV6_MULTICAST_ADDPATH, MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_IPV6_MULTICAST_ADDPATH" },
	{ MRT_TABLE_DUMP_V2, MRT_RIB_GENERIC_ADDPATH,        MRT_KIND_RIB,   "TABLE_DUMP_V2 RIB_GENERIC_ADDPATH" },
	{ MRT_BGP4MP,        0,  MRT_KIND_STATE,   "BGP4MP STATE_CHANGE" },
	{ MRT_BGP4MP,        1,  MRT_KIND_MESSAGE, "BGP4MP MESSAGE" },
	{ MRT_BGP4MP,        4,  MRT_KIND_MESSAGE, "BGP4MP MESSAGE_AS4",               AS4 },
	{ MRT_BGP4MP,        5,  MRT_KIND_STATE,   "BGP4MP STATE_CHANGE_AS4",          AS4 },
	{ MRT_BGP4MP,        6,  MRT_KIND_MESSAGE, "BGP4MP MESSAGE_LOCAL",             FROM_LOCAL },
	{ MRT_BGP4MP,        7,  MRT_KIND_MESSAGE, "BGP4MP MESSAGE_AS4_LOCAL",         AS4 | FROM_LOCAL },
	{ MRT_BGP4MP,        8,  MRT_KIND_MESSAGE, "BGP4MP MESSAGE_ADDPATH",           ADD_PATH },
	{ MRT_BGP4MP,        9,  MRT_KIND_MESSAGE, "BGP4MP MESSAGE_AS4_ADDPATH",       AS4 | ADD_PATH },
	{ MRT_BGP4MP,        10, MRT_KIND_MESSAGE, "BGP4MP MESSAGE_LOCAL_ADDPATH",     FROM_LOCAL | ADD_PATH },
	{ MRT_BGP4MP,        11, MRT_KIND_MESSAGE, "BGP4MP MESSAGE_AS4_LOCAL_ADDPATH", AS4 | FROM_LOCAL | ADD_PATH },
};
// clang-format on

static const struct row *row_of(const struct mrt_record *r)
{
	uint16_t type = r->type == MRT_BGP4MP_ET ? MRT_BGP4MP : r->type;

	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].type == type && rows[i].subtype == r->subtype)
			return &rows[i];
	return NULL;
}

enum mrt_kind mrt_kind(const struct mrt_record *r)
{
	const struct row *row = row_of(r);

	return row ? row->kind : MRT_KIND_UNKNOWN;
}

const char *mrt_name(const struct mrt_record *r)
{
	const struct row *row = row_of(r);

	return row ? row->name : "unknown";
}

// RFC 6396 section 3: the types that begin with microseconds.
static bool is_extended(uint16_t type)
{
	return type == MRT_BGP4MP_ET || type == 33 || type == 49; // ISIS_ET, OSPFv3_ET
}

int mrt_next(struct mrt_record *ret, const void *data, size_t len)
{
	struct rd r = rd_init(data, len);
	struct mrt_record v = {};
	uint32_t seconds = rd_u32(&r);

	v.type = rd_u16(&r);
	v.subtype = rd_u16(&r);
	size_t body = rd_u32(&r);
	if (r.bad) {
		ret->size = MRT_HEADER_BYTES;
		return -EAGAIN;
	}
	v.time_us = (int64_t)seconds * 1000000;
	v.size = MRT_HEADER_BYTES + body;
	if (body > MRT_RECORD_MAX - MRT_HEADER_BYTES) {
		ret->size = v.size;
		return -EFBIG;
	}
	v.body = rd_sub(&r, body);
	if (r.bad) {
		ret->size = v.size;
		return -EAGAIN;
	}
	if (is_extended(v.type)) {
		v.time_us += rd_u32(&v.body) % 1000000;
		if (v.body.bad) {
			ret->size = v.size;
			return -EBADMSG;
		}
	}
	*ret = v;
	return 0;
}

// RFC 6396 section 4: the types there are, or were.
bool mrt_is(const void *data, size_t len)
{
	struct rd r = rd_init(data, len);

	(void)rd_u32(&r);
	uint16_t type = rd_u16(&r);
	uint16_t subtype = rd_u16(&r);
	uint32_t body = rd_u32(&r);
	bool known = type == 5 || (type >= 9 && type <= 13) || type == 16 || type == 17 ||
		     type == 32 || type == 33 || type == 48 || type == 49;

	return !r.bad && known && subtype < 64 && body < MRT_RECORD_MAX;
}

static struct ip_addr read_addr(struct rd *r, enum ip_family family)
{
	const uint8_t *bytes = rd_bytes(r, ip_bytes(family));

	return bytes ? ip_from_bytes(family, bytes) : (struct ip_addr){};
}

// ---- Peers ----
//
//	| collector (4) | name length (2) | name | peers (2) | then each:
//	| type (1) | id (4) | address (4 or 16) | AS (2 or 4) |

enum { PEER_IP6 = 1, PEER_AS4 = 2, PEER_BYTES_MIN = 11 };

static struct mrt_peer read_peer(struct rd *r)
{
	struct mrt_peer p = {};
	uint8_t type = rd_u8(r);

	p.id = rd_u32(r);
	p.addr = read_addr(r, type & PEER_IP6 ? IP6 : IP4);
	p.as = type & PEER_AS4 ? rd_u32(r) : rd_u16(r);
	return p;
}

int mrt_peers_parse(struct mrt_peers *ret, const struct mrt_record *record)
{
	struct rd r = record->body;
	struct mrt_peers p = { .collector = rd_u32(&r) };
	size_t name = rd_u16(&r);

	p.view = rd_sub(&r, name);
	p.count = rd_u16(&r);
	if (p.count * PEER_BYTES_MIN > rd_left(&r))
		return -EBADMSG; // before memory is taken for what is not there
	own(free_ptr) struct mrt_peer *list = mem_zalloc((p.count + 1) * sizeof(*list));
	for (size_t i = 0; i < p.count; i++)
		list[i] = read_peer(&r);
	if (r.bad)
		return -EBADMSG;
	p.list = take(list);
	*ret = p;
	return 0;
}

void mrt_peers_free(struct mrt_peers *p)
{
	free(p->list);
	*p = (struct mrt_peers){};
}

// ---- Messages and states ----
//
//	| peer AS (2 or 4) | local AS | interface (2) | AFI (2) | peer address | local address |
//	then the message, or | old state (2) | new state (2) |

int mrt_bgp4mp_parse(struct mrt_bgp4mp *ret, const struct mrt_record *record)
{
	const struct row *row = row_of(record);
	struct rd r = record->body;
	struct mrt_bgp4mp m = {};

	if (!row)
		return -EBADMSG;
	m.as4 = row->flags & AS4;
	m.add_path = row->flags & ADD_PATH;
	m.from_local = row->flags & FROM_LOCAL;
	m.peer_as = m.as4 ? rd_u32(&r) : rd_u16(&r);
	m.local_as = m.as4 ? rd_u32(&r) : rd_u16(&r);
	(void)rd_u16(&r);
	uint16_t afi = rd_u16(&r);
	if (afi != IP4 && afi != IP6)
		return -EBADMSG;
	m.peer = read_addr(&r, (enum ip_family)afi);
	m.local = read_addr(&r, (enum ip_family)afi);
	if (row->kind == MRT_KIND_STATE) {
		m.from = rd_u16(&r);
		m.to = rd_u16(&r);
	}
	m.message = r;
	if (r.bad)
		return -EBADMSG;
	*ret = m;
	return 0;
}

// RFC 6396 section 4.4.1.
const char *mrt_state_name(uint16_t state)
{
	static const char *const names[] = { NULL, "Idle", "Connect", "Active", "OpenSent",
		"OpenConfirm", "Established" };

	return state > 0 && state < countof(names) ? names[state] : "unknown";
}
