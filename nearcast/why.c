// nearcast why PREFIX|ADDRESS: the chain from cause to effect.
#include <errno.h>
#include <string.h>

#include "lib/ip.h"
#include "lib/own.h"
#include "nearcast/client.h"
#include "nearcast/view.h"

static void print_step(const json_t *step, int level, struct strbuf *b)
{
	static const struct view_column since = { "since_seconds", NULL, VIEW_SPAN };
	own(sb_free) struct strbuf t = {};

	if (level > 0)
		sb_printf(b, "%*s-> ", level * 3, "");
	else
		sb_str(b, "   ");
	sb_printf(b, "%s", view_text(step, "step", &t));
	sb_printf(b, " %s", view_text(step, "subject", &t));
	sb_printf(b, ": %s", view_text(step, "value", &t));
	if (*view_text(step, "detail", &t))
		sb_printf(b, " (%s)", sb_text(&t));
	if (*view_cell(step, &since, &t))
		sb_printf(b, ", for %s", sb_text(&t));
	sb_char(b, '\n');
}

// Steps of one sort stand side by side; each further sort follows from those before.
static void print_chain(const json_t *chain, struct strbuf *b)
{
	own(sb_free) struct strbuf before = {}, now = {};
	int level = -1;
	size_t i;
	json_t *step;

	json_array_foreach(chain, i, step)
	{
		if (strcmp(view_text(step, "step", &now), sb_text(&before)) != 0)
			level++;
		sb_clear(&before);
		sb_str(&before, sb_text(&now));
		print_step(step, level, b);
	}
}

static void print_upstreams(const json_t *upstreams, struct strbuf *b)
{
	static const struct view_column columns[] = {
		{ "name", "upstream", VIEW_TEXT },
		{ "announced", "announced", VIEW_TEXT },
		{ "prepend", "prepend", VIEW_TEXT },
		{ "med", "med", VIEW_TEXT },
		{ "communities", "communities", VIEW_LIST },
		{ "state", "state", VIEW_TEXT },
		{},
	};
	struct out *o = out_new(OUT_TEXT, b);

	view_table(o, upstreams, columns);
	out_free(&o);
}

static void print_why(const json_t *why, struct strbuf *b)
{
	static const struct view_column since = { "since_seconds", NULL, VIEW_SPAN };
	own(sb_free) struct strbuf t = {};
	const json_t *upstreams = json_object_get(why, "upstreams");

	sb_printf(b, "%s", view_text(why, "prefix", &t));
	sb_printf(b, " of %s", view_text(why, "service", &t));
	sb_printf(b, " is %s", view_text(why, "announce", &t));
	sb_printf(b, " (%s)", view_text(why, "reason", &t));
	if (*view_cell(why, &since, &t))
		sb_printf(b, ", for %s", sb_text(&t));
	sb_str(b, ".\n\n");
	print_chain(json_object_get(why, "chain"), b);
	if (json_array_size(upstreams) > 0)
		sb_char(b, '\n');
	print_upstreams(upstreams, b);
}

enum cli_exit verb_why(struct cli *cli, const char *argument, char **)
{
	own(json_free) json_t *why = NULL;
	own(sb_free) struct strbuf b = {};
	struct ip_prefix prefix;
	struct ip_addr address;
	char text[PREFIX_TEXT];
	bool is_address = ip_parse(&address, argument) == 0;
	int rc = is_address ? 0 : prefix_parse(&prefix, argument);

	if (rc == -EDOM)
		return cli_fail(CLI_USAGE, "%s has host bits; did you mean %s?", argument,
			prefix_print(&prefix, text));
	if (rc < 0)
		return cli_fail(CLI_USAGE,
			"`%s` is no prefix or address, as 198.51.100.0/24 or 2001:db8:53::53",
			argument);
	json_t *request = json_pack("{s:s,s:s}", "cmd", "why", "prefix",
		is_address ? argument : prefix_print(&prefix, text));
	enum cli_exit status = client_ask_once(cli, request, &why);
	if (!why)
		return status;
	print_why(why, &b);
	return cli_print(cli, &b);
}
