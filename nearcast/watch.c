// nearcast watch: events as they happen.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/own.h"
#include "nearcast/client.h"
#include "nearcast/view.h"

static enum cli_exit print_line(const struct cli *cli, struct strbuf *line)
{
	own(sb_free) struct strbuf b = {};
	own(json_free) json_t *event = json_loadb(sb_text(line), line->len, 0, NULL);

	if (!json_is_object(event))
		return cli_fail(CLI_UNREACHABLE, "what nearcastd says is no event");
	if (cli->json)
		sb_printf(&b, "%s\n", sb_text(line));
	else
		view_event(event, &b);
	return cli_print(cli, &b);
}

enum cli_exit verb_watch(struct cli *cli, const char *, char **)
{
	own(client_close) struct client c = { .fd = -1 };
	own(json_free) json_t *result = NULL;
	own(sb_free) struct strbuf line = {};
	struct timeval for_ever = {};
	json_t *request = json_pack("{s:s}", "cmd", "subscribe");

	if (cli->has_after)
		json_object_set_new(request, "after", json_integer((json_int_t)cli->after));
	enum cli_exit status = client_ask(&c, cli, request, &result);
	if (status != CLI_DONE)
		return status;
	if (setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof(for_ever)) < 0)
		return cli_fail(CLI_UNREACHABLE, "%s", strerror(errno));
	int rc;
	while ((rc = client_line(&c, &line)) > 0) {
		status = print_line(cli, &line);
		if (status != CLI_DONE)
			return status;
	}
	return cli_fail(CLI_UNREACHABLE, "nearcastd closed the connection%s%s", rc < 0 ? ": " : "",
		rc < 0 ? strerror(-rc) : "");
}
