// Parts of answers that several endpoints share.
#pragma once

#include "nearglass/http.h"

// {"page", "page_size", "total_results", "truncated", "generated_at", "next"}
struct page_meta {
	size_t page, page_size, total;
	bool truncated;
	const char *next; // the query of the next page; NULL: there is none
};
void api_meta(struct out *o, const struct call *c, const struct page_meta *m);

// Since when, beside how many seconds.
void api_since(
	struct out *o, const char *name, const char *seconds_name, int64_t then_us, int64_t now_us);

// The fleet, into the object that o is in: sums, and its rows while they are few.
void api_fleet_sum(struct out *o, const struct call *c);

// In files of their own.
void api_fleet(struct call *c);
void api_routes(struct call *c);
void api_dump(struct call *c);
void api_mrt(struct call *c);
void api_events(struct call *c);
void api_follow(struct call *c);
void api_history(struct call *c);
void api_probe(struct call *c);
void api_catchment(struct call *c);
void api_past(struct call *c);

// Before an answer that holds a view until its client has read it all, however slowly: so few at a time,
// as each keeps what has changed since. False: there are as many, and the call has failed.
enum { API_TABLES_MAX = 16 };
bool api_table_begin(struct call *c);
void api_table_end(void);

// One client of the catchment, now or as it was.
void api_client(struct out *o, const char *name, const char *site, bool has_place, double lat,
	double lon, double rtt_ms);

// A limit, from 1 to that; false: it is bad, and the call has failed. Untouched when not given.
bool api_limit(struct call *c, size_t most, size_t *ret);
bool api_time(struct call *c, const char *name, int64_t *ret); // the same
// The question again, with `after` last: the `next` of a page.
void api_next(const struct call *c, const char *after, struct strbuf *b);
