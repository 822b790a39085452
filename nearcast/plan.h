// nearcast plan: its verbs as a table, one file a verb, and what they share. See nearcast-plan(1).
#pragma once

#include "lib/out.h"
#include "lib/own.h"
#include "lib/source.h"
#include "nearcast/cli.h"
#include "plan/fill.h"
#include "plan/score.h"
#include "plan/summary.h"

struct plan_verb;

enum { PLAN_LIST_MAX = 64 };

// An option that may stand several times.
struct plan_list {
	const char *text[PLAN_LIST_MAX];
	size_t count;
};

// What the options said.
struct plan_cli {
	struct cli *cli;
	const struct plan_verb *verb;
	const char *graph, *announce, *origin, *html, *weights, *rtt;
	const char *objective, *method, *time, *change, *prepend, *top, *seed, *best;
	const char *countries, *predict, *min_share, *kinds, *starts, *learned;
	struct plan_list places, down, cut, off, paths, via;
	bool json, tsv, choices, shuffle;
	char **arguments; // those that are no options
	size_t argument_count;
};

// One option: its name, what it wants, and where it goes.
struct plan_option {
	const char *name;  // "--graph"
	const char *value; // "FILE"; NULL: it has none
	const char *help;
	// One of these; offsets into struct plan_cli, 0 is none.
	size_t text, list, flag;
};

struct plan_verb {
	const char *name, *usage, *help;
	const char *const *options; // names of those it takes, ends with NULL
	size_t min, max;            // arguments
	enum cli_exit (*run)(struct plan_cli *c);
};

extern const struct plan_verb plan_verbs[]; // ends with a NULL name

extern const struct plan_option plan_options[]; // ends with a NULL name

enum cli_exit plan_catchment(struct plan_cli *c);
enum cli_exit plan_path_of(struct plan_cli *c);
enum cli_exit plan_diff(struct plan_cli *c);
enum cli_exit plan_fail(struct plan_cli *c);
enum cli_exit plan_optimise(struct plan_cli *c);
enum cli_exit plan_learn(struct plan_cli *c);
enum cli_exit plan_score_of(struct plan_cli *c);

// ---- Failures (plan_mask.c): --down, --cut and --off ----

struct plan_failures {
	struct plan_mask mask;
	uint32_t *nodes;
	struct plan_broken_link *links;
	bool *seeds_off;
};

// False: said why on standard error. The mask always has what is off in the file.
bool plan_load_failures(struct plan_failures *f, const struct plan_cli *c,
	const struct plan_graph *g, const struct plan_plan *p);
void plan_failures_free(struct plan_failures *f);

// ---- What was learnt (plan_learned.c): the table that plan learn --tsv prints ----

struct plan_learned {
	int16_t *site;         // of each node; -1: not known
	float *probability;    // of that; negative: not said
	const char **evidence; // "measured", ...; NULL: not known
	uint32_t count;
};

// NULL: failed, said on standard error. A site that announces nothing is not believed.
struct plan_learned *plan_load_learned(const char *path, const struct plan_graph *g,
	const struct plan_plan *p, const struct plan_mask *mask);
void plan_learned_free(struct plan_learned **l); // NULL inside is fine

// ---- The whole of it: inputs loaded, routes computed, ready to be told (plan_world.c) ----

struct plan_world {
	struct plan_graph *graph;
	struct plan_plan *plan;
	struct plan_clients *clients; // NULL: neither --weights nor --places
	struct plan_latency latency;
	double latency_error_ms; // of the fit; negative: not fitted
	size_t latency_samples;
	struct plan_failures failures;
	struct plan_learned *learned; // NULL: no --learned
	struct plan_routes *routes;
	struct plan_summary summary;
	double graph_ms, routes_ms; // CPU time that it took
	bool shares;                // graph and clients are another world's
};

