// The DNS question of a check and the judgement of what comes back (RFC 1035
// section 4, built and parsed by ldns).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "health/check.h"

struct dnsquery;

// The question that the check asks: its name and type, class IN; names under
// `server.` and `bind.` of type TXT are asked in class CH (RFC 4892). A check with
// expect-id asks for id.server. The check outlives the question. NULL when they
// are no DNS name, type or response code, with the reason in *ret.
[[nodiscard]] struct dnsquery *dnsquery_new(
	const struct conf_check *check, struct health_result *ret);
void dnsquery_free(struct dnsquery **q); // NULL inside is fine

// The message with that id, recursion desired, EDNS with room for 1232 bytes
// (RFC 6891). Valid until the next call.
[[nodiscard]] const uint8_t *dnsquery_message(struct dnsquery *q, uint16_t id, size_t *len);

enum dnsquery_verdict {
	DNSQUERY_JUDGED,   // *ret holds the result
	DNSQUERY_NOT_OURS, // no reply to this question: *ret says why; wait for another
};

// Judges a message of any bytes, that came in reply to the message with that id.
[[nodiscard]] enum dnsquery_verdict dnsquery_judge(const struct dnsquery *q, uint16_t id,
	const void *data, size_t len, struct health_result *ret);
