// What happened, kept on the disk: every event of the journal, those of nearcastd with their causes
// among them.
//
// A thread of its own writes. Who adds an event never waits: where the disk is full or slow the event is
// lost, counted, and told once, and nothing else suffers.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/timing.h"
#include "nearglass/conf.h"
#include "nearglass/history_db.h"

enum {
	HISTORY_WAITING_MAX = 10000, // events that the disk has not taken yet
	HISTORY_CLIENTS_WAITING_MAX = 200000,
};

struct history;

struct history_ops {
	// In the loop's thread: history is lost (why), or is no longer (NULL).
	void (*lost)(void *ctx, const char *why);
};

struct history_info {
	bool configured, losing;
	uint64_t written, lost, removed; // events, since the start
	uint64_t clients_written, clients_lost, clients_removed;
};

// Opens the file, so before sandbox_enter(). 0; negative errno with *error set. *note: what the operator
// should know though it works.
[[nodiscard]] int history_new(struct history **ret, uv_loop_t *loop,
	const struct glass_history *conf, const struct history_ops *ops, void *ctx,
	struct strbuf *note, struct strbuf *error);
void history_start(struct history *h); // the thread, inside the sandbox
// Writes what waits and ends the thread; the loop's part is closed.
void history_stop(struct history *h);
void history_free(struct history **h); // when neither loop nor readers run; NULL inside is fine

// Any thread; never waits. One JSON object.
void history_add(struct history *h, const char *json);
void history_add_client(struct history *h, const struct history_client *client);
void history_info(struct history *h, struct history_info *ret);

// For readers: the file, for as long as it is held; NULL: the disk is not done within wait.
[[nodiscard]] struct history_db *history_hold(struct history *h, span wait);
void history_release(struct history *h);
