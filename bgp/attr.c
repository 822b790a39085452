// One paragraph an attribute: its RFC, how its value is read, written and
// printed. The table at the end ties them together.
#include "bgp/attr.h"

#include "lib/own.h"

static const char *addr_text(uint32_t host_order, char buf[IP_TEXT])
{
	struct ip_addr a = ip_from_u32(host_order);

	return ip_print(&a, buf);
}

static struct ip_addr read_addr(struct rd *r, enum ip_family family)
{
	const uint8_t *bytes = rd_bytes(r, ip_bytes(family));

	return bytes ? ip_from_bytes(family, bytes) : (struct ip_addr){};
}

// An address that a neighbour can be asked to forward to. RFC 4271 section 6.3.
static bool is_next_hop(const struct ip_addr *a)
{
	if (a->family == IP4 && (a->b[0] == 0 || a->b[0] == 127 || a->b[0] >= 224))
		return false;
	return !ip_is_unspecified(a) && !ip_is_multicast(a);
}

// ---- ORIGIN, RFC 4271 section 5.1.1 ----

static const char *const origins[] = {
	[BGP_ORIGIN_IGP] = "igp",
	[BGP_ORIGIN_EGP] = "egp",
	[BGP_ORIGIN_INCOMPLETE] = "incomplete",
};

static void origin_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *f)
{
	uint8_t origin = rd_u8(v);

	if (origin > BGP_ORIGIN_INCOMPLETE)
		f->kind = BGP_FAULT_ORIGIN;
	else
		p->origin = (enum bgp_origin)origin;
}

static bool origin_encode(struct wr *w, const struct bgp_attrs *a, const struct bgp_codec *)
{
	wr_u8(w, (uint8_t)a->origin);
	return true;
}

static void origin_print(const struct bgp_path *p, struct strbuf *b)
{
	sb_str(b, origins[p->origin]);
}

// ---- AS_PATH, RFC 4271 section 5.1.2; AS4_PATH, RFC 6793 ----
//
//	+----------+-----------+--------------------------+
//	| type (1) | count (1) | count numbers of 2 or 4  |  any number of segments
//	+----------+-----------+--------------------------+

static uint32_t read_as(struct rd *r, bool as4)
{
	return as4 ? rd_u32(r) : rd_u16(r);
}

// RFC 7606 section 7.2: unknown segment types, numbers cut short and empty
// segments. Confederation segments have no place here (RFC 5065 section 5), and
// neither has AS 0 (RFC 7607).
static bool as_path_is_sound(struct rd r, bool as4)
{
	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		uint8_t count = rd_u8(&r);

		if (type != BGP_AS_SET && type != BGP_AS_SEQUENCE)
			return false;
		if (count == 0)
			return false;
		for (unsigned i = 0; i < count; i++)
			if (read_as(&r, as4) == 0)
				return false; // also when cut short
	}
	return rd_done(&r);
}

static void print_as_path(struct rd r, bool as4, struct strbuf *b)
{
	const char *between = "";

	while (rd_more(&r)) {
		bool set = rd_u8(&r) == BGP_AS_SET;
		uint8_t count = rd_u8(&r);

		sb_str(b, between);
		for (unsigned i = 0; i < count; i++) {
			const char *before = i ? (set ? "," : " ") : (set ? "{" : "");
			sb_printf(b, "%s%u", before, read_as(&r, as4));
		}
		sb_str(b, set ? "}" : "");
		between = " ";
	}
}

// RFC 4271 section 6.3: a route that comes from a neighbour has passed it.
static bool begins_with(struct rd r, bool as4, uint32_t as)
{
	uint8_t type = rd_u8(&r);
	(void)rd_u8(&r);
	uint32_t first = read_as(&r, as4);

	if (!as4 && as > UINT16_MAX)
		as = BGP_AS_TRANS;
	return type == BGP_AS_SEQUENCE && first == as && !r.bad;
}

