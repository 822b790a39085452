// decode --bgpdump: one line an entry of a table, a route of a message or a state, in the form
// that `bgpdump -m` made common and that scripts read:
//
//	TYPE|time|B|peer|AS|prefix|path|origin|next hop|local pref|MED|communities|AG|aggregator|
//	TYPE|time|A|...as B; B is of a table, A of a message
//	TYPE|time|W|peer|AS|prefix
//	TYPE|time|STATE|peer|AS|from|to
//
// With path identifiers TYPE ends with _AP, and the identifier stands behind the prefix. What is
// not there is printed as bgpdump does it: 0, INCOMPLETE, or the next hop 255.255.255.255. The
// values are shown as they are, without the verdict of RFC 7606.
#include <string.h>

#include "bgp/attr.h"
#include "lib/own.h"
#include "nearcast/decode.h"
#include "rib/attrs.h"

enum { AS_TRANS = 23456, PATH_BYTES = 128 << 10 };

// One family's routes, as MP_REACH_NLRI, MP_UNREACH_NLRI or a field of UPDATE has them.
struct routes {
	unsigned family; // BGP_FAMILY_*; 0: none, or not one that is read here
	struct ip_addr next_hop;
	struct rd list;
};

struct values {
	bool as4;
	unsigned origin;
	struct rd path, as4_path, communities;
	struct ip_addr next_hop;
	uint32_t med, local_pref;
	bool atomic;
	struct bgp_aggregator aggregator, as4_aggregator; // addr IP_NONE: it is not there
	struct routes reach, unreach;
};

// ---- Reading ----

static struct ip_addr read_ip4(struct rd *r)
{
	return ip_from_u32(rd_u32(r));
}

static unsigned read_family(struct rd *r)
{
	uint16_t afi = rd_u16(r);
	uint8_t safi = rd_u8(r);
	bool known = safi >= 1 && safi <= 2; // unicast, multicast

	if (!known || (afi != IP4 && afi != IP6))
		return 0;
	return afi == IP4 ? BGP_FAMILY_IP4 : BGP_FAMILY_IP6;
}

// RFC 4760 section 3; a second, link-local next hop (RFC 2545 section 3) has no place in a line.
static struct routes read_reach(struct rd r)
{
	struct routes m = { .family = read_family(&r) };
	size_t n = rd_u8(&r);
	struct rd hop = rd_sub(&r, n);

	(void)rd_u8(&r);
	if (r.bad)
		return (struct routes){};
	if (n == 4)
		m.next_hop = ip_from_bytes(IP4, hop.p);
	else if (n >= 16)
		m.next_hop = ip_from_bytes(IP6, hop.p);
	m.list = r;
	return m;
}

static struct routes read_unreach(struct rd r)
{
	struct routes m = { .family = read_family(&r) };

	m.list = r;
	return r.bad ? (struct routes){} : m;
}

static struct bgp_aggregator read_aggregator(struct rd r)
{
	struct bgp_aggregator a = {};

	a.as = rd_left(&r) == 6 ? rd_u16(&r) : rd_u32(&r);
	a.addr = read_ip4(&r);
	return r.bad ? (struct bgp_aggregator){} : a;
}

static void read_attribute(struct values *v, const struct bgp_raw_attr *a)
{
	struct rd r = a->value;

	switch (a->code) {
	case BGP_ATTR_ORIGIN:
		v->origin = rd_u8(&r);
		break;
	case BGP_ATTR_AS_PATH:
		v->path = r;
		break;
	case BGP_ATTR_NEXT_HOP:
		if (rd_left(&r) == 4)
			v->next_hop = read_ip4(&r);
		break;
	case BGP_ATTR_MED:
		v->med = rd_u32(&r);
		break;
	case BGP_ATTR_LOCAL_PREF:
		v->local_pref = rd_u32(&r);
		break;
	case BGP_ATTR_ATOMIC_AGGREGATE:
		v->atomic = true;
		break;
	case BGP_ATTR_AGGREGATOR:
		v->aggregator = read_aggregator(r);
		break;
	case BGP_ATTR_COMMUNITIES:
		v->communities = r;
		break;
	case BGP_ATTR_MP_REACH:
		v->reach = read_reach(r);
		break;
	case BGP_ATTR_MP_UNREACH:
		v->unreach = read_unreach(r);
		break;
	case BGP_ATTR_AS4_PATH:
		v->as4_path = r;
		break;
	case BGP_ATTR_AS4_AGGREGATOR:
		v->as4_aggregator = read_aggregator(r);
		break;
	default: // has no place in a line
		break;
	}
}

