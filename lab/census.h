// Which sites announce, at every instant, by what their daemons say of it: events with
// times. Pure; events of several daemons may come in any order.
#pragma once

#include "lab/scenario.h"
#include "lib/strbuf.h"

struct census;

// For the sites and prefixes of a scenario, which outlives it. Nobody announces.
struct census *census_new(const struct scenario *s);
void census_free(struct census **c);

// A node (its index in the scenario's sites) has told an upstream, or withdrawn from it.
// upstream NULL: all of them; prefix NULL: all of them. Prefixes of no service are passed over.
void census_note(struct census *c, instant at, size_t node, const char *upstream,
	const struct ip_prefix *prefix, bool on);

// The fewest sites that announced a prefix at any instant from..to, of the prefix that fewest
// did; *when: since when, at the earliest `from`. A site announces while any of its nodes does,
// to any upstream.
unsigned census_fewest(const struct census *c, instant from, instant to, instant *when);

// Whether the site (its index in site_names) announces all prefixes then; or any of them.
bool census_has_all(const struct census *c, size_t site, instant at);
bool census_has_any(const struct census *c, size_t site, instant at);
