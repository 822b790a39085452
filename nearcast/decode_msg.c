// Messages as text and JSON.
#include <assert.h>

#include "bgp/update.h"
#include "lib/own.h"
#include "nearcast/decode.h"

// ---- What every message begins and ends with ----

static void print_head(
	struct decode *d, const struct decode_where *w, const char *type, size_t length)
{
	char text[IP_TEXT], time[TIME_TEXT];
	struct strbuf *b = &d->text;

	sb_printf(b, "%s%s, %zu octets at %llu", d->messages > 1 ? "\n" : "", type, length,
		(unsigned long long)w->offset);
	if (w->has_time)
		sb_printf(b, ", %s", time_print(w->time_us, time));
	if (w->peer.family != IP_NONE)
		sb_printf(b, ", from %s", ip_print(&w->peer, text));
	if (w->peer_as)
		sb_printf(b, " AS %u", w->peer_as);
	if (w->to.family != IP_NONE)
		sb_printf(b, " to %s", ip_print(&w->to, text));
	if (w->record)
		sb_printf(b, " (%s)", w->record);
	sb_char(b, '\n');
}

static void write_addr(struct out *o, const char *name, const struct ip_addr *a)
{
	char text[IP_TEXT];

	out_str(o, name, a->family == IP_NONE ? NULL : ip_print(a, text));
}

static void write_head(struct out *o, const struct decode_where *w, const char *type, size_t length)
{
	char time[TIME_TEXT];

	out_uint(o, "offset", w->offset);
	out_str(o, "time", w->has_time ? time_print(w->time_us, time) : NULL);
	write_addr(o, "peer", &w->peer);
	if (w->peer_as)
		out_uint(o, "peer_as", w->peer_as);
	if (w->to.family != IP_NONE)
		write_addr(o, "to", &w->to);
	if (w->record)
		out_str(o, "record", w->record);
	out_str(o, "type", type);
	out_uint(o, "length", length);
}

struct out *decode_begin(
	struct decode *d, const struct decode_where *w, const char *type, size_t length)
{
	d->messages++;
	if (!d->json)
		print_head(d, w, type, length);
	struct out *o = out_new(d->json ? OUT_JSON : OUT_TEXT, &d->text);
	out_object(o, NULL);
	if (d->json)
		write_head(o, w, type, length);
	return o;
}

void decode_end(struct decode *d, struct out **o)
{
	enum { FLUSH_BYTES = 64 << 10 };

	out_end(*o);
	out_free(o);
	if (d->text.len >= FLUSH_BYTES)
		decode_flush(d);
}

static const char *const actions[] = {
	[BGP_VERB_NONE] = "accept",
	[BGP_VERB_DISCARD] = "discard-attribute",
	[BGP_VERB_WITHDRAW] = "treat-as-withdraw",
	[BGP_VERB_RESET_AFI] = "reset-afi",
	[BGP_VERB_RESET] = "reset-session",
};
static_assert(countof(actions) == BGP_VERB_MAX);

// RFC 7606 section 2, and the NOTIFICATION that would say so.
static void write_verdict(struct out *o, const struct bgp_fault *f)
{
	bool fault = f->kind != BGP_FAULT_NONE;

	out_object(o, "verdict");
	out_str(o, "action", actions[f->verb]);
	out_str(o, "reason", fault ? bgp_fault_name(f->kind) : NULL);
	if (fault && f->attr)
		out_str(o, "attribute", bgp_attr_name(f->attr));
	if (fault) {
		out_object(o, "notification");
		out_uint(o, "code", bgp_fault_code(f->kind));
		out_uint(o, "subcode", bgp_fault_subcode(f->kind));
		out_end(o);
	} else {
		out_null(o, "notification");
	}
	out_end(o);
}

static void print_verdict(struct out *o, const struct bgp_fault *f)
{
	own(sb_free) struct strbuf b = {};

	sb_str(&b, actions[f->verb]);
	if (f->kind != BGP_FAULT_NONE) {
		sb_printf(&b, ": %s", bgp_fault_name(f->kind));
		if (f->attr)
			sb_printf(&b, " (%s)", bgp_attr_name(f->attr));
		uint8_t code = bgp_fault_code(f->kind), subcode = bgp_fault_subcode(f->kind);
		sb_printf(&b, "; %s %u/%u %s", f->verb == BGP_VERB_RESET ? "NOTIFICATION" : "error",
			code, subcode,
			subcode ? bgp_subcode_name(code, subcode) : bgp_code_name(code));
	}
	out_str(o, "verdict", sb_text(&b));
}

