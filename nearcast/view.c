#include "nearcast/view.h"

#include <string.h>

#include "lib/own.h"
#include "lib/text.h"

static void add_visible(const char *s, struct strbuf *b)
{
	text_add_visible(b, s, strlen(s));
}

static void add_value(const json_t *value, struct strbuf *b)
{
	if (json_is_string(value))
		add_visible(json_string_value(value), b);
	else if (json_is_integer(value))
		sb_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		sb_printf(b, "%.3f", json_real_value(value));
	else if (json_is_boolean(value))
		sb_str(b, json_is_true(value) ? "yes" : "no");
}

const char *view_text(const json_t *object, const char *key, struct strbuf *b)
{
	sb_clear(b);
	add_value(json_object_get(object, key), b);
	return sb_text(b);
}

static void add_bytes(double n, struct strbuf *b)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
	size_t unit = 0;

	for (; n >= 1024 && unit + 1 < countof(units); unit++)
		n /= 1024;
	sb_printf(b, unit > 0 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static void add_list(const json_t *array, struct strbuf *b)
{
	size_t i;
	json_t *element;

	json_array_foreach(array, i, element)
	{
		if (i > 0)
			sb_str(b, ", ");
		add_value(element, b);
	}
}

const char *view_cell(const json_t *object, const struct view_column *column, struct strbuf *b)
{
	const json_t *value = json_object_get(object, column->key);
	char text[SPAN_TEXT];

	sb_clear(b);
	if (column->form == VIEW_UPTIME && json_number_value(value) <= 0)
		return sb_text(b);
	if ((column->form == VIEW_SPAN || column->form == VIEW_UPTIME) && json_is_number(value))
		sb_str(b, span_print(span_from_s(json_number_value(value)), text));
	else if (column->form == VIEW_BYTES && json_is_number(value))
		add_bytes(json_number_value(value), b);
	else if (column->form == VIEW_LIST)
		add_list(value, b);
	else
		add_value(value, b);
	return sb_text(b);
}

void view_row(struct out *o, const json_t *object, const struct view_column *columns)
{
	own(sb_free) struct strbuf b = {};

	for (const struct view_column *c = columns; c->key; c++)
		out_str(o, c->heading, view_cell(object, c, &b));
}

void view_table(struct out *o, const json_t *array, const struct view_column *columns)
{
	size_t i;
	json_t *element;

	out_table(o, NULL);
	json_array_foreach(array, i, element)
	{
		out_object(o, NULL);
		view_row(o, element, columns);
		out_end(o);
	}
	out_end(o);
}

void view_event(const json_t *event, struct strbuf *b)
{
	own(sb_free) struct strbuf t = {};
	const char *time = view_text(event, "time", &t);

	// Of RFC 3339 the time of day is enough on a screen.
	if (strlen(time) >= 26 && time[10] == 'T')
		sb_printf(b, "%.15s ", time + 11);
	sb_printf(b, "#%s", view_text(event, "seq", &t));
	sb_printf(b, " %s", view_text(event, "type", &t));
	sb_printf(b, " %s", view_text(event, "subject", &t));
	if (*view_text(event, "upstream", &t))
		sb_printf(b, " at %s", sb_text(&t));
	if (*view_text(event, "reason", &t))
		sb_printf(b, " %s", sb_text(&t));
	if (json_integer_value(json_object_get(event, "cause_seq")) > 0)
		sb_printf(b, " (caused by #%s)", view_text(event, "cause_seq", &t));
	const char *detail = json_string_value(json_object_get(event, "detail"));
	if (detail && *detail) {
		sb_str(b, ": ");
		text_add_lines(b, detail);
	}
	sb_char(b, '\n');
}

void view_checks(struct out *o, const json_t *services)
{
	static const struct view_column columns[] = {
		{ "name", "check", VIEW_TEXT },
		{ "kind", "kind", VIEW_TEXT },
		{ "scope", "scope", VIEW_TEXT },
		{ "result", "result", VIEW_TEXT },
		{ "last_change_seconds", "since", VIEW_SPAN },
		{ "detail", "detail", VIEW_TEXT },
		{},
	};
	own(sb_free) struct strbuf b = {};
	size_t i, k;
	json_t *service, *check;

	out_table(o, NULL);
	json_array_foreach(services, i, service)
		json_array_foreach(json_object_get(service, "checks"), k, check)
	{
		out_object(o, NULL);
		out_str(o, "service", view_text(service, "name", &b));
		view_row(o, check, columns);
		out_end(o);
	}
	out_end(o);
}

static void announced_at(const json_t *prefix, struct strbuf *b)
{
	const json_t *upstreams = json_object_get(prefix, "upstreams");
	size_t i, announced = 0;
	json_t *u;

	json_array_foreach(upstreams, i, u) announced +=
		json_is_true(json_object_get(u, "announced"));
	sb_clear(b);
	sb_printf(b, "%zu of %zu", announced, json_array_size(upstreams));
}

void view_prefixes(struct out *o, const json_t *services)
{
	static const struct view_column of_service[] = {
		{ "name", "service", VIEW_TEXT },
		{ "health", "health", VIEW_TEXT },
		{ "admin", "admin", VIEW_TEXT },
		{},
	};
	static const struct view_column of_prefix[] = {
		{ "prefix", "prefix", VIEW_TEXT },
		{ "announce", "announce", VIEW_TEXT },
		{ "reason", "reason", VIEW_TEXT },
		{ "since_seconds", "since", VIEW_SPAN },
		{},
	};
	own(sb_free) struct strbuf b = {};
	size_t i, k;
	json_t *service, *prefix;

	out_table(o, NULL);
	json_array_foreach(services, i, service)
		json_array_foreach(json_object_get(service, "prefixes"), k, prefix)
	{
		out_object(o, NULL);
		view_row(o, service, of_service);
		view_row(o, prefix, of_prefix);
		announced_at(prefix, &b);
		out_str(o, "upstreams", sb_text(&b));
		out_end(o);
	}
	out_end(o);
}

void view_upstreams(struct out *o, const json_t *upstreams)
{
	static const struct view_column columns[] = {
		{ "name", "upstream", VIEW_TEXT },
		{ "address", "address", VIEW_TEXT },
		{ "as", "as", VIEW_TEXT },
		{ "state", "state", VIEW_TEXT },
		{ "uptime_seconds", "uptime", VIEW_UPTIME },
		{ "sent", "sent", VIEW_TEXT },
		{ "received", "received", VIEW_TEXT },
		{ "bfd", "bfd", VIEW_TEXT },
		{ "last_error", "last error", VIEW_TEXT },
		{},
	};

	view_table(o, upstreams, columns);
}

void view_ranges(struct out *o, const json_t *ranges)
{
	static const struct view_column columns[] = {
		{ "name", "range", VIEW_TEXT },
		{ "range", "addresses", VIEW_TEXT },
		{ "as", "as", VIEW_TEXT },
		{ "neighbours", "neighbours", VIEW_TEXT },
		{ "max_neighbours", "at most", VIEW_TEXT },
		{},
	};

	if (json_array_size(ranges) == 0)
		return;
	out_line(o, "%s", "");
	view_table(o, ranges, columns);
}
