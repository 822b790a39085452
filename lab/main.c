// nearcast-lab: a small Internet on one machine. See nearcast-lab(1).
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/graph.h"
#include "lab/programs.h"
#include "lab/report.h"
#include "lib/out.h"
#include "lib/stdfds.h"

enum { EXIT_HOLDS = 0, EXIT_NOT = 1, EXIT_USAGE = 2 };

struct args {
	bool json, keep, no_keeper, no_web;
	const char *world;
	int argc;
	char **argv; // what follows the verb and its options
};

struct verb {
	const char *name, *usage, *help;
	const char *options; // as getopt(3) takes them
	int min, max;        // arguments; max -1: any number
	int (*run)(const struct args *a);
};

static int complain(const char *text)
{
	fprintf(stderr, "nearcast-lab: %s%s", text,
		text[0] && text[strlen(text) - 1] == '\n' ? "" : "\n");
	return EXIT_NOT;
}

static int load(const char *name, struct scenario **ret)
{
	own(sb_free) struct strbuf path = {}, text = {};
	struct faults *faults = calloc(1, sizeof(*faults));
	int rc = faults ? scenario_find(name, &path) : -ENOMEM;

	if (rc < 0) {
		sb_printf(&text, "no scenario `%s`: %s (`nearcast lab list` shows them)", name,
			strerror(-rc));
		free(faults);
		return complain(sb_text(&text)), rc;
	}
	rc = scenario_load(ret, sb_text(&path), faults);
	if (rc < 0) {
		faults_print(faults, &text);
		fputs(sb_text(&text), stderr);
	}
	faults_free(faults);
	free(faults);
	return rc;
}

// EXIT_NOT, with a word of why, when what was printed did not get to where it should.
static int end_output(void)
{
	bool written = fflush(stdout) == 0 && !ferror(stdout);

	return written ? EXIT_HOLDS : complain("cannot write to standard output");
}

static bool may_make_worlds(void)
{
	if (geteuid() == 0)
		return true;
	complain("network namespaces need root");
	return false;
}

// To standard output, with failures and headings marked on a terminal. False: it cannot be written.
static bool print_text(const char *text)
{
	const char *no_color = getenv("NO_COLOR");
	bool plain = !isatty(STDOUT_FILENO) || (no_color && no_color[0]);

	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		bool bad = memmem(line, n, "FAILED", 6) != NULL;
		bool heading = memmem(line, n, " s  ", 4) && line[0] >= '0' && line[0] <= '9';
		const char *code = bad ? "\033[1;31m" : (heading ? "\033[1m" : "");

		if (plain || !code[0])
			printf("%.*s", (int)n, line);
		else
			printf("%s%.*s\033[0m", code, (int)n, line);
		line += n;
		if (*line == '\n') {
			putchar('\n');
			line++;
		}
	}
	return fflush(stdout) == 0;
}

static bool print_event(void *, const struct run_result *r, const struct step_result *step)
{
	own(sb_free) struct strbuf b = {};

	report_event(r, step, &b);
	return print_text(sb_text(&b));
}

static bool print_step(void *, const struct run_result *r, const struct step_result *step)
{
	own(sb_free) struct strbuf b = {};

	report_step(r, step, &b);
	return print_text(sb_text(&b));
}

static void print_end(void *, const struct run_result *r)
{
	own(sb_free) struct strbuf b = {};

	report_end(r, &b);
	(void)print_text(sb_text(&b));
}

static void print_json(void *, const struct run_result *r)
{
	own(sb_free) struct strbuf b = {};

	report_json(r, &b);
	fputs(sb_text(&b), stdout);
	fflush(stdout);
}

static int play(const struct args *a, struct run_options *o)
{
	own(scenario_free) struct scenario *s = NULL;
	own(sb_free) struct strbuf text = {};
	struct run_result r = {};

	if (load(a->argv[0], &s) < 0 || !may_make_worlds())
		return EXIT_NOT;
	o->web = !a->no_web;
	if (a->no_keeper)
		s->keeper = false;
	if (a->json) {
		o->on_end = print_json;
	} else {
		o->on_step = print_step;
		o->on_event = print_event;
		o->on_end = o->up ? NULL : print_end;
		printf("%s\n%s", s->title, s->description ? s->description : "");
		fflush(stdout);
	}
	if (run_scenario(&r, s, o, &text) < 0)
		return complain(sb_text(&text));
	bool ok = r.ok;
	run_result_free(&r);
	return end_output() == EXIT_HOLDS && ok ? EXIT_HOLDS : EXIT_NOT;
}

static int verb_run(const struct args *a)
{
	const char *keep = getenv("KEEP");
	struct run_options o = { .keep = a->keep || (keep && strcmp(keep, "1") == 0) };

	return play(a, &o);
}

static int verb_up(const struct args *a)
{
	struct run_options o = { .up = true };

	return play(a, &o);
}

struct only {
	char name[256];
	int count;
};

static int note_world(const char *name, pid_t, void *ctx)
{
	struct only *o = ctx;

	snprintf(o->name, sizeof(o->name), "%s", name);
	o->count++;
	return 0;
}

// The world that -w names, or the only one there is.
static const char *choose_world(const struct args *a, struct only *o)
{
	if (a->world)
		return a->world;
	(void)world_each(note_world, o);
	if (o->count == 1)
		return o->name;
	complain(o->count ? "several worlds are up: name one with -w" : "no world is up");
	return NULL;
}

