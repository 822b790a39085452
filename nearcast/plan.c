// nearcast plan VERB: the tables of verbs and options, and how they are read.
#include "nearcast/plan.h"

#include <stdio.h>
#include <string.h>

#define AT(member) __builtin_offsetof(struct plan_cli, member)

const struct plan_option plan_options[] = {
	{ "--graph", "FILE", "AS relationships in CAIDA's form; plain, gzip or bzip2",
		.text = AT(graph) },
	{ "--announce", "FILE", "sites and whom they announce to", .text = AT(announce) },
	{ "--origin", "AS[:PREPEND],...", "ASes of the graph that announce, as 3356,1103:2",
		.text = AT(origin) },
	{ "--weights", "FILE", "table: asn, weight (or v4_addresses), country",
		.text = AT(weights) },
	{ "--places", "FILE", "table: country or asn, lat, lon; may stand twice",
		.list = AT(places) },
	{ "--rtt", "FILE", "table: asn, site, ms; fits the factor of latency to it",
		.text = AT(rtt) },
	{ "--down", "AS", "that AS is out of order", .list = AT(down) },
	{ "--cut", "AS-AS", "that link is", .list = AT(cut) },
	{ "--off", "SITE[/AS]", "that site is, or its announcement to that neighbour",
		.list = AT(off) },
	{ "--top", "N", "how many ASes and links are tried: those that carry most (20)",
		.text = AT(top) },
	{ "--objective", "mean|p95|balance", "what is to be small (mean)", .text = AT(objective) },
	{ "--change", "WORD,...", "what may change: sites, neighbours, prepends (all)",
		.text = AT(change) },
	{ "--prepend", "N", "at most that many prepends, 0 to 5 (3)", .text = AT(prepend) },
	{ "--method", "exhaustive|search|greedy",
		"how (exhaustive where the time allows, or search)", .text = AT(method) },
	{ "--time", "TIME", "how long it may take (30s)", .text = AT(time) },
	{ "--seed", "N", "of the random changes (1)", .text = AT(seed) },
	{ "--best", "FILE", "write the best announcement there", .text = AT(best) },
	{ "--countries", "FILE", "table: asn, country; ASes of a country are alike",
		.text = AT(countries) },
	{ "--paths", "FILE", "AS paths of collectors: MRT, or text; may stand twice",
		.list = AT(paths) },
	{ "--via", "AS=SITE", "paths whose last AS before the origin is that one lead to SITE",
		.list = AT(via) },
	{ "--predict", "SITE,SITE,...", "what is asked: these sites announced together",
		.text = AT(predict) },
	{ "--min-share", "PERCENT", "score trials whose smallest site has that much (2)",
		.text = AT(min_share) },
	{ "--kinds", "N", "kinds of ASes in the model, 1 to 32 (16)", .text = AT(kinds) },
	{ "--starts", "N", "random beginnings that are averaged, 1 to 64 (8)", .text = AT(starts) },
	{ "--shuffle", NULL, "a control: results dealt out anew, nothing can be learnt",
		.flag = AT(shuffle) },
	{ "--learned", "FILE", "what plan learn --tsv says of these sites; it wins over the routes",
		.text = AT(learned) },
	{ "--choices", NULL, "with ties and the runner-up", .flag = AT(choices) },
	{ "--tsv", NULL, "a table of tabs, a row an AS", .flag = AT(tsv) },
	{ "--html", "FILE", "write a report with a map there", .text = AT(html) },
	{ "--json", NULL, "the same as -j", .flag = AT(json) },
	{},
};

#define COMMON  "--graph", "--announce", "--origin", "--down", "--cut", "--off", "--json"
#define CLIENTS "--weights", "--places", "--rtt"

static const char *const catchment_options[] = { COMMON, CLIENTS, "--learned", "--choices", "--tsv",
	"--html", NULL };

static const char *const path_options[] = { COMMON, NULL };
static const char *const diff_options[] = { "--graph", "--down", "--cut", "--off", CLIENTS, "--tsv",
	"--html", "--json", NULL };
