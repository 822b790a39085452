// The fleet for people.
#include <string.h>

#include "lib/own.h"
#include "nearcast/view.h"

static void guards(const json_t *services, struct out *o)
{
	own(sb_free) struct strbuf b = {}, t = {};
	const json_t *service;
	size_t i;

	json_array_foreach(services, i, service)
	{
		const json_t *g = json_object_get(service, "guard");
		const char *verdict = json_string_value(json_object_get(g, "verdict"));
		if (!json_is_object(g))
			continue;
		sb_clear(&b);
		sb_printf(&b, "%s: min-sites", view_text(service, "name", &t));
		sb_printf(&b, " %s", view_text(g, "min_sites", &t));
		sb_printf(&b, " of %s known", view_text(g, "known", &t));
		sb_printf(&b, " is %s", view_text(g, "required", &t));
		sb_printf(&b, "; %s able besides this node", view_text(g, "able", &t));
		if (verdict && strcmp(verdict, "free") != 0)
			sb_printf(&b, "; the guard: %s", view_text(g, "verdict", &t));
		out_line(o, "%s.", sb_text(&b));
	}
}

static void nodes(const json_t *fleet, struct out *o)
{
	static const struct view_column who[] = {
		{ "site", "site", VIEW_TEXT },
		{ "node", "node", VIEW_TEXT },
		{ "service", "service", VIEW_TEXT },
		{},
	};
	static const struct view_column how[] = {
		{ "announce", "announce", VIEW_TEXT },
		{ "health", "health", VIEW_TEXT },
		{ "evidence", "evidence", VIEW_TEXT },
		{ "admin", "admin", VIEW_TEXT },
		{ "since_seconds", "since", VIEW_SPAN },
		{ "priority", "priority", VIEW_TEXT },
		{ "load", "load", VIEW_TEXT },
		{ "capacity", "capacity", VIEW_TEXT },
		{},
	};
	own(sb_free) struct strbuf t = {};
	const json_t *row;
	size_t i;

	out_table(o, NULL);
	json_array_foreach(fleet, i, row)
	{
		bool lost = json_is_true(json_object_get(row, "lost"));
		bool own = json_is_true(json_object_get(row, "own"));
		out_object(o, NULL);
		view_row(o, row, who);
		out_str(o, "standing", lost ? "lost" : view_text(row, "standing", &t));
		view_row(o, row, how);
		out_str(o, "paths", own ? "own" : view_text(row, "paths", &t));
		out_str(o, "address", view_text(row, "address", &t));
		out_end(o);
	}
	out_end(o);
}

void view_fleet_sums(struct out *o, const json_t *services)
{
	static const struct view_column who[] = {
		{ "service", "fleet of", VIEW_TEXT },
		{ "sites", "sites", VIEW_TEXT },
		{ "nodes", "nodes", VIEW_TEXT },
		{ "lost", "lost", VIEW_TEXT },
		{},
	};
	static const char *const states[][2] = {
		{ "health", "up" },
		{ "health", "degraded" },
		{ "health", "down" },
		{ "announce", "announced" },
		{ "announce", "demoted" },
		{ "announce", "withdrawn" },
	};
	own(sb_free) struct strbuf t = {};
	const json_t *row;
	size_t i;

	if (json_array_size(services) == 0)
		return;
	out_line(o, "%s", "");
	out_table(o, NULL);
	json_array_foreach(services, i, row)
	{
		out_object(o, NULL);
		view_row(o, row, who);
		for (size_t k = 0; k < countof(states); k++)
			out_str(o, states[k][1],
				view_text(json_object_get(row, states[k][0]), states[k][1], &t));
		out_end(o);
	}
	out_end(o);
}

static const char *refused(const json_t *session, struct strbuf *b)
{
	json_t *counts = json_object_get(session, "refused"), *n;
	const char *reason;

	sb_clear(b);
	json_object_foreach(counts, reason, n)
	{
		sb_printf(b, "%s%s %" JSON_INTEGER_FORMAT, b->len ? ", " : "", reason,
			json_integer_value(n));
	}
	return sb_text(b);
}

static void sessions(const json_t *list, struct out *o)
{
	static const struct view_column columns[] = {
		{ "name", "session", VIEW_TEXT },
		{ "address", "address", VIEW_TEXT },
		{ "state", "state", VIEW_TEXT },
		{ "uptime_seconds", "uptime", VIEW_UPTIME },
		{ "reflector", "reflector", VIEW_TEXT },
		{ "bfd", "bfd", VIEW_TEXT },
		{},
	};
	static const struct view_column error[] = { { "last_error", "last error", VIEW_TEXT }, {} };
	own(sb_free) struct strbuf t = {};
	const json_t *row;
	size_t i;

	out_table(o, NULL);
	json_array_foreach(list, i, row)
	{
		out_object(o, NULL);
		view_row(o, row, columns);
		out_str(o, "refused", refused(row, &t));
		view_row(o, row, error);
		out_end(o);
	}
	out_end(o);
}

void view_fleet(const json_t *result, struct strbuf *b)
{
	own(sb_free) struct strbuf t = {};
	const json_t *conflicts = json_object_get(result, "conflicts"), *row;
	const json_t *list = json_object_get(result, "sessions");
	struct out *o = out_new(OUT_TEXT, b);
	size_t i;

	if (json_array_size(list) == 0)
		out_line(o, "%s", "No fleet is configured: this node decides alone.");
	json_array_foreach(conflicts, i, row)
		out_line(o, "Conflict: %s.", view_text(row, "detail", &t));
	guards(json_object_get(result, "services"), o);
	if (json_array_size(list) > 0)
		out_line(o, "%s", "");
	nodes(json_object_get(result, "fleet"), o);
	if (json_array_size(list) > 0)
		out_line(o, "%s", "");
	sessions(list, o);
	out_free(&o);
}
