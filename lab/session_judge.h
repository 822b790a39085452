// What became of sessions, and whether it was to be. Pure.
#pragma once

#include "lab/session.h"

enum session_verdict {
	SESSIONS_OK,
	SESSIONS_BROKE,   // that were not to
	SESSIONS_STALLED, // for longer than promised
	SESSIONS_EARLY,   // over before the last event
	SESSIONS_VERDICT_MAX,
};
const char *session_verdict_name(enum session_verdict v); // "long-stall"

// Of one group in one step.
struct session_result {
	size_t standing;             // when it began
	size_t broken;               // in it
	size_t excused;              // of those, that might
	struct session_wait longest; // of those that are not broken
	enum session_verdict verdict;
};

// From `at` to `end`: fills ret, one a group. step NULL: the start. Returns how many broke.
size_t session_judge_step(const struct scenario *s, const struct session_list *l,
	const struct scn_step *step, instant at, instant end, struct session_result *ret);

// As many broke as a control wants.
bool session_enough_broke(const struct scn_step *step, size_t broken);

// Of one group in the whole.
struct session_total {
	size_t broken, done;
	size_t early; // over before the last event
	struct session_wait longest;
	enum session_verdict verdict; // of how it ended: ok, early
};

// last_event: NEVER when there was none.
void session_judge_end(const struct session_list *l, instant last_event, struct session_total *ret);

// What a step with `reset-within` promised of the sessions of some nodes.
struct session_resets {
	size_t sessions; // of those nodes, that stood at the event
	size_t alive;    // not broken in the end
	size_t reset;    // by an RST, in time
	size_t late;     // by an RST, later; or told in another way though the client spoke
	size_t silent;   // the client had nothing to send
	size_t others;   // not over TCP
	span longest;    // to an RST
	bool ok;
};
struct session_resets session_judge_resets(const struct scenario *s, const struct session_list *l,
	const struct scn_step *step, instant at);

// Those that the step expects to be broken by RST, and that can be by now, are broken: those that wait for
// an answer.
bool session_resets_came(
	const struct scenario *s, const struct session_list *l, const struct scn_step *step);
