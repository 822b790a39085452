// Validated ROA payloads of the RPKI, and what they say of a route's origin (RFC 6811).
//
// A payload is { prefix, greatest length, AS }: that AS may originate the prefix, and what it covers up to
// that length. The prefixes are in a trie like the store's (rib/prefixes.h), each with a list of
// what is said of it.
#pragma once

#include "rib/prefixes.h"

struct payload {
	struct ip_prefix prefix;
	uint8_t max_len;
	uint32_t as; // 0: nobody may (RFC 6483 section 4)
};

struct payloads {
	struct prefixes tables[2]; // IPv4, IPv6
	uint32_t *heads[2];        // by number of the prefix: the first of its list
	uint32_t rooms[2];
	struct pages list;
};

// RFC 6811 section 2.
enum validity { VALIDITY_NOT_FOUND, VALIDITY_VALID, VALIDITY_INVALID, VALIDITY_MAX };

void payloads_init(struct payloads *t);
void payloads_free(struct payloads *t); // before it is used again it is initialised
// Several caches may say the same: it is there until as many have taken it back. True: what routes
// are judged by has changed.
bool payloads_add(struct payloads *t, const struct payload *p);
bool payloads_remove(struct payloads *t, const struct payload *p);
// origin 0: the path ends with a set (NONE there), which nothing makes valid.
enum validity payloads_judge(const struct payloads *t, const struct ip_prefix *p, uint32_t origin);
size_t payloads_bytes(const struct payloads *t); // octets taken from the system
