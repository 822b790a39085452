// nearcast help [VERB], and usage.
#include <string.h>

#include "lib/own.h"
#include "nearcast/cli.h"

const struct cli_option cli_options[] = {
	{ CLI_OPT_REASON, "--reason", "TEXT", "why, for the log and the events" },
	{ CLI_OPT_AFTER, "--after", "SEQ", "from the event after this number on" },
	{ CLI_OPT_SERVICE, "--service", "NAME", "show fleet: of this service only" },
	{ CLI_OPT_ALL, "--all", NULL, "every service" },
	{ CLI_OPT_FOR, "--for", "TIME", "come back by itself after that, as 30m" },
	{ CLI_OPT_FORCE, "--force", NULL, "even when too few sites remain" },
	{ CLI_OPT_YES, "--yes", NULL, "even when that withdraws more than one prefix" },
	{ CLI_OPT_PRINT, "--print", NULL, "print the configuration as understood, with defaults" },
	{ CLI_OPT_DECODE, "--format", "FORMAT", "hex, raw, mrt or pcap, not as the content tells" },
	{ CLI_OPT_DECODE, "--as2", NULL, "AS numbers have two octets" },
	{ CLI_OPT_DECODE, "--as4", NULL, "AS numbers have four octets" },
	{ CLI_OPT_DECODE, "--add-path", NULL, "routes have path identifiers" },
	{ CLI_OPT_DECODE, "--ibgp", NULL, "the neighbour is an internal one" },
	{ CLI_OPT_DECODE, "--bgpdump", NULL, "MRT only: a line a route, as bgpdump -m" },
	{},
};

static void add_usage(const struct cli_option *x, struct strbuf *b)
{
	sb_printf(b, "%s%s%s", x->name, x->value ? " " : "", x->value ? x->value : "");
}

static void print_one(const struct verb *v, struct strbuf *b)
{
	sb_printf(b, "usage: nearcast [-j] [-s SOCKET] %s%s%s", v->name, v->usage ? " " : "",
		v->usage ? v->usage : "");
	for (const struct cli_option *x = cli_options; x->name; x++) {
		if (!(v->options & x->option) || strstr(v->usage ? v->usage : "", x->name))
			continue;
		sb_str(b, " [");
		add_usage(x, b);
		sb_char(b, ']');
	}
	sb_printf(b, "\n%s\n", v->help);
	for (const struct cli_option *x = cli_options; x->name; x++) {
		own(sb_free) struct strbuf left = {};

		if (!(v->options & x->option))
			continue;
		add_usage(x, &left);
		sb_printf(b, "  %-15s %s\n", sb_text(&left), x->help);
	}
}

void usage_print(const struct verb *only, struct strbuf *b)
{
	if (only) {
		print_one(only, b);
		return;
	}
	sb_str(b, "usage: nearcast [-jhV] [-s SOCKET] VERB [ARGUMENT]\n\n");
	for (const struct verb *v = verbs; v->name; v++) {
		own(sb_free) struct strbuf left = {};
		sb_printf(&left, "%s %s", v->name,
			!v->usage                     ? ""
			: v->argument == CLI_ARG_WORD ? "WHAT"
						      : v->usage);
		sb_printf(b, "  %-24s %s\n", sb_text(&left), v->help);
	}
	sb_str(b, "\nA verb may be shortened as long as it stays unique.\n"
		  "  -j         JSON\n"
		  "  -s SOCKET  control socket (" CLI_READONLY ", or " CLI_CONTROL
		  " for what changes)\n"
		  "  -h, -V     help, version\n"
		  "Exit status: 0 done, 1 refused or not true, 2 usage, 3 nearcastd not "
		  "reachable.\n");
}

enum cli_exit verb_help(struct cli *cli, const char *argument, char **)
{
	own(sb_free) struct strbuf b = {};
	const struct verb *v = argument ? verb_find(argument) : NULL;

	if (argument && !v)
		return CLI_USAGE;
	usage_print(v, &b);
	return cli_print(cli, &b);
}
