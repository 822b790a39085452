// What the commands of RFC 8522 share: rfc8522.c has those that look at routes, rfc8522_probe.c ping and
// traceroute.
#pragma once

#include "lib/out.h"
#include "nearglass/http.h"

// The members of an answer's data, up to an open array `output`.
void rfc8522_begin(struct out *o, const struct glass_conf *conf, const char *status,
	int64_t performed_us, double runtime_s);
void rfc8522_end(struct out *o);
// JSend's "fail": `output` says why, and so does a member with the name of what is at fault.
void rfc8522_fail(struct call *c, unsigned code, const char *name, const char *why);

// The query, section 2.2: AFI and SAFI (IP_NONE: any). False: the call has failed.
[[nodiscard]] bool rfc8522_read(struct call *c, enum ip_family *family);

void rfc8522_ping(struct call *c);
void rfc8522_traceroute(struct call *c);
