#include "lab/tables.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lab/clock.h"
#include "lib/own.h"

enum { WORD_MAX = 63 };

// Local time with milliseconds, as BIRD writes it by default.
static bool read_time(const char *line, int64_t *us, const char **rest)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *point = strptime(line, "%Y-%m-%d %H:%M:%S", &tm);
	unsigned ms;
	int n = 0;

	if (!point || sscanf(point, ".%3u <TRACE> %n", &ms, &n) != 1 || n == 0)
		return false;
	*us = (int64_t)mktime(&tm) * 1000000 + ms * 1000;
	*rest = point + n;
	return true;
}

// "fra1-4.ipv4" -> "fra1"
static bool read_session(const char *session, char node[NODE_NAME_MAX + 1])
{
	const char *dash = strrchr(session, '-');
	size_t n = dash ? (size_t)(dash - session) : 0;

	if (n == 0 || n > NODE_NAME_MAX)
		return false;
	memcpy(node, session, n);
	node[n] = '\0';
	return true;
}

bool table_line_read(const char *line, struct table_line *ret)
{
	char session[WORD_MAX + 1], verb[WORD_MAX + 1], word[WORD_MAX + 1];
	struct table_line t = {};
	int n = 0;

	if (!read_time(line, &t.time_us, &line) ||
		sscanf(line, "%63s > %63s %n", session, verb, &n) != 2 || n == 0 ||
		!read_session(session, t.node))
		return false;
	t.on = strcmp(verb, "added") == 0 || strcmp(verb, "updated") == 0;
	if (!t.on && strcmp(verb, "removed") != 0)
		return false; // what import filters turned away
	// The prefix follows, perhaps after "[best]".
	for (line += n; sscanf(line, "%63s %n", word, &n) == 1; line += n) {
		if (prefix_parse(&t.prefix, word) == 0) {
			*ret = t;
			return true;
		}
		if (word[0] != '[')
			return false;
	}
	return false;
}

static int64_t real_minus_monotonic_us(void)
{
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	return (int64_t)real.tv_sec * 1000000 + real.tv_nsec / 1000 - lab_now().us;
}

static void count_lines(struct census *c, const struct scenario *s, const char *router, char *text)
{
	int64_t offset = real_minus_monotonic_us();
	struct table_line t;

	for (char *line = strsep(&text, "\n"); line; line = strsep(&text, "\n")) {
		int node = table_line_read(line, &t) ? scenario_node(s, t.node) : -1;
		if (node >= 0)
			census_note(c, (instant){ t.time_us - offset }, (size_t)node, router,
				&t.prefix, t.on);
	}
}

struct census *tables_census(const struct scenario *s, const struct world *w)
{
	struct census *c = census_new(s);

	items_for_each(struct scn_network, n, s->networks)
	{
		own(sb_free) struct strbuf log = {};
		if (world_read(w, topology_node(w->topology, n->name), "bird.log", 0, &log) < 0 ||
			log.len == 0)
			continue;
		count_lines(c, s, n->name, log.s);
	}
	return c;
}
