#include "lab/live.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/own.h"
#include "lib/strbuf.h"

static const char *const codes[] = {
	[LIVE_PLAIN] = "",
	[LIVE_STRONG] = "\033[1m",
	[LIVE_DIM] = "\033[2m",
	[LIVE_GOOD] = "\033[32m",
	[LIVE_BAD] = "\033[1;31m",
};

struct live live_new(instant zero)
{
	const char *no_color = getenv("NO_COLOR");

	return (struct live){
		.zero = zero,
		.colours = isatty(STDERR_FILENO) && !(no_color && no_color[0]),
		.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	};
}

const char *live_arrow(const struct live *l)
{
	return l->unicode ? "\u2192" : "->";
}

void live_say(const struct live *l, enum live_style style, instant at, const char *fmt, ...)
{
	own(sb_free) struct strbuf b = {};
	const char *code = l->colours ? codes[style] : "";
	va_list ap;

	va_start(ap, fmt);
	sb_vprintf(&b, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%8.3f s  %s%s\n", code, span_to_s(instant_diff(at, l->zero)),
		sb_text(&b), code[0] ? "\033[0m" : "");
}
