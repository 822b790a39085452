// nearcast reload [--yes]: the daemon reads its file again.
#include "lib/own.h"
#include "nearcast/client.h"

enum cli_exit verb_reload(struct cli *cli, const char *, char **)
{
	own(json_free) json_t *result = NULL;
	own(sb_free) struct strbuf b = {};
	enum cli_exit rc = client_ask_once(
		cli, json_pack("{s:s,s:b}", "cmd", "reload", "yes", cli->yes), &result);

	if (!result)
		return rc;
	sb_str(&b, "reloaded.\n");
	return cli_print(cli, &b);
}
