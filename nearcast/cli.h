// The command-line tool: verbs as a table, one file a verb.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/strbuf.h"
#include "lib/timing.h"

// Exit status, DESIGN section 6.
enum cli_exit {
	CLI_DONE = 0,
	CLI_REFUSED = 1, // refused, or not true
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,
};

#define CLI_CONTROL  "/run/nearcast/control"
#define CLI_READONLY "/run/nearcast/readonly"

// How decode reads what its input does not say itself.
struct cli_decode {
	const char *format; // one of decode_formats; NULL: told by the content
	unsigned as_octets; // of AS numbers, 2 or 4; 0: not said
	bool add_path, ibgp;
	bool bgpdump; // lines as `bgpdump -m` has them
};

// What the options said.
struct cli {
	const char *socket; // NULL: the verb's own
	bool json;
	bool colour;
	bool print;         // check: the configuration as understood
	const char *reason; // off, on, drain, undrain; NULL: none
	bool yes;           // reload
	bool force;         // off, drain: against the guard
	bool all;           // drain, undrain: every service
	bool has_lasts;
	span lasts; // drain
	bool has_after;
	uint64_t after;      // watch, show events: the seq after which
	const char *service; // show fleet: of this one only; NULL: of all
	struct cli_decode decode;
	const struct verb *verb;
};

// Options beyond -j, -s and -h that a verb takes.
enum {
	CLI_OPT_REASON = 1,
	CLI_OPT_AFTER = 2,
	CLI_OPT_PRINT = 4,
	CLI_OPT_ALL = 8,
	CLI_OPT_FOR = 16,
	CLI_OPT_YES = 32,
	CLI_OPT_DECODE = 64,
	CLI_OPT_FORCE = 128,
	CLI_OPT_SERVICE = 256,
};

// One option of them, for help and completion.
struct cli_option {
	unsigned option;   // CLI_OPT_*
	const char *name;  // "--reason"
	const char *value; // "TEXT"; NULL: it has none
	const char *help;
};

// Ends with a NULL name.
extern const struct cli_option cli_options[];

enum cli_argument { CLI_ARG_NONE, CLI_ARG_TEXT, CLI_ARG_WORD, CLI_ARG_FILE, CLI_ARG_REST };

struct verb {
	const char *name;
	const char *usage; // the arguments, as in the manual
	const char *help;  // one line
	enum cli_argument argument;
	bool optional;            // the argument
	const char *const *words; // of CLI_ARG_WORD, ends with NULL
	unsigned options;         // CLI_OPT_*
	bool changes;             // wants the control socket, not the read-only one
	// argument: NULL when not given. argv: of CLI_ARG_REST, ends with NULL.
	enum cli_exit (*run)(struct cli *cli, const char *argument, char **argv);
};

// Ends with a NULL name.
extern const struct verb verbs[];
extern const char *const show_words[];
extern const char *const decode_formats[];

// The verb or word that the text begins, when it begins only one or is one. NULL otherwise, after
// saying on standard error what was meant.
const struct verb *verb_find(const char *text);
const char *word_find(const char *what, const char *text, const char *const *words);

// "nearcast: ..." on standard error; returns status.
__attribute__((format(printf, 2, 3))) enum cli_exit cli_fail(
	enum cli_exit status, const char *fmt, ...);

// Writes to standard output: text for people with its state words coloured where that is
// wanted. CLI_REFUSED, said on standard error, when it cannot be written.
enum cli_exit cli_print(const struct cli *cli, const struct strbuf *text);

void usage_print(const struct verb *only, struct strbuf *b); // NULL: all verbs

enum cli_exit verb_status(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_why(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_show(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_watch(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_check(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_off(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_on(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_drain(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_undrain(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_reload(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_doctor(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_decode(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_plan(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_lab(struct cli *cli, const char *argument, char **argv);
enum cli_exit verb_help(struct cli *cli, const char *argument, char **argv);