static void as_path_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *c, struct bgp_fault *f)
{
	p->as4 = c->as4;
	if (!as_path_is_sound(*v, c->as4))
		f->kind = BGP_FAULT_AS_PATH;
	else if (c->first_as && !begins_with(*v, c->as4, c->first_as))
		f->kind = BGP_FAULT_FIRST_AS;
	else
		p->as_path = *v;
}

static void write_own_sequence(struct wr *w, const struct bgp_attrs *a, uint32_t as, bool as4)
{
	unsigned count = a->prepend + 1;

	wr_u8(w, BGP_AS_SEQUENCE);
	wr_u8(w, (uint8_t)count);
	for (unsigned i = 0; i < count; i++) {
		if (as4)
			wr_u32(w, as);
		else
			wr_u16(w, as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)as);
	}
}

// Empty towards internal neighbours: the route begins in this AS.
static bool as_path_encode(struct wr *w, const struct bgp_attrs *a, const struct bgp_codec *c)
{
	if (!c->ibgp)
		write_own_sequence(w, a, c->local_as, c->as4);
	return true;
}

static void as_path_print(const struct bgp_path *p, struct strbuf *b)
{
	print_as_path(p->as_path, p->as4, b);
}

static void as4_path_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *f)
{
	if (as_path_is_sound(*v, true))
		p->as4_path = *v;
	else
		f->kind = BGP_FAULT_AS_PATH;
}

// RFC 6793 section 4.2.2: only where AS_PATH had to say AS_TRANS.
static bool as4_path_encode(struct wr *w, const struct bgp_attrs *a, const struct bgp_codec *c)
{
	if (c->as4 || c->ibgp || c->local_as <= UINT16_MAX)
		return false;
	write_own_sequence(w, a, c->local_as, true);
	return true;
}

static void as4_path_print(const struct bgp_path *p, struct strbuf *b)
{
	print_as_path(p->as4_path, true, b);
}

// ---- NEXT_HOP, RFC 4271 section 5.1.3 ----

static void next_hop_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *f)
{
	struct ip_addr a = read_addr(v, IP4);

	if (is_next_hop(&a))
		p->next_hop = a;
	else
		f->kind = BGP_FAULT_NEXT_HOP;
}

static bool next_hop_encode(struct wr *w, const struct bgp_attrs *, const struct bgp_codec *c)
{
	wr_bytes(w, c->next_hop4.b, 4);
	return true;
}

static void next_hop_print(const struct bgp_path *p, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_str(b, ip_print(&p->next_hop, text));
}

// ---- MULTI_EXIT_DISC and LOCAL_PREF, RFC 4271 sections 5.1.4 and 5.1.5 ----

static void med_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *)
{
	p->med = rd_u32(v);
}

static bool med_encode(struct wr *w, const struct bgp_attrs *a, const struct bgp_codec *)
{
	wr_u32(w, a->med);
	return a->has_med;
}

static void med_print(const struct bgp_path *p, struct strbuf *b)
{
	sb_printf(b, "%u", p->med);
}

static void local_pref_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *)
{
	p->local_pref = rd_u32(v);
}

static bool local_pref_encode(struct wr *w, const struct bgp_attrs *a, const struct bgp_codec *c)
{
	wr_u32(w, a->local_pref);
	return c->ibgp;
}

static void local_pref_print(const struct bgp_path *p, struct strbuf *b)
{
	sb_printf(b, "%u", p->local_pref);
}

// ---- ATOMIC_AGGREGATE and AGGREGATOR, RFC 4271 sections 5.1.6 and 5.1.7 ----

static void atomic_decode(
	struct bgp_path *, struct rd *, const struct bgp_codec *, struct bgp_fault *)
{
	// Its presence is all it says.
}

static void atomic_print(const struct bgp_path *, struct strbuf *) {}

