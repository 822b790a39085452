#include "bgp/proto.h"

#include <assert.h>
#include <stddef.h>

#include "lib/own.h"

static const char *const messages[] = {
	[BGP_MSG_OPEN] = "OPEN",
	[BGP_MSG_UPDATE] = "UPDATE",
	[BGP_MSG_NOTIFICATION] = "NOTIFICATION",
	[BGP_MSG_KEEPALIVE] = "KEEPALIVE",
	[BGP_MSG_ROUTE_REFRESH] = "ROUTE-REFRESH",
};

static const char *const codes[] = {
	[BGP_ERR_HEADER] = "Message Header Error",
	[BGP_ERR_OPEN] = "OPEN Message Error",
	[BGP_ERR_UPDATE] = "UPDATE Message Error",
	[BGP_ERR_HOLD_TIMER] = "Hold Timer Expired",
	[BGP_ERR_FSM] = "Finite State Machine Error",
	[BGP_ERR_CEASE] = "Cease",
	[BGP_ERR_REFRESH] = "ROUTE-REFRESH Message Error",
	[BGP_ERR_SEND_HOLD] = "Send Hold Timer Expired",
};

static const char *const header_subcodes[] = {
	[BGP_HEADER_NOT_SYNCHRONIZED] = "Connection Not Synchronized",
	[BGP_HEADER_BAD_LENGTH] = "Bad Message Length",
	[BGP_HEADER_BAD_TYPE] = "Bad Message Type",
};

static const char *const open_subcodes[] = {
	[BGP_OPEN_UNSUPPORTED_VERSION] = "Unsupported Version Number",
	[BGP_OPEN_BAD_PEER_AS] = "Bad Peer AS",
	[BGP_OPEN_BAD_ID] = "Bad BGP Identifier",
	[BGP_OPEN_UNSUPPORTED_PARAM] = "Unsupported Optional Parameter",
	[BGP_OPEN_BAD_HOLD_TIME] = "Unacceptable Hold Time",
	[BGP_OPEN_UNSUPPORTED_CAPABILITY] = "Unsupported Capability",
	[BGP_OPEN_ROLE_MISMATCH] = "Role Mismatch",
};

static const char *const update_subcodes[] = {
	[BGP_UPDATE_MALFORMED_LIST] = "Malformed Attribute List",
	[BGP_UPDATE_UNKNOWN_WELL_KNOWN] = "Unrecognized Well-known Attribute",
	[BGP_UPDATE_MISSING_WELL_KNOWN] = "Missing Well-known Attribute",
	[BGP_UPDATE_BAD_FLAGS] = "Attribute Flags Error",
	[BGP_UPDATE_BAD_LENGTH] = "Attribute Length Error",
	[BGP_UPDATE_BAD_ORIGIN] = "Invalid ORIGIN Attribute",
	[BGP_UPDATE_BAD_NEXT_HOP] = "Invalid NEXT_HOP Attribute",
	[BGP_UPDATE_OPTIONAL_ERROR] = "Optional Attribute Error",
	[BGP_UPDATE_BAD_NETWORK] = "Invalid Network Field",
	[BGP_UPDATE_BAD_AS_PATH] = "Malformed AS_PATH",
};

static const char *const fsm_subcodes[] = {
	[BGP_FSM_IN_OPENSENT] = "Unexpected Message in OpenSent",
	[BGP_FSM_IN_OPENCONFIRM] = "Unexpected Message in OpenConfirm",
	[BGP_FSM_IN_ESTABLISHED] = "Unexpected Message in Established",
};

static const char *const cease_subcodes[] = {
	[BGP_CEASE_MAX_PREFIXES] = "Maximum Number of Prefixes Reached",
	[BGP_CEASE_ADMIN_SHUTDOWN] = "Administrative Shutdown",
	[BGP_CEASE_DECONFIGURED] = "Peer De-configured",
	[BGP_CEASE_ADMIN_RESET] = "Administrative Reset",
	[BGP_CEASE_REJECTED] = "Connection Rejected",
	[BGP_CEASE_CONFIG_CHANGE] = "Other Configuration Change",
	[BGP_CEASE_COLLISION] = "Connection Collision Resolution",
	[BGP_CEASE_OUT_OF_RESOURCES] = "Out of Resources",
	[BGP_CEASE_HARD_RESET] = "Hard Reset",
	[BGP_CEASE_BFD_DOWN] = "BFD Down",
};

static const char *const refresh_subcodes[] = {
	[BGP_REFRESH_BAD_LENGTH] = "Invalid Message Length",
};

static const struct names {
	const char *const *list;
	size_t count;
} subcodes[] = {
	[BGP_ERR_HEADER] = { header_subcodes, countof(header_subcodes) },
	[BGP_ERR_OPEN] = { open_subcodes, countof(open_subcodes) },
	[BGP_ERR_UPDATE] = { update_subcodes, countof(update_subcodes) },
	[BGP_ERR_FSM] = { fsm_subcodes, countof(fsm_subcodes) },
	[BGP_ERR_CEASE] = { cease_subcodes, countof(cease_subcodes) },
	[BGP_ERR_REFRESH] = { refresh_subcodes, countof(refresh_subcodes) },
};

static const char *name_of(const char *const *list, size_t count, size_t i)
{
	return i < count && list[i] ? list[i] : "unknown";
}

const char *bgp_msg_name(uint8_t type)
{
	return name_of(messages, countof(messages), type);
}

const char *bgp_code_name(uint8_t code)
{
	return name_of(codes, countof(codes), code);
}

const char *bgp_subcode_name(uint8_t code, uint8_t subcode)
{
	if (subcode == 0)
		return "";
	if (code >= countof(subcodes))
		return "unknown";
	return name_of(subcodes[code].list, subcodes[code].count, subcode);
}

static const char *const roles[] = {
	[BGP_ROLE_PROVIDER] = "provider",
	[BGP_ROLE_RS] = "rs",
	[BGP_ROLE_RS_CLIENT] = "rs-client",
	[BGP_ROLE_CUSTOMER] = "customer",
	[BGP_ROLE_PEER] = "peer",
};
static_assert(countof(roles) == BGP_ROLE_MAX);

const char *bgp_role_name(unsigned role)
{
	return name_of(roles, countof(roles), role);
}

unsigned bgp_family_of(uint16_t afi, uint8_t safi)
{
	if (safi != BGP_SAFI_UNICAST)
		return 0;
	if (afi == BGP_AFI_IP4)
		return BGP_FAMILY_IP4;
	return afi == BGP_AFI_IP6 ? BGP_FAMILY_IP6 : 0;
}

uint16_t bgp_afi_of(unsigned family)
{
	return family == BGP_FAMILY_IP6 ? BGP_AFI_IP6 : BGP_AFI_IP4;
}

const char *bgp_family_name(unsigned family)
{
	if (family == BGP_FAMILY_IP4)
		return "IPv4 unicast";
	return family == BGP_FAMILY_IP6 ? "IPv6 unicast" : "unknown";
}
