// Ping and traceroute as RFC 8522 has them: answered when they are done, in lines of text.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/probe_target.h"
#include "nearglass/rfc8522.h"

enum { RUNTIME_S = 30 };

struct command {
	const struct glass_conf *conf;
	struct probe *probe;
	uint64_t heard;
	instant begin, until; // until: the client's limit, looked at with every result
	int64_t performed_us;
	json_t *results;
};

// ---- Lines ----

static void print_times(struct strbuf *b, const json_t *times)
{
	const json_t *ms;
	size_t i;

	json_array_foreach(times, i, ms)
	{
		if (json_is_number(ms))
			sb_printf(b, "  %.3f ms", json_number_value(ms));
		else
			sb_str(b, "  *");
	}
}

static void print_round(struct strbuf *b, const char *number, const json_t *result)
{
	const char *from = json_string_value(json_object_get(result, "from"));

	sb_printf(b, "%2d  %s", (int)json_integer_value(json_object_get(result, number)),
		from ? from : "*");
	if (from)
		print_times(b, json_object_get(result, "rtt_ms"));
	const char *what = json_string_value(json_object_get(result, "result"));
	if (what && strcmp(what, "unreachable") == 0)
		sb_str(b, "  unreachable");
}

static void print_end(struct strbuf *b, const json_t *result)
{
	const json_t *sent = json_object_get(result, "sent"),
		     *avg = json_object_get(result, "avg_ms");

	if (!sent) {
		sb_printf(b, "end: %s", json_string_value(json_object_get(result, "reason")));
		return;
	}
	sb_printf(b, "%d sent, %d received", (int)json_integer_value(sent),
		(int)json_integer_value(json_object_get(result, "received")));
	if (avg)
		sb_printf(b, ", min/avg/max %.3f/%.3f/%.3f ms",
			json_number_value(json_object_get(result, "min_ms")),
			json_number_value(avg),
			json_number_value(json_object_get(result, "max_ms")));
}

static void print_result(struct strbuf *b, const json_t *result)
{
	const char *kind = json_string_value(json_object_get(result, "kind"));

	if (kind && strcmp(kind, "end") == 0)
		print_end(b, result);
	else
		print_round(b, kind && strcmp(kind, "ping") == 0 ? "sequence" : "hop", result);
}

// ---- The answer ----

static void write_answer(const struct command *m, bool whole, struct strbuf *b)
{
	own(out_free) struct out *o = out_new(OUT_JSON, b);
	const json_t *result;
	size_t i;

	rfc8522_begin(o, m->conf, "success", m->performed_us,
		span_to_s(instant_diff(clock_now(), m->begin)));
	json_array_foreach(m->results, i, result)
	{
		own(sb_free) struct strbuf line = {};
		print_result(&line, result);
		out_str(o, NULL, sb_text(&line));
	}
	if (!whole)
		out_str(o, NULL, "end: its runtime is over");
	rfc8522_end(o);
}

static enum call_more follow(void *ctx, struct strbuf *b)
{
	own(sb_free) struct strbuf result = {};
	struct command *m = ctx;
	struct journal *j = probe_journal(m->probe);
	bool closed = journal_is_closed(j); // asked first: what comes before the end is told

	for (uint64_t n; (n = journal_next(j, m->heard, &result)); m->heard = n) {
		json_array_append_new(m->results, json_loads(sb_text(&result), 0, NULL));
		sb_clear(&result);
	}
	bool late = instant_due(m->until, clock_now());
	if (!closed && !late)
		return CALL_WAIT;
	write_answer(m, closed, b);
	return CALL_END;
}

static void leave(void *ctx)
{
	struct command *m = ctx;

	probe_put(m->probe);
	json_decref(m->results);
	free(m);
}

// ---- The question ----

// Seconds; 0: no limit of the client's.
static bool read_runtime(struct call *c, span *ret)
{
	const char *text = call_arg(c, "runtime");
	char *end;

	*ret = span_s(RUNTIME_S);
	if (!text)
		return true;
	unsigned long s = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || s > 3600) {
		rfc8522_fail(c, 400, "runtime", "that is no time in seconds");
		return false;
	}
	*ret = span_s(s ? (int64_t)s : 3600);
	return true;
}

static bool read_target(struct call *c, enum ip_family family, struct ip_addr *ret)
{
	if (ip_parse(ret, c->rest) < 0 || (family != IP_NONE && ret->family != family)) {
		rfc8522_fail(c, 400, "addr", "that is no address of the protocol");
		return false;
	}
	const char *why = probe_denied(c->conf, c->view->daemon_status, ret);
	if (why)
		rfc8522_fail(c, 403, "addr", why);
	return !why;
}

static void run(struct call *c, enum probe_kind kind)
{
	enum ip_family family;
	struct ip_addr target;
	const char *why;
	span runtime;

	if (!c->probes) {
		rfc8522_fail(c, 404, "command", "this glass does not offer it");
		return;
	}
	if (c->head) {
		rfc8522_fail(c, 400, "command", "a probe is asked for with GET");
		return;
	}
	if (!rfc8522_read(c, &family) || !read_runtime(c, &runtime) ||
		!read_target(c, family, &target))
		return;
	struct probe *probe = probe_ask(c->probes, kind, &target, &c->client, &why);
	if (!probe) {
		rfc8522_fail(c, 429, "command", why);
		return;
	}
	struct command *m = mem_zalloc(sizeof(*m));
	m->conf = c->conf;
	m->probe = probe;
	m->begin = clock_now();
	m->until = instant_add(m->begin, runtime);
	m->performed_us = clock_unix_us();
	m->results = json_array();
	c->journal = probe_journal(probe);
	c->more = follow;
	c->free_stream = leave;
	c->stream = m;
	c->heard = &m->heard;
}

void rfc8522_ping(struct call *c)
{
	run(c, PROBE_PING);
}

void rfc8522_traceroute(struct call *c)
{
	run(c, PROBE_TRACEROUTE);
}
