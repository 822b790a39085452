// An AS-path expression and, behind a NUL, paths in lines: no input takes long, and what was learnt from
// one path changes no other's answer.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/automaton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERN_MOST = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(free_ptr) char *text = mem_zalloc(size + 1);
	own(sb_free) struct strbuf error = {};
	own(automaton_free) struct automaton *a = NULL;

	memcpy(text, data, size);
	size_t n = strlen(text);
	if (n > PATTERN_MOST)
		return 0;
	int rc = automaton_new(&a, text, &error);
	if ((rc < 0) != (error.len > 0) || (rc < 0) == (a != NULL))
		abort();
	if (rc < 0 || n == size)
		return 0;
	bool first = automaton_matches(a, text + n + 1, strcspn(text + n + 1, "\n"));
	for (const char *at = text + n + 1; *at; at += strspn(at, "\n")) {
		size_t len = strcspn(at, "\n");
		(void)automaton_matches(a, at, len);
		at += len;
	}
	if (automaton_matches(a, text + n + 1, strcspn(text + n + 1, "\n")) != first)
		abort();
	return 0;
}
