// Communities (RFC 1997) and large communities (RFC 8092) as values and text.
//
//	64500:100         plain: two numbers of 16 bits
//	64500:1:2         large: three numbers of 32 bits
//	no-export         one of the well-known names
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Plain: a is the upper and b the lower half of the 32 bits, both at most
// 65535, and c is 0. Large: global administrator, local data 1, local data 2.
struct bgp_community {
	bool large;
	uint32_t a, b, c;
};

// One of IANA's registry "BGP Well-known Communities".
struct bgp_well_known {
	uint32_t value;
	const char *name;
	const char *rfc;
};

// Ends with a NULL name.
extern const struct bgp_well_known bgp_well_known[];

enum { BGP_COMMUNITY_TEXT = 36 }; // room for the text with its NUL

// Numbers are decimal without sign or blanks. 0 or -EINVAL.
[[nodiscard]] int bgp_community_parse(struct bgp_community *ret, const char *text);

// The well-known name where there is one. Writes into and returns buf.
const char *bgp_community_print(const struct bgp_community *c, char buf[BGP_COMMUNITY_TEXT]);

// Plain before large, then numerically; < 0, 0, > 0.
int bgp_community_cmp(const struct bgp_community *x, const struct bgp_community *y);

struct bgp_community bgp_community_from_u32(uint32_t value);
uint32_t bgp_community_to_u32(const struct bgp_community *c); // plain only
