// Path attributes as text and JSON. Each is read alone by the daemon's decoder, so
// that what is wrong stands beside the attribute that it is wrong with.
#include <stdio.h>

#include "lib/own.h"
#include "nearcast/decode.h"

const char *decode_family(uint16_t afi, uint8_t safi, char buf[DECODE_FAMILY_TEXT])
{
	static const char *const safis[] = { NULL, "unicast", "multicast", NULL, "labeled" };
	const char *name = safi < countof(safis) ? safis[safi] : NULL;

	if (safi == 128)
		name = "VPN";
	if (name && (afi == IP4 || afi == IP6))
		snprintf(buf, DECODE_FAMILY_TEXT, "IPv%d %s", afi == IP4 ? 4 : 6, name);
	else
		snprintf(buf, DECODE_FAMILY_TEXT, "%u/%u", afi, safi);
	return buf;
}

// IANA's registry "BGP Path Attributes": those that the daemon passes on, or drops, unread.
static const struct {
	uint8_t code;
	const char *name;
} unread[] = {
	{ 22, "PMSI_TUNNEL" },
	{ 23, "TUNNEL_ENCAPSULATION" },
	{ 24, "TRAFFIC_ENGINEERING" },
	{ 25, "IPV6_EXTENDED_COMMUNITIES" },
	{ 26, "AIGP" },
	{ 27, "PE_DISTINGUISHER_LABELS" },
	{ 29, "BGP-LS" },
	{ 33, "BGPSEC_PATH" },
	{ 34, "COMMUNITY_CONTAINER" },
	{ 36, "D-PATH" },
	{ 37, "SFP" },
	{ 38, "BFD_DISCRIMINATOR" },
	{ 40, "PREFIX_SID" },
	{ 128, "ATTR_SET" },
};

static const char *name_of(uint8_t code)
{
	for (size_t i = 0; i < countof(unread); i++)
		if (unread[i].code == code && !bgp_attr_find(code))
			return unread[i].name;
	return bgp_attr_name(code);
}

// ---- Values in JSON; those not named here are what bgp/attr.h prints ----

static void write_med(struct out *o, const struct bgp_path *p)
{
	out_uint(o, "value", p->med);
}

static void write_local_pref(struct out *o, const struct bgp_path *p)
{
	out_uint(o, "value", p->local_pref);
}

static void write_otc(struct out *o, const struct bgp_path *p)
{
	out_uint(o, "value", p->otc);
}

static void write_nothing(struct out *o, const struct bgp_path *)
{
	out_null(o, "value");
}

static void write_one_aggregator(struct out *o, const struct bgp_aggregator *a)
{
	char text[IP_TEXT];

	out_object(o, "value");
	out_uint(o, "as", a->as);
	out_str(o, "address", ip_print(&a->addr, text));
	out_end(o);
}

static void write_aggregator(struct out *o, const struct bgp_path *p)
{
	write_one_aggregator(o, &p->aggregator);
}

static void write_as4_aggregator(struct out *o, const struct bgp_path *p)
{
	write_one_aggregator(o, &p->as4_aggregator);
}

static void write_communities(struct out *o, const struct bgp_path *p)
{
	char text[BGP_COMMUNITY_TEXT];
	struct rd r = p->communities;

	out_array(o, "value");
	while (rd_more(&r)) {
		struct bgp_community c = bgp_community_from_u32(rd_u32(&r));
		out_str(o, NULL, bgp_community_print(&c, text));
	}
	out_end(o);
}

static void write_large(struct out *o, const struct bgp_path *p)
{
	struct rd r = p->large;

	out_array(o, "value");
	while (rd_more(&r)) {
		uint32_t global = rd_u32(&r);
		uint32_t local1 = rd_u32(&r);
		uint32_t local2 = rd_u32(&r);
		out_strf(o, NULL, "%u:%u:%u", global, local1, local2);
	}
	out_end(o);
}

