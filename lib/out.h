// The one output writer. Code describes what it has once (objects, arrays,
// tables, values, metrics) and the reader chooses the form: text for people, JSON for
// programs, OpenMetrics for collectors. Structured output can so never lag
// behind the text.
//
// Misuse (an end without a begin, a name missing inside an object) aborts: it is a defect of
// the program, and tests find it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/strbuf.h"
#include "lib/timing.h"

enum out_form {
	OUT_TEXT,        // indented "name value" lines and aligned tables
	OUT_JSON,        // one line, no spaces
	OUT_JSON_PRETTY, // indented by two
	OUT_METRICS,     // OpenMetrics 1.0 text; only families and samples are written
};

struct out;

// Everything is appended to *sink, which outlives the writer.
[[nodiscard]] struct out *out_new(enum out_form form, struct strbuf *sink);

// Ends the document (newline, "# EOF" for metrics) and frees *o. NULL inside
// is fine.
void out_free(struct out **o);
// Frees it in the middle of its document, which is then not to be read. NULL inside is fine.
void out_abandon(struct out **o);

// name: the member's name inside an object, NULL inside an array and at the top. JSON members
// keep the order of the calls.
void out_object(struct out *o, const char *name);
void out_array(struct out *o, const char *name);
// An array of objects with scalar members or arrays of scalars. In text it is an aligned
// table whose heading is the members' names; an empty table prints nothing.
void out_table(struct out *o, const char *name);
void out_end(struct out *o); // the innermost object, array or table

void out_str(struct out *o, const char *name, const char *value); // NULL: null
__attribute__((format(printf, 3, 4))) void out_strf(
	struct out *o, const char *name, const char *fmt, ...);
void out_int(struct out *o, const char *name, int64_t value);
void out_uint(struct out *o, const char *name, uint64_t value);
void out_bool(struct out *o, const char *name, bool value); // text: yes or no
void out_double(struct out *o, const char *name, double value, int decimals);
void out_null(struct out *o, const char *name);
// Bytes that are JSON already, as from a reply that is passed through; JSON forms only.
void out_raw_json(struct out *o, const char *name, const char *json);

// A sentence for people; text form only.
__attribute__((format(printf, 2, 3))) void out_line(struct out *o, const char *fmt, ...);

// OpenMetrics. type: "gauge", "counter" or "info"; samples of a counter get the
// suffix _total, those of an info _info and the value 1. Label pairs end with NULL.
void out_family(
	struct out *o, const char *name, const char *type, const char *unit, const char *help);
__attribute__((sentinel)) void out_sample(struct out *o, double value, ...);

// Escapes as JSON wants, quotes included; bytes that are not UTF-8 become U+FFFD.
void json_quote(struct strbuf *b, const char *s);

// RFC 3339 in UTC with microseconds: 2026-01-02T03:04:05.678901Z.
enum { TIME_TEXT = 28 };
const char *time_print(int64_t unix_us, char buf[TIME_TEXT]);

// "3.2s", "4m10s", "2h03m", "5d04h": two units at most.
enum { SPAN_TEXT = 24 };
const char *span_print(span s, char buf[SPAN_TEXT]);
