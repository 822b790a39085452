// The keys of the sessions that make a fleet.
#include <stddef.h>

#include "conf/conf_int.h"

const struct schema_word conf_isolated_words[] = {
	{ "hold", CONF_ISOLATED_HOLD, "Go on announcing, as when draining." },
	{ "withdraw", CONF_ISOLATED_WITHDRAW, "Withdraw, as without a fleet." },
	{},
};

#define AT(field)  .offset = offsetof(struct conf_upstream, field)
#define HAS(field) .has_offset = offsetof(struct conf_upstream, field)

const struct schema conf_fleet_schema = {
	.name = "a peer of the fleet",
	.size = sizeof(struct conf_upstream),
	.place_offset = offsetof(struct conf_upstream, place),
	.given_offset = offsetof(struct conf_upstream, keys),
	.help = "A BGP neighbour that carries what the nodes say of themselves: another node, or a "
		"route reflector. The session is internal and carries both families, with path "
		"identifiers where the neighbour sends them. Nothing of it reaches an upstream.",
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, AT(name), .required = true,
				.help = "Name of the session, formed like a site's, and no "
					"upstream's." },
			{ "address", SCHEMA_ADDR, AT(address), .required = true,
				.help = "Address of the neighbour." },
			{ "as", SCHEMA_CUSTOM, AT(as), .scalar = &conf_as_scalar,
				.help = "The own AS, which is what it is unless given: sessions of "
					"the fleet are internal.",
				.rfc = "RFC 4456" },
			{ "reflector", SCHEMA_BOOL, AT(reflector), HAS(has_reflector),
				.help = "Whether the neighbour passes on what other nodes say. "
					"With no, it may speak for itself alone. Unless given, a "
					"neighbour that passes on is a reflector." },
			{ "port", SCHEMA_UINT, AT(port), .min = 1, .max = 65535, .fallback = "179",
				.help = "The port to connect to." },
			{ "source", SCHEMA_ADDR, AT(source),
				.help = "Local address of the session. The kernel chooses unless "
					"given." },
			{ "password-file", SCHEMA_STRING, AT(password_file),
				.help = "Absolute path of a file with the TCP-MD5 password, as for "
					"an upstream.",
				.rfc = "RFC 2385" },
			{ "tcp-ao", SCHEMA_LIST, SCHEMA_MAP, AT(ao_keys),
				.sub = &conf_ao_key_schema, .min = 1, .max = 16,
				.help = "Keys of the TCP Authentication Option, as for an "
					"upstream.",
				.rfc = "RFC 5925" },
			{ "hold-time", SCHEMA_SPAN, AT(hold_time), .max = 65535000,
				.fallback = "9s",
				.help = "Offered hold time, in whole seconds: 0 for none, or at "
					"least 3s. After so long in silence what the neighbour "
					"told is lost.",
				.rfc = "RFC 4271 section 4.2" },
			{ "connect-retry", SCHEMA_SPAN, AT(connect_retry), .min = 100,
				.max = 120000, .fallback = "1s",
				.help = "Wait after a failed attempt. It doubles up to 2m, with "
					"jitter.",
				.rfc = "RFC 4271 section 10" },
			{ "passive", SCHEMA_BOOL, AT(passive), .fallback = "no",
				.help = "Never open the session, wait for the neighbour." },
			{ "ttl-security", SCHEMA_UINT, AT(ttl_security), .min = 1, .max = 254,
				.unit = "hops",
				.help = "Send with a TTL of 255 and drop packets that crossed more "
					"hops than this. Off unless given.",
				.rfc = "RFC 5082" },
			{ "bfd", SCHEMA_MAP, AT(bfd), HAS(has_bfd), .sub = &conf_bfd_schema,
				.help = "Watch the path to the neighbour: what it told is lost as "
					"soon as the path is.",
				.rfc = "RFC 5882" },
			{},
		},
};
