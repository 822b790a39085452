// The tables of MRT: TABLE_DUMP and TABLE_DUMP_V2.
#include <errno.h>
#include <limits.h>

#include "rib/mrt.h"

enum { SAFI_UNICAST = 1, SAFI_MULTICAST = 2 };

// Path attributes as far as this file rewrites them; bgp/attr.h reads them.
enum { FLAG_OPTIONAL = 0x80, FLAG_EXTENDED = 0x10, ATTR_MP_REACH = 14 };

// ---- TABLE_DUMP_V2 ----

static int set_family(struct mrt_rib *rib, uint16_t afi, uint8_t safi)
{
	if ((afi != IP4 && afi != IP6) || (safi != SAFI_UNICAST && safi != SAFI_MULTICAST))
		return -EAFNOSUPPORT;
	rib->afi = afi;
	rib->safi = safi;
	return 0;
}

// Section 4.3.2: the subtype names the family; 4.3.3: or AFI (2) and SAFI (1) do.
static int read_family(struct mrt_rib *rib, uint16_t subtype, struct rd *r)
{
	bool generic = subtype == MRT_RIB_GENERIC || subtype == MRT_RIB_GENERIC_ADDPATH;

	rib->add_path = subtype >= MRT_RIB_IPV4_UNICAST_ADDPATH;
	if (generic) {
		uint16_t afi = rd_u16(r);
		uint8_t safi = rd_u8(r);
		return r->bad ? -EBADMSG : set_family(rib, afi, safi);
	}
	unsigned base = rib->add_path ? MRT_RIB_IPV4_UNICAST_ADDPATH : MRT_RIB_IPV4_UNICAST;
	unsigned n = subtype - base; // IPv4 unicast, multicast, IPv6 unicast, multicast
	return set_family(rib, n < 2 ? IP4 : IP6, n % 2 ? SAFI_MULTICAST : SAFI_UNICAST);
}

//	| sequence (4) | AFI, SAFI only in generic | prefix | entries (2) | entries |
int mrt_rib_parse(struct mrt_rib *ret, const struct mrt_record *record)
{
	struct rd r = record->body;
	struct mrt_rib rib = { .sequence = rd_u32(&r) };
	int rc = read_family(&rib, record->subtype, &r);

	if (rc < 0)
		return rc;
	rib.prefix = prefix_read(&r, (enum ip_family)rib.afi);
	rib.count = rd_u16(&r);
	rib.entries = r;
	if (r.bad)
		return -EBADMSG;
	*ret = rib;
	return 0;
}

// Section 4.3.4 keeps only the next hop's length and the next hop. Some writers leave the
// attribute whole: it then begins with the upper octet of an AFI, which is 0.
//
//	| peer (2) | originated (4) | path id (4), only ADDPATH | n (2) | attributes |
int mrt_rib_next(struct mrt_rib *rib, struct mrt_entry *ret)
{
	struct rd *r = &rib->entries;
	struct mrt_entry e = { .as4 = true, .short_reach = true, .has_path_id = rib->add_path };

	if (rib->count == 0)
		return -ENOENT;
	rib->count--;
	e.peer = rd_u16(r);
	e.originated_s = rd_u32(r);
	if (rib->add_path)
		e.path_id = rd_u32(r);
	size_t n = rd_u16(r);
	e.attrs = rd_sub(r, n);
	if (r->bad)
		return -EBADMSG;
	*ret = e;
	return 0;
}

// ---- TABLE_DUMP ----
//
//	| view (2) | sequence (2) | prefix (4 or 16) | length (1) | status (1) | originated (4) |
//	| peer address (4 or 16) | peer AS (2) | n (2) | attributes |

static struct ip_addr read_addr(struct rd *r, enum ip_family family)
{
	const uint8_t *bytes = rd_bytes(r, ip_bytes(family));

	return bytes ? ip_from_bytes(family, bytes) : (struct ip_addr){};
}

int mrt_table_parse(struct mrt_rib *rib, struct mrt_entry *ret, const struct mrt_record *record)
{
	enum ip_family family = record->subtype == IP6 ? IP6 : IP4;
	struct rd r = record->body;
	struct mrt_rib t = { .afi = family, .safi = SAFI_UNICAST };
	struct mrt_entry e = { .peer = UINT_MAX, .short_reach = true };

	(void)rd_u16(&r);
	t.sequence = rd_u16(&r);
	struct ip_addr addr = read_addr(&r, family);
	uint8_t len = rd_u8(&r);
	(void)rd_u8(&r);
	e.originated_s = rd_u32(&r);
	e.peer_addr = read_addr(&r, family);
	e.peer_as = rd_u16(&r);
	size_t n = rd_u16(&r);
	e.attrs = rd_sub(&r, n);
	if (r.bad || len > ip_bits(family))
		return -EBADMSG;
	t.prefix = prefix_of(&addr, len);
	*rib = t;
	*ret = e;
	return 0;
}

// ---- As an UPDATE ----

// The attribute as RFC 4760 has it, of one in the short form.
static void write_reach(struct wr *w, const struct mrt_rib *rib, struct rd hop)
{
	wr_u8(w, FLAG_OPTIONAL | FLAG_EXTENDED);
	wr_u8(w, ATTR_MP_REACH);
	size_t length = wr_len16_open(w);
	wr_u16(w, rib->afi);
	wr_u8(w, rib->safi);
	wr_u8(w, (uint8_t)rd_left(&hop));
	wr_bytes(w, hop.p, rd_left(&hop));
	wr_u8(w, 0);
	prefix_write(w, &rib->prefix);
	wr_len16_close(w, length);
}

// Its next hop, in either form; false for what is neither.
static bool read_hop(struct rd value, struct rd *ret)
{
	struct rd whole = value;
	uint8_t n = rd_u8(&value);
	struct rd hop = rd_sub(&value, n);

	if (n > 0 && rd_done(&value)) {
		*ret = hop;
		return true;
	}
	(void)rd_bytes(&whole, 3);
	n = rd_u8(&whole);
	*ret = rd_sub(&whole, n);
	return !whole.bad && n > 0;
}

// Copies the attributes; MP_REACH_NLRI is written anew. True when it was there.
static bool copy_attrs(struct wr *w, const struct mrt_rib *rib, const struct mrt_entry *e)
{
	struct rd r = e->attrs;
	bool reach = false;

	while (rd_more(&r)) {
		struct rd start = r, hop;
		uint8_t flags = rd_u8(&r);
		uint8_t code = rd_u8(&r);
		size_t n = flags & FLAG_EXTENDED ? rd_u16(&r) : rd_u8(&r);
		struct rd value = rd_sub(&r, n);

		if (r.bad) { // cut: the reader of the UPDATE says so
			wr_bytes(w, start.p, rd_left(&start));
			break;
		}
		if (code == ATTR_MP_REACH && !reach && e->short_reach && read_hop(value, &hop)) {
			write_reach(w, rib, hop);
			reach = true;
		} else {
			wr_bytes(w, start.p, (size_t)(r.p - start.p));
		}
	}
	return reach;
}

bool mrt_entry_update(struct wr *w, const struct mrt_rib *rib, const struct mrt_entry *e)
{
	wr_u16(w, 0);
	size_t length = wr_len16_open(w);
	bool placed = copy_attrs(w, rib, e);
	wr_len16_close(w, length);
	if (!placed && rib->afi == IP4) {
		prefix_write(w, &rib->prefix);
		placed = true;
	}
	return placed;
}
