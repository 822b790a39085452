// IPv4 and IPv6 addresses and prefixes: binary inside, text only at the edges.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/wire.h"

// IANA address family numbers, as BGP carries them (RFC 4760 section 3).
enum ip_family { IP_NONE = 0, IP4 = 1, IP6 = 2 };

// Network byte order; the bytes an IPv4 address does not use are zero, so
// that whole structs may be compared and hashed.
struct ip_addr {
	uint8_t family; // enum ip_family
	uint8_t b[16];
};

// Host bits are zero in every prefix that a function here made.
struct ip_prefix {
	struct ip_addr addr;
	uint8_t len; // bits
};

enum { IP_TEXT = 46, PREFIX_TEXT = 50 }; // room for the text with its NUL

// 32 or 128.
unsigned ip_bits(enum ip_family family);
// 4 or 16.
size_t ip_bytes(enum ip_family family);

// Text in the form of inet_pton(3). 0 or -EINVAL.
[[nodiscard]] int ip_parse(struct ip_addr *ret, const char *text);
// Canonical text (RFC 5952); writes into and returns buf of IP_TEXT bytes.
const char *ip_print(const struct ip_addr *a, char buf[IP_TEXT]);
// IPv4 before IPv6, then numerically; < 0, 0, > 0.
int ip_cmp(const struct ip_addr *a, const struct ip_addr *b);
bool ip_equal(const struct ip_addr *a, const struct ip_addr *b);
bool ip_is_unspecified(const struct ip_addr *a);
bool ip_is_loopback(const struct ip_addr *a);
bool ip_is_multicast(const struct ip_addr *a);
bool ip_is_link_local(const struct ip_addr *a);
struct ip_addr ip_from_u32(uint32_t host_order);
uint32_t ip_to_u32(const struct ip_addr *a); // IPv4 only
struct ip_addr ip_from_bytes(enum ip_family family, const uint8_t *bytes);

// From AF_INET, AF_INET6 (IPv4-mapped becomes IPv4); IP_NONE for any other.
struct ip_addr ip_from_sockaddr(const struct sockaddr *sa);
// Returns the length of the socket address.
socklen_t ip_to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret);

// "address/length". 0; -EINVAL for text that is no prefix; -EDOM when host
// bits are set: then *ret holds the prefix without them, for the message.
[[nodiscard]] int prefix_parse(struct ip_prefix *ret, const char *text);
const char *prefix_print(const struct ip_prefix *p, char buf[PREFIX_TEXT]);
// The prefix of that length around the address; len at most ip_bits().
struct ip_prefix prefix_of(const struct ip_addr *a, unsigned len);
int prefix_cmp(const struct ip_prefix *a, const struct ip_prefix *b);
bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);
bool prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);
bool prefix_covers(const struct ip_prefix *outer, const struct ip_prefix *inner);
uint64_t prefix_hash(const struct ip_prefix *p);

// One NLRI field, RFC 4271 section 4.3: { length:8, prefix: as many bytes as
// the length needs }. Host bits in the last byte are cleared. Sets r->bad for
// a length over the family's and for missing bytes.
struct ip_prefix prefix_read(struct rd *r, enum ip_family family);
void prefix_write(struct wr *w, const struct ip_prefix *p);
