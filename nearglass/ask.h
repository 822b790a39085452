// What a request asks of the routes: its parameters, read once and checked.
#pragma once

#include "nearglass/http.h"
#include "nearglass/pattern.h"
#include "rib/search.h"

enum ask_match { MATCH_NONE, MATCH_EXACT, MATCH_LONGEST, MATCH_COVERED, MATCH_COVERING };

enum { ASK_COMMUNITIES = 8, PAGE_SIZE = 100, PAGE_SIZE_MAX = 1000, PAGES_MAX = 1000 };

struct ask {
	struct rib_question q;
	enum ask_match match; // NONE: no prefix was given
	struct ip_prefix prefix;
	enum ip_family family; // IP_NONE: both
	bool by_attributes;    // anything but prefix, family and paging was given
	struct pattern *pattern;
	size_t page, page_size;
	bool has_after;
	struct ip_prefix after;
	size_t after_taken; // of its routes; 0: all
	uint8_t communities[ASK_COMMUNITIES * 4], large[ASK_COMMUNITIES * 12],
		extended[ASK_COMMUNITIES * 8];
	const char *kind; // what q was taken for; NULL: no q
	const struct call *call;
};

#define ASK_ARGS                                                                                 \
	"prefix match address origin as path community large_community ext_community neighbour " \
	"next_hop rpki family page limit after q"

// False: the call has failed. Else free it.
[[nodiscard]] bool ask_read(struct ask *a, struct call *c);
void ask_free(struct ask *a);
