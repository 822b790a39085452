// Origin validity of routes (RFC 6811), from validated payloads that RTR caches send (RFC 6810, RFC
// 8210). rtrlib keeps the sessions, each on a thread of its own, and the table.
//
// The first cache of the configuration is asked; another only while those before it do not answer.
// What a cache sent is used until it expires, also while the cache is away.
//
//	rtrlib's threads                      the loop
//	payloads come and go --> queue -----> rib/payloads.h: what is said of each prefix
//	                                        | routes that a change covers are judged anew, in pieces
//	                                        v
//	                                      marks of the routes in the store, counted and searched there
//
// So readers look at no payload: a snapshot has the verdicts with its routes.
#pragma once

#include <uv.h>

#include "lib/ip.h"
#include "lib/strbuf.h"
#include "nearglass/conf.h"
#include "rib/payloads.h"
#include "rib/rib.h"

struct rpki;

// Those of rib/payloads.h, which are the marks of routes; and what all are while there is no table.
enum rpki_validity {
	RPKI_NOT_FOUND = VALIDITY_NOT_FOUND,
	RPKI_VALID = VALIDITY_VALID,
	RPKI_INVALID = VALIDITY_INVALID,
	RPKI_UNKNOWN = VALIDITY_MAX, // no mark
};
enum { RPKI_VALIDITIES = RPKI_UNKNOWN + 1 };

struct rpki_ops {
	// It answers now, or does so no more. In the loop's thread.
	void (*turned)(void *ctx, const struct glass_cache *cache, bool up);
};

// What there is at a moment.
struct rpki_info {
	// A cache has answered whole, routes are judged by it, and it has not expired.
	bool known;
	uint64_t payloads4, payloads6; // in the table
	uint64_t bytes;                // of the payloads and of what waits, without rtrlib's
};

// Before sandbox_enter(). 0; negative errno with *error set. conf, rib and ctx outlive it. Its loop's
// thread is the one that writes rib, whose marks are validities from here on.
[[nodiscard]] int rpki_new(struct rpki **ret, uv_loop_t *loop, const struct glass_conf *conf,
	struct rib *rib, const struct rpki_ops *ops, void *ctx, struct strbuf *error);
// In the sandbox: the threads have given up what the process has. 0; negative errno.
[[nodiscard]] int rpki_start(struct rpki *r);
void rpki_stop(struct rpki *r);  // nothing more is told; waits for the threads
void rpki_free(struct rpki **r); // when neither loop nor readers run; NULL inside is fine

void rpki_info(struct rpki *r, struct rpki_info *ret); // in the loop's thread
bool rpki_cache_is_up(const struct rpki *r, size_t n); // the n-th of the configuration

const char *rpki_validity_name(enum rpki_validity v); // "not-found"
