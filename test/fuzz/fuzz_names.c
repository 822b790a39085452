// Files with names of communities, and, behind a NUL, communities that are looked up in them. Found is
// found again; lines are a name, a note, or nothing.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAME_MOST = 4096 };

static void look_up(const struct names *n, const char *community)
{
	own(sb_free) struct strbuf one = {}, two = {};
	bool found = names_find(n, community, &one);

	if (names_find(n, community, &two) != found || strcmp(sb_text(&one), sb_text(&two)) != 0)
		abort();
	if (found && (names_count(n) == 0 || one.len > NAME_MOST))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(free_ptr) char *text = mem_zalloc(size + 1);
	own(sb_free) struct strbuf notes = {};
	struct arena *arena = arena_new();
	struct names *n = names_new(arena);
	size_t lines = 1;

	memcpy(text, data, size);
	size_t file = strlen(text);
	for (size_t i = 0; i < file; i++)
		lines += text[i] == '\n';
	names_read(n, text, "f", &notes);
	if (names_count(n) > lines)
		abort();
	for (char *at = file < size ? text + file + 1 : NULL, *next; at; at = next) {
		next = strchr(at, '\n');
		if (next)
			*next++ = '\0';
		look_up(n, at);
	}
	arena_free(&arena);
	return 0;
}