void decode_verdict(struct decode *d, struct out *o, const struct bgp_fault *f)
{
	d->faulty += f->kind != BGP_FAULT_NONE;
	if (d->json)
		write_verdict(o, f);
	else
		print_verdict(o, f);
}

void decode_bytes(struct decode *d, struct out *o, const char *name, struct rd bytes)
{
	enum { SHOWN = 32 };
	own(sb_free) struct strbuf b = {};
	size_t n = rd_left(&bytes), shown = d->json || n < SHOWN ? n : SHOWN;

	for (size_t i = 0; i < shown; i++)
		sb_printf(&b, "%02x", bytes.p[i]);
	if (shown < n)
		sb_printf(&b, "... (%zu octets)", n);
	out_str(o, name, sb_text(&b));
}

void decode_skipped(struct decode *d, const struct decode_where *w, size_t length, bool faulty,
	const char *reason)
{
	if (d->options.bgpdump) {
		if (faulty)
			decode_fault(d, w->offset, reason);
		return;
	}
	struct out *o = decode_begin(d, w, faulty ? "UNREADABLE" : "SKIPPED", length);

	d->faulty += faulty;
	out_str(o, "reason", reason);
	decode_end(d, &o);
}

void decode_bad_message(struct decode *d, const struct decode_where *w, const struct bgp_fault *f,
	const uint8_t *head, size_t len)
{
	size_t shown = len < BGP_HEADER_BYTES ? len : BGP_HEADER_BYTES;

	if (d->options.bgpdump) {
		decode_fault(d, w->offset, bgp_fault_name(f->kind));
		return;
	}
	struct out *o = decode_begin(d, w, "UNKNOWN", shown);

	decode_bytes(d, o, "hex", rd_init(head, shown));
	decode_verdict(d, o, f);
	decode_end(d, &o);
}

// ---- UPDATE ----

static void write_route(
	struct decode *d, struct out *o, const struct ip_prefix *prefix, const uint32_t *path_id)
{
	char text[PREFIX_TEXT];

	prefix_print(prefix, text);
	if (d->json) {
		out_object(o, NULL);
		out_str(o, "prefix", text);
		if (path_id)
			out_uint(o, "path_id", *path_id);
		out_end(o);
	} else if (path_id) {
		out_strf(o, NULL, "%s path %u", text, *path_id);
	} else {
		out_str(o, NULL, text);
	}
}

// As far as the list can be read.
static void write_routes(
	struct decode *d, struct out *o, struct rd list, unsigned family, bool paths)
{
	struct ip_prefix prefix;
	uint32_t id;

	while (bgp_nlri_next_path(&list, family, paths, &prefix, &id))
		write_route(d, o, &prefix, paths ? &id : NULL);
}

// Those of IPv4 in their own field, and those of an attribute: a reader wants them together.
static void write_route_list(struct decode *d, struct out *o, const char *name,
	const struct bgp_update *u, struct rd classic, const struct bgp_mp *mp)
{
	if (!d->json && !rd_more(&classic) && !rd_more(&mp->nlri))
		return;
	out_array(o, name);
	write_routes(d, o, classic, BGP_FAMILY_IP4, u->paths);
	write_routes(d, o, mp->nlri, mp->family, mp->paths);
	out_end(o);
}

static void write_table_route(struct decode *d, struct out *o, const struct decode_where *w)
{
	out_array(o, "nlri");
	write_route(d, o, w->route, w->has_path_id ? &w->path_id : NULL);
	out_end(o);
}

static bool is_about_as(const struct bgp_fault *f)
{
	return f->kind == BGP_FAULT_AS_PATH ||
	       (f->kind == BGP_FAULT_ATTR_LENGTH && f->attr == BGP_ATTR_AGGREGATOR);
}

// Nothing said how wide AS numbers are: four octets, unless two fit better.
static void decode_guessed(
	struct bgp_update *u, struct rd body, struct bgp_codec *codec, bool guess)
{
	struct bgp_codec narrow = *codec;
	struct bgp_update other;

	bgp_update_decode(u, body, codec);
	if (!guess || !is_about_as(&u->fault))
		return;
	narrow.as4 = !codec->as4;
	bgp_update_decode(&other, body, &narrow);
	if (!is_about_as(&other.fault) && other.fault.verb <= u->fault.verb) {
		*u = other;
		*codec = narrow;
	}
}

