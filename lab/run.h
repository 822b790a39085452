// Plays a scenario: makes the world, waits until it is as expected, lets the
// events happen one after the other, and measures what each did.
#pragma once

#include "lab/expect.h"
#include "lab/heard.h"
#include "lab/keepers.h"
#include "lab/link.h"
#include "lab/session_judge.h"
#include "lib/strbuf.h"

struct client_result {
	struct expectation expected;
	struct outage outage;
	enum verdict verdict;
};

struct step_result {
	const struct scn_step *step; // NULL: the start, before the first event
	instant at, end;             // it lasts until the next event
	bool settled;                // in time
	instant settled_at;
	char *failure;   // the event could not be made to happen; NULL
	char *output;    // of the command, if it is to be shown; NULL
	bool has_fewest; // there is something to count: sites with nearcastd
	unsigned fewest; // sites that announced, of the worst instant
	instant fewest_at;
	unsigned fewest_held; // of whom routers held routes, of the worst instant
	instant fewest_held_at;
	char *announced; // who did in the end: "fra1, nyc1"
	bool announced_ok, fewest_ok;
	struct heard *heard; // one a target and other node, if the scenario asks
	size_t heard_count;
	bool heard_ok;
	// When the site's daemon told its routers: its first withdrawal or
	// announcement since the event. Of events on a site's service only.
	bool has_reaction;
	span reaction;
	char reaction_type[16];
	struct client_result *clients;   // one a client of the scenario
	struct session_result *sessions; // one a group; NULL: the scenario has none
	size_t sessions_broken;
	bool sessions_ok;
	struct session_wait late; // of the lab's own loop
	bool ok;
};

struct run_result {
	const struct scenario *scenario;
	enum link_method method;
	int64_t started_us; // Unix time
	instant began;      // of everything
	instant zero;       // of the timeline
	instant ended;
	struct step_result *steps; // the start first; those that took place
	size_t step_count;
	bool has_fewest; // of the whole timeline
	unsigned fewest, fewest_held;
	instant fewest_at, fewest_held_at;
	bool fewest_ok;
	struct keeper_count *keepers; // one a node that has one, at the end
	size_t keeper_count;
	struct session_list sessions;
	struct session_total *totals;  // one a group; NULL: they did not come to their end
	struct session_resets *resets; // one a step that took place; those with `reset-within`
	bool sessions_ok;              // what both say
	struct session_wait late;
	bool interrupted;
	bool ok;
};

struct run_options {
	bool keep;  // leave the world up after the last event until SIGINT or SIGTERM
	bool up;    // only make the world, wait for the start, and leave it up for good
	bool quiet; // no lines on standard error but errors
	bool web;   // show the page while the world is up
	// Called when an event happened, and when a step (the start, too) is over.
	// NULL: not; then the events are lines on standard error. False: nobody reads that, and the run
	// is interrupted.
	bool (*on_event)(void *ctx, const struct run_result *r, const struct step_result *step);
	bool (*on_step)(void *ctx, const struct run_result *r, const struct step_result *step);
	// Called when the result is complete: before the world goes, or is kept.
	void (*on_end)(void *ctx, const struct run_result *r);
	void *ctx;
};

// Runs to the end. 0 and a result to be freed, whether it holds or not; negative
// errno with a sentence in *error when the world could not be made.
[[nodiscard]] int run_scenario(struct run_result *ret, const struct scenario *s,
	const struct run_options *options, struct strbuf *error);
void run_result_free(struct run_result *r);
