// OPEN, RFC 4271 section 4.2, with capabilities (RFC 5492), four-octet AS
// numbers (RFC 6793). Extended optional parameters (RFC 9072) are read; what this speaker
// offers is far from needing them.
#pragma once

#include <stdint.h>

#include "bgp/caps.h"
#include "bgp/error.h"
#include "lib/wire.h"

struct bgp_open {
	uint32_t as;          // the four-octet one where the capability was there
	uint16_t hold_time_s; // 0, or 3 and more
	uint32_t id;          // host order
	struct bgp_caps caps;
};

// body: without the header. Checks what the message alone can show: version, AS
// 0, identifier 0, hold time 1 or 2, parameters. *ret is untouched on a fault.
[[nodiscard]] struct bgp_fault bgp_open_parse(struct bgp_open *ret, struct rd body);

// Checks what it means to us (RFC 4271 section 6.2, RFC 6286 section 2.2): the AS that is
// configured, our own identifier from an internal neighbour, no family in common; where we have
// a role, another one than its counterpart, and with strict_role none at all (RFC 9234 section 4.2).
[[nodiscard]] struct bgp_fault bgp_open_check(const struct bgp_open *theirs,
	const struct bgp_open *ours, uint32_t peer_as, bool strict_role);

// What the neighbour of that role is: the provider's is the customer.
enum bgp_role bgp_role_counterpart(enum bgp_role role);

// The whole message; returns its size.
size_t bgp_open_build(struct wr *w, const struct bgp_open *o);
