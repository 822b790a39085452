// Load files: what counts as a number, and files that are none.
#include "nearcastd/loadfile.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/unit.h"

static void numbers(void **)
{
	static const struct {
		const char *text;
		enum load_problem problem;
		uint32_t load;
	} rows[] = {
		{ "0", LOAD_OK, 0 },
		{ "1200\n", LOAD_OK, 1200 },
		{ "1200\r\n", LOAD_OK, 1200 },
		{ "1200 \t\nqueries a second\n", LOAD_OK, 1200 },
		{ "1200.75\n", LOAD_OK, 1200 },
		{ "1200.\n", LOAD_OK, 1200 },
		{ "4294967295", LOAD_OK, 4294967295 },
		{ "4294967296", LOAD_NO_NUMBER, 0 },
		{ "99999999999", LOAD_NO_NUMBER, 0 },
		{ "", LOAD_NO_NUMBER, 0 },
		{ "\n1200\n", LOAD_NO_NUMBER, 0 },
		{ " 1200\n", LOAD_NO_NUMBER, 0 },
		{ "-1\n", LOAD_NO_NUMBER, 0 },
		{ "1200 qps\n", LOAD_NO_NUMBER, 0 },
		{ "1e3\n", LOAD_NO_NUMBER, 0 },
		{ ".5\n", LOAD_NO_NUMBER, 0 },
		{ "many\n", LOAD_NO_NUMBER, 0 },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		uint32_t load = 77;
		assert_int_equal(load_parse(rows[i].text, &load), rows[i].problem);
		assert_int_equal(load, rows[i].problem == LOAD_OK ? rows[i].load : 77);
	}
}

static struct load_reading got;
static unsigned calls;

static void note(void *, const struct load_reading *r)
{
	got = *r;
	calls++;
}

static struct load_reading read_once(const char *path)
{
	uv_loop_t loop;
	struct load_file *f = load_file_new(path);

	calls = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	load_file_read(f, &loop, note, NULL);
	while (calls == 0)
		uv_run(&loop, UV_RUN_ONCE);
	load_file_free(&f);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(calls, 1);
	return got;
}

// A folder, a pipe without a writer and nothing at all keep nobody waiting.
static void files(void **)
{
	char folder[] = "/tmp/nearcast-load-XXXXXX", path[64];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/load", folder);
	assert_int_equal(read_once(path).problem, LOAD_UNREADABLE);
	assert_int_equal(got.error, ENOENT);
	assert_int_equal(read_once(folder).problem, LOAD_UNREADABLE);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_once(path).problem, LOAD_UNREADABLE);
	assert_int_equal(unlink(path), 0);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("1200\n", f);
	fclose(f);
	assert_int_equal(read_once(path).problem, LOAD_OK);
	assert_int_equal(got.load, 1200);
	unlink(path);
	rmdir(folder);
}

// Freed while a thread is out: it comes back to nobody.
static void forgotten(void **)
{
	uv_loop_t loop;
	struct load_file *f = load_file_new("/dev/null");

	calls = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	load_file_read(f, &loop, note, NULL);
	load_file_free(&f);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(files),
		cmocka_unit_test(forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