// The graph and the clients, without an announcement. False: said why.
bool plan_world_open(struct plan_world *w, const struct plan_cli *c);
// All of it. False: said why.
bool plan_world_load(struct plan_world *w, const struct plan_cli *c);
// Routes and summary of the plan that is loaded, with the mask. False: said why.
bool plan_world_compute(struct plan_world *w);
// Another announcement on the same graph, for the same clients. That one must live longer.
void plan_world_share(struct plan_world *w, const struct plan_world *of);
void plan_world_free(struct plan_world *w);
// Where a node goes, by what was learnt if something was; -1: nowhere.
int plan_world_site(const struct plan_world *w, uint32_t node);

// ---- Measured catchments (plan_trials.c): the arguments of learn and score ----

struct plan_lessons {
	struct plan_votes *votes;
	uint16_t *group; // of each AS: its country, 0 unknown; NULL without --countries
	uint32_t groups;
	struct plan_graph *graph; // NULL without --graph
	uint16_t *node_group;     // of each of its nodes, as group
	struct plan_mixture_options mixture;
};

// CLI_DONE, or what to exit with, after saying why.
enum cli_exit plan_lessons_load(struct plan_lessons *l, const struct plan_cli *c);
void plan_lessons_free(struct plan_lessons *l);
// Adds the ASes on the paths of --paths (plan_trials_paths.c). As above.
enum cli_exit plan_lessons_paths(struct plan_votes *v, const struct plan_cli *c);
// A number of an option; *ret stays when it is not given. As above.
enum cli_exit plan_option_number(
	const char *name, const char *text, double min, double max, double *ret);

// ---- Inputs (plan_input.c); each says on standard error what is wrong ----

// Feeds a file, unpacked, to each() in pieces, with a bar. each() returns 0 or a negative errno,
// which ends the reading. path "-": standard input.
int plan_read(const char *path, const char *what,
	int (*each)(void *context, const void *bytes, size_t n), void *context);

// "FILE:LINE: why" on standard error.
void plan_say_fault(const char *path, const struct plan_fault *f);

// NULL: failed.
struct plan_graph *plan_load_graph(const char *path);
// --announce or --origin.
struct plan_plan *plan_load_announcement(const struct plan_cli *c, const struct plan_graph *g);
// The same, from a word that is a file or, of digits, colons and commas only, origins.
struct plan_plan *plan_load_either(const char *word, const struct plan_graph *g);

// ---- Outputs (plan_print.c) ----

// Standard output, as it is. CLI_REFUSED when it cannot be written.
enum cli_exit plan_write(const struct strbuf *b);
// The forms that all verbs share: what is announced, over what.
void plan_write_summary(struct out *o, const struct plan_cli *c, const struct plan_world *w);
// To the file that --html names.
enum cli_exit plan_write_html(const struct plan_cli *c, const struct plan_world *w);
// moved: the share that goes elsewhere.
enum cli_exit plan_write_html_diff(const struct plan_cli *c, const struct plan_world *before,
	const struct plan_world *after, double moved);
// The same, counting who moves.
enum cli_exit plan_write_moves_page(
	const struct plan_cli *c, const struct plan_world *before, const struct plan_world *after);
// Who moves from the one world to the other.
enum cli_exit plan_write_diff(
	struct plan_cli *c, const struct plan_world *before, const struct plan_world *after);
// "12.3 %"; in JSON the share itself.
void plan_out_share(struct out *o, const struct plan_cli *c, const char *name, double share);
// Milliseconds; negative: none.
void plan_out_ms(struct out *o, const struct plan_cli *c, const char *name, double ms);
// AS number that the route came from, and that it ends at.
uint32_t plan_next_hop(const struct plan_routes *r, const struct plan_plan *p, uint32_t node);

// ---- Progress (plan_progress.c) ----

// Draws on standard error where that is a terminal, a few times a second at most. done of total;
// total 0: unknown. what: "reading", "searching".
void plan_progress(const char *what, uint64_t done, uint64_t total);
void plan_progress_end(void); // wipes the bar
// From here on Ctrl-C is kept instead of ending the program; a second one ends it.
void plan_catch_interrupt(void);
bool plan_interrupted(void);
double plan_now_ms(void); // of a clock that only moves on
double plan_cpu_ms(void); // that this program had
