// The looking glass: the store, the sessions that fill it, the views that answer.
#pragma once

#include <uv.h>

#include "lib/strbuf.h"
#include "nearglass/conf.h"
#include "nearglass/history.h"
#include "nearglass/journal.h"
#include "nearglass/probe.h"
#include "nearglass/view.h"

struct glass;

// Opens the ports; starts no session yet. 0; negative errno with *error set.
[[nodiscard]] int glass_new(struct glass **ret, uv_loop_t *loop, const struct glass_conf *conf,
	uint64_t seed, struct strbuf *error);
void glass_start(struct glass *g);
// Cease to every neighbour, ports closed; the loop ends when that is written.
void glass_stop(struct glass *g, const char *why);
void glass_free(struct glass **g); // when the loop runs no more
// A line on standard error, after its start.
void glass_note(struct glass *g, const char *text);
struct views *glass_views(struct glass *g);
struct journal *glass_journal(struct glass *g);
struct probes *glass_probes(struct glass *g);   // NULL: none are done
struct history *glass_history(struct glass *g); // NULL: none is kept
