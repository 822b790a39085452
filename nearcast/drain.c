// nearcast drain SERVICE|--all, nearcast undrain SERVICE|--all.
#include <string.h>

#include "lib/own.h"
#include "nearcast/client.h"
#include "nearcast/view.h"

// What comes next, so that nobody has to remember the configuration.
static void print_drain(const json_t *result, struct strbuf *b)
{
	static const struct view_column next = { "next_seconds", NULL, VIEW_SPAN },
					hard = { "hard_seconds", NULL, VIEW_SPAN },
					until = { "until_seconds", NULL, VIEW_SPAN };
	const json_t *drain = json_object_get(result, "drain");
	own(sb_free) struct strbuf t = {};

	sb_printf(b, "%s", view_text(result, "service", &t));
	sb_printf(b, " is %s", view_text(result, "admin", &t));
	sb_printf(b, " and %s.", view_text(result, "announce", &t));
	const char *stage = json_string_value(json_object_get(drain, "stage"));
	if (stage && strcmp(stage, "demoted") == 0) {
		sb_printf(b, " It will be withdrawn in %s", view_cell(drain, &next, &t));
		sb_printf(b, " and its addresses released %s later.", view_cell(drain, &hard, &t));
	} else if (stage && strcmp(stage, "withdrawn") == 0 && !*view_cell(drain, &next, &t)) {
		sb_str(b, " It will be withdrawn as soon as the guard lets it.");
	} else if (stage && strcmp(stage, "withdrawn") == 0) {
		sb_printf(b, " Its addresses will be released in %s.", view_cell(drain, &next, &t));
	}
	if (stage && *view_cell(drain, &until, &t))
		sb_printf(b, " It comes back in %s.", sb_text(&t));
	if (stage && *view_text(drain, "sessions", &t))
		sb_printf(b, " TCP sessions that remain: %s.", sb_text(&t));
	sb_char(b, '\n');
	if (*view_text(result, "warning", &t))
		sb_printf(b, "Warning: %s.\n", sb_text(&t));
}

static enum cli_exit tell(struct cli *cli, const char *cmd, const char *service)
{
	own(json_free) json_t *result = NULL;
	own(sb_free) struct strbuf b = {};
	enum cli_exit rc = client_ask_once(cli, client_service_request(cli, cmd, service), &result);

	if (!result)
		return rc;
	print_drain(result, &b);
	return cli_print(cli, &b);
}

static enum cli_exit tell_all(struct cli *cli, const char *cmd)
{
	own(json_free) json_t *status = NULL;
	struct cli quiet = *cli;
	enum cli_exit worst = CLI_DONE;
	const json_t *service;
	size_t i;

	quiet.json = false;
	enum cli_exit rc = client_ask_once(&quiet, client_status_request(), &status);
	if (!status)
		return rc;
	json_array_foreach(json_object_get(status, "services"), i, service)
	{
		rc = tell(cli, cmd, json_string_value(json_object_get(service, "name")));
		worst = rc > worst ? rc : worst;
	}
	return worst;
}

static enum cli_exit run(struct cli *cli, const char *cmd, const char *service)
{
	if (cli->all == (service != NULL))
		return cli_fail(CLI_USAGE, "%s wants either a service or --all", cmd);
	return cli->all ? tell_all(cli, cmd) : tell(cli, cmd, service);
}

enum cli_exit verb_drain(struct cli *cli, const char *argument, char **)
{
	return run(cli, "drain", argument);
}

enum cli_exit verb_undrain(struct cli *cli, const char *argument, char **)
{
	return run(cli, "undrain", argument);
}
