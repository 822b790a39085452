#include "bgp/caps.h"

#include "lib/own.h"

static void begin(struct wr *w, enum bgp_cap_code code, uint8_t len)
{
	wr_u8(w, (uint8_t)code);
	wr_u8(w, len);
}

static void print_families(struct strbuf *b, unsigned families)
{
	for (unsigned family = BGP_FAMILY_IP4; family <= BGP_FAMILY_IP6; family <<= 1)
		if (families & family)
			sb_printf(b, " %s", bgp_family_name(family));
}

// ---- Multiprotocol, RFC 4760 section 8: { AFI:16, reserved:8, SAFI:8 } ----

static bool multiprotocol_parse(struct bgp_caps *c, struct rd *v)
{
	uint16_t afi = rd_u16(v);
	(void)rd_u8(v);
	uint8_t safi = rd_u8(v);

	c->multiprotocol = true;
	c->families |= bgp_family_of(afi, safi);
	return rd_done(v);
}

static void build_family(struct wr *w, uint16_t afi)
{
	begin(w, BGP_CAP_MULTIPROTOCOL, 4);
	wr_u16(w, afi);
	wr_u8(w, 0);
	wr_u8(w, BGP_SAFI_UNICAST);
}

static void multiprotocol_build(struct wr *w, const struct bgp_caps *c)
{
	if (c->families & BGP_FAMILY_IP4)
		build_family(w, BGP_AFI_IP4);
	if (c->families & BGP_FAMILY_IP6)
		build_family(w, BGP_AFI_IP6);
}

static void multiprotocol_print(struct strbuf *b, const struct bgp_caps *c)
{
	if (!c->multiprotocol)
		return;
	sb_str(b, "multiprotocol");
	print_families(b, c->families);
}

// ---- Route refresh, RFC 2918, and enhanced, RFC 7313: no value ----

static bool refresh_parse(struct bgp_caps *c, struct rd *v)
{
	c->refresh = true;
	return rd_done(v);
}

static void refresh_build(struct wr *w, const struct bgp_caps *c)
{
	if (c->refresh)
		begin(w, BGP_CAP_ROUTE_REFRESH, 0);
}

static void refresh_print(struct strbuf *b, const struct bgp_caps *c)
{
	sb_str(b, c->refresh ? "route-refresh" : "");
}

static bool enhanced_parse(struct bgp_caps *c, struct rd *v)
{
	c->enhanced_refresh = true;
	return rd_done(v);
}

static void enhanced_build(struct wr *w, const struct bgp_caps *c)
{
	if (c->enhanced_refresh)
		begin(w, BGP_CAP_ENHANCED_REFRESH, 0);
}

static void enhanced_print(struct strbuf *b, const struct bgp_caps *c)
{
	sb_str(b, c->enhanced_refresh ? "enhanced-refresh" : "");
}

// ---- Extended next hop, RFC 8950 section 4: any number of { AFI:16, SAFI:16, next hop AFI:16 } ----

static bool next_hop_parse(struct bgp_caps *c, struct rd *v)
{
	while (rd_more(v)) {
		uint16_t afi = rd_u16(v);
		uint16_t safi = rd_u16(v);
		uint16_t hop = rd_u16(v);

		if (afi == BGP_AFI_IP4 && safi == BGP_SAFI_UNICAST && hop == BGP_AFI_IP6)
			c->extended_next_hop = true;
	}
	return rd_done(v);
}

static void next_hop_build(struct wr *w, const struct bgp_caps *c)
{
	if (!c->extended_next_hop)
		return;
	begin(w, BGP_CAP_EXTENDED_NEXT_HOP, 6);
	wr_u16(w, BGP_AFI_IP4);
	wr_u16(w, BGP_SAFI_UNICAST);
	wr_u16(w, BGP_AFI_IP6);
}

static void next_hop_print(struct strbuf *b, const struct bgp_caps *c)
{
	sb_str(b, c->extended_next_hop ? "extended-next-hop" : "");
}

// ---- Extended messages, RFC 8654 section 3: no value ----

static bool message_parse(struct bgp_caps *c, struct rd *v)
{
	c->extended_message = true;
	return rd_done(v);
}

static void message_build(struct wr *w, const struct bgp_caps *c)
{
	if (c->extended_message)
		begin(w, BGP_CAP_EXTENDED_MESSAGE, 0);
}

static void message_print(struct strbuf *b, const struct bgp_caps *c)
{
	sb_str(b, c->extended_message ? "extended-message" : "");
}

// ---- Role, RFC 9234 section 4.1: { role:8 } ----

