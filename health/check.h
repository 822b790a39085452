// One health check: when it runs, what its results mean, and the verdict.
//
// The engine does no I/O and reads no clock. The program tells it the time and
// what its probes found, and drains what is to be done with check_next():
//
//	 program                          engine
//	    | check_tick(now) ------------> |  schedule, rise and fall counts
//	    | check_result(now, result) --> |
//	    | check_trigger(now) ---------> |  the kernel said something changed
//	    | <--- check_next(): CANCEL, VERDICT, PROBE
//	    | <--- check_deadline(): when to tick next
//
// A check starts in `starting` and is then `up` or `down`. One result that
// deviates from the verdict puts it in doubt: it runs at the fast interval
// until the counts of rise or fall settle it. Hard evidence needs no count.
// A probe that still runs at its deadline is cancelled and has failed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/rng.h"
#include "lib/timing.h"

enum health_kind {
	HEALTH_KIND_DNS,
	HEALTH_KIND_TCP,
	HEALTH_KIND_HTTP,
	HEALTH_KIND_EXEC,
	HEALTH_KIND_ADDRESS,
	HEALTH_KIND_FILE,
	HEALTH_KIND_TLS,
	HEALTH_KIND_ICMP,
	HEALTH_KIND_MAX,
};

// What a failing check may do to its service: take it down, or only degrade it.
enum health_scope { HEALTH_SCOPE_SERVICE, HEALTH_SCOPE_DEPENDENCY, HEALTH_SCOPE_MAX };

// How sure a failure is. Hard: the kernel says that nothing can answer (the
// socket or the address is gone, the connection is refused). Soft: anything
// that a wrong check or a slow network could also have caused.
enum health_evidence { EVIDENCE_NONE, EVIDENCE_SOFT, EVIDENCE_HARD, EVIDENCE_MAX };

enum health_reason {
	HEALTH_REASON_OK,
	HEALTH_REASON_NOT_RUN,         // no result yet
	HEALTH_REASON_REFUSED,         // ICMP port unreachable or TCP reset
	HEALTH_REASON_NO_SOCKET,       // no socket is left on the address and port
	HEALTH_REASON_TIMEOUT,         // no result by the deadline
	HEALTH_REASON_UNREACHABLE,     // no route, host unreachable, connection lost
	HEALTH_REASON_WRONG_RCODE,     // dns
	HEALTH_REASON_NO_ANSWER,       // dns: the answer section is empty and must not be
	HEALTH_REASON_WRONG_ANSWER,    // dns, http: the expected text is not in it
	HEALTH_REASON_BAD_REPLY,       // dns: cannot be parsed; http: not HTTP
	HEALTH_REASON_NOT_VALIDATED,   // dns: no AD bit
	HEALTH_REASON_WRONG_NODE,      // dns: another server's identity
	HEALTH_REASON_STALE,           // dns: the zone is too old
	HEALTH_REASON_BAD_STATUS,      // http
	HEALTH_REASON_TOO_LARGE,       // http: the body exceeds the limit
	HEALTH_REASON_BAD_CERTIFICATE, // http, tls: not to be trusted, or another name's
	HEALTH_REASON_EXPIRES,         // tls: the certificate ends too soon
	HEALTH_REASON_EXIT_STATUS,     // exec: not 0
	HEALTH_REASON_SIGNAL,          // exec: ended by a signal
	HEALTH_REASON_NOT_CONFIGURED,  // address: not on any interface
	HEALTH_REASON_FILE_ABSENT,
	HEALTH_REASON_FILE_PRESENT,
	HEALTH_REASON_COULD_NOT_RUN, // the check itself failed: no memory, no such program
	HEALTH_REASON_MAX,
};

// The printable names, as logs, metrics, the tool and JSON show them:
// "dns", "dependency", "hard", "wrong-rcode".
const char *health_kind_name(enum health_kind k);
const char *health_scope_name(enum health_scope s);
const char *health_evidence_name(enum health_evidence e);
const char *health_reason_name(enum health_reason r);

// The evidence that a failure for this reason is; EVIDENCE_NONE for ok and not-run.
enum health_evidence health_reason_evidence(enum health_reason r);

