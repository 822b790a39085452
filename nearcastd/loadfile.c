#include "nearcastd/loadfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/errand.h"

struct load_file {
	const char *path;
	struct fdwatch *watch;
	int answer; // read end of the pipe; -1: nobody reads
	load_file_done *done;
	void *ctx;
};

struct reader {
	int answer; // write end of the pipe
	char path[];
};

static const char *const names[] = {
	[LOAD_OK] = "known",
	[LOAD_UNREADABLE] = "unreadable",
	[LOAD_NO_NUMBER] = "no-number",
};
static_assert(countof(names) == LOAD_PROBLEM_MAX);

const char *load_problem_name(enum load_problem p)
{
	return names[p];
}

// A fraction is cut off; what follows the first line is the writer's.
enum load_problem load_parse(const char *text, uint32_t *ret)
{
	enum { DIGITS_MAX = 10 };
	size_t n = strspn(text, "0123456789"), end = n;

	if (n == 0 || n > DIGITS_MAX)
		return LOAD_NO_NUMBER;
	if (text[end] == '.')
		end += 1 + strspn(text + end + 1, "0123456789");
	end += strspn(text + end, " \t\r");
	uint64_t value = strtoull(text, NULL, 10);
	if ((text[end] && text[end] != '\n') || value > UINT32_MAX)
		return LOAD_NO_NUMBER;
	*ret = (uint32_t)value;
	return LOAD_OK;
}

// A pipe or a device in the place of the file keeps nobody waiting.
static struct load_reading read_path(const char *path)
{
	char text[128];
	struct stat st;
	own(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) < 0)
		return (struct load_reading){ .problem = LOAD_UNREADABLE, .error = errno };
	if (!S_ISREG(st.st_mode))
		return (struct load_reading){ .problem = LOAD_UNREADABLE, .error = EINVAL };
	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return (struct load_reading){ .problem = LOAD_UNREADABLE, .error = errno };
	struct load_reading r = {};
	text[n] = '\0';
	r.problem = load_parse(text, &r.load);
	return r;
}

static void *look(void *arg)
{
	struct reader *e = arg;
	struct load_reading r = read_path(e->path);

	(void)!write(e->answer, &r, sizeof(r)); // if anybody still reads it
	close(e->answer);
	free(e);
	return NULL;
}

static void forget(struct load_file *f)
{
	fdwatch_close(&f->watch);
	close_fd(&f->answer);
}

static void on_answer(void *ctx, int)
{
	struct load_file *f = ctx;
	struct load_reading r = { .problem = LOAD_UNREADABLE, .error = EIO };

	(void)!read(f->answer, &r, sizeof(r));
	forget(f);
	f->done(f->ctx, &r);
}

static int send_out(struct load_file *f, uv_loop_t *loop)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	f->answer = ends[0];
	own(close_fd) int write_end = ends[1];
	int error = fdwatch_new(&f->watch, loop, f->answer, UV_READABLE, on_answer, f);
	if (error)
		return error;
	own(free_ptr) struct reader *e = mem_zalloc(sizeof(*e) + strlen(f->path) + 1);
	e->answer = write_end;
	memcpy(e->path, f->path, strlen(f->path));
	error = errand_start(look, e);
	if (error)
		return error;
	(void)take(e); // the thread's now
	(void)take_fd(&write_end);
	return 0;
}

struct load_file *load_file_new(const char *path)
{
	struct load_file *f = mem_zalloc(sizeof(*f));

	f->path = path;
	f->answer = -1;
	return f;
}

void load_file_free(struct load_file **fp)
{
	struct load_file *f = take(*fp);

	if (!f)
		return;
	forget(f);
	free(f);
}

void load_file_read(struct load_file *f, uv_loop_t *loop, load_file_done *done, void *ctx)
{
	struct load_reading stuck = { .problem = LOAD_UNREADABLE, .error = ETIMEDOUT };

	f->done = done;
	f->ctx = ctx;
	if (f->answer >= 0) { // the file system does not answer
		done(ctx, &stuck);
		return;
	}
	stuck.error = -send_out(f, loop);
	if (!stuck.error)
		return;
	forget(f);
	done(ctx, &stuck);
}
