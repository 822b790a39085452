// nearcast show WHAT: one list in full.
#include <stdio.h>
#include <string.h>

#include "lib/own.h"
#include "nearcast/client.h"
#include "nearcast/view.h"

static json_t *ask_show(const struct cli *, const char *what)
{
	return json_pack("{s:s,s:s}", "cmd", "show", "what", what);
}

static json_t *ask_events(const struct cli *cli, const char *)
{
	json_int_t after = (json_int_t)cli->after;

	return json_pack("{s:s,s:I}", "cmd", "events", "after", after);
}

static json_t *ask_fleet(const struct cli *cli, const char *what)
{
	json_t *request = ask_show(cli, what);

	if (request && cli->service &&
		json_object_set_new(request, "service", json_string(cli->service)) < 0)
		json_free(&request);
	return request;
}

static json_t *ask_status(const struct cli *, const char *)
{
	return client_status_request();
}

static void print_upstreams(const json_t *result, struct strbuf *b)
{
	struct out *o = out_new(OUT_TEXT, b);

	view_upstreams(o, json_object_get(result, "upstreams"));
	view_ranges(o, json_object_get(result, "ranges"));
	out_free(&o);
}

static void print_services(const json_t *result, struct strbuf *b)
{
	struct out *o = out_new(OUT_TEXT, b);

	view_prefixes(o, json_object_get(result, "services"));
	out_free(&o);
}

static void print_checks(const json_t *result, struct strbuf *b)
{
	static const struct view_column columns[] = {
		{ "service", "service", VIEW_TEXT },
		{ "name", "check", VIEW_TEXT },
		{ "kind", "kind", VIEW_TEXT },
		{ "scope", "scope", VIEW_TEXT },
		{ "result", "result", VIEW_TEXT },
		{ "reason", "reason", VIEW_TEXT },
		{ "evidence", "evidence", VIEW_TEXT },
		{ "last_change_seconds", "since", VIEW_SPAN },
		{ "took_ms", "took ms", VIEW_TEXT },
		{ "detail", "detail", VIEW_TEXT },
		{},
	};
	struct out *o = out_new(OUT_TEXT, b);

	view_table(o, json_object_get(result, "checks"), columns);
	out_free(&o);
}

static void print_events(const json_t *result, struct strbuf *b)
{
	size_t i;
	json_t *event;

	json_array_foreach(json_object_get(result, "events"), i, event) view_event(event, b);
}

// Each allocator of the daemon says what it holds.
static void print_memory(const json_t *result, struct strbuf *b)
{
	own(sb_free) struct strbuf t = {};
	json_t *memory = json_object_get(result, "memory"), *value;
	struct out *o = out_new(OUT_TEXT, b);
	const char *key;

	out_table(o, NULL);
	json_object_foreach(memory, key, value)
	{
		size_t n = strlen(key);
		bool bytes = n > 6 && strcmp(key + n - 6, "_bytes") == 0;
		struct view_column column = { key, NULL, bytes ? VIEW_BYTES : VIEW_TEXT };

		out_object(o, NULL);
		out_strf(o, "what", "%.*s", (int)(bytes ? n - 6 : n), key);
		out_str(o, "size", view_cell(memory, &column, &t));
		out_end(o);
	}
	out_end(o);
	out_free(&o);
}

static void print_version(const json_t *result, struct strbuf *b)
{
	own(sb_free) struct strbuf t = {};

	sb_printf(b, "nearcast " NEARCAST_VERSION "\nnearcastd %s\n",
		view_text(result, "version", &t));
}

static const struct {
	const char *word;
	json_t *(*request)(const struct cli *cli, const char *what);
	void (*print)(const json_t *result, struct strbuf *b);
} shows[] = {
	{ "upstreams", ask_show, print_upstreams },
	{ "fleet", ask_fleet, view_fleet },
	{ "services", ask_show, print_services },
	{ "checks", ask_show, print_checks },
	{ "flows", ask_show, view_flows },
	{ "events", ask_events, print_events },
	{ "memory", ask_show, print_memory },
	{ "version", ask_status, print_version },
};

static enum cli_exit version_json(const struct cli *cli)
{
	own(client_close) struct client c = { .fd = -1 };
	own(json_free) json_t *status = NULL;
	own(sb_free) struct strbuf b = {};
	enum cli_exit rc = client_ask(&c, cli, ask_status(cli, NULL), &status);

	if (rc != CLI_DONE)
		return rc;
	struct out *o = out_new(OUT_JSON, &b);
	out_object(o, NULL);
	out_str(o, "nearcast", NEARCAST_VERSION);
	out_str(o, "nearcastd", json_string_value(json_object_get(status, "version")));
	out_end(o);
	out_free(&o);
	return cli_print(cli, &b);
}

enum cli_exit verb_show(struct cli *cli, const char *argument, char **)
{
	own(json_free) json_t *result = NULL;
	own(sb_free) struct strbuf b = {};
	size_t i = 0;

	while (strcmp(shows[i].word, argument) != 0)
		i++;
	if (cli->has_after && shows[i].request != ask_events)
		return cli_fail(CLI_USAGE, "--after goes with `show events` only");
	if (cli->service && shows[i].request != ask_fleet)
		return cli_fail(CLI_USAGE, "--service goes with `show fleet` only");
	if (cli->json && shows[i].request == ask_status)
		return version_json(cli);
	enum cli_exit rc = client_ask_once(cli, shows[i].request(cli, argument), &result);
	if (!result)
		return rc;
	shows[i].print(result, &b);
	return cli_print(cli, &b);
}
