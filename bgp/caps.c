#include "bgp/caps.h"

#include "lib/own.h"

static void begin(struct wr *w, enum bgp_cap_code code, uint8_t len)
{
	wr_u8(w, (uint8_t)code);
	wr_u8(w, len);
}

// ---- Multiprotocol, RFC 4760 section 8: { AFI:16, reserved:8, SAFI:8 } ----

static bool multiprotocol_parse(struct bgp_caps *c, struct rd *v)
{
	uint16_t afi = rd_u16(v);
	(void)rd_u8(v);
	uint8_t safi = rd_u8(v);

	if (!rd_done(v))
		return false;
	c->multiprotocol = true;
	if (safi == BGP_SAFI_UNICAST && afi == BGP_AFI_IP4)
		c->families |= BGP_FAMILY_IP4;
	if (safi == BGP_SAFI_UNICAST && afi == BGP_AFI_IP6)
		c->families |= BGP_FAMILY_IP6;
	return true;
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
	for (unsigned family = BGP_FAMILY_IP4; family <= BGP_FAMILY_IP6; family <<= 1)
		if (c->families & family)
			sb_printf(b, " %s", bgp_family_name(family));
}

// ---- Route refresh, RFC 2918, and enhanced, RFC 7313: no value ----

static bool refresh_parse(struct bgp_caps *c, struct rd *v)
{
	c->refresh |= rd_done(v);
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
	c->enhanced_refresh |= rd_done(v);
	return rd_done(v);
}

static void enhanced_print(struct strbuf *b, const struct bgp_caps *c)
{
	sb_str(b, c->enhanced_refresh ? "enhanced-refresh" : "");
}

// ---- Four-octet AS numbers, RFC 6793 section 3: { AS:32 } ----

static bool as4_parse(struct bgp_caps *c, struct rd *v)
{
	uint32_t as = rd_u32(v);

	if (!rd_done(v))
		return false;
	c->as4 = true;
	c->as = as;
	return true;
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
	{ BGP_CAP_MULTIPROTOCOL,    "multiprotocol",    "RFC 4760", multiprotocol_parse, multiprotocol_build, multiprotocol_print },
	{ BGP_CAP_ROUTE_REFRESH,    "route-refresh",    "RFC 2918", refresh_parse,       refresh_build,       refresh_print },
	{ BGP_CAP_EXTENDED_MESSAGE, "extended-message", "RFC 8654" },
	{ BGP_CAP_ROLE,             "role",             "RFC 9234" },
	{ BGP_CAP_GRACEFUL_RESTART, "graceful-restart", "RFC 4724" },
	{ BGP_CAP_AS4,              "as4",              "RFC 6793", as4_parse,           as4_build,           as4_print },
	{ BGP_CAP_ADD_PATH,         "add-path",         "RFC 7911" },
	{ BGP_CAP_ENHANCED_REFRESH, "enhanced-refresh", "RFC 7313", enhanced_parse,      NULL,                enhanced_print },
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
		c->malformed += row && row->parse && !row->parse(c, &value);
	}
	return rd_done(&r);
}

void bgp_caps_build(struct wr *w, const struct bgp_caps *c)
{
	for (const struct bgp_cap_row *row = bgp_cap_table; row->name; row++)
		if (row->build)
			row->build(w, c);
}

void bgp_caps_print(struct strbuf *b, const struct bgp_caps *c)
{
	bool first = true;

	for (const struct bgp_cap_row *row = bgp_cap_table; row->name; row++) {
		own(sb_free) struct strbuf one = {};

		if (row->print)
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