// RFC 4360 sections 3 and 4, RFC 5668: route targets and origins as people write them, all
// others as they are.
static void add_extended(struct strbuf *b, struct rd *r)
{
	enum { TARGET = 2, ORIGIN = 3, NOT_TRANSITIVE = 0x40 };
	uint32_t high = rd_u32(r);
	uint32_t low = rd_u32(r);
	unsigned type = high >> 24 & ~(unsigned)NOT_TRANSITIVE, subtype = high >> 16 & 0xff;
	uint32_t admin = (high & 0xffff) << 16 | low >> 16;
	struct ip_addr addr = ip_from_u32(admin);
	const char *name = subtype == TARGET ? "rt" : "ro";
	char text[IP_TEXT];

	if ((subtype != TARGET && subtype != ORIGIN) || type > 2)
		sb_printf(b, "0x%08x%08x", high, low);
	else if (type == 0)
		sb_printf(b, "%s:%u:%u", name, high & 0xffff, low);
	else if (type == 1)
		sb_printf(b, "%s:%s:%u", name, ip_print(&addr, text), low & 0xffff);
	else
		sb_printf(b, "%s:%u:%u", name, admin, low & 0xffff);
}

static void write_extended(struct out *o, const struct bgp_path *p)
{
	own(sb_free) struct strbuf b = {};
	struct rd r = p->extended;

	out_array(o, "value");
	while (rd_more(&r)) {
		sb_clear(&b);
		add_extended(&b, &r);
		out_str(o, NULL, sb_text(&b));
	}
	out_end(o);
}

static void print_extended(const struct bgp_path *p, struct strbuf *b)
{
	struct rd r = p->extended;

	for (const char *between = ""; rd_more(&r); between = " ") {
		sb_str(b, between);
		add_extended(b, &r);
	}
}

static void write_clusters(struct out *o, const struct bgp_path *p)
{
	struct rd r = p->cluster_list;
	char text[IP_TEXT];

	out_array(o, "value");
	while (rd_more(&r)) {
		struct ip_addr a = ip_from_u32(rd_u32(&r));
		out_str(o, NULL, ip_print(&a, text));
	}
	out_end(o);
}

static void write_mp(struct out *o, const struct bgp_mp *mp)
{
	char text[IP_TEXT], family[DECODE_FAMILY_TEXT];

	out_object(o, "value");
	out_uint(o, "afi", mp->afi);
	out_uint(o, "safi", mp->safi);
	out_str(o, "family", decode_family(mp->afi, mp->safi, family));
	if (mp->next_hop.family != IP_NONE)
		out_str(o, "next_hop", ip_print(&mp->next_hop, text));
	if (mp->link_local.family != IP_NONE)
		out_str(o, "link_local", ip_print(&mp->link_local, text));
	out_end(o);
}

static void write_reach(struct out *o, const struct bgp_path *p)
{
	write_mp(o, &p->reach);
}

static void write_unreach(struct out *o, const struct bgp_path *p)
{
	write_mp(o, &p->unreach);
}

static const struct {
	enum bgp_attr_code code;
	void (*write)(struct out *o, const struct bgp_path *p);
} values[] = {
	{ BGP_ATTR_MED, write_med },
	{ BGP_ATTR_LOCAL_PREF, write_local_pref },
	{ BGP_ATTR_ATOMIC_AGGREGATE, write_nothing },
	{ BGP_ATTR_AGGREGATOR, write_aggregator },
	{ BGP_ATTR_COMMUNITIES, write_communities },
	{ BGP_ATTR_CLUSTER_LIST, write_clusters },
	{ BGP_ATTR_MP_REACH, write_reach },
	{ BGP_ATTR_MP_UNREACH, write_unreach },
	{ BGP_ATTR_EXTENDED_COMMUNITIES, write_extended },
	{ BGP_ATTR_AS4_AGGREGATOR, write_as4_aggregator },
	{ BGP_ATTR_LARGE_COMMUNITIES, write_large },
	{ BGP_ATTR_OTC, write_otc },
};

static void print_mp(const struct bgp_mp *mp, struct strbuf *b)
{
	char text[IP_TEXT], family[DECODE_FAMILY_TEXT];

	sb_str(b, decode_family(mp->afi, mp->safi, family));
	if (mp->next_hop.family != IP_NONE)
		sb_printf(b, ", next hop %s", ip_print(&mp->next_hop, text));
	if (mp->link_local.family != IP_NONE)
		sb_printf(b, " %s", ip_print(&mp->link_local, text));
}

