// The BMP station: routers that tell of their peers. Each peer, and each of its tables that is told
// of, is a neighbour like any other; it has its number for good, and its routes while it is up.
#pragma once

#include <uv.h>

#include "lib/strbuf.h"
#include "nearglass/neighbour.h"

struct bmp;

struct bmp_env {
	uv_loop_t *loop;
	const struct glass_conf *conf;
	struct rib *rib;
	struct rib_attrs_room *room;
	// up or down, of a router or one of its peers
	void (*event)(void *ctx, const char *type, const char *subject, const char *detail);
	void *ctx;
};

enum { BMP_PEERS_MAX = 4096 };

// Opens the ports. 0; negative errno with *error set. env outlives it.
[[nodiscard]] int bmp_new(struct bmp **ret, const struct bmp_env *env, struct strbuf *error);
void bmp_stop(struct bmp *b);
void bmp_free(struct bmp **b); // when the loop runs no more; NULL inside is fine
// Peers met so far, each into ret[number].
void bmp_info(const struct bmp *b, struct neighbour_info *ret);
