// /api/v1/catchment: which site clients reach, by client, in pages.
#include <string.h>

#include "lib/own.h"
#include "nearglass/api.h"

enum { LIMIT = 100, LIMIT_MAX = 10000 };

void api_client(struct out *o, const char *name, const char *site, bool has_place, double lat,
	double lon, double rtt_ms)
{
	out_str(o, "client", name);
	out_str(o, "site", *site ? site : NULL);
	if (has_place) {
		out_double(o, "lat", lat, 4);
		out_double(o, "lon", lon, 4);
	} else {
		out_null(o, "lat");
		out_null(o, "lon");
	}
	if (rtt_ms >= 0)
		out_double(o, "rtt_ms", rtt_ms, 3);
	else
		out_null(o, "rtt_ms");
}

static void write_client(struct out *o, const struct view *v, const struct catchment_client *c)
{
	out_object(o, NULL);
	api_client(o, c->name, c->site, c->has_place, c->lat, c->lon, c->rtt_ms);
	out_str(o, "before", c->before[0] ? c->before : NULL);
	api_since(o, "since", "since_seconds", c->since_us, v->made_us);
	api_since(o, "heard", "heard_seconds", c->heard_us, v->made_us);
	out_end(o);
}

static bool is_asked_for(const struct call *c, const struct catchment_client *client)
{
	const char *site = call_arg(c, "site");

	return !site || strcmp(site, client->site) == 0;
}

void api_catchment(struct call *c)
{
	const struct catchment_list *l = c->view->catchment;
	const char *after = call_arg(c, "after");
	size_t limit = LIMIT, total = 0, written = 0;
	const struct catchment_client *last = NULL;
	own(sb_free) struct strbuf next = {};

	if (!l) {
		call_fail(c, 404, "no-catchment", "this glass is told of no clients");
		return;
	}
	if (!api_limit(c, LIMIT_MAX, &limit))
		return;
	size_t first = after ? catchment_list_after(l, after) : 0;
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	out_object(o, NULL);
	out_array(o, "clients");
	bool more = false;
	for (size_t i = 0; i < l->count; i++) {
		const struct catchment_client *client = &l->clients[i];
		if (!is_asked_for(c, client))
			continue;
		total++;
		if (i < first)
			continue;
		more = written == limit;
		if (more)
			continue;
		write_client(o, c->view, client);
		written++;
		last = client;
	}
	out_end(o);
	if (more && last)
		api_next(c, last->name, &next);
	const struct page_meta m = {
		.page_size = limit,
		.total = total,
		.next = next.len > 0 ? sb_text(&next) : NULL,
	};
	api_meta(o, c, &m);
	out_end(o);
}