static void read_aggregator(struct bgp_aggregator *ret, struct rd *v, bool as4, struct bgp_fault *f)
{
	struct bgp_aggregator a = { .as = read_as(v, as4) };

	a.addr = read_addr(v, IP4);
	if (!rd_done(v))
		f->kind = BGP_FAULT_ATTR_LENGTH;
	else if (a.as == 0) // RFC 7607
		f->kind = BGP_FAULT_OPTIONAL;
	else
		*ret = a;
}

static void print_aggregator(const struct bgp_aggregator *a, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_printf(b, "%u %s", a->as, ip_print(&a->addr, text));
}

// RFC 7606 section 7.7: 6 octets, or 8 where AS numbers have four.
static void aggregator_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *c, struct bgp_fault *f)
{
	read_aggregator(&p->aggregator, v, c->as4, f);
}

static void aggregator_print(const struct bgp_path *p, struct strbuf *b)
{
	print_aggregator(&p->aggregator, b);
}

// RFC 6793 section 4.2.3: the aggregator's true number, from a two-octet speaker.
static void as4_aggregator_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *f)
{
	read_aggregator(&p->as4_aggregator, v, true, f);
}

static void as4_aggregator_print(const struct bgp_path *p, struct strbuf *b)
{
	print_aggregator(&p->as4_aggregator, b);
}

// ---- COMMUNITIES, RFC 1997; EXTENDED, RFC 4360; LARGE, RFC 8092 ----

static void communities_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *)
{
	p->communities = *v;
}

enum { NO_LLGR = 0xffff0007 }; // RFC 9494 section 4.3

// In ascending order, NO_LLGR among them where it is asked for.
static bool communities_encode(struct wr *w, const struct bgp_attrs *a, const struct bgp_codec *c)
{
	bool due = c->no_llgr;

	for (size_t i = 0; i < a->plain_count; i++) {
		if (due && a->plain[i] >= NO_LLGR) {
			if (a->plain[i] > NO_LLGR)
				wr_u32(w, NO_LLGR);
			due = false;
		}
		wr_u32(w, a->plain[i]);
	}
	if (due)
		wr_u32(w, NO_LLGR);
	return a->plain_count > 0 || c->no_llgr;
}

static void communities_print(const struct bgp_path *p, struct strbuf *b)
{
	char text[BGP_COMMUNITY_TEXT];
	struct rd r = p->communities;

	for (const char *between = ""; rd_more(&r); between = " ") {
		struct bgp_community c = bgp_community_from_u32(rd_u32(&r));
		sb_printf(b, "%s%s", between, bgp_community_print(&c, text));
	}
}

static void extended_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *)
{
	p->extended = *v;
}

static void extended_print(const struct bgp_path *p, struct strbuf *b)
{
	struct rd r = p->extended;

	for (const char *between = ""; rd_more(&r); between = " ") {
		uint32_t high = rd_u32(&r);
		uint32_t low = rd_u32(&r);
		sb_printf(b, "%s0x%08x%08x", between, high, low);
	}
}

static void large_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *)
{
	p->large = *v;
}

static bool large_encode(struct wr *w, const struct bgp_attrs *a, const struct bgp_codec *)
{
	for (size_t i = 0; i < a->large_count; i++) {
		wr_u32(w, a->large[i].global);
		wr_u32(w, a->large[i].local1);
		wr_u32(w, a->large[i].local2);
	}
	return a->large_count > 0;
}

static void large_print(const struct bgp_path *p, struct strbuf *b)
{
	struct rd r = p->large;

	for (const char *between = ""; rd_more(&r); between = " ") {
		uint32_t global = rd_u32(&r);
		uint32_t local1 = rd_u32(&r);
		uint32_t local2 = rd_u32(&r);
		sb_printf(b, "%s%u:%u:%u", between, global, local1, local2);
	}
}

// ---- OTC (Only to Customer), RFC 9234 section 5 ----

static void otc_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *)
{
	p->otc = rd_u32(v);
}

