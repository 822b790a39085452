// The latest events, as JSON objects: those of the glass and those of nearcastd at its site. The loop's
// thread adds, the HTTP threads read and wait for more.
//
// An event is known by "<start>-<number>", so that a client of an earlier glass is told everything
// there is and not what happens to have the same number.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/strbuf.h"

enum { JOURNAL_EVENTS = 1000, JOURNAL_ID = 48 };

struct journal;

[[nodiscard]] struct journal *journal_new(int64_t started_us);
void journal_free(struct journal **j); // NULL inside is fine

// One object, without a newline.
void journal_add(struct journal *j, const char *json);
// Those who wait are told once more, and that there is no more to come.
void journal_close(struct journal *j);
// Wakes those who wait though nothing happened.
void journal_beat(struct journal *j);

// The number after which a client wants to hear, from its id; 0 when that is of another glass, the
// latest when none has it yet.
uint64_t journal_after(struct journal *j, const char *id);
const char *journal_id(const struct journal *j, uint64_t number, char buf[JOURNAL_ID]);
// The first event after that number, copied to *b; its number. 0: there is none.
uint64_t journal_next(struct journal *j, uint64_t after, struct strbuf *b);
uint64_t journal_last(struct journal *j); // number; 0: none yet

// ---- Waiting ----

// Told from any thread, once: something happened, or the journal is closed.
struct journal_waiter {
	void (*wake)(void *ctx);
	void *ctx;
	struct journal_waiter *next;
	bool waiting;
};

// False, and nothing is waited for: there is an event after that number, or the journal is closed.
bool journal_wait(struct journal *j, struct journal_waiter *w, uint64_t after);
void journal_leave(struct journal *j, struct journal_waiter *w); // waits no more
bool journal_is_closed(struct journal *j);
