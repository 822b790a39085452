// The health of a service: what all its checks say together.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "health/check.h"

enum health { HEALTH_STARTING, HEALTH_UP, HEALTH_DEGRADED, HEALTH_DOWN, HEALTH_MAX };

const char *health_name(enum health h); // "starting", "up", "degraded", "down"

// Stands for "no check" in struct service_health.
#define SERVICE_NO_CHECK SIZE_MAX

struct service_health {
	enum health health;
	enum health_evidence evidence; // of being down or degraded; a dependency's is at most soft
	enum health_reason reason;     // of the check that decided; ok or not-run without one
	size_t check;                  // its index, or SERVICE_NO_CHECK
};

// Down when a check of scope service is down (hard when one of them is down on
// hard evidence), else starting while one of them has no verdict, else degraded
// when a dependency is down, else up. A dependency without a verdict holds
// nothing back: it may never get one. Without checks: up.
//
// Among several that could decide, one on hard evidence comes first, then the
// order of the configuration. checks: n pointers, in that order.
[[nodiscard]] struct service_health service_combine(const struct check *const *checks, size_t n);
