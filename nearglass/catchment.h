// Where clients land: the site that each of them reaches, as those say who measure it. The glass keeps
// the latest word on each client, tells of moves, and hands what there is to readers.
//
// The loop's thread writes. Readers hold a snapshot, which does not change.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/strbuf.h"
#include "nearglass/catchment_line.h"
#include "nearglass/conf.h"

struct catchment;

// What is kept of a client is kept again after that time, so that the past is found by looking back
// that far.
enum { CATCHMENT_REPEAT_S = 3600 };

struct catchment_client {
	char name[CATCHMENT_CLIENT_MAX + 1]; // a prefix or a name
	char site[CATCHMENT_SITE_MAX + 1];   // "": nobody answers
	char before[CATCHMENT_SITE_MAX + 1]; // the last other site that did; "": none
	bool has_place;
	double lat, lon, rtt_ms; // rtt_ms below 0: not measured
	int64_t heard_us;        // Unix time of the latest word on it
	int64_t since_us;        // of the first word on this site
};

enum catchment_count {
	CATCHMENT_TAKEN,   // lines
	CATCHMENT_BAD,     // lines that say nothing
	CATCHMENT_FULL,    // lines on more clients than are kept
	CATCHMENT_STALE,   // lines older than what is known
	CATCHMENT_FORGOT,  // clients not heard of any more
	CATCHMENT_REFUSED, // connections, over as many as there may be
	CATCHMENT_COUNTS,
};
extern const char *const catchment_count_names[CATCHMENT_COUNTS];

struct catchment_info {
	bool configured;
	size_t clients, nobody; // nobody: of them, those whom nobody answers
	size_t feeders;         // connections open now
	uint64_t counts[CATCHMENT_COUNTS];
	int64_t heard_us;   // the latest time of a line; 0: none yet
	char last_bad[160]; // why; "": none
};

struct catchment_ops {
	// Some clients moved from one site to another ("": from or to none; both NULL: between many):
	// their number, and the names of the first of them.
	void (*moved)(void *ctx, const char *from, const char *to, size_t count,
		const char *const *names, size_t name_count);
	void (*changed)(void *ctx); // before that: readers should see it
	// What is known of the client from now on; gone: it is forgotten.
	void (*keep)(void *ctx, const struct catchment_client *client, int64_t now_us, bool gone);
};

// Opens what the configuration names, so before sandbox_enter(). 0; negative errno with *error set.
[[nodiscard]] int catchment_new(struct catchment **ret, uv_loop_t *loop,
	const struct glass_catchment *conf, const struct catchment_ops *ops, void *ctx,
	struct strbuf *error);
void catchment_start(struct catchment *c); // inside the sandbox
void catchment_stop(struct catchment *c);  // nothing more is told
void catchment_free(struct catchment **c); // when the loop runs no more; NULL inside is fine

// The loop's thread. One line without its end; bad ones are counted. fallback_us: its time where it
// says none.
void catchment_take(struct catchment *c, const char *line, size_t n, int64_t fallback_us);
void catchment_count(struct catchment *c, enum catchment_count what, const char *why);
void catchment_info(const struct catchment *c, struct catchment_info *ret);

// ---- For readers ----

struct catchment_list {
	_Atomic unsigned holders;
	size_t count;
	struct catchment_client clients[]; // by name
};

// The loop's thread: what there is now, held once more. One copy serves all until something changes.
[[nodiscard]] struct catchment_list *catchment_list(struct catchment *c);
void catchment_list_put(struct catchment_list **list); // any thread; NULL inside is fine
// The first client behind that name, by binary search.
size_t catchment_list_after(const struct catchment_list *l, const char *name);
