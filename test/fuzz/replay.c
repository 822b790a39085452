// Runs a fuzz target over every file of the directories given, so that what a
// fuzzer once found is tested again by each `make check`. Prints TAP. A finding
// ends the process, as it does under the fuzzer.
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_input(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static bool read_file(const char *path, struct strbuf *b)
{
	own(close_file) FILE *f = fopen(path, "rbe");
	char part[4096];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		sb_add(b, part, n);
	return !ferror(f);
}

// The bytes in a block of just their size, so that reading past them is noticed.
static bool run_file(const char *path)
{
	own(sb_free) struct strbuf b = {};

	if (!read_file(path, &b))
		return false;
	own(free_ptr) void *exact = mem_dup(b.s, b.len);
	return LLVMFuzzerTestOneInput(exact, b.len) == 0;
}

static void run_directory(const char *dir, unsigned *count, unsigned *failed)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_input, alphasort);

	if (n <= 0) {
		printf("not ok %u - %s: %s\n", ++*count, dir, n < 0 ? strerror(errno) : "empty");
		++*failed;
		if (n < 0)
			return;
	}
	for (int i = 0; i < n; i++) {
		own(sb_free) struct strbuf path = {};

		sb_printf(&path, "%s/%s", dir, list[i]->d_name);
		bool ok = run_file(sb_text(&path));
		printf("%s %u - %s\n", ok ? "ok" : "not ok", ++*count, list[i]->d_name);
		fflush(stdout); // what was running is known if the next one ends it all
		*failed += !ok;
		free(list[i]);
	}
	free(list);
}

int main(int argc, char **argv)
{
	unsigned count = 0, failed = 0;

	for (int i = 1; i < argc; i++)
		run_directory(argv[i], &count, &failed);
	printf("1..%u\n", count);
	return failed || count == 0;
}
