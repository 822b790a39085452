#include "lab/programs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/own.h"

#ifndef NEARCAST_SCENARIO_DIR
#define NEARCAST_SCENARIO_DIR "/usr/local/share/nearcast/scenarios"
#endif

// Directory of this program.
static int own_dir(char dir[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);

	if (n < 0)
		return -errno;
	dir[n] = '\0';
	char *slash = strrchr(dir, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

static bool is_program(const struct strbuf *path)
{
	return access(sb_text(path), X_OK) == 0;
}

// fn returns true to stop, with its result in *path.
static bool each_dir(const char *dirs,
	bool (*fn)(const char *dir, const char *name, struct strbuf *path), const char *name,
	struct strbuf *path)
{
	while (dirs && *dirs) {
		size_t n = strcspn(dirs, ":");
		own(free_ptr) char *dir = strndup(dirs, n);
		if (dir && n > 0 && fn(dir, name, path))
			return true;
		dirs += n + (dirs[n] == ':');
	}
	return false;
}

static bool program_in(const char *dir, const char *name, struct strbuf *path)
{
	sb_clear(path);
	sb_printf(path, "%s/%s", dir, name);
	return is_program(path);
}

int program_find(const char *name, struct strbuf *path)
{
	char dir[PATH_MAX];

	if (own_dir(dir) == 0) {
		if (program_in(dir, name, path))
			return 0;
		sb_clear(path);
		sb_printf(path, "%s/../%s/%s", dir, name, name);
		if (is_program(path))
			return 0;
	}
	if (each_dir(getenv("PATH"), program_in, name, path) ||
		each_dir("/usr/local/sbin:/usr/sbin:/sbin", program_in, name, path))
		return 0;
	return -ENOENT;
}

void programs_path(struct strbuf *b)
{
	char dir[PATH_MAX];

	// sudo and cron often leave the sbin directories out, where routers live.
	sb_str(b, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (own_dir(dir) == 0)
		sb_printf(b, ":%s:%s/../bin:%s/../nearcast:%s/../nearcastd", dir, dir, dir, dir);
}

// The places of scenarios, most specific first, separated by ':'.
static void scenario_dirs(struct strbuf *b)
{
	const char *env = getenv("NEARCAST_LAB_PATH");
	char dir[PATH_MAX];

	if (env && env[0])
		sb_printf(b, "%s:", env);
	sb_str(b, "lab/scenarios:");
	if (own_dir(dir) == 0)
		sb_printf(b, "%s/../../lab/scenarios:", dir);
	sb_str(b, NEARCAST_SCENARIO_DIR);
}

static bool scenario_in(const char *dir, const char *name, struct strbuf *path)
{
	sb_clear(path);
	sb_printf(path, "%s/%s.yaml", dir, name);
	return access(sb_text(path), R_OK) == 0;
}

int scenario_find(const char *name, struct strbuf *path)
{
	own(sb_free) struct strbuf dirs = {};

	if (strchr(name, '/') || strchr(name, '.')) {
		sb_str(path, name);
		return access(name, R_OK) == 0 ? 0 : -errno;
	}
	scenario_dirs(&dirs);
	return each_dir(sb_text(&dirs), scenario_in, name, path) ? 0 : -ENOENT;
}

struct lister {
	void (*fn)(const char *path, void *ctx);
	void *ctx;
	struct strbuf seen; // names, each between newlines
};

static bool seen_before(struct lister *l, const char *file)
{
	own(sb_free) struct strbuf line = {};

	sb_printf(&line, "\n%s\n", file);
	if (strstr(sb_text(&l->seen), sb_text(&line)))
		return true;
	sb_add(&l->seen, sb_text(&line), line.len);
	return false;
}

static int is_yaml(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && e->d_name[0] != '.' && strcmp(dot, ".yaml") == 0;
}

static void list_dir(struct lister *l, const char *dir)
{
	struct dirent **found = NULL;
	int n = scandir(dir, &found, is_yaml, alphasort);

	for (int i = 0; i < n; i++) {
		own(sb_free) struct strbuf path = {};
		sb_printf(&path, "%s/%s", dir, found[i]->d_name);
		if (!seen_before(l, found[i]->d_name))
			l->fn(sb_text(&path), l->ctx);
		free(found[i]);
	}
	free(found);
}

void scenario_each(void (*fn)(const char *path, void *ctx), void *ctx)
{
	own(sb_free) struct strbuf dirs = {};
	struct lister l = { .fn = fn, .ctx = ctx };

	scenario_dirs(&dirs);
	for (char *rest = dirs.s, *dir = strsep(&rest, ":"); dir; dir = strsep(&rest, ":"))
		list_dir(&l, dir);
	sb_free(&l.seen);
}