struct health_timing {
	span interval;      // between the starts of two runs, > 0
	span fast_interval; // the same while in doubt; zero: as interval
	span timeout;       // > 0
	uint64_t rise;      // passes in a row to come up, at least 1
	uint64_t fall;      // soft failures in a row to go down, at least 1
	enum health_scope scope;
};

enum { HEALTH_DETAIL = 128 };

struct health_result {
	bool pass;
	enum health_evidence evidence; // of the failure
	enum health_reason reason;
	char detail[HEALTH_DETAIL]; // for people: "SERVFAIL, expected NOERROR"; may be ""
};

// A result for that reason; pass and evidence follow from it. Control
// characters in the text become '?', as it may quote what strangers sent.
__attribute__((format(printf, 2, 3))) struct health_result health_result_of(
	enum health_reason reason, const char *fmt, ...);

enum check_state { CHECK_STARTING, CHECK_UP, CHECK_DOWN, CHECK_STATE_MAX };

const char *check_state_name(enum check_state s); // "starting", "up", "down"

enum check_action_kind {
	CHECK_DO_CANCEL,  // stop the probe that runs; it must not report any more
	CHECK_DO_VERDICT, // the state, or the evidence of being down, changed
	CHECK_DO_PROBE,   // start one probe; report with check_result()
	CHECK_ACTION_MAX,
};

struct check_action {
	enum check_action_kind kind;
	enum check_state from, to; // of a verdict; equal when only the evidence changed
};

// The fields are the engine's; read them through the functions below.
struct check {
	struct health_timing timing;
	struct rng jitter;
	enum check_state state;
	enum check_state told; // the state of the last verdict handed out
	enum health_evidence evidence;
	enum health_evidence told_evidence;
	enum health_reason why; // of the result that led to or last confirmed the state
	uint64_t streak;        // results in a row that speak for another verdict
	bool streak_pass;
	bool running;
	bool again;       // triggered while running
	unsigned pending; // bits of enum check_action_kind
	instant started;  // of the last run; INSTANT_NEVER: never ran
	instant next;     // start of the next run
	instant changed;  // the state's
	span took;
	struct health_result last;
};

// A trigger does not start a run sooner than this after the last one began,
// so that a server that closes sockets all day cannot make a check spin.
#define CHECK_TRIGGER_GAP span_ms(10)

// Starts the check. The first run comes within CHECK_START_SPREAD or a quarter
// of the interval, whichever is less; each further wait is 95 to 100 percent of
// its interval. Both are drawn from the seed, so that checks do not fire together.
#define CHECK_START_SPREAD span_ms(250)
void check_init(struct check *c, const struct health_timing *timing, uint64_t seed, instant now);

// The probe asked for has ended. Ignored unless one runs.
void check_result(struct check *c, instant now, const struct health_result *r);

// A finding from elsewhere, as the kernel saying that the socket is gone. It
// counts like a result and takes the place of a probe that runs (CANCEL).
void check_report(struct check *c, instant now, const struct health_result *r);

// Adds to the detail of the last result: what a cancelled probe had seen until then.
void check_explain(struct check *c, const char *text);

// Something changed: run at once, or again right after the run in flight.
void check_trigger(struct check *c, instant now);

instant check_deadline(const struct check *c);
void check_tick(struct check *c, instant now);

// The next thing to do; false when there is none. Drain after every call above.
[[nodiscard]] bool check_next(struct check *c, struct check_action *ret);

// Go on from the state of a check that is replaced by this one (a reload that
// left it as it was): verdict, counts and last result. To be called before the first tick.
void check_adopt(struct check *c, const struct check *old);

enum check_state check_state(const struct check *c);
enum health_evidence check_evidence(const struct check *c); // of being down
enum health_reason check_why(const struct check *c);        // the reason of the verdict
instant check_changed(const struct check *c);               // when the state was entered
const struct health_result *check_last(const struct check *c);
span check_took(const struct check *c);        // how long the last probe ran
instant check_next_run(const struct check *c); // of one that runs: when it started
bool check_running(const struct check *c);
