#include "nearglass/names.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/own.h"

enum {
	PATTERN_MAX_LEN = 63,
	NAME_MAX = 300,
	MET_MAX = 32,
	DIGITS_MAX = 10,
	NOTES_MAX = 20,
	HASHES = 512
};

struct name {
	struct name *next; // of the same first part
	char *pattern;     // "65000:10-19", "rt:65000:nnn"; in lower case
	char *text;
	bool exact;
};

struct names {
	struct arena *arena;
	struct name *first[HASHES], **last[HASHES]; // last NULL: where first is
	struct name *wild, **wild_last;             // those with a wildcard in the first part
	size_t count;
};

// What a wildcard met, in the community.
struct met {
	const char *at;
	size_t len;
};

struct names *names_new(struct arena *arena)
{
	struct names *n = arena_alloc(arena, sizeof(*n));

	n->arena = arena;
	n->wild_last = &n->wild;
	return n;
}

size_t names_count(const struct names *n)
{
	return n->count;
}

// ---- Matching ----

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

// "10-19" against "12"; false also for what is no range.
static bool range_has(const char *range, const char *part, size_t len)
{
	char *end;
	unsigned long from = strtoul(range, &end, 10), to = strtoul(end + 1, NULL, 10);
	unsigned long v = strtoul(part, NULL, 10);

	return len > 0 && v >= from && v <= to;
}

// One part of the pattern against one of the community; both end at a colon or the end.
static bool part_fits(const char *pattern, size_t pattern_len, const char *part, size_t len,
	struct met *met, size_t *count)
{
	if (pattern_len == 3 && memcmp(pattern, "nnn", 3) == 0) {
		if (*count < MET_MAX)
			met[(*count)++] = (struct met){ part, len };
		return digits(part) == len;
	}
	if (memchr(pattern, '-', pattern_len))
		return digits(part) == len && range_has(pattern, part, len);
	if (pattern_len != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool any = pattern[i] == 'x' && isdigit((unsigned char)part[i]);
		if (!any && pattern[i] != part[i])
			return false;
		if (any && *count < MET_MAX)
			met[(*count)++] = (struct met){ part + i, 1 };
	}
	return true;
}

static bool fits(const char *pattern, const char *community, struct met *met, size_t *count)
{
	bool label = !isdigit((unsigned char)*community); // "rt": no place for wildcards

	*count = 0;
	for (;;) {
		size_t p = strcspn(pattern, ":"), c = strcspn(community, ":");
		if (label ? p != c || memcmp(pattern, community, p) != 0
			  : !part_fits(pattern, p, community, c, met, count))
			return false;
		if (!pattern[p] || !community[c])
			return pattern[p] == community[c];
		pattern += p + 1;
		community += c + 1;
		label = false;
	}
}

// The first number, behind the label of an extended one.
static const char *first_part(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && isalpha((unsigned char)*text) && text[0] != 'x' && text[0] != 'n'
		       ? colon + 1
		       : text;
}

static size_t slot_of(const char *text)
{
	return strtoul(first_part(text), NULL, 10) % HASHES;
}

static const struct name *find_in(const struct name *list, const char *community,
	const struct name *found, struct met *met, size_t *count)
{
	struct met now[MET_MAX];
	size_t n;

	for (; list && !(found && found->exact); list = list->next) {
		if ((found && !list->exact) || !fits(list->pattern, community, now, &n))
			continue;
		found = list;
		*count = n;
		memcpy(met, now, n * sizeof(*met));
	}
	return found;
}

bool names_find(const struct names *n, const char *community, struct strbuf *name)
{
	struct met met[MET_MAX];
	size_t count = 0;
	const struct name *found =
		find_in(n->first[slot_of(community)], community, NULL, met, &count);

	if (!found)
		found = find_in(n->wild, community, NULL, met, &count);
	if (!found)
		return false;
	for (const char *c = found->text; *c; c++) {
		size_t len = *c == '$' ? digits(c + 1) : 0;
		unsigned long which = len > 0 && len < 3 ? strtoul(c + 1, NULL, 10) : MET_MAX;
		if (which >= count) {
			sb_char(name, *c);
			continue;
		}
		sb_add(name, met[which].at, met[which].len);
		c += len;
	}
	return true;
}

