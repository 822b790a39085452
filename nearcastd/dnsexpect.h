// What a dns check expects of a reply beside its response code and its answers:
// that it was validated, that it is this node's, that the zone is not stale.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <ldns/ldns.h>

#include "conf/conf.h"
#include "health/check.h"

// Adds to a query what the reply can only have if it is asked for: the AD bit
// (RFC 6840 section 5.7), the NSID option (RFC 5001 section 2.1).
void dnsexpect_ask(const struct conf_check *check, ldns_pkt *query);

// True when the reply holds all that is expected. Otherwise *ret says what it
// lacks. now_s: seconds since 1970, for the age of serials.
[[nodiscard]] bool dnsexpect_met(const struct conf_check *check, const ldns_pkt *reply,
	int64_t now_s, struct health_result *ret);
