// nearcast help [VERB], and usage.
#include "lib/own.h"
#include "nearcast/cli.h"

static const struct {
	unsigned option;
	const char *usage, *help;
} extra[] = {
	{ CLI_OPT_REASON, "--reason TEXT", "why, for the log and the events" },
	{ CLI_OPT_AFTER, "--after SEQ", "from the event after this number on" },
	{ CLI_OPT_ALL, "--all", "every service" },
	{ CLI_OPT_FOR, "--for TIME", "come back by itself after that, as 30m" },
	{ CLI_OPT_YES, "--yes", "even when that withdraws more than one prefix" },
	{ CLI_OPT_PRINT, "--print", "print the configuration as understood, with defaults" },
};

static void print_one(const struct verb *v, struct strbuf *b)
{
	sb_printf(b, "usage: nearcast [-j] [-s SOCKET] %s%s%s", v->name, v->usage ? " " : "",
		v->usage ? v->usage : "");
	for (size_t i = 0; i < countof(extra); i++)
		if (v->options & extra[i].option)
			sb_printf(b, " [%s]", extra[i].usage);
	sb_printf(b, "\n%s\n", v->help);
	for (size_t i = 0; i < countof(extra); i++)
		if (v->options & extra[i].option)
			sb_printf(b, "  %-14s %s\n", extra[i].usage, extra[i].help);
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
		sb_printf(b, "  %-20s %s\n", sb_text(&left), v->help);
	}
	sb_str(b, "\nA verb may be shortened as long as it stays unique.\n"
		  "  -j         JSON\n"
		  "  -s SOCKET  control socket (" CLI_READONLY ", or " CLI_CONTROL
		  " for off and on)\n"
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
