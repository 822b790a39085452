// /api/v1/probe: ping and traceroute, each result as it comes (server-sent events).
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/api.h"
#include "nearglass/probe.h"
#include "nearglass/probe_target.h"

struct follower {
	struct probe *probe;
	uint64_t heard;
	bool began;
};

static enum call_more follow(void *ctx, struct strbuf *b)
{
	own(sb_free) struct strbuf result = {};
	struct follower *f = ctx;
	struct journal *j = probe_journal(f->probe);
	bool closed = journal_is_closed(j); // asked first: what comes before the end is told
	uint64_t n;

	if (!f->began) // so that the headers go out at once
		sb_str(b, ":\n\n");
	f->began = true;
	while ((n = journal_next(j, f->heard, &result))) {
		sb_printf(b, "data: %s\n\n", sb_text(&result));
		sb_clear(&result);
		f->heard = n;
	}
	if (b->len > 0)
		return CALL_MORE;
	return closed ? CALL_END : CALL_WAIT;
}

static void leave(void *ctx)
{
	struct follower *f = ctx;

	probe_put(f->probe);
	free(f);
}

static bool read_kind(struct call *c, enum probe_kind *ret)
{
	static const struct {
		const char *kind, *method;
		enum probe_kind is;
	} kinds[] = {
		{ "ping", "icmp", PROBE_PING },
		{ "traceroute", "icmp", PROBE_TRACEROUTE },
		{ "traceroute", "udp", PROBE_TRACEROUTE_UDP },
	};
	const char *kind = call_arg(c, "kind"), *method = call_arg(c, "method");

	for (size_t i = 0; i < countof(kinds); i++)
		if (strcmp(kinds[i].kind, kind ? kind : "") == 0 &&
			strcmp(kinds[i].method, method ? method : "icmp") == 0) {
			*ret = kinds[i].is;
			return true;
		}
	call_fail(c, 400, "bad-parameter",
		"kind is `ping` or `traceroute`; method is `icmp`, or `udp` for a traceroute");
	return false;
}

static bool read_target(struct call *c, struct ip_addr *ret)
{
	const char *text = call_arg(c, "target");

	if (!text || ip_parse(ret, text) < 0) {
		call_fail(c, 400, "bad-parameter", "target is an address");
		return false;
	}
	const char *why = probe_denied(c->conf, c->view->daemon_status, ret);
	if (why)
		call_fail(c, 403, "denied", "%s is %s", text, why);
	return !why;
}

void api_probe(struct call *c)
{
	enum probe_kind kind;
	struct ip_addr target;
	const char *why;

	if (!c->probes) {
		call_fail(c, 404, "no-probes", "this glass does no probes");
		return;
	}
	if (c->head) {
		call_fail(c, 400, "head", "a probe is asked for with GET");
		return;
	}
	if (!read_kind(c, &kind) || !read_target(c, &target))
		return;
	struct probe *probe = probe_ask(c->probes, kind, &target, &c->client, &why);
	if (!probe) {
		call_fail(c, 429, "too-many", "%s", why);
		return;
	}
	struct follower *f = mem_zalloc(sizeof(*f));
	f->probe = probe;
	c->journal = probe_journal(probe);
	c->type = "text/event-stream";
	c->more = follow;
	c->free_stream = leave;
	c->stream = f;
	c->heard = &f->heard;
}
