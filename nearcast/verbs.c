// The table of verbs: usage, manual and completion follow from it.
#include <stdio.h>
#include <string.h>

#include "lib/own.h"
#include "lib/text.h"
#include "nearcast/cli.h"

const char *const show_words[] = { "upstreams", "fleet", "services", "checks", "flows", "events",
	"memory", "version", NULL };

const struct verb verbs[] = {
	{ "status", NULL, "what this site serves and announces", CLI_ARG_NONE, .run = verb_status },
	{ "why", "PREFIX", "why a prefix is announced or not, from cause to effect", CLI_ARG_TEXT,
		.run = verb_why },
	{ "show", "upstreams | fleet | services | checks | flows | events | memory | version",
		"one list in full", CLI_ARG_WORD, .words = show_words,
		.options = CLI_OPT_AFTER | CLI_OPT_SERVICE, .run = verb_show },
	{ "watch", NULL, "events as they happen, with their causes", CLI_ARG_NONE,
		.options = CLI_OPT_AFTER, .run = verb_watch },
	{ "check", "FILE", "check a configuration file, and say what it would change", CLI_ARG_FILE,
		.options = CLI_OPT_PRINT, .run = verb_check },
	{ "doctor", "[FILE]", "whether this host and its fleet can keep sessions alive",
		CLI_ARG_FILE, .optional = true, .run = verb_doctor },
	{ "decode", "[FILE]", "BGP messages of a file (hex, raw, MRT, pcap), each with its verdict",
		CLI_ARG_FILE, .optional = true, .options = CLI_OPT_DECODE, .run = verb_decode },
	{ "off", "SERVICE", "withdraw a service until it is on again", CLI_ARG_TEXT,
		.options = CLI_OPT_REASON | CLI_OPT_FORCE, .changes = true, .run = verb_off },
	{ "on", "SERVICE", "let a service be announced again", CLI_ARG_TEXT,
		.options = CLI_OPT_REASON, .changes = true, .run = verb_on },
	{ "drain", "SERVICE | --all", "empty a service in steps that clients do not notice",
		CLI_ARG_TEXT, .optional = true,
		.options = CLI_OPT_REASON | CLI_OPT_ALL | CLI_OPT_FOR | CLI_OPT_FORCE,
		.changes = true, .run = verb_drain },
	{ "undrain", "SERVICE | --all", "walk a drain back, from any step", CLI_ARG_TEXT,
		.optional = true, .options = CLI_OPT_REASON | CLI_OPT_ALL, .changes = true,
		.run = verb_undrain },
	{ "reload", NULL, "read the configuration file again", CLI_ARG_NONE, .options = CLI_OPT_YES,
		.changes = true, .run = verb_reload },
	{ "plan", "VERB [OPTION ...]", "predict where clients go, before it is announced",
		CLI_ARG_REST, .optional = true, .run = verb_plan },
	{ "lab", "[ARGUMENT ...]", "rehearse on a small Internet: runs nearcast-lab", CLI_ARG_REST,
		.optional = true, .run = verb_lab },
	{ "help", "[VERB]", "how to use the tool or one verb", CLI_ARG_TEXT, .optional = true,
		.run = verb_help },
	{},
};

enum { WORDS_MAX = 32 };

// The word itself, or the only one that begins with the text; count says how many do.
static const char *match(const char *text, const char *const *words, size_t *count)
{
	const char *found = NULL;

	*count = 0;
	for (; *words; words++) {
		if (strcmp(text, *words) == 0) {
			*count = 1;
			return *words;
		}
		if (!*text || strncmp(text, *words, strlen(text)) != 0)
			continue;
		found = *words;
		(*count)++;
	}
	return *count == 1 ? found : NULL;
}

// Those words that begin with the text; all for an empty one.
static void add_matches(const char *text, const char *const *words, struct strbuf *b)
{
	for (; *words; words++)
		if (strncmp(text, *words, strlen(text)) == 0)
			sb_printf(b, "%s%s", b->len > 0 ? ", " : "", *words);
}

const char *word_find(const char *what, const char *text, const char *const *words)
{
	own(sb_free) struct strbuf b = {};
	size_t count;
	const char *found = match(text, words, &count);
	const char *nearest = count == 0 ? text_nearest(text, words) : NULL;
	int clip = text_clip(text, 60);

	if (found)
		return found;
	add_matches(count > 1 ? text : "", words, &b);
	if (count > 1)
		cli_fail(CLI_USAGE, "%s `%s` could be: %s", what, text, sb_text(&b));
	else if (nearest)
		cli_fail(CLI_USAGE, "no %s `%.*s`; did you mean `%s`?", what, clip, text, nearest);
	else
		cli_fail(CLI_USAGE, "no %s `%.*s`; there are: %s", what, clip, text, sb_text(&b));
	return NULL;
}

const struct verb *verb_find(const char *text)
{
	const char *names[WORDS_MAX + 1] = {};

	for (size_t i = 0; i < WORDS_MAX && verbs[i].name; i++)
		names[i] = verbs[i].name;
	const char *name = word_find("verb", text, names);
	for (const struct verb *v = verbs; name && v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}