// ---- Reading ----

// A number, a range, "nnn", or digits with "x" among them.
static bool part_is_sound(const char *s, size_t n)
{
	size_t d = digits(s);

	if (n == 0 || n > 2 * DIGITS_MAX + 1)
		return false;
	if (n == 3 && memcmp(s, "nnn", 3) == 0)
		return true;
	if (d > 0 && d <= DIGITS_MAX && s[d] == '-' && d + 1 < n)
		return digits(s + d + 1) == n - d - 1 && n - d - 1 <= DIGITS_MAX;
	return n <= DIGITS_MAX && strspn(s, "0123456789x") >= n;
}

// "soo 65000:1" becomes "ro:65000:1", as extended_text() has it. NULL: not of the format.
static char *read_pattern(struct names *n, char *s)
{
	static const struct {
		const char *written, *ours;
	} labels[] = { { "rt ", "rt" }, { "soo ", "ro" }, { "ro ", "ro" } };
	const char *label = NULL;
	size_t parts = 1;

	for (char *c = s; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	for (size_t i = 0; !label && i < countof(labels); i++)
		if (strncmp(s, labels[i].written, strlen(labels[i].written)) == 0) {
			label = labels[i].ours;
			s += strlen(labels[i].written);
		}
	s += strspn(s, " ");
	for (const char *at = s;; parts++) {
		size_t len = strcspn(at, ":");
		if (!part_is_sound(at, len))
			return NULL;
		if (!at[len])
			break;
		at += len + 1;
	}
	if (strlen(s) > PATTERN_MAX_LEN || parts < 2 || parts > (label ? 2 : 3))
		return NULL;
	return label ? arena_printf(n->arena, "%s:%s", label, s) : arena_strdup(n->arena, s);
}

static char *trim(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s + strspn(s, " \t");
}

static bool add_line(struct names *n, char *line)
{
	char *comma = strchr(line, ',');

	if (!comma)
		return false;
	*comma = '\0';
	char *text = trim(comma + 1);
	char *pattern = read_pattern(n, trim(line));
	if (!pattern || *text == '\0' || strlen(text) > NAME_MAX)
		return false;

	const char *first = first_part(pattern);
	bool wild = first[strspn(first, "0123456789")] != ':';
	size_t slot = slot_of(pattern);
	struct name *new = arena_alloc(n->arena, sizeof(*new));
	*new = (struct name){
		.pattern = pattern,
		.text = arena_strdup(n->arena, text),
		.exact = strspn(first, "0123456789:") == strlen(first),
	};
	struct name ***end = wild ? &n->wild_last : &n->last[slot];

	if (!*end)
		*end = &n->first[slot];
	**end = new;
	*end = &new->next;
	n->count++;
	return true;
}

// The whole file as one text, with a NUL.
static int read_text(const char *file, char **ret)
{
	own(close_fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *text = fd >= 0 ? mem_zalloc(NAMES_FILE_MAX + 2) : NULL;
	size_t n = 0;
	ssize_t got = 0;

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, text + n, NAMES_FILE_MAX + 1 - n);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0 && n <= NAMES_FILE_MAX);
	int rc = got < 0 ? -errno : n > NAMES_FILE_MAX ? -EFBIG : 0;
	if (rc < 0)
		free(text);
	else
		*ret = text;
	return rc;
}

void names_read(struct names *n, char *text, const char *file, struct strbuf *notes)
{
	unsigned number = 0, bad = 0;
	char *save;

	for (char *at = text; at; at = save) {
		save = strchr(at, '\n');
		if (save)
			*save++ = '\0';
		number++;
		char *line = trim(at);
		if (*line == '\0' || *line == '#' || add_line(n, line))
			continue;
		if (++bad <= NOTES_MAX)
			sb_printf(
				notes, "%s:%u: no community with a name, left out\n", file, number);
	}
	if (bad > NOTES_MAX)
		sb_printf(notes, "%s: %u more lines left out\n", file, bad - NOTES_MAX);
}

int names_add(struct names *n, const char *file, struct strbuf *notes)
{
	own(free_ptr) char *text = NULL;
	int rc = read_text(file, &text);

	if (rc == 0)
		names_read(n, text, file, notes);
	return rc;
}
