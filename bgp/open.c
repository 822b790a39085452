#include "bgp/open.h"

#include <assert.h>

#include "bgp/msg.h"
#include "lib/own.h"

static struct bgp_fault fault(enum bgp_fault_kind kind)
{
	return (struct bgp_fault){ .kind = kind, .verb = BGP_VERB_RESET };
}

// Section 6.2: the data is the greatest version this side speaks.
static struct bgp_fault wrong_version(void)
{
	static const uint8_t ours[] = { 0, BGP_VERSION };
	struct bgp_fault f = fault(BGP_FAULT_VERSION);

	f.data = ours;
	f.data_len = sizeof(ours);
	return f;
}

// Parameters, { type:8, length:8, value }; lengths have 16 bits in the extended
// form. Unknown ones are refused (section 6.2), unlike unknown capabilities.
static enum bgp_fault_kind parse_params(struct bgp_caps *caps, struct rd params, bool extended)
{
	while (rd_more(&params)) {
		uint8_t type = rd_u8(&params);
		size_t len = extended ? rd_u16(&params) : rd_u8(&params);
		struct rd value = rd_sub(&params, len);

		if (params.bad)
			break;
		if (type != BGP_PARAM_CAPABILITIES)
			return BGP_FAULT_PARAM;
		if (!bgp_caps_parse(caps, value))
			return BGP_FAULT_OPEN_FORMAT;
	}
	return rd_done(&params) ? BGP_FAULT_NONE : BGP_FAULT_OPEN_FORMAT;
}

//	+-------------+--------+----------+--------+----------+------------+
//	| version (1) | AS (2) | hold (2) | id (4) | plen (1) | parameters |
//	+-------------+--------+----------+--------+----------+------------+
//	RFC 9072 section 2: where plen is not 0 and the octet after it is 255, a
//	length of two octets follows, and the parameters have such lengths too.
struct bgp_fault bgp_open_parse(struct bgp_open *ret, struct rd r)
{
	struct bgp_open o = {};
	uint8_t version = rd_u8(&r);

	if (!r.bad && version != BGP_VERSION)
		return wrong_version(); // another version need not have our layout
	o.as = rd_u16(&r);
	o.hold_time_s = rd_u16(&r);
	o.id = rd_u32(&r);
	size_t plen = rd_u8(&r);
	struct rd ahead = r;
	bool extended = plen > 0 && rd_u8(&ahead) == BGP_PARAM_EXTENDED;
	if (extended) {
		r = ahead;
		plen = rd_u16(&r);
	}
	struct rd params = rd_sub(&r, plen);
	if (!rd_done(&r))
		return fault(BGP_FAULT_OPEN_FORMAT);

	enum bgp_fault_kind kind = parse_params(&o.caps, params, extended);
	if (kind != BGP_FAULT_NONE)
		return fault(kind);
	if (o.as == 0 || (o.caps.as4 && o.caps.as == 0)) // RFC 7607
		return fault(BGP_FAULT_PEER_AS);
	if (o.caps.as4)
		o.as = o.caps.as;
	if (o.id == 0)
		return fault(BGP_FAULT_ID);
	if (o.hold_time_s == 1 || o.hold_time_s == 2)
		return fault(BGP_FAULT_HOLD_TIME);
	*ret = o;
	return (struct bgp_fault){};
}

// RFC 5492 section 5: the data lists the capabilities that are missed.
static struct bgp_fault no_common_family(unsigned ours)
{
	static const uint8_t wanted[] = {
		BGP_CAP_MULTIPROTOCOL, 4, 0, BGP_AFI_IP4, 0, BGP_SAFI_UNICAST, //
		BGP_CAP_MULTIPROTOCOL, 4, 0, BGP_AFI_IP6, 0, BGP_SAFI_UNICAST, //
	};
	enum { ONE = sizeof(wanted) / 2 };
	struct bgp_fault f = fault(BGP_FAULT_CAPABILITY);

	f.data = ours & BGP_FAMILY_IP4 ? wanted : wanted + ONE;
	f.data_len = ours == BGP_FAMILY_ALL ? sizeof(wanted) : ONE;
	return f;
}

enum bgp_role bgp_role_counterpart(enum bgp_role role)
{
	static const enum bgp_role of[] = {
		[BGP_ROLE_PROVIDER] = BGP_ROLE_CUSTOMER,
		[BGP_ROLE_RS] = BGP_ROLE_RS_CLIENT,
		[BGP_ROLE_RS_CLIENT] = BGP_ROLE_RS,
		[BGP_ROLE_CUSTOMER] = BGP_ROLE_PROVIDER,
		[BGP_ROLE_PEER] = BGP_ROLE_PEER,
	};

	static_assert(countof(of) == BGP_ROLE_MAX);
	return of[role];
}

static bool roles_match(const struct bgp_caps *theirs, const struct bgp_caps *ours, bool strict)
{
	if (!ours->has_role)
		return true;
	if (!theirs->has_role)
		return !strict;
	return !theirs->roles_differ &&
	       theirs->role == bgp_role_counterpart((enum bgp_role)ours->role);
}

struct bgp_fault bgp_open_check(const struct bgp_open *theirs, const struct bgp_open *ours,
	uint32_t peer_as, bool strict_role)
{
	if (theirs->as != peer_as)
		return fault(BGP_FAULT_PEER_AS);
	if (theirs->id == ours->id && theirs->as == ours->as)
		return fault(BGP_FAULT_ID);
	if (!bgp_caps_common_families(&ours->caps, &theirs->caps))
		return no_common_family(ours->caps.families);
	if (!roles_match(&theirs->caps, &ours->caps, strict_role))
		return fault(BGP_FAULT_ROLE);
	return (struct bgp_fault){};
}

size_t bgp_open_build(struct wr *w, const struct bgp_open *o)
{
	uint8_t scratch[UINT8_MAX - 2];
	struct wr caps = wr_init(scratch, sizeof(scratch));

	bgp_caps_build(&caps, &o->caps);
	size_t n = wr_len(&caps);

	bgp_msg_begin(w, BGP_MSG_OPEN);
	wr_u8(w, BGP_VERSION);
	wr_u16(w, o->as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)o->as); // RFC 6793 section 9
	wr_u16(w, o->hold_time_s);
	wr_u32(w, o->id);
	wr_u8(w, n ? (uint8_t)(n + 2) : 0);
	if (n) {
		wr_u8(w, BGP_PARAM_CAPABILITIES);
		wr_u8(w, (uint8_t)n);
		wr_bytes(w, scratch, n);
	}
	return bgp_msg_end(w);
}