static const char *const fail_options[] = { COMMON, CLIENTS, "--top", "--tsv", "--html", NULL };
static const char *const optimise_options[] = { "--graph", "--announce", "--origin", CLIENTS,
	"--objective", "--change", "--prepend", "--method", "--time", "--seed", "--best", "--html",
	"--json", NULL };

#define LESSONS "--countries", "--paths", "--via", "--kinds", "--starts", "--seed"
static const char *const learn_options[] = { LESSONS, "--graph", "--announce", "--predict", "--tsv",
	"--json", NULL };
static const char *const score_options[] = { LESSONS, "--min-share", "--shuffle", "--json", NULL };

const struct plan_verb plan_verbs[] = {
	{ "catchment", NULL, "where every AS goes", catchment_options, 0, 0, plan_catchment },
	{ "path", "AS ...", "how an AS gets there, and what else it could choose", path_options, 1,
		PLAN_LIST_MAX, plan_path_of },
	{ "diff", "A B", "who moves when announcement B takes the place of A", diff_options, 2, 2,
		plan_diff },
	{ "fail", NULL, "what failures would do, the worst first; or one (--down, --cut, --off)",
		fail_options, 0, 0, plan_fail },
	{ "optimise", NULL, "the best sites, neighbours and prepends", optimise_options, 0, 0,
		plan_optimise },
	{ "learn", "TRIALS ...", "from measured catchments: where ASes would go with other sites",
		learn_options, 0, PLAN_LIST_MAX, plan_learn },
	{ "score", "TRIALS ...", "predict each measured catchment from the others", score_options,
		0, PLAN_LIST_MAX, plan_score_of },
	{},
};

// ---- Reading the command line ----

static const struct plan_option *find_option(const struct plan_verb *v, const char *text, size_t n)
{
	for (size_t i = 0; v->options[i]; i++)
		for (const struct plan_option *x = plan_options; x->name; x++)
			if (strcmp(x->name, v->options[i]) == 0 && strlen(x->name) == n &&
				memcmp(x->name, text, n) == 0)
				return x;
	return NULL;
}

static bool put(struct plan_cli *c, const struct plan_option *x, const char *value)
{
	char *base = (char *)c;

	if (x->flag) {
		*(bool *)(void *)(base + x->flag) = true;
		return true;
	}
	if (x->text) {
		const char **to = (const char **)(void *)(base + x->text);
		if (*to) {
			cli_fail(CLI_USAGE, "%s stands there twice", x->name);
			return false;
		}
		*to = value;
		return true;
	}
	struct plan_list *list = (struct plan_list *)(void *)(base + x->list);
	if (list->count == PLAN_LIST_MAX) {
		cli_fail(CLI_USAGE, "%s over %d times", x->name, PLAN_LIST_MAX);
		return false;
	}
	list->text[list->count++] = value;
	return true;
}

// One option with its value, which may stand in the next argument. 0: refused; else how many
// arguments it took.
static size_t take_option(struct plan_cli *c, char **argv)
{
	const char *text = argv[0], *equals = strchr(text, '=');
	size_t n = equals ? (size_t)(equals - text) : strlen(text);

	if (strcmp(text, "-j") == 0)
		return c->json = true;
	const struct plan_option *x = find_option(c->verb, text, n);
	if (!x) {
		cli_fail(CLI_USAGE, "plan %s has no option %.*s", c->verb->name, (int)n, text);
		return 0;
	}
	if (!x->value && equals) {
		cli_fail(CLI_USAGE, "%s has no value", x->name);
		return 0;
	}
	if (x->value && !equals && !argv[1]) {
		cli_fail(CLI_USAGE, "%s wants a value: %s", x->name, x->value);
		return 0;
	}
	const char *value = equals ? equals + 1 : argv[1];
	return !put(c, x, value) ? 0 : x->value && !equals ? 2 : 1;
}

