// Where lines of catchment come from: a Unix socket to which those connect who measure, and a file
// that is read and then followed as it grows.
#pragma once

#include <stddef.h>
#include <uv.h>

#include "lib/strbuf.h"
#include "nearglass/conf.h"

struct catchment;
struct catchment_feed;

enum { CATCHMENT_FEEDERS_MAX = 64 };

// 0; negative errno with *error set.
[[nodiscard]] int catchment_feed_new(struct catchment_feed **ret, uv_loop_t *loop,
	const struct glass_catchment *conf, struct catchment *to, struct strbuf *error);
void catchment_feed_start(struct catchment_feed *f);
void catchment_feed_stop(struct catchment_feed *f);
void catchment_feed_free(
	struct catchment_feed **f); // when the loop runs no more; NULL inside is fine
size_t catchment_feeders(const struct catchment_feed *f); // connections open now