static bool otc_encode(struct wr *w, const struct bgp_attrs *, const struct bgp_codec *c)
{
	wr_u32(w, c->local_as);
	return c->otc;
}

static void otc_print(const struct bgp_path *p, struct strbuf *b)
{
	sb_printf(b, "%u", p->otc);
}

// ---- ORIGINATOR_ID and CLUSTER_LIST, RFC 4456 section 8 ----

static void originator_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *)
{
	p->originator_id = rd_u32(v);
}

static void originator_print(const struct bgp_path *p, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_str(b, addr_text(p->originator_id, text));
}

static void cluster_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *, struct bgp_fault *)
{
	p->cluster_list = *v;
}

static void cluster_print(const struct bgp_path *p, struct strbuf *b)
{
	char text[IP_TEXT];
	struct rd r = p->cluster_list;

	for (const char *between = ""; rd_more(&r); between = " ")
		sb_printf(b, "%s%s", between, addr_text(rd_u32(&r), text));
}

// ---- MP_REACH_NLRI and MP_UNREACH_NLRI, RFC 4760 sections 3 and 4 ----
//
//	reach    | AFI (2) | SAFI (1) | n (1) | next hop (n) | reserved (1) | NLRI |
//	unreach  | AFI (2) | SAFI (1) | NLRI |

static unsigned family_of(const struct bgp_mp *mp, const struct bgp_codec *c)
{
	return bgp_family_of(mp->afi, mp->safi) & c->families;
}

// RFC 7606 sections 5.3 and 7.11: routes that cannot be found or told apart cost the family. To
// end the session is allowed too, but the other family is innocent.
static void lose_family(struct bgp_fault *f)
{
	f->kind = BGP_FAULT_OPTIONAL;
	f->verb = BGP_VERB_RESET_AFI;
}

static void take_nlri(struct bgp_mp *mp, struct rd *v, struct bgp_fault *f)
{
	if (bgp_nlri_is_sound(*v, mp->family, mp->paths))
		mp->nlri = *v;
	else
		lose_family(f);
}

// 4 octets for IPv4 routes. 16 for those of IPv6, and for IPv4 where that was agreed on (RFC
// 8950 section 4), with another 16 of a link-local address (RFC 2545 section 3).
static bool read_next_hops(struct bgp_mp *mp, struct rd *r, const struct bgp_codec *c)
{
	bool ip4 = mp->family == BGP_FAMILY_IP4;
	bool short_hop = ip4 && !(c->extended_next_hop && rd_left(r) > 4);

	mp->next_hop = read_addr(r, short_hop ? IP4 : IP6);
	if (!short_hop && rd_more(r))
		mp->link_local = read_addr(r, IP6);
	return rd_done(r);
}

static void reach_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *c, struct bgp_fault *f)
{
	struct bgp_mp *mp = &p->reach;

	mp->afi = rd_u16(v);
	mp->safi = rd_u8(v);
	mp->family = family_of(mp, c);
	mp->paths = mp->family & c->paths_in;
	uint8_t hops_len = rd_u8(v);
	struct rd hops = rd_sub(v, hops_len);
	(void)rd_u8(v); // reserved, ignored
	if (!mp->family && !v->bad)
		return;
	if (v->bad || !read_next_hops(mp, &hops, c)) {
		lose_family(f);
		return;
	}
	take_nlri(mp, v, f);
	if (f->kind == BGP_FAULT_NONE && !is_next_hop(&mp->next_hop)) {
		f->kind = BGP_FAULT_NEXT_HOP;
		f->verb = BGP_VERB_WITHDRAW;
	}
}

static void unreach_decode(
	struct bgp_path *p, struct rd *v, const struct bgp_codec *c, struct bgp_fault *f)
{
	struct bgp_mp *mp = &p->unreach;

	mp->afi = rd_u16(v);
	mp->safi = rd_u8(v);
	mp->family = family_of(mp, c);
	mp->paths = mp->family & c->paths_in;
	if (mp->family)
		take_nlri(mp, v, f);
}

