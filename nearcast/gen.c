// Prints what follows from the tables: shell completion from the verbs, the key
// list of nearcast.yaml(5) from the schema. The results are kept in etc/completion and
// doc/man; a test says when they are behind, `test/nearcast/test_generated.py --write` renews them.
//
// usage: nearcast-gen bash|zsh|keys
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "lib/own.h"
#include "nearcast/cli.h"
#include "nearcast/plan.h"

static void add_words(const char *const *words, struct strbuf *b)
{
	for (size_t i = 0; words[i]; i++)
		sb_printf(b, "%s%s", i > 0 ? " " : "", words[i]);
}

static void add_verbs(struct strbuf *b)
{
	for (const struct verb *v = verbs; v->name; v++)
		sb_printf(b, "%s%s", v == verbs ? "" : " ", v->name);
}

static void bash_options(const struct verb *v, struct strbuf *b)
{
	for (const struct cli_option *x = cli_options; x->name; x++)
		if (v->options & x->option)
			sb_printf(b, " %s", x->name);
}

static void add_plan_words(bool options, struct strbuf *b)
{
	for (const struct plan_verb *v = plan_verbs; v->name; v++)
		sb_printf(b, "%s%s", v == plan_verbs ? "" : " ", v->name);
	for (const struct plan_option *x = plan_options; options && x->name; x++)
		sb_printf(b, " %s", x->name);
}

static void bash_argument(const struct verb *v, struct strbuf *b)
{
	sb_printf(b, "\t%s)\n\t\twords=\"-j -s -h", v->name);
	bash_options(v, b);
	if (v->argument == CLI_ARG_WORD) {
		sb_char(b, ' ');
		add_words(v->words, b);
	}
	if (v->run == verb_plan) {
		sb_char(b, ' ');
		add_plan_words(true, b);
	}
	sb_str(b, "\"\n");
	if (v->run == verb_plan) // what follows an option is most often a file
		sb_str(b, "\t\t[[ ${COMP_WORDS[COMP_CWORD - 1]} != --* ]] || compopt -o default\n");
	if (v->argument == CLI_ARG_FILE)
		sb_str(b, "\t\t[[ $cur == -* ]] || compopt -o default\n");
	if (v->run == verb_help)
		sb_str(b, "\t\twords+=\" $verbs\"\n");
	sb_str(b, "\t\t;;\n");
}

static void print_bash(struct strbuf *b)
{
	sb_str(b, "# bash completion for nearcast(1). Generated from the table of verbs.\n"
		  "_nearcast()\n{\n"
		  "\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb= words= i\n"
		  "\tlocal verbs=\"");
	add_verbs(b);
	sb_str(b, "\"\n"
		  "\tif [[ ${COMP_WORDS[COMP_CWORD - 1]} == -s ]]; then\n"
		  "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		  "\t\treturn\n"
		  "\tfi\n"
		  "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		  "\t\tcase ${COMP_WORDS[i]} in\n"
		  "\t\t-s) ((i++)) ;;\n"
		  "\t\t-*) ;;\n"
		  "\t\t*)\n"
		  "\t\t\tverb=${COMP_WORDS[i]}\n"
		  "\t\t\tbreak\n"
		  "\t\t\t;;\n"
		  "\t\tesac\n"
		  "\tdone\n"
		  "\tcase $verb in\n"
		  "\t'') words=\"-j -s -h -V $verbs\" ;;\n");
	for (const struct verb *v = verbs; v->name; v++)
		bash_argument(v, b);
	sb_str(b, "\tesac\n"
		  "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		  "}\n"
		  "complete -F _nearcast nearcast\n");
}

static void zsh_options(const struct verb *v, struct strbuf *b)
{
	for (const struct cli_option *x = cli_options; x->name; x++) {
		if (!(v->options & x->option))
			continue;
		sb_printf(b, " '%s[%s]", x->name, x->help);
		if (x->value)
			sb_printf(b, ":%s:", x->value);
		sb_char(b, '\'');
	}
}

static void zsh_argument(const struct verb *v, struct strbuf *b)
{
	sb_printf(b, "\t%s)\n\t\t_arguments $common", v->name);
	zsh_options(v, b);
	if (v->argument == CLI_ARG_WORD) {
		sb_str(b, " '1:what:(");
		add_words(v->words, b);
		sb_str(b, ")'");
	}
	if (v->argument == CLI_ARG_FILE)
		sb_str(b, " '1:file:_files'");
	if (v->run == verb_plan) {
		sb_str(b, " '1:verb:(");
		add_plan_words(false, b);
		sb_str(b, ")' '*:argument:_files'");
	}
	if (v->run == verb_help) {
		sb_str(b, " '1:verb:(");
		add_verbs(b);
		sb_str(b, ")'");
	}
	sb_str(b, "\n\t\t;;\n");
}

static void print_zsh(struct strbuf *b)
{
	sb_str(b, "#compdef nearcast\n"
		  "# zsh completion for nearcast(1). Generated from the table of verbs.\n"
		  "local -a verbs common\n"
		  "local state\n"
		  "common=('-j[JSON]' '-s[control socket]:socket:_files' '-h[help]')\n"
		  "verbs=(\n");
	for (const struct verb *v = verbs; v->name; v++)
		sb_printf(b, "\t'%s:%s'\n", v->name, v->help);
	sb_str(b, ")\n"
		  "_arguments -C $common '-V[version]' '1:verb:->verb' '*::argument:->argument'\n"
		  "case $state in\n"
		  "verb)\n"
		  "\t_describe verb verbs\n"
		  "\treturn\n"
		  "\t;;\n"
		  "esac\n"
		  "case ${words[1]} in\n");
	for (const struct verb *v = verbs; v->name; v++)
		zsh_argument(v, b);
	sb_str(b, "esac\n");
}

static void print_keys(struct strbuf *b)
{
	schema_print_mdoc(&conf_schema, b);
}

static const struct {
	const char *what;
	void (*print)(struct strbuf *b);
} kinds[] = {
	{ "bash", print_bash },
	{ "zsh", print_zsh },
	{ "keys", print_keys },
};

int main(int argc, char **argv)
{
	own(sb_free) struct strbuf b = {};

	for (size_t i = 0; argc == 2 && i < countof(kinds); i++)
		if (strcmp(argv[1], kinds[i].what) == 0)
			kinds[i].print(&b);
	if (b.len == 0) {
		fputs("usage: nearcast-gen bash|zsh|keys\n", stderr);
		return 2;
	}
	return fputs(sb_text(&b), stdout) == EOF || fflush(stdout) != 0;
}
