// Runs the checks of a configuration on the loop: probes, the kernel's news of
// sockets and addresses that go away, and the health that follows.
//
// Callbacks come in the order of cause and effect: on_socket or on_address,
// then on_check for each verdict, then on_health. All of them come from the
// loop, never from inside a call of this header but checks_catch_up(). They may call the accessors,
// but not checks_free().
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "conf/conf.h"
#include "health/check.h"
#include "health/service.h"
#include "lib/timing.h"

struct checks;

// Services and checks are named by their index in struct conf. Any member may be NULL.
struct checks_ops {
	// A verdict: from -> to. They are equal when only the evidence of being
	// down changed (a timeout became a refusal).
	void (*on_check)(void *ctx, size_t service, size_t check, enum check_state from,
		enum check_state to, const struct health_result *result);
	// Health or evidence of the service changed; read it with checks_health().
	void (*on_health)(void *ctx, size_t service);
	// The kernel destroyed a socket that listened for the service; its checks
	// run now. detail: "udp 198.51.100.53 port 53".
	void (*on_socket)(void *ctx, size_t service, const char *detail);
	// The kernel removed an address of the service; its checks run now.
	void (*on_address)(void *ctx, size_t service, const char *detail);
};

// What the tool and the events show of one check.
struct check_status {
	enum check_state state;
	enum health_evidence evidence;      // of being down
	const struct health_result *result; // of the last run; valid until the loop goes on
	instant last_change;                // of the state
	instant next_run;                   // of one that runs: when it began
	span took;                          // of the last run
	bool running;
};

// Starts all checks; first verdicts need the loop. conf and ops outlive the
// checks. seed: for jitter. 0, or a negative errno of the loop.
[[nodiscard]] int checks_new(struct checks **ret, uv_loop_t *loop, const struct conf *conf,
	const struct checks_ops *ops, void *ctx, uint64_t seed);

// Stops everything and sets *c to NULL; NULL inside is fine. No callback comes
// any more and conf may go at once. Handles of the loop, and processes of exec
// checks (killed), end in its next turns: run the loop once more before closing it.
void checks_free(struct checks **c);

// After a reload: checks of new that old has too (same names of service and
// check, equal configuration) go on from its state. To be called after
// checks_new() and before the loop runs; then free old. No callback is called
// for what is adopted: read checks_health() of each service afterwards.
void checks_adopt_state(struct checks *new, const struct checks *old);

// Before that: the kernel's news that wait are old's, and nobody would hear them any more. Here
// callbacks come from inside the call.
void checks_catch_up(struct checks *old);

// Why the kernel's news cannot be had (the checks then only poll), or NULL.
const char *checks_watch_error(const struct checks *c);

struct service_health checks_health(const struct checks *c, size_t service);
struct check_status checks_status(const struct checks *c, size_t service, size_t check);

// Run the checks of a service now, as on the operator's word.
void checks_trigger(struct checks *c, size_t service);