// The routes have a list of their own.
static void print_value(const struct bgp_attr_row *row, const struct bgp_path *p, struct strbuf *b)
{
	if (row->code == BGP_ATTR_MP_REACH)
		print_mp(&p->reach, b);
	else if (row->code == BGP_ATTR_MP_UNREACH)
		print_mp(&p->unreach, b);
	else if (row->code == BGP_ATTR_EXTENDED_COMMUNITIES)
		print_extended(p, b);
	else
		row->print(p, b);
}

static void write_value(
	struct decode *d, struct out *o, const struct bgp_attr_row *row, const struct bgp_path *p)
{
	own(sb_free) struct strbuf b = {};

	for (size_t i = 0; d->json && i < countof(values); i++) {
		if (values[i].code == row->code) {
			values[i].write(o, p);
			return;
		}
	}
	print_value(row, p, &b);
	out_str(o, "value", sb_text(&b));
}

// ---- One attribute ----

static void write_flags(struct out *o, uint8_t flags)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {
		{ BGP_FLAG_OPTIONAL, "optional" },
		{ BGP_FLAG_TRANSITIVE, "transitive" },
		{ BGP_FLAG_PARTIAL, "partial" },
		{ BGP_FLAG_EXTENDED, "extended" },
	};

	out_array(o, "flags");
	for (size_t i = 0; i < countof(names); i++)
		if (flags & names[i].flag)
			out_str(o, NULL, names[i].name);
	out_end(o);
}

// Those of a family that is not read here have their octets shown too.
static bool is_whole(const struct bgp_path *p, uint8_t code)
{
	if (code == BGP_ATTR_MP_REACH)
		return p->reach.family != 0;
	return code != BGP_ATTR_MP_UNREACH || p->unreach.family != 0;
}

// From the wrong kind of neighbour, and of no use, but its value is still of interest.
static bool read_unexpected(
	struct bgp_path *ret, const struct bgp_raw_attr *a, const struct bgp_codec *codec)
{
	struct bgp_codec other = *codec;

	other.ibgp = true;
	other.as4 = false;
	return bgp_path_decode(ret, rd_init(a->start, a->size), &other).kind == BGP_FAULT_NONE;
}

static void write_attribute(struct decode *d, struct out *o, const struct bgp_raw_attr *a,
	const struct bgp_codec *codec, bool twice)
{
	const struct bgp_attr_row *row = bgp_attr_find(a->code);
	struct bgp_path one;
	struct bgp_fault fault = bgp_path_decode(&one, rd_init(a->start, a->size), codec);
	bool readable = row && fault.kind == BGP_FAULT_NONE;
	const char *wrong = fault.kind == BGP_FAULT_NONE ? NULL : bgp_fault_name(fault.kind);

	if (row && fault.kind == BGP_FAULT_ATTR_UNEXPECTED)
		readable = read_unexpected(&one, a, codec);
	out_object(o, NULL);
	out_uint(o, "code", a->code);
	out_str(o, "name", name_of(a->code));
	write_flags(o, a->flags);
	if (d->json)
		out_uint(o, "length", rd_left(&a->value));
	if (readable)
		write_value(d, o, row, &one);
	else if (d->json)
		out_null(o, "value");
	if (d->json && (!readable || !is_whole(&one, a->code)))
		decode_bytes(d, o, "hex", a->value);
	else if (!readable)
		decode_bytes(d, o, "value", a->value);
	if (twice)
		wrong = bgp_fault_name(BGP_FAULT_ATTR_TWICE);
	if (wrong)
		out_str(o, "fault", wrong);
	out_end(o);
}

void decode_attributes(
	struct decode *d, struct out *o, const struct bgp_path *path, const struct bgp_codec *codec)
{
	bool met[UINT8_MAX + 1] = {};
	struct rd r = path->raw;
	struct bgp_raw_attr a;

	out_table(o, "attributes");
	while (bgp_attr_next(&r, &a)) {
		write_attribute(d, o, &a, codec, met[a.code]);
		met[a.code] = true;
	}
	out_end(o);
}
