// What a step expects of each client, and whether it came true. Pure.
#pragma once

#include "lab/outage.h"
#include "lab/scenario.h"
#include "lib/strbuf.h"

struct expectation {
	bool named;                // by an entry of this step
	int site;                  // index; SITE_NONE: nobody answers
	const struct items *nodes; // char *: exactly these of the site share it; NULL: any
	bool has_max_outage, has_max_lost;
	span max_outage;
	uint64_t max_lost;
};

enum verdict {
	VERDICT_OK,
	VERDICT_WRONG_SITE,  // somebody else answers in the end, or nobody
	VERDICT_LONG_OUTAGE, // longer than promised
	VERDICT_LOST,        // more queries than promised
	VERDICT_WRONG_NODES, // other nodes of the site share it than promised
	VERDICT_MAX,
};
const char *verdict_name(enum verdict v); // "wrong-site"

// Fills ret, one a client. A client that no entry names keeps its site of
// previous (may be ret itself; NULL: nobody) and loses at most others_max_lost if that is given.
void expect_resolve(const struct scenario *s, const struct items *entries,
	const uint64_t *others_max_lost, const struct expectation *previous,
	struct expectation *ret);

// shared: whether the nodes that should share the client do.
enum verdict expect_judge(const struct expectation *e, const struct outage *o, bool shared);

// "nyc1, outage at most 300 ms, lost at most 10"
void expect_print(const struct scenario *s, const struct expectation *e, struct strbuf *b);

// The limits only: "500 ms, 10 lost"; nothing when nothing is promised.
void expect_print_limits(const struct expectation *e, struct strbuf *b);

// Name of a site by its index; NULL for SITE_NONE.
const char *site_name(const struct scenario *s, int site);