// False: the field is cut short; *v has what stands before that.
static bool read_values(struct values *v, struct rd field, bool as4)
{
	struct bgp_raw_attr a;

	*v = (struct values){
		.as4 = as4, .origin = BGP_ORIGIN_INCOMPLETE, .next_hop = ip_from_u32(UINT32_MAX)
	};
	while (bgp_attr_next(&field, &a))
		read_attribute(v, &a);
	// RFC 6793 section 4.2.3
	if (!as4 && v->aggregator.as == AS_TRANS && v->as4_aggregator.addr.family != IP_NONE)
		v->aggregator = v->as4_aggregator;
	return !field.bad;
}

// ---- Printing ----

static void add_addr(struct strbuf *b, const struct ip_addr *a)
{
	char text[IP_TEXT];

	sb_str(b, ip_print(a, text));
}

static void add_path(struct strbuf *b, const struct values *v)
{
	if (v->as4) {
		rib_path_print(v->path, b);
		return;
	}
	uint8_t room[PATH_BYTES];
	struct wr w = wr_init(room, sizeof(room));

	if (rib_path_merge(&w, v->path, v->as4_path) == 0)
		rib_path_print(rd_init(room, wr_len(&w)), b);
}

static void add_communities(struct strbuf *b, struct rd r)
{
	static const struct {
		uint32_t value;
		const char *name;
	} names[] = {
		{ 0xffffff01, "no-export" },
		{ 0xffffff02, "no-advertise" },
		{ 0xffffff03, "local-AS" },
	};

	for (const char *between = ""; rd_left(&r) >= 4; between = " ") {
		uint32_t c = rd_u32(&r);
		const char *name = NULL;

		for (size_t i = 0; i < countof(names); i++)
			if (names[i].value == c)
				name = names[i].name;
		sb_str(b, between);
		if (name)
			sb_str(b, name);
		else
			sb_printf(b, "%u:%u", c >> 16, c & 0xffff);
	}
}

// The part that all routes of a message share; hop: of their family.
static void add_values(struct strbuf *b, const struct values *v, const struct ip_addr *hop)
{
	static const char *const origins[] = { "IGP", "EGP", "INCOMPLETE" };

	add_path(b, v);
	sb_printf(b, "|%s|", origins[v->origin < countof(origins) ? v->origin : 2]);
	add_addr(b, hop->family != IP_NONE ? hop : &v->next_hop);
	sb_printf(b, "|%u|%u|", v->local_pref, v->med);
	add_communities(b, v->communities);
	sb_printf(b, "|%s|", v->atomic ? "AG" : "NAG");
	if (v->aggregator.addr.family != IP_NONE) {
		sb_printf(b, "%u ", v->aggregator.as);
		add_addr(b, &v->aggregator.addr);
	}
	sb_str(b, "|\n");
}

static void begin_line(
	struct decode *d, const struct decode_where *w, const char *type, const char *what)
{
	struct strbuf *b = &d->text;

	d->messages++;
	sb_printf(b, "%s|%lld", type, (long long)(w->time_us / 1000000));
	if (w->microseconds)
		sb_printf(b, ".%06lld", (long long)(w->time_us % 1000000));
	sb_printf(b, "|%s|", what);
	if (w->peer.family == IP_NONE)
		sb_str(b, "0.0.0.0");
	else
		add_addr(b, &w->peer);
	sb_printf(b, "|%u|", w->peer_as);
}

static void add_route(struct strbuf *b, const struct ip_prefix *p, bool has_id, uint32_t id)
{
	char text[PREFIX_TEXT];

	sb_str(b, prefix_print(p, text));
	if (has_id)
		sb_printf(b, "|%u", id);
}

