// Standard output and standard error of the tool.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/own.h"
#include "nearcast/cli.h"

enum cli_exit cli_fail(enum cli_exit status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("nearcast: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

// What is well is green, what is on its way yellow, what is not served red.
static const struct {
	const char *word, *colour;
} painted[] = {
	{ "up", "32" },
	{ "announced", "32" },
	{ "Established", "32" },
	{ "healthy", "32" },
	{ "active", "32" },
	{ "starting", "33" },
	{ "degraded", "33" },
	{ "demoted", "33" },
	{ "draining", "33" },
	{ "drained", "33" },
	{ "down", "31" },
	{ "withdrawn", "31" },
	{ "off", "31" },
};

static const char *colour_of(const char *word, size_t n)
{
	for (size_t i = 0; i < countof(painted); i++)
		if (strlen(painted[i].word) == n && memcmp(painted[i].word, word, n) == 0)
			return painted[i].colour;
	return NULL;
}

// Done last, on aligned text: escape sequences have no width.
static void paint(const char *s, struct strbuf *b)
{
	static const char between[] = " \n,.;:()";

	while (*s) {
		size_t n = strcspn(s, between);
		const char *colour = colour_of(s, n);

		if (colour)
			sb_printf(b, "\033[%sm%.*s\033[0m", colour, (int)n, s);
		else
			sb_add(b, s, n);
		s += n;
		n = strspn(s, between);
		sb_add(b, s, n);
		s += n;
	}
}

enum cli_exit cli_print(const struct cli *cli, const struct strbuf *text)
{
	own(sb_free) struct strbuf painted_text = {};
	const struct strbuf *out = text;

	if (cli->colour && !cli->json) {
		paint(sb_text(text), &painted_text);
		out = &painted_text;
	}
	if (fwrite(sb_text(out), 1, out->len, stdout) != out->len || fflush(stdout) != 0)
		return cli_fail(CLI_REFUSED, "cannot write: %s", strerror(errno));
	return CLI_DONE;
}