static void print_mp(const struct bgp_mp *mp, struct strbuf *b)
{
	char text[PREFIX_TEXT];
	struct rd r = mp->nlri;
	struct ip_prefix prefix;
	uint32_t id;

	sb_printf(b, "%u/%u", mp->afi, mp->safi);
	if (mp->next_hop.family != IP_NONE)
		sb_printf(b, " next-hop %s", ip_print(&mp->next_hop, text));
	if (mp->link_local.family != IP_NONE)
		sb_printf(b, " %s", ip_print(&mp->link_local, text));
	while (bgp_nlri_next_path(&r, mp->family, mp->paths, &prefix, &id)) {
		sb_printf(b, " %s", prefix_print(&prefix, text));
		if (mp->paths)
			sb_printf(b, " path %u", id);
	}
}

static void reach_print(const struct bgp_path *p, struct strbuf *b)
{
	print_mp(&p->reach, b);
}

static void unreach_print(const struct bgp_path *p, struct strbuf *b)
{
	print_mp(&p->unreach, b);
}

// ---- The table ----

enum {
	WELL_KNOWN = BGP_FLAG_TRANSITIVE,
	OPT_TRANS = BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE,
	OPT = BGP_FLAG_OPTIONAL,
	ANY = UINT16_MAX,
};

// clang-format off
const struct bgp_attr_row bgp_attr_table[] = {
	// code                        name                 rfc         flags       min max step  malformed, from whom
	{ BGP_ATTR_ORIGIN,           "ORIGIN",            "RFC 4271", WELL_KNOWN, 1, 1, 1,   BGP_VERB_WITHDRAW, BGP_FROM_ANY,
	  origin_decode, origin_encode, origin_print },
	{ BGP_ATTR_AS_PATH,          "AS_PATH",           "RFC 4271", WELL_KNOWN, 0, ANY, 1, BGP_VERB_WITHDRAW, BGP_FROM_ANY,
	  as_path_decode, as_path_encode, as_path_print },
	{ BGP_ATTR_NEXT_HOP,         "NEXT_HOP",          "RFC 4271", WELL_KNOWN, 4, 4, 1,   BGP_VERB_WITHDRAW, BGP_FROM_ANY,
	  next_hop_decode, next_hop_encode, next_hop_print },
	{ BGP_ATTR_MED,              "MULTI_EXIT_DISC",   "RFC 4271", OPT,        4, 4, 1,   BGP_VERB_WITHDRAW, BGP_FROM_ANY,
	  med_decode, med_encode, med_print },
	{ BGP_ATTR_LOCAL_PREF,       "LOCAL_PREF",        "RFC 4271", WELL_KNOWN, 4, 4, 1,   BGP_VERB_WITHDRAW, BGP_FROM_INTERNAL,
	  local_pref_decode, local_pref_encode, local_pref_print },
	{ BGP_ATTR_ATOMIC_AGGREGATE, "ATOMIC_AGGREGATE",  "RFC 4271", WELL_KNOWN, 0, 0, 1,   BGP_VERB_DISCARD,  BGP_FROM_ANY,
	  atomic_decode, NULL, atomic_print },
	{ BGP_ATTR_AGGREGATOR,       "AGGREGATOR",        "RFC 4271", OPT_TRANS,  6, 8, 2,   BGP_VERB_DISCARD,  BGP_FROM_ANY,
	  aggregator_decode, NULL, aggregator_print },
	{ BGP_ATTR_COMMUNITIES,      "COMMUNITIES",       "RFC 1997", OPT_TRANS,  4, ANY, 4, BGP_VERB_WITHDRAW, BGP_FROM_ANY,
	  communities_decode, communities_encode, communities_print },
	{ BGP_ATTR_ORIGINATOR_ID,    "ORIGINATOR_ID",     "RFC 4456", OPT,        4, 4, 1,   BGP_VERB_WITHDRAW, BGP_FROM_INTERNAL,
	  originator_decode, NULL, originator_print },
	{ BGP_ATTR_CLUSTER_LIST,     "CLUSTER_LIST",      "RFC 4456", OPT,        4, ANY, 4, BGP_VERB_WITHDRAW, BGP_FROM_INTERNAL,
	  cluster_decode, NULL, cluster_print },
	{ BGP_ATTR_MP_REACH,         "MP_REACH_NLRI",     "RFC 4760", OPT,        3, ANY, 1, BGP_VERB_RESET,    BGP_FROM_ANY,
	  reach_decode, NULL, reach_print },
	{ BGP_ATTR_MP_UNREACH,       "MP_UNREACH_NLRI",   "RFC 4760", OPT,        3, ANY, 1, BGP_VERB_RESET,    BGP_FROM_ANY,
	  unreach_decode, NULL, unreach_print },
	{ BGP_ATTR_EXTENDED_COMMUNITIES, "EXTENDED COMMUNITIES", "RFC 4360", OPT_TRANS, 8, ANY, 8, BGP_VERB_WITHDRAW, BGP_FROM_ANY,
	  extended_decode, NULL, extended_print },
	{ BGP_ATTR_AS4_PATH,         "AS4_PATH",          "RFC 6793", OPT_TRANS,  6, ANY, 2, BGP_VERB_DISCARD,  BGP_FROM_AS2,
	  as4_path_decode, as4_path_encode, as4_path_print },
	{ BGP_ATTR_AS4_AGGREGATOR,   "AS4_AGGREGATOR",    "RFC 6793", OPT_TRANS,  8, 8, 1,   BGP_VERB_DISCARD,  BGP_FROM_AS2,
	  as4_aggregator_decode, NULL, as4_aggregator_print },
	{ BGP_ATTR_LARGE_COMMUNITIES, "LARGE_COMMUNITY",  "RFC 8092", OPT_TRANS, 12, ANY, 12, BGP_VERB_WITHDRAW, BGP_FROM_ANY,
	  large_decode, large_encode, large_print },
	{ BGP_ATTR_OTC,              "OTC",               "RFC 9234", OPT_TRANS,  4, 4, 1,   BGP_VERB_WITHDRAW, BGP_FROM_ANY,
	  otc_decode, otc_encode, otc_print },
	{},
};
// clang-format on

