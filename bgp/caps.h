// Capabilities of OPEN, RFC 5492, as a table.
//
//	+----------+------------+-------+
//	| code (1) | length (1) | value |    any number, in parameters of type 2
//	+----------+------------+-------+
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bgp/proto.h"
#include "lib/strbuf.h"
#include "lib/wire.h"

struct bgp_caps {
	bool multiprotocol; // at least one family was named; else IPv4 unicast is meant
	unsigned families;  // BGP_FAMILY_* among those named
	bool refresh;
	bool extended_next_hop; // IPv4 unicast routes may have IPv6 next hops
	bool extended_message;
	bool has_role;
	bool roles_differ; // given more than once, and not the same
	uint8_t role;      // enum bgp_role, or a number yet unknown
	bool graceful_restart;
	bool restarted;            // the sender was gone, and waits for our routes
	uint16_t restart_time_s;   // 0..4095
	unsigned restart_families; // whose routes are to be kept while the sender restarts
	unsigned restart_kept;     // those of them that it forwarded all the time
	bool as4;
	uint32_t as;                        // with as4
	unsigned paths_receive, paths_send; // families whose routes have path identifiers
	bool enhanced_refresh;
	unsigned unknown;   // capabilities without a row here
	unsigned malformed; // with a value that has not its form: taken as not offered
};

struct bgp_cap_row {
	enum bgp_cap_code code;
	const char *name, *rfc;
	// The value into *c; false: malformed, and *c is of no use.
	bool (*parse)(struct bgp_caps *c, struct rd *value);
	// The whole capability, as often as *c calls for it.
	void (*build)(struct wr *w, const struct bgp_caps *c);
	void (*print)(struct strbuf *b, const struct bgp_caps *c); // what parse took
};

// Ends with a NULL name.
extern const struct bgp_cap_row bgp_cap_table[];

// The value of one capabilities parameter, added to *c. False: the lengths do not fit.
[[nodiscard]] bool bgp_caps_parse(struct bgp_caps *c, struct rd value);
// All capabilities *c calls for, without the parameter's header.
void bgp_caps_build(struct wr *w, const struct bgp_caps *c);
// "multiprotocol IPv4 unicast IPv6 unicast, route-refresh, as4 64500"
void bgp_caps_print(struct strbuf *b, const struct bgp_caps *c);

// The families both sides can use: RFC 4760 section 8.
unsigned bgp_caps_common_families(const struct bgp_caps *ours, const struct bgp_caps *theirs);
