// Files into graphs and announcements.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"
#include "nearcast/plan.h"

enum { PIECE = 256 << 10 };

static const char *read_error(int rc)
{
	if (rc == -ENODATA)
		return "compressed data end early";
	return rc == -EBADMSG ? "compressed data are corrupt" : strerror(-rc);
}

// How far a file was read, in bytes as they stand in it; 0 of 0 for what has no size.
struct position {
	int fd; // shares its offset with the one that is read
	uint64_t size;
};

static uint64_t position_of(const struct position *p)
{
	off_t at = p->size > 0 ? lseek(p->fd, 0, SEEK_CUR) : 0;

	return at > 0 ? (uint64_t)at : 0;
}

static int pump(struct source *s, const struct position *p, const char *what,
	int (*each)(void *context, const void *bytes, size_t n), void *context, bool *refused)
{
	for (;;) {
		int rc = source_want(s, PIECE);
		struct rd window = source_window(s);
		size_t n = rd_left(&window);
		if (rc < 0 || n == 0)
			return rc;
		rc = each(context, window.p, n);
		if (rc < 0) {
			*refused = true;
			return rc;
		}
		source_skip(s, n);
		plan_progress(what, position_of(p), p->size);
	}
}

// A form that people have and that is not read.
static bool is_xz(const struct source *s)
{
	struct rd window = source_window(s);

	return rd_left(&window) >= 6 && memcmp(window.p,
						"\xfd"
						"7zXZ",
						6) == 0;
}

int plan_read(const char *path, const char *what,
	int (*each)(void *context, const void *bytes, size_t n), void *context)
{
	bool standard = strcmp(path, "-") == 0, refused = false;
	const char *name = standard ? "standard input" : path;
	int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	own(close_fd) int twin = fd >= 0 ? dup(fd) : -1;
	own(source_close) struct source *s = NULL;
	struct position p = { .fd = twin };
	struct stat st;

	if (twin >= 0 && fstat(twin, &st) == 0 && S_ISREG(st.st_mode))
		p.size = (uint64_t)st.st_size;
	int rc = fd < 0 ? -errno : source_open(&s, fd);
	if (rc == 0)
		rc = source_want(s, 6);
	if (rc == 0 && is_xz(s)) {
		cli_fail(CLI_REFUSED, "%s: it is compressed by xz; only gzip and bzip2 are read",
			name);
		return -EINVAL;
	}
	if (rc == 0)
		rc = pump(s, &p, what, each, context, &refused);
	plan_progress_end();
	if (rc < 0 && !refused)
		cli_fail(CLI_REFUSED, "%s: %s", name, read_error(rc));
	return rc;
}

// ---- The graph ----

struct graph_reading {
	struct plan_builder *builder;
	struct plan_fault fault;
};

static int take_graph(void *context, const void *bytes, size_t n)
{
	struct graph_reading *x = context;

	return plan_builder_feed(x->builder, bytes, n, &x->fault);
}

void plan_say_fault(const char *path, const struct plan_fault *f)
{
	if (f->line > 0)
		cli_fail(CLI_REFUSED, "%s:%llu: %s", path, (unsigned long long)f->line,
			sb_text(&f->why));
	else
		cli_fail(CLI_REFUSED, "%s: %s", path, sb_text(&f->why));
}

struct plan_graph *plan_load_graph(const char *path)
{
	struct graph_reading x = { .builder = plan_builder_new() };
	struct plan_graph *g = NULL;
	int rc = plan_read(path, "reading the graph", take_graph, &x);

	if (rc == 0)
		rc = plan_builder_finish(&g, &x.builder, &x.fault);
	if (rc < 0 && x.fault.why.len > 0)
		plan_say_fault(path, &x.fault);
	plan_builder_free(&x.builder);
	plan_fault_free(&x.fault);
	return g;
}

// ---- The announcement ----

static struct plan_plan *load_file(const char *path, const struct plan_graph *g)
{
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));
	own(sb_free) struct strbuf b = {};
	own(plan_file_free) struct plan_file *f = NULL;
	struct plan_plan *p = NULL;
	int rc = plan_file_load(&f, path, faults);

	if (rc == 0)
		rc = plan_from_file(&p, f, g, faults);
	if (rc < 0) {
		faults_print(faults, &b);
		fputs(sb_text(&b), stderr);
	}
	faults_free(faults);
	return p;
}

static struct plan_plan *load_origins(const char *text, const struct plan_graph *g)
{
	own(sb_free) struct strbuf why = {};
	struct plan_plan *p = NULL;

	if (plan_from_origins(&p, text, g, &why) < 0)
		cli_fail(CLI_REFUSED, "origin: %s", sb_text(&why));
	return p;
}

struct plan_plan *plan_load_announcement(const struct plan_cli *c, const struct plan_graph *g)
{
	return c->announce ? load_file(c->announce, g) : load_origins(c->origin, g);
}

struct plan_plan *plan_load_either(const char *word, const struct plan_graph *g)
{
	bool origins = strspn(word, "0123456789:,") == strlen(word);

	return origins ? load_origins(word, g) : load_file(word, g);
}
