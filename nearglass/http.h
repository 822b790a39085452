// The HTTP side: GET and HEAD, tables of endpoints, one answer a request. Its threads read views and
// touch nothing else of the glass.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/out.h"
#include "lib/strbuf.h"
#include "lib/timing.h"
#include "nearglass/history.h"
#include "nearglass/journal.h"
#include "nearglass/probe.h"
#include "nearglass/view.h"

struct http;

// Where conf says that it listens: a descriptor, or a negative errno with *error set. Before the
// sandbox, in which no path can be made.
[[nodiscard]] int http_listen(const struct glass_conf *conf, struct strbuf *error);

// Takes that descriptor. 0; negative errno with *error set. conf, views, journal, history and probes
// outlive it.
[[nodiscard]] int http_new(struct http **ret, int fd, const struct glass_conf *conf,
	struct views *views, struct journal *journal, struct history *history,
	struct probes *probes, struct strbuf *error);
void http_free(struct http **h); // waits for its threads; NULL inside is fine

// ---- One request ----

enum { CALL_ARGS_MAX = 20 };
enum call_more { CALL_MORE, CALL_WAIT, CALL_END };

struct call {
	const struct glass_conf *conf;
	struct view *view;
	const char *path;
	const char *rest; // of the path, behind the endpoint's; "" for a whole one
	const char *host; // header, without port; NULL: none
	struct {
		const char *name, *value;
	} args[CALL_ARGS_MAX];
	size_t arg_count;
	instant deadline; // a search is cut off then

	struct journal *journal;
	struct history *history; // NULL: none is kept
	struct probes *probes;   // NULL: none are done
	struct ip_addr client;
	bool head;                 // HEAD: nobody will read the body
	const char *last_event_id; // header; NULL: none
	bool gzip;                 // the client takes it

	unsigned status; // 200 unless changed
	const char *type;
	struct strbuf body;
	const struct asset *file; // in place of body; NULL: none
	// A body in pieces: more() adds some to *b, or says that there is none now or no more. A stream
	// that waits is woken by the journal when it has an event after *heard. free_stream: at the
	// end or when the client left; the stream has its own hold of the view.
	enum call_more (*more)(void *stream, struct strbuf *b);
	void (*free_stream)(void *stream);
	const uint64_t *heard;
	void *stream;
};

struct endpoint {
	const char *path; // "/api/v1/routes"; with a final '/' all below it
	const char *args; // names that may be given: "prefix match"; NULL: none
	void (*answer)(struct call *c);
	const char *help;
};

// Each ends with a NULL path.
extern const struct endpoint api_endpoints[], birdwatcher_endpoints[], rfc8522_endpoints[],
	metrics_endpoints[];

const char *call_arg(const struct call *c, const char *name); // NULL: not given
// An error in place of the answer: {"message": ..., "code": 400, "tag": "bad-prefix"}.
__attribute__((format(printf, 4, 5))) void call_fail(
	struct call *c, unsigned status, const char *tag, const char *fmt, ...);
bool call_is_late(const struct call *c);
