// The numbers of BGP: message types, error codes, capabilities, families.
// RFC 4271, with the RFCs named at each group.
#pragma once

#include <stdint.h>

enum {
	BGP_PORT = 179,
	BGP_VERSION = 4,
	BGP_HEADER_BYTES = 19, // RFC 4271 section 4.1
	BGP_MSG_MAX = 4096,
	BGP_MSG_EXTENDED_MAX = 65535, // RFC 8654
	BGP_MARKER_BYTES = 16,
	BGP_AS_TRANS = 23456,        // RFC 6793: stands in two octets for a larger AS
	BGP_SHUTDOWN_TEXT_MAX = 255, // bytes, RFC 9003
};

enum bgp_msg_type {
	BGP_MSG_OPEN = 1,
	BGP_MSG_UPDATE = 2,
	BGP_MSG_NOTIFICATION = 3,
	BGP_MSG_KEEPALIVE = 4,
	BGP_MSG_ROUTE_REFRESH = 5, // RFC 2918
};

// Address families this engine speaks, as a set; each is AFI and SAFI unicast.
enum {
	BGP_FAMILY_IP4 = 1,
	BGP_FAMILY_IP6 = 2,
	BGP_FAMILY_ALL = BGP_FAMILY_IP4 | BGP_FAMILY_IP6,
};

enum { BGP_AFI_IP4 = 1, BGP_AFI_IP6 = 2, BGP_SAFI_UNICAST = 1 }; // RFC 4760

// Optional parameters of OPEN.
enum {
	BGP_PARAM_AUTHENTICATION = 1, // RFC 4271, deprecated
	BGP_PARAM_CAPABILITIES = 2,   // RFC 5492
	BGP_PARAM_EXTENDED = 255,     // RFC 9072: the lengths that follow have two octets
};

enum bgp_cap_code {
	BGP_CAP_MULTIPROTOCOL = 1,     // RFC 4760
	BGP_CAP_ROUTE_REFRESH = 2,     // RFC 2918
	BGP_CAP_EXTENDED_NEXT_HOP = 5, // RFC 8950
	BGP_CAP_EXTENDED_MESSAGE = 6,  // RFC 8654
	BGP_CAP_ROLE = 9,              // RFC 9234
	BGP_CAP_GRACEFUL_RESTART = 64, // RFC 4724
	BGP_CAP_AS4 = 65,              // RFC 6793
	BGP_CAP_ADD_PATH = 69,         // RFC 7911
	BGP_CAP_ENHANCED_REFRESH = 70, // RFC 7313
};

// Roles as the capability numbers them, RFC 9234 section 4.1: what this speaker is to the other.
enum bgp_role {
	BGP_ROLE_PROVIDER,
	BGP_ROLE_RS,
	BGP_ROLE_RS_CLIENT,
	BGP_ROLE_CUSTOMER,
	BGP_ROLE_PEER,
	BGP_ROLE_MAX,
};

// Subtypes of ROUTE-REFRESH, RFC 7313.
enum { BGP_REFRESH_REQUEST = 0, BGP_REFRESH_BEGIN = 1, BGP_REFRESH_END = 2 };

// Error codes of NOTIFICATION, RFC 4271 section 4.5.
enum bgp_error_code {
	BGP_ERR_HEADER = 1,
	BGP_ERR_OPEN = 2,
	BGP_ERR_UPDATE = 3,
	BGP_ERR_HOLD_TIMER = 4,
	BGP_ERR_FSM = 5,
	BGP_ERR_CEASE = 6,
	BGP_ERR_REFRESH = 7,   // RFC 7313
	BGP_ERR_SEND_HOLD = 8, // RFC 9687
};

// Subcodes. 0 is "unspecific" everywhere.
enum { // RFC 4271 section 6.1
	BGP_HEADER_NOT_SYNCHRONIZED = 1,
	BGP_HEADER_BAD_LENGTH = 2,
	BGP_HEADER_BAD_TYPE = 3,
};

enum { // RFC 4271 section 6.2
	BGP_OPEN_UNSUPPORTED_VERSION = 1,
	BGP_OPEN_BAD_PEER_AS = 2,
	BGP_OPEN_BAD_ID = 3,
	BGP_OPEN_UNSUPPORTED_PARAM = 4,
	BGP_OPEN_BAD_HOLD_TIME = 6,
	BGP_OPEN_UNSUPPORTED_CAPABILITY = 7, // RFC 5492
	BGP_OPEN_ROLE_MISMATCH = 11,         // RFC 9234
};

enum { // RFC 4271 section 6.3
	BGP_UPDATE_MALFORMED_LIST = 1,
	BGP_UPDATE_UNKNOWN_WELL_KNOWN = 2,
	BGP_UPDATE_MISSING_WELL_KNOWN = 3,
	BGP_UPDATE_BAD_FLAGS = 4,
	BGP_UPDATE_BAD_LENGTH = 5,
	BGP_UPDATE_BAD_ORIGIN = 6,
	BGP_UPDATE_BAD_NEXT_HOP = 8,
	BGP_UPDATE_OPTIONAL_ERROR = 9,
	BGP_UPDATE_BAD_NETWORK = 10,
	BGP_UPDATE_BAD_AS_PATH = 11,
};

enum { // RFC 6608: the state in which a message came that had no place there
	BGP_FSM_IN_OPENSENT = 1,
	BGP_FSM_IN_OPENCONFIRM = 2,
	BGP_FSM_IN_ESTABLISHED = 3,
};

enum bgp_cease { // RFC 4486, RFC 8538, RFC 9384
	BGP_CEASE_MAX_PREFIXES = 1,
	BGP_CEASE_ADMIN_SHUTDOWN = 2, // may carry text, RFC 9003
	BGP_CEASE_DECONFIGURED = 3,
	BGP_CEASE_ADMIN_RESET = 4, // may carry text, RFC 9003
	BGP_CEASE_REJECTED = 5,
	BGP_CEASE_CONFIG_CHANGE = 6,
	BGP_CEASE_COLLISION = 7,
	BGP_CEASE_OUT_OF_RESOURCES = 8,
	BGP_CEASE_HARD_RESET = 9,
	BGP_CEASE_BFD_DOWN = 10,
};

enum { BGP_REFRESH_BAD_LENGTH = 1 }; // RFC 7313

// Names as the RFCs write them. Never NULL: numbers without a name give "unknown".
const char *bgp_msg_name(uint8_t type);
const char *bgp_code_name(uint8_t code);                     // "Cease"
const char *bgp_subcode_name(uint8_t code, uint8_t subcode); // "Administrative Shutdown"; "" for 0
const char *bgp_family_name(unsigned family);                // one BGP_FAMILY_*: "IPv4 unicast"
const char *bgp_role_name(unsigned role);                    // "rs-client"

// The BGP_FAMILY_* of a pair on the wire; 0: none of ours.
unsigned bgp_family_of(uint16_t afi, uint8_t safi);
uint16_t bgp_afi_of(unsigned family); // one BGP_FAMILY_*
