// What the keeper does, for people.
#include <string.h>

#include "lib/own.h"
#include "nearcast/view.h"

static void print_table(const json_t *array, const struct view_column *columns, struct strbuf *b)
{
	struct out *o = out_new(OUT_TEXT, b);

	if (json_array_size(array) > 0)
		sb_char(b, '\n');
	view_table(o, array, columns);
	out_free(&o);
}

// Only what has counted something.
static void print_counters(const json_t *counters, struct strbuf *b)
{
	struct out *o = out_new(OUT_TEXT, b);
	const char *key;
	json_t *value;

	sb_char(b, '\n');
	out_table(o, NULL);
	json_object_foreach((json_t *)(uintptr_t)counters, key, value)
	{
		if (json_integer_value(value) == 0)
			continue;
		out_object(o, NULL);
		out_str(o, "counter", key);
		out_int(o, "packets", json_integer_value(value));
		out_end(o);
	}
	out_end(o);
	out_free(&o);
}

void view_flows(const json_t *result, struct strbuf *b)
{
	static const struct view_column interfaces[] = {
		{ "name", "interface", VIEW_TEXT },
		{ "attached", "attached", VIEW_TEXT },
		{ "mode", "mode", VIEW_TEXT },
		{ "shared", "shared", VIEW_TEXT },
		{},
	};
	static const struct view_column services[] = {
		{ "name", "service", VIEW_TEXT },
		{ "sessions", "sessions", VIEW_TEXT },
		{},
	};
	static const struct view_column nodes[] = {
		{ "id", "node", VIEW_TEXT },
		{ "address4", "address", VIEW_TEXT },
		{ "address6", "IPv6", VIEW_TEXT },
		{ "path", "path", VIEW_TEXT },
		{ "alive", "alive", VIEW_TEXT },
		{ "sent", "sent", VIEW_TEXT },
		{ "received", "received", VIEW_TEXT },
		{},
	};
	static const char *const sums[] = { "local", "forwarded", "received", "refused" };
	const json_t *flows = json_object_get(result, "flows");
	own(sb_free) struct strbuf t = {};

	if (!json_is_object(flows)) {
		sb_str(b, "There is no keeper: sessions end where routes move.\n");
		return;
	}
	if (!json_is_true(json_object_get(flows, "running")))
		sb_printf(b, "The keeper does not run: %s\n", view_text(flows, "fault", &t));
	else if (json_is_string(json_object_get(flows, "fault")))
		sb_printf(b, "Not all is well: %s\n", view_text(flows, "fault", &t));
	for (size_t i = 0; i < countof(sums); i++)
		sb_printf(b, "%s%s %s", i ? ", " : "Packets: ", sums[i],
			view_text(flows, sums[i], &t));
	sb_str(b, ".\n");
	print_table(json_object_get(flows, "interfaces"), interfaces, b);
	print_table(json_object_get(flows, "services"), services, b);
	print_table(json_object_get(flows, "nodes"), nodes, b);
	print_counters(json_object_get(flows, "counters"), b);
}
