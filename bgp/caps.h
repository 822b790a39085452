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
	bool enhanced_refresh;
	bool as4;
	uint32_t as;        // with as4
	unsigned unknown;   // capabilities without a row here
	unsigned malformed; // with a value that has not its form: taken as not offered
};

struct bgp_cap_row {
	enum bgp_cap_code code;
	const char *name, *rfc;
	// The value into *c; false: malformed, and *c untouched. NULL: known by name only.
	bool (*parse)(struct bgp_caps *c, struct rd *value);
	// The whole capability, as often as *c calls for it. NULL: never offered.
	void (*build)(struct wr *w, const struct bgp_caps *c);
	void (*print)(struct strbuf *b, const struct bgp_caps *c); // what parse took; may be NULL
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
