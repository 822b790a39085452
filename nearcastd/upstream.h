// One upstream: the BGP engine of bgp/peer.h with its sockets and its timer. A peer of the
// fleet is one too, of another kind: what it is told and what it tells never meets
// that of the others (struct bgp_attrs' fleet).
#pragma once

#include <uv.h>

#include "bgp/peer.h"
#include "conf/conf.h"
#include "nearcastd/bfd.h"

struct upstream;

struct upstream_ops {
	// STATE, ESTABLISHED, DOWN, ANNOUNCED, WITHDRAWN and UNSENDABLE, as the engine says them;
	// routes are told after their UPDATE was handed to the kernel.
	void (*event)(void *ctx, struct upstream *u, const struct bgp_action *what);
	// News of the upstream's BFD session. Returns the seq of the event that says so, the
	// cause of what it does to the BGP session.
	uint64_t (*bfd)(void *ctx, struct upstream *u, const struct bfd_news *news);
	// Each UPDATE that comes; NULL: nothing is taken from it. u must not be called from here.
	void (*routes)(void *ctx, struct upstream *u, const struct bgp_update *update);
};

// bfd outlives it; conf stays borrowed until upstream_rebind(). seed: for jitter.
[[nodiscard]] struct upstream *upstream_new(uv_loop_t *loop, struct bfd_thread *bfd,
	const struct conf *conf, const struct conf_upstream *upstream,
	const struct upstream_ops *ops, void *ctx, uint64_t seed);

// One of a range: a neighbour of its own at that address, named NAME-ADDRESS.
[[nodiscard]] struct upstream *upstream_new_in_range(uv_loop_t *loop, struct bfd_thread *bfd,
	const struct conf *conf, const struct conf_upstream *range, const struct ip_addr *address,
	const struct upstream_ops *ops, void *ctx, uint64_t seed);

// Sends nothing more; connections that still have something to say are seen
// off by the loop. NULL inside is fine.
void upstream_free(struct upstream **u);

void upstream_start(struct upstream *u);

// Cease with the subcode and text (RFC 4486, RFC 9003).
void upstream_stop(struct upstream *u, uint8_t cease_subcode, const char *text);

// A connection from the upstream's address; takes the descriptor.
void upstream_accept(struct upstream *u, int fd);

// Changes to what it is told; they are sent by upstream_flush(), packed.
void upstream_announce(struct upstream *u, const struct ip_prefix *prefix, struct bgp_attrs *attrs);
void upstream_withdraw(struct upstream *u, const struct ip_prefix *prefix);
void upstream_flush(struct upstream *u);
// Have it tell its routes again; a neighbour that does not know how begins the session anew.
void upstream_ask_again(struct upstream *u);

// After a reload: is the BGP session untouched by what changed, and if so, take the
// configuration of the new file. BFD is begun, ended or negotiated anew beside it.
bool upstream_unchanged(
	const struct upstream *u, const struct conf *conf, const struct conf_upstream *upstream);
void upstream_rebind(
	struct upstream *u, const struct conf *conf, const struct conf_upstream *upstream);

// Its settings; those of one in a range have its address and name.
const struct conf_upstream *upstream_conf(const struct upstream *u);
// Where they stand in the configuration: for one in a range, the range.
const struct conf_upstream *upstream_entry(const struct upstream *u);
// Since when it has had no session and is not opening one; NEVER: it has or is.
instant upstream_idle_since(const struct upstream *u);
const struct bgp_peer *upstream_peer(const struct upstream *u);
struct bfd_watch *upstream_bfd(const struct upstream *u); // NULL: none
uint64_t upstream_cause(const struct upstream *u); // within an event: its cause's seq; 0: none
