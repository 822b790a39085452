#include "health/check.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/own.h"

static const char *const kind_names[] = {
	[HEALTH_KIND_DNS] = "dns",
	[HEALTH_KIND_TCP] = "tcp",
	[HEALTH_KIND_HTTP] = "http",
	[HEALTH_KIND_EXEC] = "exec",
	[HEALTH_KIND_ADDRESS] = "address",
	[HEALTH_KIND_FILE] = "file",
	[HEALTH_KIND_TLS] = "tls",
	[HEALTH_KIND_ICMP] = "icmp",
};
static_assert(countof(kind_names) == HEALTH_KIND_MAX);

static const char *const scope_names[] = {
	[HEALTH_SCOPE_SERVICE] = "service",
	[HEALTH_SCOPE_DEPENDENCY] = "dependency",
};
static_assert(countof(scope_names) == HEALTH_SCOPE_MAX);

static const char *const evidence_names[] = {
	[EVIDENCE_NONE] = "none",
	[EVIDENCE_SOFT] = "soft",
	[EVIDENCE_HARD] = "hard",
};
static_assert(countof(evidence_names) == EVIDENCE_MAX);

static const char *const state_names[] = {
	[CHECK_STARTING] = "starting",
	[CHECK_UP] = "up",
	[CHECK_DOWN] = "down",
};
static_assert(countof(state_names) == CHECK_STATE_MAX);

static const struct {
	const char *name;
	enum health_evidence evidence;
} reasons[] = {
	[HEALTH_REASON_OK] = { "ok", EVIDENCE_NONE },
	[HEALTH_REASON_NOT_RUN] = { "not-run", EVIDENCE_NONE },
	[HEALTH_REASON_REFUSED] = { "refused", EVIDENCE_HARD },
	[HEALTH_REASON_NO_SOCKET] = { "no-socket", EVIDENCE_HARD },
	[HEALTH_REASON_TIMEOUT] = { "timeout", EVIDENCE_SOFT },
	[HEALTH_REASON_UNREACHABLE] = { "unreachable", EVIDENCE_SOFT },
	[HEALTH_REASON_WRONG_RCODE] = { "wrong-rcode", EVIDENCE_SOFT },
	[HEALTH_REASON_NO_ANSWER] = { "no-answer", EVIDENCE_SOFT },
	[HEALTH_REASON_WRONG_ANSWER] = { "wrong-answer", EVIDENCE_SOFT },
	[HEALTH_REASON_BAD_REPLY] = { "bad-reply", EVIDENCE_SOFT },
	[HEALTH_REASON_NOT_VALIDATED] = { "not-validated", EVIDENCE_SOFT },
	[HEALTH_REASON_WRONG_NODE] = { "wrong-node", EVIDENCE_SOFT },
	[HEALTH_REASON_STALE] = { "stale", EVIDENCE_SOFT },
	[HEALTH_REASON_BAD_STATUS] = { "bad-status", EVIDENCE_SOFT },
	[HEALTH_REASON_TOO_LARGE] = { "too-large", EVIDENCE_SOFT },
	[HEALTH_REASON_BAD_CERTIFICATE] = { "bad-certificate", EVIDENCE_SOFT },
	[HEALTH_REASON_EXPIRES] = { "expires", EVIDENCE_SOFT },
	[HEALTH_REASON_EXIT_STATUS] = { "exit-status", EVIDENCE_SOFT },
	[HEALTH_REASON_SIGNAL] = { "signal", EVIDENCE_SOFT },
	[HEALTH_REASON_NOT_CONFIGURED] = { "not-configured", EVIDENCE_HARD },
	[HEALTH_REASON_FILE_ABSENT] = { "file-absent", EVIDENCE_SOFT },
	[HEALTH_REASON_FILE_PRESENT] = { "file-present", EVIDENCE_SOFT },
	[HEALTH_REASON_COULD_NOT_RUN] = { "could-not-run", EVIDENCE_SOFT },
};
static_assert(countof(reasons) == HEALTH_REASON_MAX);

const char *health_kind_name(enum health_kind k)
{
	return kind_names[k];
}

const char *health_scope_name(enum health_scope s)
{
	return scope_names[s];
}

const char *health_evidence_name(enum health_evidence e)
{
	return evidence_names[e];
}

const char *check_state_name(enum check_state s)
{
	return state_names[s];
}

const char *health_reason_name(enum health_reason r)
{
	return reasons[r].name;
}

enum health_evidence health_reason_evidence(enum health_reason r)
{
	return reasons[r].evidence;
}

struct health_result health_result_of(enum health_reason reason, const char *fmt, ...)
{
	struct health_result r = {
		.pass = reason == HEALTH_REASON_OK,
		.evidence = reasons[reason].evidence,
		.reason = reason,
	};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.detail, sizeof(r.detail), fmt, ap);
	va_end(ap);
	// ASCII only: a cut at the end of the buffer then never splits a character.
	for (char *p = r.detail; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return r;
}
