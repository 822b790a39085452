// The requests of the control sockets: one line of JSON in, one line out, in pieces.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/strbuf.h"

struct daemon;

// An answer on its way.
struct answer;

// Does what one request asks; what is wrong with it is in the answer too. may_change: the
// full socket, not the read-only one.
[[nodiscard]] struct answer *request_answer(
	struct daemon *d, bool may_change, const char *line, size_t len);

// Appends what follows of the answer: units (nearcastd/walk.h), until there are `enough` octets or it
// took a millisecond. 1: there is more; 0: that was the end, newline included; -ESTALE: a reload made the rest impossible.
[[nodiscard]] int answer_more(struct answer *a, struct strbuf *piece, size_t enough);

// After its end, the asker is told of events as they happen; those that it asked for of the past
// are in the answer.
bool answer_subscribes(const struct answer *a);

void answer_free(struct answer **a); // NULL inside is fine

// The reply that refuses: a code for programs, a message for people.
void request_refuse(struct strbuf *line, const char *code, const char *message);
