// nearcast: the operator's tool. See nearcast(1).
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/own.h"
#include "lib/schema.h"
#include "lib/stdfds.h"
#include "nearcast/cli.h"

enum { DRAIN_DAYS_MAX = 366 }; // as nearcastd has it

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "socket", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "reason", required_argument, NULL, 'r' },
	{ "after", required_argument, NULL, 'a' },
	{ "service", required_argument, NULL, 'S' },
	{ "print", no_argument, NULL, 'p' },
	{ "all", no_argument, NULL, 'A' },
	{ "yes", no_argument, NULL, 'y' },
	{ "force", no_argument, NULL, 'o' },
	{ "for", required_argument, NULL, 'f' },
	{ "format", required_argument, NULL, 'F' },
	{ "as2", no_argument, NULL, '2' },
	{ "as4", no_argument, NULL, '4' },
	{ "add-path", no_argument, NULL, 'P' },
	{ "ibgp", no_argument, NULL, 'I' },
	{ "bgpdump", no_argument, NULL, 'B' },
	{},
};

static enum cli_exit usage_error(const struct verb *verb)
{
	own(sb_free) struct strbuf b = {};

	usage_print(verb, &b);
	fputs(sb_text(&b), stderr);
	return CLI_USAGE;
}

static bool read_seq(const char *text, uint64_t *ret)
{
	size_t n = strlen(text);

	if (n == 0 || n > 18 || strspn(text, "0123456789") != n)
		return false;
	*ret = strtoull(text, NULL, 10);
	return true;
}

static bool read_lasts(struct cli *cli, const char *text)
{
	own(sb_free) struct strbuf why = {};

	cli->has_lasts = schema_parse_span(text, &cli->lasts, &why) == 0;
	if (cli->has_lasts && span_is_zero(cli->lasts)) {
		sb_str(&why, "it is no time at all");
		cli->has_lasts = false;
	}
	if (cli->has_lasts && span_to_s(cli->lasts) > DRAIN_DAYS_MAX * 86400.0) {
		sb_printf(&why, "it is longer than %d days", DRAIN_DAYS_MAX);
		cli->has_lasts = false;
	}
	if (!cli->has_lasts)
		cli_fail(CLI_USAGE, "--for: %s", sb_text(&why));
	return cli->has_lasts;
}

// Those of decode.
static bool take_decode_option(struct cli_decode *decode, int c)
{
	switch (c) {
	case 'F':
		return (decode->format = word_find("format", optarg, decode_formats));
	case '2':
	case '4':
		decode->as_octets = c == '2' ? 2 : 4;
		return true;
	case 'P':
		return decode->add_path = true;
	case 'I':
		return decode->ibgp = true;
	case 'B':
		return decode->bgpdump = true;
	default:
		return false;
	}
}

// One option; false when it is refused, after saying why.
static bool take_option(struct cli *cli, int c, bool *help, bool *version)
{
	switch (c) {
	case 'j':
		return cli->json = true;
	case 's':
		cli->socket = optarg;
		if (!*optarg)
			cli_fail(CLI_USAGE, "-s wants the path of a socket");
		return *optarg;
	case 'h':
		return *help = true;
	case 'V':
		return *version = true;
	case 'r':
		cli->reason = optarg;
		return true;
	case 'p':
		return cli->print = true;
	case 'A':
		return cli->all = true;
	case 'y':
		return cli->yes = true;
	case 'o':
		return cli->force = true;
	case 'S':
		cli->service = optarg;
		return true;
	case 'f':
		return read_lasts(cli, optarg);
	case 'a':
		cli->has_after = read_seq(optarg, &cli->after);
		if (!cli->has_after)
			cli_fail(CLI_USAGE, "--after wants the number of an event");
		return cli->has_after;
	default:
		return take_decode_option(&cli->decode, c);
	}
}

static bool take_options(
	struct cli *cli, int argc, char **argv, const char *letters, bool *help, bool *version)
{
	int c;