static bool takes(const struct plan_verb *v, const char *option)
{
	return find_option(v, option, strlen(option)) != NULL;
}

// What a verb cannot do without.
static bool is_whole(const struct plan_cli *c)
{
	const struct plan_verb *v = c->verb;

	if (c->argument_count < v->min || c->argument_count > v->max)
		cli_fail(CLI_USAGE, "plan %s wants %s", v->name,
			v->usage ? v->usage : "no argument");
	else if (takes(v, "--graph") && !c->graph && v->run != plan_learn)
		cli_fail(CLI_USAGE, "plan %s wants --graph FILE", v->name);
	else if (takes(v, "--origin") && !c->announce == !c->origin)
		cli_fail(CLI_USAGE, "plan %s wants either --announce FILE or --origin AS,...",
			v->name);
	else if (c->json && c->tsv)
		cli_fail(CLI_USAGE, "either -j or --tsv");
	else
		return true;
	return false;
}

// ---- Help ----

static void add_option(const struct plan_option *x, struct strbuf *b)
{
	own(sb_free) struct strbuf left = {};

	sb_printf(&left, "%s%s%s", x->name, x->value ? " " : "", x->value ? x->value : "");
	sb_printf(b, "  %-27s %s\n", sb_text(&left), x->help);
}

static void add_verb(const struct plan_verb *v, struct strbuf *b)
{
	own(sb_free) struct strbuf left = {};

	sb_printf(&left, "%s%s%s", v->name, v->usage ? " " : "", v->usage ? v->usage : "");
	sb_printf(b, "  %-27s %s\n", sb_text(&left), v->help);
}

static enum cli_exit help(const struct plan_verb *only, bool asked)
{
	own(sb_free) struct strbuf b = {};

	if (only) {
		sb_printf(&b, "usage: nearcast plan %s%s%s [OPTION ...]\n%s\n", only->name,
			only->usage ? " " : "", only->usage ? only->usage : "", only->help);
		for (size_t i = 0; only->options[i]; i++)
			add_option(
				find_option(only, only->options[i], strlen(only->options[i])), &b);
	} else {
		sb_str(&b, "usage: nearcast plan VERB [OPTION ...]\n\n");
		for (const struct plan_verb *v = plan_verbs; v->name; v++)
			add_verb(v, &b);
		sb_str(&b, "\nnearcast plan VERB --help says what each takes; "
			   "nearcast-plan(1) says it all.\n");
	}
	if (asked)
		return plan_write(&b);
	fputs(sb_text(&b), stderr);
	return CLI_USAGE;
}

static const struct plan_verb *find_verb(const char *text)
{
	enum { NAMES_MAX = 16 };
	const char *names[NAMES_MAX + 1] = {};

	for (size_t i = 0; i < NAMES_MAX && plan_verbs[i].name; i++)
		names[i] = plan_verbs[i].name;
	const char *name = word_find("verb of plan", text, names);
	for (const struct plan_verb *v = plan_verbs; name && v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static bool is_help(const char *text)
{
	return strcmp(text, "-h") == 0 || strcmp(text, "--help") == 0;
}

enum cli_exit verb_plan(struct cli *cli, const char *, char **argv)
{
	struct plan_cli c = { .cli = cli, .json = cli->json };

	if (!argv[0] || is_help(argv[0]))
		return help(NULL, argv[0] != NULL);
	c.verb = find_verb(argv[0]);
	if (!c.verb)
		return CLI_USAGE;
	c.arguments = argv; // they move up to the front
	for (char **at = argv + 1; *at;) {
		if (is_help(*at))
			return help(c.verb, true);
		bool option = (*at)[0] == '-' && (*at)[1];
		size_t n = option ? take_option(&c, at) : 1;
		if (n == 0)
			return CLI_USAGE;
		if (!option)
			c.arguments[c.argument_count++] = *at;
		at += n;
	}
	return is_whole(&c) ? c.verb->run(&c) : CLI_USAGE;
}
