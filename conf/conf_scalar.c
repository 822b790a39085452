// Values with a syntax of their own: AS numbers, router identifiers, communities.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_int.h"
#include "lib/text.h"

static bool all_digits(const char *s, size_t n)
{
	return n > 0 && n <= 10 && strspn(s, "0123456789") >= n;
}

// RFC 5396 has three notations; one is enough for a file that is compared with
// the neighbour's. The asdot form gets its plain number in the message.
static int as_parse(const char *text, void *ret, struct strbuf *error)
{
	const char *dot = strchr(text, '.');
	size_t n = strlen(text);

	if (dot && all_digits(text, (size_t)(dot - text)) && all_digits(dot + 1, strlen(dot + 1))) {
		uint64_t high = strtoull(text, NULL, 10), low = strtoull(dot + 1, NULL, 10);
		sb_str(error, "asdot notation is not taken");
		if (high <= UINT16_MAX && low <= UINT16_MAX)
			sb_printf(error, "; the number is %" PRIu64, high << 16 | low);
		return -EINVAL;
	}
	if (!all_digits(text, n) || (text[0] == '0' && n > 1))
		return -EINVAL;
	uint64_t as = strtoull(text, NULL, 10);
	if (as < 1 || as > UINT32_MAX)
		return -ERANGE;
	*(uint64_t *)ret = as;
	return 0;
}

static void as_print(const void *value, struct strbuf *b)
{
	sb_printf(b, "%" PRIu64, *(const uint64_t *)value);
}

const struct schema_scalar conf_as_scalar = {
	.expects = "an AS number from 1 to 4294967295",
	.size = sizeof(uint64_t),
	.parse = as_parse,
	.print = as_print,
};

static int router_id_parse(const char *text, void *ret, struct strbuf *error)
{
	struct ip_addr a;

	if (ip_parse(&a, text) < 0 || a.family != IP4)
		return -EINVAL;
	if (ip_is_unspecified(&a)) { // RFC 6286 section 2.1
		sb_str(error, "zero is not an identifier");
		return -EINVAL;
	}
	*(struct ip_addr *)ret = a;
	return 0;
}

static void router_id_print(const void *value, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_str(b, ip_print(value, text));
}

const struct schema_scalar conf_router_id_scalar = {
	.expects = "an identifier in the form of an IPv4 address, such as 192.0.2.11",
	.size = sizeof(struct ip_addr),
	.parse = router_id_parse,
	.print = router_id_print,
};

static int community_parse(const char *text, void *ret, struct strbuf *error)
{
	enum { NAMES_MAX = 64 };
	const char *names[NAMES_MAX + 1] = {};

	if (bgp_community_parse(ret, text) == 0)
		return 0;
	for (size_t i = 0; i < NAMES_MAX && bgp_well_known[i].name; i++)
		names[i] = bgp_well_known[i].name;
	const char *nearest = text_nearest(text, names);
	if (nearest)
		sb_printf(error, "did you mean `%s`?", nearest);
	return -EINVAL;
}

static void community_print(const void *value, struct strbuf *b)
{
	char text[BGP_COMMUNITY_TEXT];

	sb_str(b, bgp_community_print(value, text));
}

const struct schema_scalar conf_community_scalar = {
	.expects = "a community: 64500:100 (two numbers of 16 bits), 64500:1:2 (three of 32 bits) "
		   "or a well-known name such as no-export",
	.size = sizeof(struct bgp_community),
	.parse = community_parse,
	.print = community_print,
};

// "2" or "50%". None of the known sites would be a share that guards nothing: 0 says that.
static int min_sites_parse(const char *text, void *ret, struct strbuf *)
{
	enum { SITES_MAX = 4095 };
	size_t n = strspn(text, "0123456789");
	bool share = text[n] == '%' && !text[n + 1];

	if (n == 0 || n > 4 || (text[n] && !share) || (text[0] == '0' && n > 1))
		return -EINVAL;
	unsigned long value = strtoul(text, NULL, 10);
	if (share ? value < 1 || value > 100 : value > SITES_MAX)
		return -ERANGE;
	*(struct conf_min_sites *)ret =
		(struct conf_min_sites){ .share = share, .value = (uint32_t)value };
	return 0;
}

static void min_sites_print(const void *value, struct strbuf *b)
{
	const struct conf_min_sites *m = value;

	sb_printf(b, "%" PRIu32 "%s", m->value, m->share ? "%" : "");
}

const struct schema_scalar conf_min_sites_scalar = {
	.expects = "a number of sites from 0 to 4095, or a share of them from 1% to 100%",
	.size = sizeof(struct conf_min_sites),
	.parse = min_sites_parse,
	.print = min_sites_print,
};