const struct bgp_attr_row *bgp_attr_find(uint8_t code)
{
	for (const struct bgp_attr_row *row = bgp_attr_table; row->name; row++)
		if (row->code == code)
			return row;
	return NULL;
}

const char *bgp_attr_name(uint8_t code)
{
	const struct bgp_attr_row *row = bgp_attr_find(code);

	return row ? row->name : "unknown";
}

static void write_attr(struct wr *w, const struct bgp_attr_row *row, const struct wr *value)
{
	size_t n = wr_len(value);
	bool extended = n > UINT8_MAX;

	wr_u8(w, row->flags | (extended ? BGP_FLAG_EXTENDED : 0));
	wr_u8(w, (uint8_t)row->code);
	if (extended)
		wr_u16(w, (uint16_t)n);
	else
		wr_u8(w, (uint8_t)n);
	wr_bytes(w, value->start, n);
	w->bad |= value->bad;
}

void bgp_attrs_encode(
	struct wr *w, const struct bgp_attrs *attrs, const struct bgp_codec *codec, bool next_hop)
{
	uint8_t scratch[BGP_MSG_MAX];

	for (const struct bgp_attr_row *row = bgp_attr_table; row->name; row++) {
		struct wr value = wr_init(scratch, sizeof(scratch));

		if (!row->encode || (row->code == BGP_ATTR_NEXT_HOP && !next_hop))
			continue;
		if (row->encode(&value, attrs, codec))
			write_attr(w, row, &value);
	}
}
