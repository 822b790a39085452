#include "test/conf/loading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char loading_dir[] = "/tmp/nearcast-conf-XXXXXX";

void write_file(const char *name, const char *text, size_t n, mode_t mode)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", loading_dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *const made[] = { "good.key", "world.key", "empty.key", "long.key", "lines.key",
	"file.yaml" };

int loading_begin(void **)
{
	static const char eighty_one[] = "0123456789012345678901234567890123456789"
					 "01234567890123456789012345678901234567890";

	assert_non_null(mkdtemp(loading_dir));
	write_file("good.key", "s3cret\n", 7, 0600);
	write_file("world.key", "s3cret\n", 7, 0604);
	write_file("empty.key", "\n", 1, 0600);
	write_file("long.key", eighty_one, 81, 0600);
	write_file("lines.key", "a\nb\n", 4, 0600);
	return 0;
}

int loading_end(void **)
{
	char path[200];

	for (size_t i = 0; i < countof(made); i++) {
		snprintf(path, sizeof(path), "%s/%s", loading_dir, made[i]);
		unlink(path);
	}
	return rmdir(loading_dir);
}

char *with_dir(const char *yaml)
{
	struct strbuf b = {};

	for (; *yaml; yaml++) {
		if (*yaml == '^')
			sb_str(&b, loading_dir);
		else
			sb_char(&b, *yaml);
	}
	return sb_take(&b);
}

struct conf *load(const char *yaml)
{
	struct faults *f = calloc(1, sizeof(*f));
	struct strbuf b = {};
	struct conf *c = NULL;
	char *text = with_dir(yaml);
	int rc = conf_load_text(&c, "t.yaml", text, strlen(text), f);

	faults_print(f, &b);
	assert_string_equal(sb_text(&b), "");
	assert_int_equal(rc, 0);
	sb_free(&b);
	faults_free(f);
	free(f);
	free(text);
	return c;
}

void check_rows(const struct bad *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct faults *f = calloc(1, sizeof(*f));
		struct strbuf got = {};
		struct conf *c = NULL;
		char *yaml = with_dir(rows[i].yaml), *want = with_dir(rows[i].faults);

		assert_int_equal(conf_load_text(&c, "t.yaml", yaml, strlen(yaml), f), -EINVAL);
		assert_null(c);
		for (size_t j = 0; j < f->count; j++)
			sb_printf(&got, "%u:%u: %s\n", f->list[j].at.line, f->list[j].at.column,
				f->list[j].message);
		assert_string_equal(sb_text(&got), want);
		if (rows[i].expected)
			assert_string_equal(f->list[0].expected, rows[i].expected);
		sb_free(&got);
		faults_free(f);
		free(f);
		free(yaml);
		free(want);
	}
}