// Where a list of routes is malformed the daemon's decoder stops; what can be read is shown here.
static void fill_in(struct bgp_update *u, struct rd body, const struct bgp_codec *codec)
{
	size_t withdrawn_len = rd_u16(&body);
	struct rd withdrawn = rd_sub(&body, withdrawn_len);
	size_t attrs_len = rd_u16(&body);
	struct rd attrs = rd_sub(&body, attrs_len);

	if (u->fault.verb != BGP_VERB_RESET || u->path.count > 0)
		return;
	u->withdrawn = withdrawn;
	u->path.raw = attrs;
	u->nlri = body;
	u->paths = codec->paths_in & BGP_FAMILY_IP4;
}

void decode_update(struct decode *d, struct out *o, const struct decode_where *w,
	const struct bgp_codec *codec, struct rd body)
{
	struct bgp_codec c = *codec;
	struct bgp_update u;

	decode_guessed(&u, body, &c, w->guess_as);
	fill_in(&u, body, &c);
	if (w->no_next_hop)
		bgp_fault_raise(&u.fault, &(struct bgp_fault){ .kind = BGP_FAULT_ATTR_MISSING,
						  .verb = BGP_VERB_WITHDRAW,
						  .attr = BGP_ATTR_MP_REACH });
	if (d->json)
		out_bool(o, "as4", c.as4);
	if (u.end_of_rib && !w->route)
		out_str(o, "end_of_rib", bgp_family_name(u.end_of_rib));
	write_route_list(d, o, "withdrawn", &u, u.withdrawn, &u.path.unreach);
	decode_attributes(d, o, &u.path, &c);
	if (w->route)
		write_table_route(d, o, w);
	else
		write_route_list(d, o, "nlri", &u, u.nlri, &u.path.reach);
	if (u.fault.verb >= BGP_VERB_RESET_AFI && !w->route) // of a table: not as the file has it
		decode_bytes(d, o, "hex", body);
	decode_verdict(d, o, &u.fault);
}

// ---- The others ----

static void write_notification(struct decode *d, struct out *o, const struct bgp_msg *m)
{
	struct bgp_notification n = bgp_notification_parse(m->body);
	char text[BGP_SHUTDOWN_TEXT_MAX + 1];
	const char *subcode = bgp_subcode_name(n.code, n.subcode);

	out_uint(o, "code", n.code);
	out_str(o, "code_name", bgp_code_name(n.code));
	out_uint(o, "subcode", n.subcode);
	out_str(o, "subcode_name", *subcode ? subcode : NULL);
	if (bgp_shutdown_parse(text, &n) > 0)
		out_str(o, "text", text);
	if (rd_more(&n.data))
		decode_bytes(d, o, "data", n.data);
}

static struct bgp_fault write_refresh(struct decode *d, struct out *o, const struct bgp_msg *m)
{
	static const char *const subtypes[] = { "request", "begin", "end" };
	char family[DECODE_FAMILY_TEXT];
	struct bgp_refresh refresh;
	struct rd r = m->body;
	uint16_t afi = rd_u16(&r);
	uint8_t subtype = rd_u8(&r);
	uint8_t safi = rd_u8(&r);

	out_uint(o, "afi", afi);
	out_uint(o, "safi", safi);
	out_str(o, "family", decode_family(afi, safi, family));
	out_uint(o, "subtype", subtype);
	out_str(o, "subtype_name", subtype < countof(subtypes) ? subtypes[subtype] : NULL);
	if (rd_more(&r)) // RFC 5291
		decode_bytes(d, o, "data", r);
	return bgp_refresh_parse(&refresh, m);
}

void decode_message(struct decode *d, const struct decode_where *w, const struct bgp_codec *codec,
	const struct bgp_msg *m)
{
	struct out *o = decode_begin(d, w, bgp_msg_name(m->type), m->size);
	struct bgp_fault fault = {};

	switch (m->type) {
	case BGP_MSG_UPDATE:
		decode_update(d, o, w, codec, m->body);
		decode_end(d, &o);
		return;
	case BGP_MSG_OPEN:
		fault = decode_open(d, o, m);
		break;
	case BGP_MSG_NOTIFICATION:
		write_notification(d, o, m);
		break;
	case BGP_MSG_ROUTE_REFRESH:
		fault = write_refresh(d, o, m);
		break;
	default: // KEEPALIVE has nothing more to say
		break;
	}
	decode_verdict(d, o, &fault);
	decode_end(d, &o);
}
