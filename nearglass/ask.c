#include "nearglass/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "nearglass/route.h"

static bool is_late(void *arg)
{
	const struct ask *a = arg;

	return call_is_late(a->call);
}

static bool matches(void *arg, struct rd path)
{
	const struct ask *a = arg;

	return pattern_matches(a->pattern, path);
}

// ---- Numbers ----

// Digits alone, up to max. False: not that.
static bool read_number(const char *text, uint64_t max, uint64_t *ret)
{
	size_t n = strlen(text);
	char *end;

	if (n == 0 || n > 10 || strspn(text, "0123456789") != n)
		return false;
	uint64_t v = strtoull(text, &end, 10);
	if (v > max)
		return false;
	*ret = v;
	return true;
}

// "a:b:c" into that many numbers, the first up to first_max, the others up to max.
static bool read_numbers(
	const char *text, size_t count, uint64_t first_max, uint64_t max, uint64_t *ret)
{
	char copy[64];
	char *at = copy;

	if (strlen(text) >= sizeof(copy))
		return false;
	memcpy(copy, text, strlen(text) + 1);
	for (size_t i = 0; i < count; i++) {
		char *colon = strchr(at, ':');
		if (i + 1 < count ? !colon : colon != NULL)
			return false;
		if (colon)
			*colon = '\0';
		if (!read_number(at, i ? max : first_max, &ret[i]))
			return false;
		at = colon ? colon + 1 : at;
	}
	return true;
}

// ---- Parameters: each reads its value into the question; false: it is none ----

typedef bool reader(struct ask *a, const char *text);

static bool read_prefix(struct ask *a, const char *text)
{
	if (prefix_parse(&a->prefix, text) < 0)
		return false;
	a->match = MATCH_EXACT;
	a->family = (enum ip_family)a->prefix.addr.family;
	return true;
}

static bool read_address(struct ask *a, const char *text)
{
	struct ip_addr addr;

	if (ip_parse(&addr, text) < 0)
		return false;
	a->family = (enum ip_family)addr.family;
	a->prefix = prefix_of(&addr, ip_bits(a->family));
	a->match = MATCH_LONGEST;
	return true;
}

static bool read_match(struct ask *a, const char *text)
{
	static const char *const words[] = {
		[MATCH_EXACT] = "exact",
		[MATCH_LONGEST] = "longest",
		[MATCH_COVERED] = "covered",
		[MATCH_COVERING] = "covering",
	};

	for (unsigned i = MATCH_EXACT; i < countof(words); i++)
		if (strcmp(words[i], text) == 0 && a->match != MATCH_NONE) {
			a->match = (enum ask_match)i;
			return true;
		}
	return false;
}

