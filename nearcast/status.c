// nearcast status: first one sentence, then the tables it sums up.
#include <string.h>

#include "lib/own.h"
#include "nearcast/client.h"
#include "nearcast/view.h"

// To how many upstreams any prefix of the service is announced.
static size_t count_announced(const json_t *service, const json_t *upstreams)
{
	size_t i, k, m, n = 0;
	json_t *upstream, *prefix, *told;

	json_array_foreach(upstreams, i, upstream)
	{
		const char *name = json_string_value(json_object_get(upstream, "name"));
		bool announced = false;

		json_array_foreach(json_object_get(service, "prefixes"), k, prefix)
			json_array_foreach(json_object_get(prefix, "upstreams"), m, told)
		{
			const char *at = json_string_value(json_object_get(told, "name"));
			announced |= name && at && strcmp(name, at) == 0 &&
				     json_is_true(json_object_get(told, "announced"));
		}
		n += announced;
	}
	return n;
}

// The one announce state of all prefixes, NULL when they differ or there is none.
static const char *common_announce(const json_t *service)
{
	const char *common = NULL;
	size_t i;
	json_t *prefix;

	json_array_foreach(json_object_get(service, "prefixes"), i, prefix)
	{
		const char *a = json_string_value(json_object_get(prefix, "announce"));
		if (!a || (common && strcmp(common, a) != 0))
			return NULL;
		common = a;
	}
	return common;
}

static void describe(const json_t *service, const json_t *upstreams, struct strbuf *b)
{
	own(sb_free) struct strbuf t = {};
	size_t all = json_array_size(upstreams), at = count_announced(service, upstreams);
	const char *announce = common_announce(service);
	const json_t *first = json_array_get(json_object_get(service, "prefixes"), 0);

	sb_printf(b, "%s", view_text(service, "name", &t));
	sb_printf(b, " is %s", view_text(service, "health", &t));
	if (announce && strcmp(announce, "withdrawn") == 0) {
		sb_printf(b, " and withdrawn (%s)", view_text(first, "reason", &t));
		return;
	}
	const char *lead = at == all && all > 0 ? " and" : " but";
	sb_printf(b, "%s %s at ", lead, announce ? announce : "partly announced");
	if (all == 0)
		sb_str(b, "no upstream, as none is configured");
	else if (at == 0)
		sb_printf(b, "none of %zu upstreams", all);
	else
		sb_printf(b, "%s%zu of %zu upstream%s", at < all ? "only " : "", at, all,
			all == 1 ? "" : "s");
	if (announce && strcmp(announce, "demoted") == 0)
		sb_printf(b, " (%s)", view_text(first, "reason", &t));
}

static void headline(const json_t *status, struct out *o)
{
	own(sb_free) struct strbuf b = {}, t = {};
	const json_t *services = json_object_get(status, "services");
	size_t i;
	json_t *service;

	json_array_foreach(services, i, service)
	{
		if (i > 0)
			sb_str(&b, "; ");
		describe(service, json_object_get(status, "upstreams"), &b);
	}
	out_line(o, "%s: %s.", view_text(status, "site", &t),
		b.len > 0 ? sb_text(&b) : "no service is configured");
	if (*view_text(status, "watch_error", &t))
		out_line(o, "A crash is noticed by the next check only: %s.", sb_text(&t));
	json_array_foreach(json_object_get(status, "fleet_conflicts"), i, service)
		out_line(o, "Conflict in the fleet: %s.", view_text(service, "detail", &t));
}

enum cli_exit verb_status(struct cli *cli, const char *, char **)
{
	own(json_free) json_t *status = NULL;
	own(sb_free) struct strbuf b = {};
	// For programs all of it, for people the sum.
	json_t *request = cli->json ? json_pack("{s:s}", "cmd", "status") : client_status_request();
	enum cli_exit rc = client_ask_once(cli, request, &status);

	if (!status)
		return rc;
	const json_t *services = json_object_get(status, "services");
	const json_t *upstreams = json_object_get(status, "upstreams");
	struct out *o = out_new(OUT_TEXT, &b);
	headline(status, o);
	if (json_array_size(services) > 0)
		out_line(o, "%s", "");
	view_prefixes(o, services);
	out_line(o, "%s", "");
	view_checks(o, services);
	if (json_array_size(upstreams) > 0)
		out_line(o, "%s", "");
	view_upstreams(o, upstreams);
	view_ranges(o, json_object_get(status, "ranges"));
	view_fleet_sums(o, json_object_get(status, "fleet_services"));
	out_free(&o);
	return cli_print(cli, &b);
}
