#include "fleet/decide.h"

#include <assert.h>

#include "lib/own.h"

static struct decision withdrawn(enum decide_reason reason)
{
	return (struct decision){ .announce = ANNOUNCE_WITHDRAWN, .reason = reason };
}

// The order is the order of precedence: an operator's word before the checks,
// the checks before the damping of their flaps.
static struct decision unguarded(const struct decide_input *in)
{
	if (in->stopping == STOPPING_WITHDRAWN)
		return withdrawn(REASON_STOPPING);
	if (in->admin == ADMIN_OFF)
		return withdrawn(REASON_OFF);
	if (in->admin == ADMIN_DRAINED)
		return withdrawn(REASON_DRAINED);
	if (!in->addresses_ready)
		return withdrawn(REASON_NO_ADDRESS);
	if (in->health == HEALTH_STARTING)
		return withdrawn(REASON_STARTING);
	if (in->keeper_waits)
		return withdrawn(REASON_KEEPER_WAITS);
	if (in->health == HEALTH_DOWN)
		return withdrawn(REASON_CHECK_FAILED);
	if (in->held_down)
		return withdrawn(REASON_HOLD_DOWN);
	if (in->recovering)
		return withdrawn(REASON_RECOVERING);
	if (in->admin == ADMIN_DRAINING && in->drain_withdrawn)
		return withdrawn(REASON_DRAINING);
	if (in->admin == ADMIN_DRAINING)
		return (struct decision){ ANNOUNCE_DEMOTED, REASON_DRAINING, GRADE_DRAINING };
	if (in->stopping == STOPPING_DEMOTED)
		return (struct decision){ ANNOUNCE_DEMOTED, REASON_STOPPING, GRADE_DRAINING };
	if (in->health == HEALTH_DEGRADED)
		return (struct decision){ ANNOUNCE_DEMOTED, REASON_DEGRADED, GRADE_DEGRADED };
	return (struct decision){ ANNOUNCE_ANNOUNCED, REASON_HEALTHY, GRADE_UP };
}

// Whom the guard does not concern: the operator's last word, a daemon that ends, and a
// node that could not serve if it would.
static const bool guarded[REASON_MAX] = {
	[REASON_CHECK_FAILED] = true,
	[REASON_HOLD_DOWN] = true,
	[REASON_RECOVERING] = true,
	[REASON_DRAINING] = true,
};

bool decide_is_guarded(const struct decision *d)
{
	return d->announce == ANNOUNCE_WITHDRAWN && guarded[d->reason];
}

// Demoted like a drain: able sites attract the clients wherever routing can reach them.
struct decision decide(const struct decide_input *in)
{
	static const enum decide_reason held[] = {
		[GUARD_HOLD] = REASON_GUARD_HOLD,
		[GUARD_WAITS] = REASON_GUARD_WAITS,
		[GUARD_TELLS] = REASON_GUARD_TELLS,
		[GUARD_ISOLATED] = REASON_ISOLATED,
	};
	static_assert(countof(held) == GUARD_VERDICT_MAX);
	struct decision d = unguarded(in);

	if (in->guard == GUARD_FREE || !decide_is_guarded(&d))
		return d;
	return (struct decision){ ANNOUNCE_DEMOTED, held[in->guard], GRADE_DRAINING };
}

static const char *const admin_names[] = {
	[ADMIN_ACTIVE] = "active",
	[ADMIN_DRAINING] = "draining",
	[ADMIN_DRAINED] = "drained",
	[ADMIN_OFF] = "off",
};
static_assert(countof(admin_names) == ADMIN_MAX);

static const char *const announce_names[] = {
	[ANNOUNCE_WITHDRAWN] = "withdrawn",
	[ANNOUNCE_DEMOTED] = "demoted",
	[ANNOUNCE_ANNOUNCED] = "announced",
};
static_assert(countof(announce_names) == ANNOUNCE_MAX);

static const char *const verdict_names[] = {
	[GUARD_FREE] = "free",
	[GUARD_HOLD] = "hold",
	[GUARD_WAITS] = "waits",
	[GUARD_TELLS] = "tells",
	[GUARD_ISOLATED] = "isolated",
};
static_assert(countof(verdict_names) == GUARD_VERDICT_MAX);

static const char *const grade_names[] = {
	[GRADE_UP] = "up",
	[GRADE_DEGRADED] = "degraded",
	[GRADE_DRAINING] = "draining",
};
static_assert(countof(grade_names) == GRADE_MAX);

static const struct {
	const char *name, *text;
} reasons[] = {
	[REASON_HEALTHY] = { "healthy", "every check passes" },
	[REASON_DEGRADED] = { "degraded", "a dependency's check fails" },
	[REASON_STARTING] = { "starting", "the checks have not all given a first verdict" },
	[REASON_KEEPER_WAITS] = { "keeper-waits",
		"the keeper has not heard yet which nodes the fleet has" },
	[REASON_CHECK_FAILED] = { "check-failed", "a check of the service fails" },
	[REASON_HOLD_DOWN] = { "hold-down", "healthy again, but it went down too often lately" },
	[REASON_RECOVERING] = { "recovering",
		"healthy again, but not yet for as long as announce-after asks" },
	[REASON_DRAINING] = { "draining", "an operator drains the service" },
	[REASON_DRAINED] = { "drained", "an operator drained the service" },
	[REASON_OFF] = { "off", "an operator switched the service off" },
	[REASON_NO_ADDRESS] = { "no-address", "a service address is not configured on this host" },
	[REASON_STOPPING] = { "stopping", "nearcastd is stopping" },
	[REASON_GUARD_HOLD] = { "guard-hold",
		"not able, but too few sites of the fleet are: held, demoted" },
	[REASON_GUARD_WAITS] = { "guard-waits",
		"not able; withdraws when the sites that hold are seen to announce" },
	[REASON_GUARD_TELLS] = { "guard-tells",
		"not able; the fleet is told before anything is withdrawn" },
	[REASON_ISOLATED] = { "isolated",
		"not able, and no other node of the fleet is heard: held, demoted" },
};
static_assert(countof(reasons) == REASON_MAX);

const char *admin_name(enum admin a)
{
	return admin_names[a];
}

const char *announce_name(enum announce a)
{
	return announce_names[a];
}

const char *guard_verdict_name(enum guard_verdict v)
{
	return verdict_names[v];
}

const char *announce_grade_name(enum announce_grade g)
{
	return grade_names[g];
}

const char *decide_reason_name(enum decide_reason r)
{
	return reasons[r].name;
}

const char *decide_reason_text(enum decide_reason r)
{
	return reasons[r].text;
}