static bool role_parse(struct bgp_caps *c, struct rd *v)
{
	uint8_t role = rd_u8(v);

	c->roles_differ |= c->has_role && c->role != role;
	c->has_role = true;
	c->role = role;
	return rd_done(v);
}

static void role_build(struct wr *w, const struct bgp_caps *c)
{
	if (!c->has_role)
		return;
	begin(w, BGP_CAP_ROLE, 1);
	wr_u8(w, c->role);
}

static void role_print(struct strbuf *b, const struct bgp_caps *c)
{
	if (c->has_role)
		sb_printf(b, "role %s", bgp_role_name(c->role));
}

// ---- Graceful restart, RFC 4724 section 3 ----
//
//	+-----------+-----------+   +----------+----------+-----------+
//	| flags (4 b) time (12 b) |   | AFI (2)  | SAFI (1) | flags (1) |  any number of them
//	+-----------+-----------+   +----------+----------+-----------+
//	flags: 8 restarted; of a family, 0x80 forwarding was kept

enum { RESTARTED = 0x8000, RESTART_TIME = 0x0fff, FORWARDING = 0x80 };

static bool restart_parse(struct bgp_caps *c, struct rd *v)
{
	uint16_t head = rd_u16(v);

	c->graceful_restart = true;
	c->restarted = head & RESTARTED;
	c->restart_time_s = head & RESTART_TIME;
	c->restart_families = c->restart_kept = 0; // the last one counts
	while (rd_more(v)) {
		uint16_t afi = rd_u16(v);
		uint8_t safi = rd_u8(v);
		uint8_t flags = rd_u8(v);
		unsigned family = bgp_family_of(afi, safi);

		c->restart_families |= family;
		c->restart_kept |= flags & FORWARDING ? family : 0;
	}
	return rd_done(v);
}

static void build_restart_family(struct wr *w, const struct bgp_caps *c, unsigned family)
{
	if (!(c->restart_families & family))
		return;
	wr_u16(w, bgp_afi_of(family));
	wr_u8(w, BGP_SAFI_UNICAST);
	wr_u8(w, c->restart_kept & family ? FORWARDING : 0);
}

// How many families are in a set.
static uint8_t size_of_set(unsigned set)
{
	return (uint8_t)(!!(set & BGP_FAMILY_IP4) + !!(set & BGP_FAMILY_IP6));
}

static void restart_build(struct wr *w, const struct bgp_caps *c)
{
	if (!c->graceful_restart)
		return;
	begin(w, BGP_CAP_GRACEFUL_RESTART, (uint8_t)(2 + 4 * size_of_set(c->restart_families)));
	wr_u16(w, (uint16_t)((c->restarted ? RESTARTED : 0) | (c->restart_time_s & RESTART_TIME)));
	build_restart_family(w, c, BGP_FAMILY_IP4);
	build_restart_family(w, c, BGP_FAMILY_IP6);
}

static void restart_print(struct strbuf *b, const struct bgp_caps *c)
{
	if (!c->graceful_restart)
		return;
	sb_str(b, "graceful-restart");
	if (c->restart_time_s)
		sb_printf(b, " %u", c->restart_time_s);
	print_families(b, c->restart_families);
	sb_str(b, c->restarted ? " restarted" : "");
}

// ---- ADD-PATH, RFC 7911 section 4: any number of { AFI:16, SAFI:8, 1 receive | 2 send:8 } ----

enum { PATHS_RECEIVE = 1, PATHS_SEND = 2, PATHS_BOTH = 3 };

static bool paths_parse(struct bgp_caps *c, struct rd *v)
{
	while (rd_more(v)) {
		uint16_t afi = rd_u16(v);
		uint8_t safi = rd_u8(v);
		uint8_t mode = rd_u8(v);
		unsigned family = bgp_family_of(afi, safi);

		if (mode < PATHS_RECEIVE || mode > PATHS_BOTH)
			return false;
		c->paths_receive |= mode & PATHS_RECEIVE ? family : 0;
		c->paths_send |= mode & PATHS_SEND ? family : 0;
	}
	return rd_done(v);
}

static void build_paths(struct wr *w, const struct bgp_caps *c, unsigned family)
{
	int mode = (c->paths_receive & family ? PATHS_RECEIVE : 0) |
		   (c->paths_send & family ? PATHS_SEND : 0);

	if (!mode)
		return;
	wr_u16(w, bgp_afi_of(family));
	wr_u8(w, BGP_SAFI_UNICAST);
	wr_u8(w, (uint8_t)mode);
}

