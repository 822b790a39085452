// One router that is listened to: its BGP session on the loop, its routes in the store.
#pragma once

#include <uv.h>

#include "bgp/peer.h"
#include "nearglass/conf.h"
#include "nearglass/feed.h"
#include "nearglass/stale.h"

struct neighbour;

struct neighbour_env {
	uv_loop_t *loop;
	const struct glass_conf *conf;
	struct rib *rib;
	struct rib_attrs_room *room;
	void (*event)(void *ctx, struct neighbour *n, const struct bgp_action *a);
	void *ctx;
};

// What the session is like now, for readers in other threads.
struct neighbour_info {
	const struct glass_neighbour *conf; // outlives the glass's threads
	const char *kind;                   // "bgp", "bmp"
	unsigned number;                    // in the store
	uint32_t as;                        // of the session there is, or was
	enum bgp_state state;
	int64_t since_us; // Unix time: established, or not
	uint32_t router_id;
	bool established, paths;
	bool stale; // routes of the session before are kept
	uint64_t routes4, routes6;
	struct bgp_counters counters;
	struct bgp_error last_error;
	bool has_error;
};

// env and conf outlive it. NULL: the store has no number left.
[[nodiscard]] struct neighbour *neighbour_new(
	const struct neighbour_env *env, const struct glass_neighbour *conf, uint64_t seed);
void neighbour_start(struct neighbour *n);
void neighbour_accept(struct neighbour *n, int fd); // takes fd
// Cease, Administrative Shutdown; then only neighbour_free().
void neighbour_stop(struct neighbour *n, const char *why);
void neighbour_free(struct neighbour **n); // when the loop runs no more
const struct glass_neighbour *neighbour_conf(const struct neighbour *n);
void neighbour_info(const struct neighbour *n, struct neighbour_info *ret);
