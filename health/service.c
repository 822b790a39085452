#include "health/service.h"

#include <assert.h>

#include "lib/own.h"

static const char *const names[] = {
	[HEALTH_STARTING] = "starting",
	[HEALTH_UP] = "up",
	[HEALTH_DEGRADED] = "degraded",
	[HEALTH_DOWN] = "down",
};
static_assert(countof(names) == HEALTH_MAX);

// What a check in that state makes of its service.
static const enum health effects[HEALTH_SCOPE_MAX][CHECK_STATE_MAX] = {
	[HEALTH_SCOPE_SERVICE] = {
		[CHECK_STARTING] = HEALTH_STARTING,
		[CHECK_UP] = HEALTH_UP,
		[CHECK_DOWN] = HEALTH_DOWN,
	},
	[HEALTH_SCOPE_DEPENDENCY] = {
		[CHECK_STARTING] = HEALTH_UP,
		[CHECK_UP] = HEALTH_UP,
		[CHECK_DOWN] = HEALTH_DEGRADED,
	},
};

// Which of two effects wins.
static const unsigned char weight[] = {
	[HEALTH_UP] = 0,
	[HEALTH_DEGRADED] = 1,
	[HEALTH_STARTING] = 2,
	[HEALTH_DOWN] = 3,
};
static_assert(countof(weight) == HEALTH_MAX);

const char *health_name(enum health h)
{
	return names[h];
}

static struct service_health effect_of(const struct check *c, size_t index)
{
	enum health health = effects[c->timing.scope][check_state(c)];
	struct service_health s = { .health = health, .check = index };

	if (health == HEALTH_DOWN || health == HEALTH_DEGRADED) {
		bool hard = health == HEALTH_DOWN && check_evidence(c) == EVIDENCE_HARD;

		s.evidence = hard ? EVIDENCE_HARD : EVIDENCE_SOFT;
		s.reason = check_why(c);
	} else if (health == HEALTH_STARTING) {
		s.reason = HEALTH_REASON_NOT_RUN;
	}
	return s;
}

static bool outweighs(const struct service_health *a, const struct service_health *b)
{
	if (weight[a->health] != weight[b->health])
		return weight[a->health] > weight[b->health];
	return a->evidence > b->evidence;
}

struct service_health service_combine(const struct check *const *checks, size_t n)
{
	struct service_health worst = { .health = HEALTH_UP, .check = SERVICE_NO_CHECK };

	for (size_t i = 0; i < n; i++) {
		struct service_health s = effect_of(checks[i], i);

		if (outweighs(&s, &worst))
			worst = s;
	}
	return worst;
}