static void paths_build(struct wr *w, const struct bgp_caps *c)
{
	uint8_t families = size_of_set(c->paths_receive | c->paths_send);

	if (!families)
		return;
	begin(w, BGP_CAP_ADD_PATH, (uint8_t)(4 * families));
	build_paths(w, c, BGP_FAMILY_IP4);
	build_paths(w, c, BGP_FAMILY_IP6);
}

static void paths_print(struct strbuf *b, const struct bgp_caps *c)
{
	if (!(c->paths_receive | c->paths_send))
		return;
	sb_str(b, "add-path");
	if (c->paths_receive) {
		sb_str(b, " receive");
		print_families(b, c->paths_receive);
	}
	if (c->paths_send) {
		sb_str(b, " send");
		print_families(b, c->paths_send);
	}
}

// ---- Four-octet AS numbers, RFC 6793 section 3: { AS:32 } ----

static bool as4_parse(struct bgp_caps *c, struct rd *v)
{
	c->as4 = true;
	c->as = rd_u32(v);
	return rd_done(v);
}

static void as4_build(struct wr *w, const struct bgp_caps *c)
{
	if (!c->as4)
		return;
	begin(w, BGP_CAP_AS4, 4);
	wr_u32(w, c->as);
}

static void as4_print(struct strbuf *b, const struct bgp_caps *c)
{
	if (c->as4)
		sb_printf(b, "as4 %u", c->as);
}

// clang-format off
const struct bgp_cap_row bgp_cap_table[] = {
	{ BGP_CAP_MULTIPROTOCOL,     "multiprotocol",     "RFC 4760", multiprotocol_parse, multiprotocol_build, multiprotocol_print },
	{ BGP_CAP_ROUTE_REFRESH,     "route-refresh",     "RFC 2918", refresh_parse,       refresh_build,       refresh_print },
	{ BGP_CAP_EXTENDED_NEXT_HOP, "extended-next-hop", "RFC 8950", next_hop_parse,      next_hop_build,      next_hop_print },
	{ BGP_CAP_EXTENDED_MESSAGE,  "extended-message",  "RFC 8654", message_parse,       message_build,       message_print },
	{ BGP_CAP_ROLE,              "role",              "RFC 9234", role_parse,          role_build,          role_print },
	{ BGP_CAP_GRACEFUL_RESTART,  "graceful-restart",  "RFC 4724", restart_parse,       restart_build,       restart_print },
	{ BGP_CAP_AS4,               "as4",               "RFC 6793", as4_parse,           as4_build,           as4_print },
	{ BGP_CAP_ADD_PATH,          "add-path",          "RFC 7911", paths_parse,         paths_build,         paths_print },
	{ BGP_CAP_ENHANCED_REFRESH,  "enhanced-refresh",  "RFC 7313", enhanced_parse,      enhanced_build,      enhanced_print },
	{},
};
// clang-format on

static const struct bgp_cap_row *find(uint8_t code)
{
	for (const struct bgp_cap_row *row = bgp_cap_table; row->name; row++)
		if (row->code == code)
			return row;
	return NULL;
}

// RFC 5492 section 4: what is unknown is passed over, what comes twice is taken twice. The
// RFCs leave open what a value of the wrong form means: it cannot be used, which is no reason
// to have no session.
bool bgp_caps_parse(struct bgp_caps *c, struct rd r)
{
	while (rd_more(&r)) {
		uint8_t code = rd_u8(&r);
		uint8_t len = rd_u8(&r);
		struct rd value = rd_sub(&r, len);
		const struct bgp_cap_row *row = find(code);

		if (r.bad)
			return false;
		c->unknown += !row;
		if (!row)
			continue;
		struct bgp_caps with = *c;
		if (row->parse(&with, &value))
			*c = with;
		else
			c->malformed++;
	}
	return rd_done(&r);
}

void bgp_caps_build(struct wr *w, const struct bgp_caps *c)
{
	for (const struct bgp_cap_row *row = bgp_cap_table; row->name; row++)
		row->build(w, c);
}

void bgp_caps_print(struct strbuf *b, const struct bgp_caps *c)
{
	bool first = true;

	for (const struct bgp_cap_row *row = bgp_cap_table; row->name; row++) {
		own(sb_free) struct strbuf one = {};

		row->print(&one, c);
		if (one.len == 0)
			continue;
		sb_printf(b, "%s%s", first ? "" : ", ", sb_text(&one));
		first = false;
	}
}

static unsigned families(const struct bgp_caps *c)
{
	return c->multiprotocol ? c->families : BGP_FAMILY_IP4;
}

unsigned bgp_caps_common_families(const struct bgp_caps *ours, const struct bgp_caps *theirs)
{
	return families(ours) & families(theirs);
}
