// OPEN with its capabilities, all of them, as they stand in the message. The verdict is
// that of bgp/open.h; what is here shows also what that refuses.
#include <stdio.h>

#include "bgp/open.h"
#include "lib/own.h"
#include "lib/text.h"
#include "nearcast/decode.h"

// ---- Values of capabilities, each as one line of text ----

static void add_family(struct strbuf *b, struct rd *r)
{
	char text[DECODE_FAMILY_TEXT];
	uint16_t afi = rd_u16(r);
	uint8_t safi = rd_u8(r);

	sb_str(b, decode_family(afi, safi, text));
}

// RFC 4760 section 8: { AFI:16, reserved:8, SAFI:8 }
static void add_multiprotocol(struct strbuf *b, struct rd *r)
{
	char text[DECODE_FAMILY_TEXT];
	uint16_t afi = rd_u16(r);
	(void)rd_u8(r);
	uint8_t safi = rd_u8(r);

	sb_str(b, decode_family(afi, safi, text));
}

// RFC 8950 section 4: { AFI:16, SAFI:16, AFI of the next hop:16 }
static void add_next_hops(struct strbuf *b, struct rd *r)
{
	char text[DECODE_FAMILY_TEXT];

	for (const char *between = ""; rd_more(r); between = ", ") {
		uint16_t afi = rd_u16(r);
		uint16_t safi = rd_u16(r);
		uint16_t hop = rd_u16(r);
		sb_printf(b, "%s%s over IPv%u", between, decode_family(afi, (uint8_t)safi, text),
			hop == IP6 ? 6 : 4);
	}
}

// RFC 9234 section 4.1
static void add_role(struct strbuf *b, struct rd *r)
{
	sb_str(b, bgp_role_name(rd_u8(r)));
}

// RFC 4724 section 3: { flags:4, seconds:12 }, then { AFI:16, SAFI:8, flags:8 }
static void add_restart(struct strbuf *b, struct rd *r)
{
	uint16_t head = rd_u16(r);

	sb_printf(b, "%us%s%s", head & 0xfff, head & 0x8000 ? ", restarting" : "",
		head & 0x4000 ? ", notification" : "");
	while (rd_more(r)) {
		sb_str(b, ", ");
		add_family(b, r);
		if (rd_u8(r) & 0x80)
			sb_str(b, " kept");
	}
}

// RFC 9494 section 3: { AFI:16, SAFI:8, flags:8, seconds:24 }
static void add_long_restart(struct strbuf *b, struct rd *r)
{
	for (const char *between = ""; rd_more(r); between = ", ") {
		sb_str(b, between);
		add_family(b, r);
		bool kept = rd_u8(r) & 0x80;
		unsigned high = rd_u8(r);
		unsigned low = rd_u16(r);
		sb_printf(b, " %us%s", high << 16 | low, kept ? " kept" : "");
	}
}

static void add_as4(struct strbuf *b, struct rd *r)
{
	sb_printf(b, "%u", rd_u32(r));
}

// RFC 7911 section 4: { AFI:16, SAFI:8, 1 receive 2 send 3 both:8 }
static void add_add_path(struct strbuf *b, struct rd *r)
{
	static const char *const ways[] = { "neither", "receive", "send", "both" };

	for (const char *between = ""; rd_more(r); between = ", ") {
		sb_str(b, between);
		add_family(b, r);
		uint8_t way = rd_u8(r);
		sb_printf(b, " %s", way < countof(ways) ? ways[way] : "unknown");
	}
}

// draft-walton-bgp-hostname-capability: { n:8, host, n:8, domain }
static void add_host(struct strbuf *b, struct rd *r)
{
	for (const char *between = ""; rd_more(r); between = ".") {
		uint8_t n = rd_u8(r);
		struct rd name = rd_sub(r, n);

		if (!rd_more(&name))
			continue;
		sb_str(b, between);
		text_add_visible(b, (const char *)name.p, rd_left(&name));
	}
}

