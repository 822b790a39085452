// The route object of every answer.
#pragma once

#include "lib/out.h"
#include "nearglass/view.h"
#include "rib/best.h"

enum { ROUTES_A_PREFIX = 1024 }; // shown at most; more are counted

// All routes of one prefix, with the verdict of the decision process.
struct prefix_routes {
	enum ip_family family;
	uint32_t number;
	struct ip_prefix prefix;
	struct rib_route list[ROUTES_A_PREFIX];
	enum rib_step lost[ROUTES_A_PREFIX];
	enum rib_step by; // the step that made the best one
	size_t count;
	int best; // index; -1: none
};

void prefix_routes(
	struct prefix_routes *ret, const struct view *v, enum ip_family family, uint32_t number);
// The index of a route in the list; -1: not there.
int prefix_routes_find(const struct prefix_routes *p, const struct rib_route *r);

// Writes route objects (DESIGN section 11) as JSON text. What routes share is made once: the members
// that say whose it is, and with `many` the attributes of the last some thousand sets, as
// neighbouring prefixes often have the same.
struct route_writer;
[[nodiscard]] struct route_writer *route_writer_new(const struct view *v, bool many);
void route_writer_free(struct route_writer **w); // NULL inside is fine
void route_write(struct route_writer *w, struct strbuf *b, const struct prefix_routes *p, size_t i);

// Validity of its origin, RFC 6811 section 2; RPKI_UNKNOWN: no cache has answered.
enum rpki_validity view_validity(const struct view *v, const struct rib_route *r);

// The state of a neighbour by its number in the store.
const struct neighbour_info *view_neighbour(const struct view *v, unsigned number);
// By its name; NULL: there is none.
const struct neighbour_info *view_find(const struct view *v, const char *name);

// One octet string of each kind, as text: "64500:1", "64500:1:2", "rt:64500:1".
enum { COMMUNITY_TEXT = 40 };
void community_text(char ret[COMMUNITY_TEXT], struct rd *list);
void large_text(char ret[COMMUNITY_TEXT], struct rd *list);
void extended_text(char ret[COMMUNITY_TEXT], struct rd *list);
