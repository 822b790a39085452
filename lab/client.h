// Clients: hosts of the world that ask the service address who answers, every
// few milliseconds, and keep a record of each query.
#pragma once

#include <uv.h>

#include "lab/outage.h"
#include "lab/world.h"

struct clients;

// One family of one client; a client of both families has two, worked independently.
struct stream {
	const struct scn_client *client;
	size_t client_index;
	enum ip_family family;
	int site;             // that answered last, SITE_NONE
	instant steady_since; // nothing was lost and nobody else answered since
	instant last_answer;
	struct query_record *records;
	size_t count;
};

// Another site answers than before.
struct site_change {
	instant at; // of its first answer
	int from, to;
	span silence;      // from the first lost query before it to the first it answered
	size_t unanswered; // queries lost in between; zero when the change was seamless
};

struct clients_ops {
	// Told when the fate of all queries before the change is known, so up to a
	// timeout after it.
	void (*on_change)(void *ctx, const struct stream *s, const struct site_change *c);
};

// Opens the sockets in the clients' namespaces and begins to ask. 0, or negative errno with a
// sentence in *error.
[[nodiscard]] int clients_new(struct clients **ret, uv_loop_t *loop, const struct scenario *s,
	const struct topology *t, const struct clients_ops *ops, void *ctx, struct strbuf *error);

// Stops asking. Handles end in the next turn of the loop. NULL inside is fine.
void clients_free(struct clients **c);

size_t clients_streams(const struct clients *c);
const struct stream *clients_stream(const struct clients *c, size_t i);

// Forgets what was steady before: called when an event happens.
void clients_mark(struct clients *c, instant now);

// Notes queries that became overdue, and tells for how long the stream has been answered by one
// site without a loss. Zero while a query is suspiciously late.
span clients_steady(struct clients *c, size_t stream, instant now);

// Who answers a stream now: SITE_NONE when there was no answer for longer than one may take.
struct client_now {
	int site;
	span rtt; // of the last answer
};
struct client_now clients_now(struct clients *c, size_t stream, instant now);

// From now on they ask only every so often: for as long as somebody may look on, the records stay few.
void clients_slow(struct clients *c, span interval);

// What a client (by its index in the scenario) saw of an event.
struct outage clients_outage(const struct clients *c, size_t client, instant event, instant end);

// Whether a node (by its index in the scenario's sites) answered a query of the client that
// was sent at `from` or later, by `to`.
bool clients_answered_by(
	const struct clients *c, size_t client, size_t node, instant from, instant to);