// Those that bgp/caps.h has no name for, and how the values read that have one here.
static const struct cap {
	uint8_t code;
	const char *name;
	void (*add)(struct strbuf *b, struct rd *value);
} caps[] = {
	{ BGP_CAP_MULTIPROTOCOL, "multiprotocol", add_multiprotocol },
	{ 3, "outbound-route-filtering", NULL },
	{ BGP_CAP_EXTENDED_NEXT_HOP, "extended-next-hop", add_next_hops },
	{ 7, "bgpsec", NULL },
	{ 8, "multiple-labels", NULL },
	{ BGP_CAP_ROLE, "role", add_role },
	{ BGP_CAP_GRACEFUL_RESTART, "graceful-restart", add_restart },
	{ BGP_CAP_AS4, "as4", add_as4 },
	{ 67, "dynamic-capability", NULL },
	{ 68, "multisession", NULL },
	{ BGP_CAP_ADD_PATH, "add-path", add_add_path },
	{ 71, "long-lived-graceful-restart", add_long_restart },
	{ 73, "fqdn", add_host },
	{ 128, "route-refresh-old", NULL },
	{},
};

static const struct cap *find(uint8_t code)
{
	const struct cap *c = caps;

	while (c->name && c->code != code)
		c++;
	return c;
}

static const char *name_of(uint8_t code)
{
	const struct cap *c = find(code);

	for (const struct bgp_cap_row *row = bgp_cap_table; row->name; row++)
		if (row->code == code)
			return row->name;
	return c->name ? c->name : "unknown";
}

static void write_cap(struct decode *d, struct out *o, uint8_t code, struct rd value)
{
	const struct cap *c = find(code);
	own(sb_free) struct strbuf b = {};
	struct rd r = value;

	if (c->add)
		c->add(&b, &r);
	out_object(o, NULL);
	out_uint(o, "code", code);
	out_str(o, "name", name_of(code));
	if (c->add && rd_done(&r))
		out_str(o, "value", sb_text(&b));
	else
		out_null(o, "value");
	decode_bytes(d, o, "hex", value);
	out_end(o);
}

static void write_caps(struct decode *d, struct out *o, struct rd r)
{
	while (rd_more(&r)) {
		uint8_t code = rd_u8(&r);
		uint8_t len = rd_u8(&r);
		struct rd value = rd_sub(&r, len);

		if (!r.bad)
			write_cap(d, o, code, value);
	}
}

// bgp/open.c draws the two forms of the parameters.
static void write_params(struct decode *d, struct out *o, struct rd r)
{
	uint8_t length = rd_u8(&r);
	struct rd ahead = r;
	bool extended = length > 0 && rd_u8(&ahead) == BGP_PARAM_EXTENDED;

	if (extended) {
		(void)rd_u16(&ahead);
		r = ahead;
	}
	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		size_t len = extended ? rd_u16(&r) : rd_u8(&r);
		struct rd value = rd_sub(&r, len);

		if (type == BGP_PARAM_CAPABILITIES && !r.bad)
			write_caps(d, o, value);
	}
}

struct bgp_fault decode_open(struct decode *d, struct out *o, const struct bgp_msg *m)
{
	struct rd r = m->body;
	struct bgp_open open;
	char text[IP_TEXT];
	uint8_t version = rd_u8(&r);
	uint32_t as = rd_u16(&r);
	uint16_t hold = rd_u16(&r);
	struct ip_addr id = ip_from_u32(rd_u32(&r));
	struct bgp_fault fault = bgp_open_parse(&open, m->body);

	if (fault.kind == BGP_FAULT_NONE)
		as = open.as;
	out_uint(o, "version", version);
	out_uint(o, "as", as);
	out_uint(o, "hold_time", hold);
	out_str(o, "id", ip_print(&id, text));
	out_table(o, "capabilities");
	if (version == BGP_VERSION)
		write_params(d, o, r);
	out_end(o);
	return fault;
}
