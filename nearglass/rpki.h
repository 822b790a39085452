// Origin validity of routes (RFC 6811), from validated payloads that RTR caches send (RFC 6810, RFC
// 8210). rtrlib keeps the sessions, each on a thread of its own, and the table.
//
// The first cache of the configuration is asked; another only while those before it do not answer.
// What a cache sent is used until it expires, also while the cache is away.
#pragma once

#include <uv.h>

#include "lib/ip.h"
#include "lib/strbuf.h"
#include "nearglass/conf.h"

struct rpki;

enum rpki_validity { RPKI_VALID, RPKI_NOT_FOUND, RPKI_INVALID, RPKI_UNKNOWN };
enum { RPKI_VALIDITIES = RPKI_UNKNOWN + 1 };

struct rpki_ops {
	// It answers now, or does so no more. In the loop's thread.
	void (*turned)(void *ctx, const struct glass_cache *cache, bool up);
};

// What there is at a moment.
struct rpki_info {
	bool known;                    // a cache has answered whole, and that has not expired
	uint64_t payloads4, payloads6; // in the table
};

// Before sandbox_enter(). 0; negative errno with *error set. conf and ctx outlive it.
[[nodiscard]] int rpki_new(struct rpki **ret, uv_loop_t *loop, const struct glass_conf *conf,
	const struct rpki_ops *ops, void *ctx, struct strbuf *error);
// In the sandbox: the threads have given up what the process has. 0; negative errno.
[[nodiscard]] int rpki_start(struct rpki *r);
void rpki_stop(struct rpki *r);  // nothing more is told; waits for the threads
void rpki_free(struct rpki **r); // when neither loop nor readers run; NULL inside is fine

void rpki_info(const struct rpki *r, struct rpki_info *ret);
bool rpki_cache_is_up(const struct rpki *r, size_t n); // the n-th of the configuration

// Of a route with that origin, now. origin 0: the path ends with a set (NONE of RFC 6811 section 2).
// Any thread. Never RPKI_UNKNOWN for what the table is known for: see rpki_info.
enum rpki_validity rpki_validate(const struct rpki *r, const struct ip_prefix *p, uint32_t origin);

const char *rpki_validity_name(enum rpki_validity v); // "not-found"
