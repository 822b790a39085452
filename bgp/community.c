#include "bgp/community.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct bgp_well_known bgp_well_known[] = {
	{ 0xffff0000, "graceful-shutdown", "RFC 8326" },
	{ 0xffff0001, "accept-own", "RFC 7611" },
	{ 0xffff0006, "llgr-stale", "RFC 9494" },
	{ 0xffff0007, "no-llgr", "RFC 9494" },
	{ 0xffff029a, "blackhole", "RFC 7999" },
	{ 0xffffff01, "no-export", "RFC 1997" },
	{ 0xffffff02, "no-advertise", "RFC 1997" },
	{ 0xffffff03, "no-export-subconfed", "RFC 1997" },
	{ 0xffffff04, "no-peer", "RFC 3765" },
	{},
};

struct bgp_community bgp_community_from_u32(uint32_t value)
{
	return (struct bgp_community){ .a = value >> 16, .b = value & 0xffff };
}

uint32_t bgp_community_to_u32(const struct bgp_community *c)
{
	return c->a << 16 | c->b;
}

// A decimal number of at most 32 bits; moves *text behind it.
static bool take_number(const char **text, uint32_t *ret)
{
	const char *p = *text;
	uint64_t n = 0;

	while (*p >= '0' && *p <= '9' && n <= UINT32_MAX)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == *text || n > UINT32_MAX)
		return false;
	*text = p;
	*ret = (uint32_t)n;
	return true;
}

static int parse_numbers(struct bgp_community *ret, const char *text)
{
	uint32_t n[3] = {};
	int count = 0;

	do {
		if (count == 3 || !take_number(&text, &n[count]))
			return -EINVAL;
		count++;
	} while (*text == ':' && text++);
	if (*text || count < 2)
		return -EINVAL;
	if (count == 2 && (n[0] > UINT16_MAX || n[1] > UINT16_MAX))
		return -EINVAL;
	*ret = (struct bgp_community){ .large = count == 3, .a = n[0], .b = n[1], .c = n[2] };
	return 0;
}

int bgp_community_parse(struct bgp_community *ret, const char *text)
{
	for (const struct bgp_well_known *w = bgp_well_known; w->name; w++) {
		if (strcmp(text, w->name) == 0) {
			*ret = bgp_community_from_u32(w->value);
			return 0;
		}
	}
	return parse_numbers(ret, text);
}

const char *bgp_community_print(const struct bgp_community *c, char buf[BGP_COMMUNITY_TEXT])
{
	if (c->large) {
		snprintf(buf, BGP_COMMUNITY_TEXT, "%u:%u:%u", c->a, c->b, c->c);
		return buf;
	}
	for (const struct bgp_well_known *w = bgp_well_known; w->name; w++) {
		if (w->value == bgp_community_to_u32(c)) {
			snprintf(buf, BGP_COMMUNITY_TEXT, "%s", w->name);
			return buf;
		}
	}
	snprintf(buf, BGP_COMMUNITY_TEXT, "%u:%u", c->a, c->b);
	return buf;
}

static int cmp_u32(uint32_t x, uint32_t y)
{
	return (x > y) - (x < y);
}

int bgp_community_cmp(const struct bgp_community *x, const struct bgp_community *y)
{
	int d = (int)x->large - (int)y->large;

	if (!d)
		d = cmp_u32(x->a, y->a);
	if (!d)
		d = cmp_u32(x->b, y->b);
	return d ? d : cmp_u32(x->c, y->c);
}