static void end_line(struct decode *d)
{
	enum { FLUSH_BYTES = 64 << 10 };

	if (d->text.len >= FLUSH_BYTES)
		decode_flush(d);
}

// ---- Records ----

// "BGP4MP_ET_AP". What the collector itself said is marked only where there are no identifiers.
static const char *type_of(const struct decode_where *w, bool paths)
{
	static const char *const names[2][3] = {
		{ "BGP4MP", "BGP4MP_LOCAL", "BGP4MP_AP" },
		{ "BGP4MP_ET", "BGP4MP_ET_LOCAL", "BGP4MP_ET_AP" },
	};
	bool from_local = w->to.family != IP_NONE;

	return names[w->microseconds][paths ? 2 : from_local];
}

// values NULL: withdrawn. False: the list ends inside a route.
static bool add_routes(struct decode *d, const struct decode_where *w, struct routes r, bool paths,
	const struct strbuf *values)
{
	struct ip_prefix prefix;
	uint32_t id;

	while (r.family && !d->stopped &&
		bgp_nlri_next_path(&r.list, r.family, paths, &prefix, &id)) {
		begin_line(d, w, type_of(w, paths), values ? "A" : "W");
		add_route(&d->text, &prefix, paths, id);
		if (values) {
			sb_char(&d->text, '|');
			sb_add(&d->text, sb_text(values), values->len);
		} else {
			sb_char(&d->text, '\n');
		}
		end_line(d);
	}
	return !r.list.bad;
}

void decode_bgpdump_update(struct decode *d, const struct decode_where *where,
	const struct bgp_codec *codec, struct rd body)
{
	own(sb_free) struct strbuf classic = {}, mp = {};
	size_t withdrawn_len = rd_u16(&body);
	struct routes withdrawn = { .family = BGP_FAMILY_IP4,
		.list = rd_sub(&body, withdrawn_len) };
	size_t attrs_len = rd_u16(&body);
	struct rd attrs = rd_sub(&body, attrs_len);
	struct routes announced = { .family = BGP_FAMILY_IP4, .list = body };
	bool paths = codec->paths_in != 0;
	struct values v;

	bool whole = read_values(&v, attrs, codec->as4) && !body.bad;
	add_values(&classic, &v, &(struct ip_addr){});
	add_values(&mp, &v, &v.reach.next_hop);
	whole &= add_routes(d, where, withdrawn, paths, NULL);
	whole &= add_routes(d, where, v.unreach, paths, NULL);
	whole &= add_routes(d, where, announced, paths, &classic);
	whole &= add_routes(d, where, v.reach, paths, &mp);
	if (!whole)
		decode_skipped(d, where, 0, true, "an UPDATE that cannot be read to its end");
}

void decode_bgpdump_entry(
	struct decode *d, const struct decode_where *w, bool as4, bool version2, struct rd body)
{
	static const char *const types[] = { "TABLE_DUMP", "TABLE_DUMP2", "TABLE_DUMP2_AP" };
	size_t withdrawn_len = rd_u16(&body);
	struct values v;

	(void)rd_bytes(&body, withdrawn_len);
	size_t attrs_len = rd_u16(&body);
	bool whole = read_values(&v, rd_sub(&body, attrs_len), as4);
	begin_line(d, w, types[w->has_path_id ? 2 : version2], "B");
	add_route(&d->text, w->route, w->has_path_id, w->path_id);
	sb_char(&d->text, '|');
	add_values(&d->text, &v, &v.reach.next_hop);
	end_line(d);
	if (!whole)
		decode_skipped(d, w, 0, true, "attributes that cannot be read to their end");
}

void decode_bgpdump_state(
	struct decode *d, const struct decode_where *w, uint16_t from, uint16_t to)
{
	begin_line(d, w, w->microseconds ? "BGP4MP_ET" : "BGP4MP", "STATE");
	sb_printf(&d->text, "%u|%u\n", from, to);
	end_line(d);
}
