// Names of communities.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/names.h"

static const char file_text[] = "# a comment\r\n"
				"\n"
				"65000:nnn,any $0\n"
				"65000:1,one\n"
				"65000:10-19,ten to nineteen, or so\n"
				"65001:x0,round $0\n"
				"65001:xx1,$1 then $0, not $2 or $\n"
				"65000:0:nnn,not to AS$0\n"
				"65000:x:NNN,$0 times to AS$1\n"
				"nnn:666,blackhole of $0\n"
				"soo 65000:7,site\n"
				"rt 65000:nnn,target $0\n"
				"65002:1,<img src=x onerror=alert(1)>\n"
				"nonsense\n"
				"65000,short\n"
				"65000:1:2:3,long\n"
				"65000:y,letter\n"
				"65000:1-,open range\n"
				"65000:99999999999,too many digits\n"
				"65003:1,";

static const struct {
	const char *community, *name;
} rows[] = {
	{ "65000:1", "one" },
	{ "65000:2", "any 2" },
	{ "65000:10", "any 10" },
	{ "65000:0:3356", "not to AS3356" },
	{ "65000:3:3356", "3 times to AS3356" },
	{ "65000:33:3356", NULL },
	{ "65001:50", "round 5" },
	{ "65001:5", NULL },
	{ "65001:500", NULL },
	{ "65001:251", "5 then 2, not $2 or $" },
	{ "64999:666", "blackhole of 64999" },
	{ "64999:667", NULL },
	{ "ro:65000:7", "site" },
	{ "ro:65000:8", NULL },
	{ "rt:65000:9", "target 9" },
	{ "rt:65000:9:1", NULL },
	{ "0x0304:0x000000000001", NULL },
	{ "65002:1", "<img src=x onerror=alert(1)>" },
	{ "65003:1", NULL },
};

static char path[32];

static void write_file(const char *text, size_t n)
{
	snprintf(path, sizeof(path), "/tmp/names-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	close(fd);
}

static void test_each(void **)
{
	own(arena_free) struct arena *arena = arena_new();
	own(sb_free) struct strbuf notes = {}, name = {};
	struct names *n = names_new(arena);

	write_file(file_text, strlen(file_text));
	assert_int_equal(names_add(n, path, &notes), 0);
	unlink(path);
	assert_int_equal(names_count(n), 11);
	for (size_t i = 0; i < countof(rows); i++) {
		sb_clear(&name);
		assert_int_equal(names_find(n, rows[i].community, &name), rows[i].name != NULL);
		if (rows[i].name)
			assert_string_equal(sb_text(&name), rows[i].name);
	}
	unsigned lines = 0;
	for (const char *c = sb_text(&notes); *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 7);
	assert_non_null(strstr(sb_text(&notes), ":14: "));
}

static void test_ranges(void **)
{
	static const char text[] = "65000:10-19,teens\n65000:1:5-6,five or six";
	own(arena_free) struct arena *arena = arena_new();
	own(sb_free) struct strbuf notes = {}, name = {};
	struct names *n = names_new(arena);

	write_file(text, strlen(text));
	assert_int_equal(names_add(n, path, &notes), 0);
	unlink(path);
	assert_false(names_find(n, "65000:9", &name));
	assert_true(names_find(n, "65000:10", &name));
	assert_true(names_find(n, "65000:19", &name));
	assert_false(names_find(n, "65000:20", &name));
	assert_true(names_find(n, "65000:1:6", &name));
	assert_false(names_find(n, "65000:1:7", &name));
}

static void test_files(void **)
{
	own(arena_free) struct arena *arena = arena_new();
	own(sb_free) struct strbuf notes = {};
	struct names *n = names_new(arena);
	char *big = malloc(NAMES_FILE_MAX + 1);

	assert_int_equal(names_add(n, "/nonexistent", &notes), -ENOENT);
	assert_int_equal(names_add(n, "/", &notes), -EISDIR);
	memset(big, '#', NAMES_FILE_MAX + 1);
	write_file(big, NAMES_FILE_MAX + 1);
	assert_int_equal(names_add(n, path, &notes), -EFBIG);
	unlink(path);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
