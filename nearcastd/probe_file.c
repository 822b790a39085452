// kind: file. Healthy while the file is there, or with expect-absent while it
// is not: the maintenance switch.
//
// A file system may take its time, and one of the network for ever: a thread of
// its own looks, and says on a pipe what it found. It shares nothing with the daemon, which
// can forget it; while one is out no other is sent after it.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/errand.h"
#include "nearcastd/probe.h"

struct probe_file {
	struct probe base;
	struct fdwatch *watch;
	int answer; // read end of the pipe; -1: nobody looks
};

struct errand {
	int answer; // write end of the pipe
	char path[];
};

static void *look(void *arg)
{
	struct errand *e = arg;
	struct stat st;
	int error = stat(e->path, &st) < 0 ? errno : 0;

	(void)!write(e->answer, &error, sizeof(error)); // if anybody still reads it
	close(e->answer);
	free(e);
	return NULL;
}

// error: of the look, 0 when the file is there.
static struct health_result judge(const struct conf_check *check, int error)
{
	if (error && error != ENOENT && error != ENOTDIR)
		return health_result_of(
			HEALTH_REASON_COULD_NOT_RUN, "%s: %s", check->path, strerror(error));
	bool there = error == 0;
	if (there != check->expect_absent)
		return health_result_of(HEALTH_REASON_OK, "%s", there ? "present" : "absent");
	return health_result_of(
		there ? HEALTH_REASON_FILE_PRESENT : HEALTH_REASON_FILE_ABSENT, "%s", check->path);
}

static void forget(struct probe_file *f)
{
	fdwatch_close(&f->watch);
	close_fd(&f->answer);
}

static void on_answer(void *ctx, int)
{
	struct probe_file *f = ctx;
	int error = EIO;

	(void)!read(f->answer, &error, sizeof(error));
	forget(f);
	if (!f->base.running)
		return; // the attempt was given up meanwhile
	struct health_result r = judge(f->base.check, error);
	probe_report(&f->base, &r);
}

static int send_out(struct probe_file *f)
{
	const char *path = f->base.check->path;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	f->answer = ends[0];
	own(close_fd) int write_end = ends[1];
	int error = fdwatch_new(&f->watch, f->base.loop, f->answer, UV_READABLE, on_answer, f);
	if (error)
		return error;
	own(free_ptr) struct errand *e = mem_zalloc(sizeof(*e) + strlen(path) + 1);
	e->answer = write_end;
	memcpy(e->path, path, strlen(path));
	error = errand_start(look, e);
	if (error)
		return error;
	(void)take(e); // the thread's now
	(void)take_fd(&write_end);
	return 0;
}

static void file_start(struct probe *p)
{
	struct probe_file *f = container_of(p, struct probe_file, base);
	bool stuck = f->answer >= 0;
	int error = stuck ? -EBUSY : send_out(f);

	if (!error)
		return;
	if (!stuck)
		forget(f);
	struct health_result r = health_result_of(HEALTH_REASON_COULD_NOT_RUN, "%s: %s",
		p->check->path, stuck ? "the file system does not answer" : strerror(-error));
	probe_report(p, &r);
}

static void file_cancel(struct probe *) {}

static void file_free(struct probe *p)
{
	struct probe_file *f = container_of(p, struct probe_file, base);

	forget(f);
	free(f);
}

static const struct probe_ops ops = { file_start, file_cancel, file_free };

struct probe *probe_file_new(const struct conf_check *)
{
	struct probe_file *f = mem_zalloc(sizeof(*f));

	f->base.ops = &ops;
	f->answer = -1;
	return &f->base;
}
