// A probe: one attempt after the other to see whether a service answers. There
// is one kind a file, each behind the same three functions. When to run and
// what a result means is the check's business (health/check.h).
#pragma once

#include <uv.h>

#include "conf/conf.h"
#include "health/check.h"

struct probe;

// The attempt has ended. May come from within probe_start().
typedef void probe_done_fn(void *ctx, const struct health_result *r);

struct probe_ops {
	// Begin an attempt; none is under way.
	void (*start)(struct probe *p);
	// End the attempt under way without a result.
	void (*cancel)(struct probe *p);
	// Nothing is under way; free the probe with all that it has.
	void (*free)(struct probe *p);
};

// The head of each kind's own struct.
struct probe {
	const struct probe_ops *ops;
	uv_loop_t *loop;
	const struct conf_service *service;
	const struct conf_check *check;
	probe_done_fn *done;
	void *ctx;
	bool running;
	char seen[HEALTH_DETAIL]; // what came and was no result, as a reply to another question
};

// A probe of the check's kind. service and check outlive it. What the check
// asks for and cannot be had (an unknown user) shows as the result could-not-run.
[[nodiscard]] struct probe *probe_new(uv_loop_t *loop, const struct conf_service *service,
	const struct conf_check *check, probe_done_fn *done, void *ctx);
void probe_start(struct probe *p);
// Harmless when none is under way. done() is not called any more for that attempt.
void probe_cancel(struct probe *p);
// Cancels and frees; sets *p to NULL. NULL inside is fine.
void probe_free(struct probe **p);

// For the kinds: end the attempt with that result. Their own clearing up comes first.
void probe_report(struct probe *p, const struct health_result *r);

// The address a check is about: its own, or the first one of the service.
struct ip_addr probe_server(const struct conf_service *service, const struct conf_check *check);

// The kinds, each in its file. The head of what they return is filled in by probe_new().
struct probe *probe_dns_new(const struct conf_check *check);
struct probe *probe_tcp_new(const struct conf_check *check);
struct probe *probe_http_new(const struct conf_check *check);
struct probe *probe_exec_new(const struct conf_check *check);
struct probe *probe_address_new(const struct conf_check *check);
struct probe *probe_file_new(const struct conf_check *check);
struct probe *probe_tls_new(const struct conf_check *check);
struct probe *probe_icmp_new(const struct conf_check *check);
