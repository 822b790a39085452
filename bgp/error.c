#include "bgp/error.h"

#include <assert.h>

#include "bgp/proto.h"
#include "lib/own.h"

static const struct row {
	const char *name;
	uint8_t code, subcode;
} rows[] = {
	[BGP_FAULT_NONE] = { "no fault", 0, 0 },
	[BGP_FAULT_MARKER] = { "wrong marker", BGP_ERR_HEADER, BGP_HEADER_NOT_SYNCHRONIZED },
	[BGP_FAULT_MSG_LENGTH] = { "wrong message length", BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH },
	[BGP_FAULT_MSG_TYPE] = { "unknown message type", BGP_ERR_HEADER, BGP_HEADER_BAD_TYPE },
	// Section 6.2: a recognised but malformed parameter has subcode 0.
	[BGP_FAULT_OPEN_FORMAT] = { "malformed OPEN", BGP_ERR_OPEN, 0 },
	[BGP_FAULT_VERSION] = { "unsupported version", BGP_ERR_OPEN, BGP_OPEN_UNSUPPORTED_VERSION },
	[BGP_FAULT_PEER_AS] = { "bad peer AS", BGP_ERR_OPEN, BGP_OPEN_BAD_PEER_AS },
	[BGP_FAULT_ID] = { "bad BGP identifier", BGP_ERR_OPEN, BGP_OPEN_BAD_ID },
	[BGP_FAULT_PARAM] = { "unsupported optional parameter", BGP_ERR_OPEN,
		BGP_OPEN_UNSUPPORTED_PARAM },
	[BGP_FAULT_HOLD_TIME] = { "unacceptable hold time", BGP_ERR_OPEN, BGP_OPEN_BAD_HOLD_TIME },
	[BGP_FAULT_CAPABILITY] = { "no address family in common", BGP_ERR_OPEN,
		BGP_OPEN_UNSUPPORTED_CAPABILITY },
	[BGP_FAULT_ROLE] = { "roles do not match", BGP_ERR_OPEN, BGP_OPEN_ROLE_MISMATCH },
	[BGP_FAULT_UPDATE_LENGTH] = { "lengths inside UPDATE contradict", BGP_ERR_UPDATE,
		BGP_UPDATE_MALFORMED_LIST },
	[BGP_FAULT_ATTR_LIST] = { "malformed attribute list", BGP_ERR_UPDATE,
		BGP_UPDATE_MALFORMED_LIST },
	[BGP_FAULT_ATTR_TWICE] = { "attribute given twice", BGP_ERR_UPDATE,
		BGP_UPDATE_MALFORMED_LIST },
	[BGP_FAULT_ATTR_UNKNOWN] = { "unknown well-known attribute", BGP_ERR_UPDATE,
		BGP_UPDATE_UNKNOWN_WELL_KNOWN },
	[BGP_FAULT_ATTR_MISSING] = { "mandatory attribute missing", BGP_ERR_UPDATE,
		BGP_UPDATE_MISSING_WELL_KNOWN },
	[BGP_FAULT_ATTR_FLAGS] = { "wrong attribute flags", BGP_ERR_UPDATE, BGP_UPDATE_BAD_FLAGS },
	[BGP_FAULT_ATTR_LENGTH] = { "wrong attribute length", BGP_ERR_UPDATE,
		BGP_UPDATE_BAD_LENGTH },
	[BGP_FAULT_ATTR_UNEXPECTED] = { "attribute not expected from this neighbour",
		BGP_ERR_UPDATE, BGP_UPDATE_MALFORMED_LIST },
	[BGP_FAULT_ORIGIN] = { "invalid origin", BGP_ERR_UPDATE, BGP_UPDATE_BAD_ORIGIN },
	[BGP_FAULT_NEXT_HOP] = { "invalid next hop", BGP_ERR_UPDATE, BGP_UPDATE_BAD_NEXT_HOP },
	[BGP_FAULT_OPTIONAL] = { "malformed optional attribute", BGP_ERR_UPDATE,
		BGP_UPDATE_OPTIONAL_ERROR },
	[BGP_FAULT_NETWORK] = { "invalid network field", BGP_ERR_UPDATE, BGP_UPDATE_BAD_NETWORK },
	[BGP_FAULT_AS_PATH] = { "malformed AS_PATH", BGP_ERR_UPDATE, BGP_UPDATE_BAD_AS_PATH },
	[BGP_FAULT_FIRST_AS] = { "AS_PATH does not begin with the neighbour's AS", BGP_ERR_UPDATE,
		BGP_UPDATE_BAD_AS_PATH },
	[BGP_FAULT_REFRESH_LENGTH] = { "wrong ROUTE-REFRESH length", BGP_ERR_REFRESH,
		BGP_REFRESH_BAD_LENGTH },
};
static_assert(countof(rows) == BGP_FAULT_MAX);

static const char *const verbs[] = {
	[BGP_VERB_NONE] = "none",
	[BGP_VERB_DISCARD] = "discard attribute",
	[BGP_VERB_WITHDRAW] = "treat as withdraw",
	[BGP_VERB_RESET_AFI] = "disable address family",
	[BGP_VERB_RESET] = "reset session",
};
static_assert(countof(verbs) == BGP_VERB_MAX);

uint8_t bgp_fault_code(enum bgp_fault_kind kind)
{
	return rows[kind].code;
}

uint8_t bgp_fault_subcode(enum bgp_fault_kind kind)
{
	return rows[kind].subcode;
}

const char *bgp_fault_name(enum bgp_fault_kind kind)
{
	return rows[kind].name;
}

const char *bgp_verb_name(enum bgp_verb verb)
{
	return verbs[verb];
}

void bgp_fault_raise(struct bgp_fault *f, const struct bgp_fault *other)
{
	if (other->kind != BGP_FAULT_NONE && other->verb > f->verb)
		*f = *other;
}
