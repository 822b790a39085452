// nearcast off SERVICE, nearcast on SERVICE: the operator's word.
#include "lib/own.h"
#include "nearcast/client.h"
#include "nearcast/view.h"

static enum cli_exit tell(struct cli *cli, const char *cmd, const char *service)
{
	own(json_free) json_t *result = NULL;
	own(sb_free) struct strbuf b = {}, t = {};
	json_t *request = client_service_request(cli, cmd, service);
	enum cli_exit rc = client_ask_once(cli, request, &result);
	if (!result)
		return rc;
	sb_printf(&b, "%s", view_text(result, "service", &t));
	sb_printf(&b, " is %s", view_text(result, "admin", &t));
	if (json_is_false(json_object_get(result, "changed")))
		sb_str(&b, ", as it was before");
	if (*view_text(result, "announce", &t))
		sb_printf(&b, ", and %s", sb_text(&t));
	sb_str(&b, ".\n");
	if (*view_text(result, "warning", &t))
		sb_printf(&b, "Warning: %s.\n", sb_text(&t));
	return cli_print(cli, &b);
}

enum cli_exit verb_off(struct cli *cli, const char *argument, char **)
{
	return tell(cli, "off", argument);
}

enum cli_exit verb_on(struct cli *cli, const char *argument, char **)
{
	return tell(cli, "on", argument);
}