static int verb_exec(const struct args *a)
{
	struct only o = {};
	const char *world = choose_world(a, &o);

	if (!world)
		return EXIT_NOT;
	int rc = world_exec(world, a->argv[0], a->argv + 1);
	if (rc >= 0)
		return rc;
	own(sb_free) struct strbuf text = {};
	if (rc == -ESRCH)
		sb_printf(&text, "no world `%s` is up", world);
	else if (rc == -ENOENT)
		sb_printf(&text, "world `%s` has no node `%s`", world, a->argv[0]);
	else
		sb_printf(&text, "cannot enter `%s`: %s", a->argv[0], strerror(-rc));
	return complain(sb_text(&text));
}

static int verb_down(const struct args *a)
{
	struct only o = {};
	struct args named = *a;

	if (a->argc > 0)
		named.world = a->argv[0];
	const char *world = choose_world(&named, &o);
	if (!world)
		return EXIT_NOT;
	int rc = world_down(world);
	if (rc == 0)
		return EXIT_HOLDS;
	own(sb_free) struct strbuf text = {};
	sb_printf(&text, "world `%s`: %s", world, rc == -ESRCH ? "is not up" : strerror(-rc));
	return complain(sb_text(&text));
}

static int verb_graph(const struct args *a)
{
	own(scenario_free) struct scenario *s = NULL;
	own(topology_free) struct topology *t = NULL;
	own(sb_free) struct strbuf svg = {};

	if (load(a->argv[0], &s) < 0)
		return EXIT_NOT;
	if (topology_new(&t, s) < 0)
		return complain("the scenario is larger than the lab's address plan");
	graph_svg(s, t, &svg);
	fputs(sb_text(&svg), stdout);
	return end_output();
}

static void list_one(const char *path, void *ctx)
{
	own(scenario_free) struct scenario *s = NULL;
	struct faults *faults = calloc(1, sizeof(*faults));
	struct out *o = ctx;

	if (!faults)
		return;
	const char *name = strrchr(path, '/');
	name = name ? name + 1 : path;
	int rc = scenario_load(&s, path, faults);
	out_object(o, NULL);
	out_strf(o, "scenario", "%.*s", (int)(strlen(name) - strlen(".yaml")), name);
	out_str(o, "title", rc < 0 ? "(has faults)" : s->title);
	out_str(o, "file", path);
	out_end(o);
	faults_free(faults);
	free(faults);
}

static int verb_list(const struct args *a)
{
	own(sb_free) struct strbuf b = {};
	struct out *o = out_new(a->json ? OUT_JSON : OUT_TEXT, &b);

	out_table(o, NULL);
	scenario_each(list_one, o);
	out_end(o);
	out_free(&o);
	fputs(sb_text(&b), stdout);
	return end_output();
}

static const struct verb verbs[] = {
	{ "run", "run [-jknW] SCENARIO", "play a scenario and say what the clients saw", "jknW", 1,
		1, verb_run },
	{ "up", "up [-W] SCENARIO", "make its world and leave it up", "W", 1, 1, verb_up },
	{ "exec", "exec [-w WORLD] NODE COMMAND...", "run a command in a node", "+w:", 2, -1,
		verb_exec },
	{ "down", "down [WORLD]", "end a world that was left up", "", 0, 1, verb_down },
	{ "graph", "graph SCENARIO", "draw its topology as SVG", "", 1, 1, verb_graph },
	{ "list", "list [-j]", "scenarios there are", "j", 0, 0, verb_list },
};

static int usage(FILE *f)
{
	fprintf(f, "usage: nearcast-lab VERB ...\n");
	for (size_t i = 0; i < countof(verbs); i++)
		fprintf(f, "  %-34s %s\n", verbs[i].usage, verbs[i].help);
	return EXIT_USAGE;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < countof(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

// False: an option that the verb does not have.
static bool read_options(const struct verb *v, int argc, char **argv, struct args *a)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "keep", no_argument, NULL, 'k' },
		{ "no-keeper", no_argument, NULL, 'n' },
		{ "no-web", no_argument, NULL, 'W' },
		{ "world", required_argument, NULL, 'w' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, v->options, long_options, NULL)) != -1) {
		if (c == '?' || !strchr(v->options, c))
			return false;
		a->json |= c == 'j';
		a->keep |= c == 'k';
		a->no_keeper |= c == 'n';
		a->no_web |= c == 'W';
		if (c == 'w')
			a->world = optarg;
	}
	a->argc = argc - optind;
	a->argv = argv + optind;
	return a->argc >= v->min && (v->max < 0 || a->argc <= v->max);
}

int main(int argc, char **argv)
{
	struct args a = {};

	stdfds_fill();
	setlocale(LC_CTYPE, "");
	if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
		return usage(stdout), EXIT_HOLDS;
	const struct verb *v = argc > 1 ? find_verb(argv[1]) : NULL;
	if (!v)
		return usage(stderr);
	if (!read_options(v, argc - 1, argv + 1, &a)) {
		fprintf(stderr, "usage: nearcast-lab %s\n", v->usage);
		return EXIT_USAGE;
	}
	return v->run(&a);
}
