#include "nearglass/route.h"

#include <stdio.h>
#include <string.h>

#include "bgp/attr.h"
#include "lib/mem.h"
#include "lib/own.h"

// ---- The routes of a prefix ----

void prefix_routes(
	struct prefix_routes *ret, const struct view *v, enum ip_family family, uint32_t number)
{
	ret->family = family;
	ret->number = number;
	ret->prefix = prefixes_key(rib_prefixes(v->rib, family), number);
	size_t n = rib_routes(v->rib, family, number, ret->list, ROUTES_A_PREFIX);
	ret->count = n < ROUTES_A_PREFIX ? n : ROUTES_A_PREFIX;
	ret->best =
		rib_best(v->rib, ret->list, ret->count, (uint32_t)v->conf->as, ret->lost, &ret->by);
}

int prefix_routes_find(const struct prefix_routes *p, const struct rib_route *r)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].neighbour == r->neighbour && p->list[i].path_id == r->path_id)
			return (int)i;
	return -1;
}

const struct neighbour_info *view_neighbour(const struct view *v, unsigned number)
{
	return &v->neighbours[number];
}

const struct neighbour_info *view_find(const struct view *v, const char *name)
{
	for (size_t i = 0; i < v->neighbour_count; i++)
		if (strcmp(v->neighbours[i].conf->name, name) == 0)
			return &v->neighbours[i];
	return NULL;
}

enum rpki_validity view_validity(const struct view *v, const struct rib_route *r)
{
	return v->rpki && v->rpki_info.known ? (enum rpki_validity)r->mark : RPKI_UNKNOWN;
}

// ---- Communities ----

void community_text(char ret[COMMUNITY_TEXT], struct rd *list)
{
	unsigned a = rd_u16(list);
	unsigned b = rd_u16(list);

	snprintf(ret, COMMUNITY_TEXT, "%u:%u", a, b);
}

void large_text(char ret[COMMUNITY_TEXT], struct rd *list)
{
	uint32_t a = rd_u32(list);
	uint32_t b = rd_u32(list);
	uint32_t c = rd_u32(list);

	snprintf(ret, COMMUNITY_TEXT, "%u:%u:%u", a, b, c);
}

// RFC 4360 section 4, RFC 5668: { type:8, subtype:8, administrator, number }, where the type says
// how wide the two are. Bit 0x40 is "non-transitive".
void extended_text(char ret[COMMUNITY_TEXT], struct rd *list)
{
	uint8_t type = rd_u8(list);
	uint8_t subtype = rd_u8(list);
	struct rd six = rd_sub(list, 6);
	const char *kind = subtype == 2 ? "rt" : subtype == 3 ? "ro" : NULL;
	uint8_t form = type & 0x3f;
	char address[IP_TEXT];

	if (!kind || form > 2) {
		uint64_t value = (uint64_t)rd_u16(&six) << 32;
		value |= rd_u32(&six);
		snprintf(ret, COMMUNITY_TEXT, "0x%02x%02x:0x%012lx", type, subtype,
			(unsigned long)value);
	} else if (form == 0) {
		unsigned as = rd_u16(&six);
		snprintf(ret, COMMUNITY_TEXT, "%s:%u:%u", kind, as, rd_u32(&six));
	} else if (form == 1) {
		struct ip_addr a = ip_from_u32(rd_u32(&six));
		snprintf(
			ret, COMMUNITY_TEXT, "%s:%s:%u", kind, ip_print(&a, address), rd_u16(&six));
	} else {
		uint32_t as = rd_u32(&six);
		snprintf(ret, COMMUNITY_TEXT, "%s:%u:%u", kind, as, rd_u16(&six));
	}
}

static void write_list(struct out *o, const char *name, const struct rib_attrs *a, uint8_t code,
	size_t octets, void (*text)(char ret[COMMUNITY_TEXT], struct rd *list))
{
	char one[COMMUNITY_TEXT];
	struct rd v;

	out_array(o, name);
	if (rib_attrs_get(a, code, &v))
		while (rd_left(&v) >= octets) {
			text(one, &v);
			out_str(o, NULL, one);
		}
	out_end(o);
}

