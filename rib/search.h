// Search by attributes. A question is put once to each string that is kept (AS paths, the rest),
// not to each route: a table of three million routes has some hundred thousand paths. The answer
// is a set of attribute sets, whose routes are counted without being looked at. By marks alone
// routes are counted in the bitmaps that have them.
#pragma once

#include "rib/rib.h"

// All that are given must hold.
struct rib_question {
	unsigned neighbour; // RIB_ANY
	bool has_origin;    // the AS that the route comes from
	uint32_t origin;
	bool has_as; // anywhere in the path
	uint32_t as;
	bool (*path)(void *arg, struct rd path); // NULL: any. Each distinct path is asked once
	bool (*rest)(void *arg, struct rd rest); // NULL: any
	void *arg;
	const uint8_t *communities; // of RFC 1997: four octets each, all of them must be there
	size_t community_count;
	const uint8_t *large; // of RFC 8092: twelve octets each
	size_t large_count;
	const uint8_t *extended; // of RFC 4360: eight octets each
	size_t extended_count;
	struct ip_addr next_hop; // IP_NONE: any
	unsigned marks;          // a bit for each mark that fits; 0: any
	// Asked now and then; true ends the search, which then is `truncated`.
	bool (*stop)(void *arg);
};

struct rib_found;

// The sets of attributes that fit. Never NULL; s must live as long.
[[nodiscard]] struct rib_found *rib_search(const struct rib *s, const struct rib_question *q);
void rib_found_free(struct rib_found **f);
// Its attributes and its mark fit; not asked: its neighbour.
bool rib_found_has(const struct rib_found *f, const struct rib_route *route);
bool rib_found_truncated(const struct rib_found *f);
// Routes, exactly, unless truncated.
size_t rib_found_count(const struct rib_found *f, enum ip_family family);

// Those of prefixes that `under` covers, by a look at each.
size_t rib_found_count_under(struct rib_found *f, const struct ip_prefix *under);

struct rib_hit {
	uint32_t prefix; // its number
	struct rib_route route;
};

// The routes of that prefix that fit: those behind the first `skip`, at most max. Returns how many fit in all.
size_t rib_found_of(const struct rib_found *f, enum ip_family family, uint32_t prefix, size_t skip,
	struct rib_hit *ret, size_t max);

// A page of the routes in order of prefixes. A prefix is never cut in two unless it alone has more than
// a page.
struct rib_page {
	const struct ip_prefix *after; // begins behind that prefix; NULL: with the first
	size_t taken;                  // not 0: begins behind so many routes of `after` instead
	const struct ip_prefix *under; // within that; NULL: anywhere
	bool begun;                    // there are others on the page already
	// Told: others follow, and then how many routes of the last prefix were taken, 0 for all.
	bool more;
	size_t last_taken;
};

// Returns how many, at most max.
size_t rib_found_page(struct rib_found *f, enum ip_family family, struct rib_page *page,
	struct rib_hit *ret, size_t max);
