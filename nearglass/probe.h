// Ping and traceroute from the site's own unicast addresses, in process: ICMP echo (RFC 792, RFC 4443),
// and for traceroute also UDP, with rising hop limits. The raw sockets are opened before the sandbox,
// filtered to answers; UDP packets leave from a plain socket of the probe.
//
// A probe belongs to the client that asked: its results are a journal of their own, and it ends when
// the client leaves. How often, by whom and whereto is limited; where never, probe_target.h says.
#pragma once

#include <uv.h>

#include "lib/ip.h"
#include "lib/strbuf.h"
#include "nearglass/conf.h"
#include "nearglass/journal.h"

enum probe_kind { PROBE_PING, PROBE_TRACEROUTE, PROBE_TRACEROUTE_UDP };

struct probes;
struct probe;

// Opens the sockets, so before sandbox_enter(). 0; negative errno with *error set.
[[nodiscard]] int probes_new(struct probes **ret, uv_loop_t *loop, const struct glass_conf *conf,
	uint64_t seed, struct strbuf *error);
void probes_stop(struct probes *p);  // each probe ends, and its journal is closed
void probes_free(struct probes **p); // when neither loop nor readers run; NULL inside is fine

// Any thread. NULL: not now, and *why (static text) says which limit. Else put it when done.
[[nodiscard]] struct probe *probe_ask(struct probes *p, enum probe_kind kind,
	const struct ip_addr *target, const struct ip_addr *client, const char **why);
void probe_put(struct probe *probe); // any thread: the client is gone
struct journal *probe_journal(struct probe *probe);