// Those of one kind that have a name. A community that is there twice is named once.
static void write_names_of(struct out *o, const struct names *names, struct rd list, size_t octets,
	void (*text)(char ret[COMMUNITY_TEXT], struct rd *list))
{
	own(sb_free) struct strbuf name = {};
	char one[COMMUNITY_TEXT], earlier[COMMUNITY_TEXT];

	for (struct rd v = list; rd_left(&v) >= octets;) {
		size_t left = rd_left(&v);
		bool again = false;
		text(one, &v);
		for (struct rd e = list; !again && rd_left(&e) > left;) {
			text(earlier, &e);
			again = strcmp(earlier, one) == 0;
		}
		sb_clear(&name);
		if (!again && names_find(names, one, &name))
			out_str(o, one, sb_text(&name));
	}
}

static void write_names(struct out *o, const struct names *names, const struct rib_attrs *a)
{
	struct rd v;

	out_object(o, "community_names");
	if (rib_attrs_get(a, BGP_ATTR_COMMUNITIES, &v))
		write_names_of(o, names, v, 4, community_text);
	if (rib_attrs_get(a, BGP_ATTR_LARGE_COMMUNITIES, &v))
		write_names_of(o, names, v, 12, large_text);
	if (rib_attrs_get(a, BGP_ATTR_EXTENDED_COMMUNITIES, &v))
		write_names_of(o, names, v, 8, extended_text);
	out_end(o);
}

// ---- Attributes ----

static void write_path(struct out *o, struct rd path)
{
	own(sb_free) struct strbuf text = {};
	struct rib_path_walk w = rib_path_walk(path);
	struct rib_hop hop;

	out_array(o, "as_path");
	while (rib_path_next(&w, &hop))
		out_uint(o, NULL, hop.as);
	out_end(o);
	rib_path_print(path, &text);
	out_str(o, "as_path_str", sb_text(&text));
}

static void write_u32(struct out *o, const char *name, const struct rib_attrs *a, uint8_t code)
{
	struct rd v;

	if (rib_attrs_get(a, code, &v) && rd_left(&v) == 4)
		out_uint(o, name, rd_u32(&v));
	else
		out_null(o, name);
}

static void write_aggregator(struct out *o, const struct rib_attrs *a)
{
	char text[IP_TEXT];
	struct rd v;

	if (!rib_attrs_get(a, BGP_ATTR_AGGREGATOR, &v) || rd_left(&v) != 8)
		return;
	uint32_t as = rd_u32(&v);
	struct ip_addr addr = ip_from_u32(rd_u32(&v));
	out_strf(o, "aggregator", "%u %s", as, ip_print(&addr, text));
}

static void write_attrs(struct out *o, const struct names *names, const struct rib_attrs *a)
{
	char text[IP_TEXT];
	struct ip_addr hop = rib_attrs_next_hop(a, NULL);
	struct rd v;

	out_object(o, NULL);
	out_str(o, "origin", rib_origin_name(rib_attrs_origin(a)));
	write_path(o, a->path);
	out_str(o, "next_hop", hop.family == IP_NONE ? NULL : ip_print(&hop, text));
	write_u32(o, "local_pref", a, BGP_ATTR_LOCAL_PREF);
	write_u32(o, "med", a, BGP_ATTR_MED);
	write_u32(o, "otc", a, BGP_ATTR_OTC);
	write_list(o, "communities", a, BGP_ATTR_COMMUNITIES, 4, community_text);
	write_list(o, "large_communities", a, BGP_ATTR_LARGE_COMMUNITIES, 12, large_text);
	write_list(o, "ext_communities", a, BGP_ATTR_EXTENDED_COMMUNITIES, 8, extended_text);
	if (names)
		write_names(o, names, a);
	write_aggregator(o, a);
	if (rib_attrs_get(a, BGP_ATTR_ATOMIC_AGGREGATE, &v))
		out_bool(o, "atomic_aggregate", true);
	out_end(o);
}

// ---- Objects ----

enum { SLOTS = 8192 };

struct slot {
	uint32_t set;
	struct strbuf json; // empty: nothing kept
};

struct route_writer {
	const struct view *v;
	struct strbuf *heads; // by neighbour: the members that say whose it is
	struct slot *slots;   // attributes; NULL: one is kept
	struct slot lone;
	uint32_t time_s;
	char time[TIME_TEXT];
};

