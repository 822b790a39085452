// The tool's side of the control sockets: one line of JSON out, one line in.
#pragma once

#include <jansson.h>

#include "lib/strbuf.h"
#include "nearcast/cli.h"

struct client {
	int fd;
	struct strbuf in;
};

void client_close(struct client *c);

// Frees the reference in *j and sets it to NULL; for own().
static inline void json_free(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

// Connects to the socket of the verb and sends the request, which is taken over (NULL, as from a
// json_pack that got no UTF-8, is a usage error). Reads the reply: *result is its result, a
// new reference. What went wrong has been said: on standard error, or with -j as
// {"error":{...}} on standard output.
[[nodiscard]] enum cli_exit client_ask(
	struct client *c, const struct cli *cli, json_t *request, json_t **result);

// As client_ask() for one question; with -j the result is printed and *result is NULL.
[[nodiscard]] enum cli_exit client_ask_once(
	const struct cli *cli, json_t *request, json_t **result);

// `status` without the rows of the fleet, which fleet_services sums up.
[[nodiscard]] json_t *client_status_request(void);

// A request about one service with what --reason, --for and --force said; NULL when that is not UTF-8.
[[nodiscard]] json_t *client_service_request(
	const struct cli *cli, const char *cmd, const char *service);

// Asks in silence: NULL when nobody answers, or not with a result.
[[nodiscard]] json_t *client_peek(const struct cli *cli, json_t *request);

// The next line, without its newline; waits for ever. 1; 0 at the end; -errno.
[[nodiscard]] int client_line(struct client *c, struct strbuf *line);