static bool read_as(const char *text, uint32_t *ret)
{
	uint64_t v;

	if (strncasecmp(text, "AS", 2) == 0)
		text += 2;
	if (!read_number(text, UINT32_MAX, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool read_origin(struct ask *a, const char *text)
{
	return a->q.has_origin = read_as(text, &a->q.origin);
}

static bool read_any_as(struct ask *a, const char *text)
{
	return a->q.has_as = read_as(text, &a->q.as);
}

// Several with blanks or commas between them.
static bool read_list(struct ask *a, const char *text, bool (*one)(struct ask *, const char *))
{
	char copy[512], *save = NULL;

	if (strlen(text) >= sizeof(copy))
		return false;
	memcpy(copy, text, strlen(text) + 1);
	char *word = strtok_r(copy, ", ", &save);
	if (!word)
		return false;
	for (; word; word = strtok_r(NULL, ", ", &save))
		if (!one(a, word))
			return false;
	return true;
}

static bool read_community(struct ask *a, const char *word)
{
	uint64_t v[2];
	struct wr w = wr_init(a->communities + a->q.community_count * 4, 4);

	if (a->q.community_count == ASK_COMMUNITIES ||
		!read_numbers(word, 2, UINT16_MAX, UINT16_MAX, v))
		return false;
	wr_u16(&w, (uint16_t)v[0]);
	wr_u16(&w, (uint16_t)v[1]);
	a->q.communities = a->communities;
	a->q.community_count++;
	return true;
}

static bool read_large(struct ask *a, const char *word)
{
	uint64_t v[3];
	struct wr w = wr_init(a->large + a->q.large_count * 12, 12);

	if (a->q.large_count == ASK_COMMUNITIES ||
		!read_numbers(word, 3, UINT32_MAX, UINT32_MAX, v))
		return false;
	for (size_t i = 0; i < 3; i++)
		wr_u32(&w, (uint32_t)v[i]);
	a->q.large = a->large;
	a->q.large_count++;
	return true;
}

// "rt:64500:1", "ro:4200000000:1": RFC 4360 section 4, RFC 5668 for an AS of four octets.
static bool read_extended(struct ask *a, const char *word)
{
	uint64_t v[2];
	struct wr w = wr_init(a->extended + a->q.extended_count * 8, 8);
	bool rt = strncmp(word, "rt:", 3) == 0, ro = strncmp(word, "ro:", 3) == 0;

	if (a->q.extended_count == ASK_COMMUNITIES || !(rt || ro) ||
		!read_numbers(word + 3, 2, UINT32_MAX, UINT32_MAX, v))
		return false;
	bool wide = v[0] > UINT16_MAX;
	if (wide && v[1] > UINT16_MAX)
		return false;
	wr_u8(&w, wide ? 2 : 0);
	wr_u8(&w, rt ? 2 : 3);
	if (wide) {
		wr_u32(&w, (uint32_t)v[0]);
		wr_u16(&w, (uint16_t)v[1]);
	} else {
		wr_u16(&w, (uint16_t)v[0]);
		wr_u32(&w, (uint32_t)v[1]);
	}
	a->q.extended = a->extended;
	a->q.extended_count++;
	return true;
}

static bool read_communities(struct ask *a, const char *text)
{
	return read_list(a, text, read_community);
}

static bool read_larges(struct ask *a, const char *text)
{
	return read_list(a, text, read_large);
}

static bool read_extendeds(struct ask *a, const char *text)
{
	return read_list(a, text, read_extended);
}

static bool read_neighbour(struct ask *a, const char *text)
{
	const struct neighbour_info *n = view_find(a->call->view, text);

	if (n)
		a->q.neighbour = n->number;
	return n != NULL;
}

static bool read_next_hop(struct ask *a, const char *text)
{
	return ip_parse(&a->q.next_hop, text) == 0;
}

// Validities are the marks of routes. While none is known, all are unknown; after, none is.
static bool read_rpki(struct ask *a, const char *text)
{
	bool known = a->call->view->rpki_info.known;

	for (unsigned i = 0; a->call->view->rpki && i < RPKI_VALIDITIES; i++)
		if (strcmp(rpki_validity_name((enum rpki_validity)i), text) == 0) {
			if (known || i != RPKI_UNKNOWN)
				a->q.marks = 1u << (known ? i : RPKI_UNKNOWN);
			return true;
		}
	return false;
}

static bool read_family(struct ask *a, const char *text)
{
	enum ip_family f = strcmp(text, "ipv4") == 0   ? IP4
			   : strcmp(text, "ipv6") == 0 ? IP6
						       : IP_NONE;

	if (f == IP_NONE || (a->family != IP_NONE && a->family != f))
		return false;
	a->family = f;
	return true;
}

static bool read_page(struct ask *a, const char *text)
{
	uint64_t v;

	if (!read_number(text, PAGES_MAX, &v))
		return false;
	a->page = v;
	return true;
}

static bool read_page_size(struct ask *a, const char *text)
{
	uint64_t v;

	if (!read_number(text, PAGE_SIZE_MAX, &v) || v == 0)
		return false;
	a->page_size = v;
	return true;
}

// "192.0.2.0/24", or "192.0.2.0/24~100" behind the first hundred of its routes.
static bool read_after(struct ask *a, const char *text)
{
	size_t n = strcspn(text, "~");
	char prefix[PREFIX_TEXT] = "";
	uint64_t taken = 0;

	if (n >= sizeof(prefix) ||
		(text[n] && (!read_number(text + n + 1, UINT32_MAX, &taken) || taken == 0)))
		return false;
	memcpy(prefix, text, n);
	a->after_taken = taken;
	return a->has_after = prefix_parse(&a->after, prefix) == 0;
}

static bool read_any(struct ask *a, const char *text);

// In the order in which they are read.
static const struct {
	const char *name, *expects;
	reader *read;
	bool attribute;
} parameters[] = {
	{ "q", "an address, a prefix, AS64500, a community, a neighbour, or a path pattern",
		read_any },
	{ "prefix", "a prefix without host bits", read_prefix },
	{ "address", "an address", read_address },
	{ "match", "exact, longest, covered or covering, beside a prefix or an address",
		read_match },
	{ "family", "ipv4 or ipv6, and that of the prefix", read_family },
	{ "origin", "an AS number", read_origin, true },
	{ "as", "an AS number", read_any_as, true },
	{ "community", "communities AS:value, up to 8", read_communities, true },
	{ "large_community", "large communities a:b:c, up to 8", read_larges, true },
	{ "ext_community", "rt:AS:value or ro:AS:value, up to 8", read_extendeds, true },
	{ "neighbour", "the name of a neighbour", read_neighbour, true },
	{ "next_hop", "an address", read_next_hop, true },
	{ "rpki", "valid, invalid, not-found or unknown, where a cache is configured", read_rpki,
		true },
	{ "page", "a number from 0 to 1000", read_page },
	{ "limit", "a number from 1 to 1000", read_page_size },
	{ "after", "where the page before ended, as its `next` says it", read_after },
};

// What people type into one field: the first of these that it can be. An address or a prefix asks
// for the longest match unless `match` says otherwise; a number alone is an AS.
static bool read_any(struct ask *a, const char *text)
{
	static const struct {
		const char *kind;
		reader *read;
		bool attribute;
	} kinds[] = {
		{ "address", read_address },
		{ "prefix", read_prefix },
		{ "as", read_any_as, true },
		{ "community", read_communities, true },
		{ "large_community", read_larges, true },
		{ "ext_community", read_extendeds, true },
		{ "neighbour", read_neighbour, true },
	};

	for (size_t i = 0; i < countof(kinds); i++) {
		const struct ask before = *a;
		if (kinds[i].read(a, text)) {
			a->kind = kinds[i].kind;
			a->by_attributes |= kinds[i].attribute;
			if (a->match == MATCH_EXACT)
				a->match = MATCH_LONGEST;
			return true;
		}
		*a = before;
	}
	a->kind = "path"; // read with the patterns, which say what is wrong
	return true;
}

// "/.../" is a pattern whatever is in it.
static const char *pattern_text(const struct ask *a, const struct call *c, char *room, size_t size)
{
	const char *q = call_arg(c, "q");
	size_t n = q ? strlen(q) : 0;

	if (!a->kind || strcmp(a->kind, "path") != 0)
		return call_arg(c, "path");
	if (n < 2 || q[0] != '/' || q[n - 1] != '/' || n - 2 >= size)
		return q;
	memcpy(room, q + 1, n - 2);
	room[n - 2] = '\0';
	return room;
}

static bool read_pattern(struct ask *a, struct call *c)
{
	own(sb_free) struct strbuf error = {};
	char room[PATTERN_MAX + 1];
	const char *text = pattern_text(a, c, room, sizeof(room));

	if (!text)
		return true;
	if (pattern_new(&a->pattern, text, &error) < 0) {
		call_fail(c, 400, "bad-path", "%s", sb_text(&error));
		return false;
	}
	a->q.path = matches;
	a->by_attributes = true;
	return true;
}

// What can be said once is not said twice: one of the two would be forgotten.
static bool is_said_once(const struct ask *a, struct call *c)
{
	static const char *const once[] = { "address", "prefix", "as", "neighbour", "path" };
	bool placed = call_arg(c, "prefix") || call_arg(c, "address");

	if (call_arg(c, "prefix") && call_arg(c, "address")) {
		call_fail(c, 400, "bad-parameter", "prefix and address: one of them");
		return false;
	}
	for (size_t i = 0; a->kind && i < countof(once); i++)
		if (strcmp(a->kind, once[i]) == 0 && (call_arg(c, once[i]) || (placed && i < 2))) {
			call_fail(c, 400, "bad-parameter",
				"beside `q`, which is taken for `%s`, another of that kind is "
				"given",
				once[i]);
			return false;
		}
	return true;
}

bool ask_read(struct ask *a, struct call *c)
{
	*a = (struct ask){
		.q = { .neighbour = RIB_ANY, .arg = a, .stop = is_late },
		.page_size = PAGE_SIZE,
		.call = c,
	};
	for (size_t i = 0; i < countof(parameters); i++) {
		const char *text = call_arg(c, parameters[i].name);
		if (!text)
			continue;
		if (!parameters[i].read(a, text)) {
			call_fail(c, 400, "bad-parameter", "`%s` is not what `%s` takes: %s", text,
				parameters[i].name, parameters[i].expects);
			return false;
		}
		a->by_attributes |= parameters[i].attribute;
	}
	return is_said_once(a, c) && read_pattern(a, c);
}

void ask_free(struct ask *a)
{
	pattern_free(&a->pattern);
}