	optind = 0; // glibc: start afresh
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (c == '?' || c == ':') {
			const char *given = optind > 1 ? argv[optind - 1] : "";
			cli_fail(CLI_USAGE, c == ':' ? "%s wants a value" : "no option %s", given);
			return false;
		}
		if (!take_option(cli, c, help, version))
			return false;
	}
	return true;
}

static bool fits_options(const struct cli *cli)
{
	const struct cli_decode *decode = &cli->decode;
	const struct {
		bool given;
		unsigned option;
		const char *name;
	} rows[] = {
		{ cli->reason != NULL, CLI_OPT_REASON, "--reason" },
		{ cli->has_after, CLI_OPT_AFTER, "--after" },
		{ cli->service != NULL, CLI_OPT_SERVICE, "--service" },
		{ cli->print, CLI_OPT_PRINT, "--print" },
		{ cli->all, CLI_OPT_ALL, "--all" },
		{ cli->yes, CLI_OPT_YES, "--yes" },
		{ cli->force, CLI_OPT_FORCE, "--force" },
		{ cli->has_lasts, CLI_OPT_FOR, "--for" },
		{ decode->format != NULL, CLI_OPT_DECODE, "--format" },
		{ decode->as_octets == 2, CLI_OPT_DECODE, "--as2" },
		{ decode->as_octets == 4, CLI_OPT_DECODE, "--as4" },
		{ decode->add_path, CLI_OPT_DECODE, "--add-path" },
		{ decode->ibgp, CLI_OPT_DECODE, "--ibgp" },
		{ decode->bgpdump, CLI_OPT_DECODE, "--bgpdump" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (!rows[i].given || (cli->verb->options & rows[i].option))
			continue;
		cli_fail(CLI_USAGE, "%s does not go with `%s`", rows[i].name, cli->verb->name);
		return false;
	}
	return true;
}

static enum cli_exit run_verb(struct cli *cli, int argc, char **argv)
{
	const struct verb *v = cli->verb;
	int max = v->argument == CLI_ARG_NONE ? 0 : 1, min = v->optional ? 0 : max;

	if (!fits_options(cli))
		return CLI_USAGE;
	if (v->argument == CLI_ARG_REST)
		return v->run(cli, NULL, argv);
	if (argc < min || argc > max)
		return usage_error(v);
	const char *argument = argc > 0 ? argv[0] : NULL;
	if (v->argument == CLI_ARG_WORD && !(argument = word_find("list", argument, v->words)))
		return CLI_USAGE;
	return v->run(cli, argument, NULL);
}

static bool wants_colour(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static enum cli_exit print_help(struct cli *cli)
{
	own(sb_free) struct strbuf b = {};

	usage_print(cli->verb, &b);
	return cli_print(cli, &b);
}

static enum cli_exit print_version(struct cli *cli)
{
	own(sb_free) struct strbuf b = {};

	sb_str(&b, "nearcast " NEARCAST_VERSION "\n");
	return cli_print(cli, &b);
}

int main(int argc, char **argv)
{
	struct cli cli = { .colour = wants_colour() };
	bool help = false, version = false;

	stdfds_fill();
	// Up to the verb; what follows it may be options of another program.
	if (!take_options(&cli, argc, argv, "+:js:hV", &help, &version))
		return CLI_USAGE;
	if (version)
		return print_version(&cli);
	if (help)
		return print_help(&cli);
	if (optind == argc)
		return usage_error(NULL);
	argc -= optind;
	argv += optind;
	cli.verb = verb_find(argv[0]);
	if (!cli.verb)
		return CLI_USAGE;
	if (cli.verb->argument == CLI_ARG_REST)
		return run_verb(&cli, argc - 1, argv + 1);
	if (!take_options(&cli, argc, argv, ":js:hVr:a:p", &help, &version))
		return CLI_USAGE;
	if (help || version)
		return help ? print_help(&cli) : print_version(&cli);
	return run_verb(&cli, argc - optind, argv + optind);
}
