// The requests of the control sockets: one line of JSON in, one line out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/strbuf.h"

struct daemon;

// For reply.after: a subscriber that wants no past events.
#define REQUEST_ONLY_NEW UINT64_MAX

struct reply {
	struct strbuf line; // with its newline; the caller frees it
	bool subscribe;     // events with seq > after follow the line, for as long as there are any
	uint64_t after;
};

// Answers one request; what is wrong with it is in the reply too. may_change: the
// full socket, not the read-only one. reply: zeroed by the caller.
void request_answer(
	struct daemon *d, bool may_change, const char *line, size_t len, struct reply *reply);

// The reply that refuses: a code for programs, a message for people.
void request_refuse(struct strbuf *line, const char *code, const char *message);