struct route_writer *route_writer_new(const struct view *v, bool many)
{
	struct route_writer *w = mem_zalloc(sizeof(*w));

	w->v = v;
	w->heads = mem_zalloc(v->neighbour_count * sizeof(*w->heads));
	if (many)
		w->slots = mem_zalloc(SLOTS * sizeof(*w->slots));
	return w;
}

void route_writer_free(struct route_writer **which)
{
	struct route_writer *w = take(*which);

	if (!w)
		return;
	for (size_t i = 0; i < w->v->neighbour_count; i++)
		sb_free(&w->heads[i]);
	for (size_t i = 0; w->slots && i < SLOTS; i++)
		sb_free(&w->slots[i].json);
	sb_free(&w->lone.json);
	free(w->heads);
	free(w->slots);
	free(w);
}

// A document ends with a newline, which has no place within another.
static void cut_end(struct strbuf *b, size_t n)
{
	b->len -= n;
	b->s[b->len] = '\0';
}

static const struct slot *attrs_json(struct route_writer *w, uint32_t set)
{
	struct slot *s = w->slots ? &w->slots[set % SLOTS] : &w->lone;

	if (s->json.len > 0 && s->set == set)
		return s;
	struct rib_attrs a = rib_set_read(w->v->rib, set);
	sb_clear(&s->json);
	s->set = set;
	struct out *o = out_new(OUT_JSON, &s->json);
	write_attrs(o, w->v->conf->names, &a);
	out_free(&o);
	cut_end(&s->json, 1);
	return s;
}

// Up to where the route's own members begin.
static const struct strbuf *head_json(struct route_writer *w, unsigned neighbour)
{
	const struct neighbour_info *n = view_neighbour(w->v, neighbour);
	struct strbuf *b = &w->heads[neighbour];
	char text[IP_TEXT];

	if (b->len > 0)
		return b;
	struct out *o = out_new(OUT_JSON, b);
	out_object(o, NULL);
	out_str(o, "site", w->v->conf->site);
	out_str(o, "peer_id", n->conf->name);
	out_str(o, "peer_address", ip_print(&n->conf->address, text));
	out_uint(o, "peer_as", n->as);
	out_end(o);
	out_free(&o);
	cut_end(b, 2); // and the brace
	return b;
}

static const char *time_text(struct route_writer *w, uint32_t time_s)
{
	if (w->time[0] == '\0' || w->time_s != time_s)
		(void)time_print((int64_t)time_s * 1000000, w->time);
	w->time_s = time_s;
	return w->time;
}

static const char *reason_of(const struct prefix_routes *p, size_t i)
{
	if (p->best != (int)i)
		return rib_step_name(p->lost[i]);
	return rib_step_name(p->by); // none: there was no rival
}

// A member whose value needs no escaping.
static void add_text(struct strbuf *b, const char *name, const char *value)
{
	sb_str(b, name);
	sb_str(b, value);
}

void route_write(struct route_writer *w, struct strbuf *b, const struct prefix_routes *p, size_t i)
{
	const struct rib_route *r = &p->list[i];
	const struct strbuf *head = head_json(w, r->neighbour);
	const struct slot *attrs = attrs_json(w, r->set);
	char text[PREFIX_TEXT];

	sb_add(b, head->s, head->len);
	add_text(b, ",\"network\":\"", prefix_print(&p->prefix, text));
	if (view_neighbour(w->v, r->neighbour)->paths)
		sb_printf(b, "\",\"path_id\":%u", r->path_id);
	else
		sb_str(b, "\",\"path_id\":null");
	add_text(b, ",\"best\":", p->best == (int)i ? "true" : "false");
	add_text(b, ",\"best_reason\":\"", reason_of(p, i));
	if (w->v->rpki)
		add_text(b, "\",\"rpki\":\"", rpki_validity_name(view_validity(w->v, r)));
	add_text(b, w->v->rpki ? "\",\"last_update\":\"" : "\",\"rpki\":null,\"last_update\":\"",
		time_text(w, r->time_s));
	sb_str(b, r->stale ? "\",\"stale\":true,\"bgp\":" : "\",\"bgp\":");
	sb_add(b, attrs->json.s, attrs->json.len);
	sb_char(b, '}');
}
