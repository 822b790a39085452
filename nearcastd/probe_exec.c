// kind: exec. Runs a program without a shell; healthy when it exits with 0.
//
// It runs in a process group of its own, as an unprivileged user when the daemon
// is root, with /dev/null as input and only PATH, NEARCAST_SERVICE and
// NEARCAST_CHECK in its environment. The first line it prints, on either
// output, is the detail. When the attempt ends, by whatever cause, the whole group is killed.
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "lib/fdwatch.h"
#include "lib/list.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/probe.h"
#include "nearcastd/spawn.h"

enum {
	LINE = 96,      // characters of the first line that are kept
	READS_MAX = 16, // in one turn of the loop
	READ_BYTES = 4096,
	RUNS_MAX = 3, // whose process the kernel has not let go
};

// The process's own, which outlives the attempt until the process is reaped, and
// that may take long: what waits for a disk or a server of files cannot be killed.
struct run {
	struct spawned process;
	struct fdwatch *end;
	struct list link;
	struct probe_exec *probe; // NULL: the attempt is over
};

struct probe_exec {
	struct probe base;
	char **argv;        // the words are the configuration's
	bool becomes_other; // runs as uid and gid
	uid_t uid;
	gid_t gid;
	int user_error;  // negative errno: there is no such user
	struct run *run; // of the attempt under way
	struct list runs;
	struct fdwatch *watch;
	int output; // read end of the pipe
	char line[LINE];
	size_t len;
	bool line_ended;
};

static void keep(struct probe_exec *e, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n && !e->line_ended; i++) {
		if (bytes[i] == '\n' || e->len == sizeof(e->line) - 1)
			e->line_ended = true;
		else
			e->line[e->len++] = bytes[i];
	}
	e->line[e->len] = '\0';
}

// Also what is not kept is read: a program must not hang for a full pipe.
static void read_output(struct probe_exec *e)
{
	char buf[READ_BYTES];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(e->output, buf, sizeof(buf));

		if (n > 0) {
			keep(e, buf, (size_t)n);
			continue;
		}
		if (n == 0) // closed, but the program may still run
			fdwatch_close(&e->watch);
		return;
	}
}

static void on_output(void *ctx, int)
{
	read_output(ctx);
}

static void stop_watching(struct probe_exec *e)
{
	fdwatch_close(&e->watch);
	close_fd(&e->output);
}

static struct health_result judge(const struct probe_exec *e, const struct spawn_end *end)
{
	const char *gap = e->len > 0 ? ": " : "";

	if (end->error)
		return health_result_of(
			HEALTH_REASON_COULD_NOT_RUN, "%s: %s", e->argv[0], strerror(-end->error));
	if (end->signal)
		return health_result_of(
			HEALTH_REASON_SIGNAL, "%s%s%s", strsignal(end->signal), gap, e->line);
	if (end->status)
		return health_result_of(
			HEALTH_REASON_EXIT_STATUS, "exit status %d%s%s", end->status, gap, e->line);
	return health_result_of(HEALTH_REASON_OK, "%s", e->line);
}

static void on_end(void *ctx, int)
{
	struct run *run = ctx;
	struct probe_exec *e = run->probe;
	struct spawn_end end;

	if (!spawn_reap(&run->process, &end))
		return;
	fdwatch_close(&run->end);
	list_remove(&run->link);
	free(run);
	if (!e)
		return;
	e->run = NULL;
	read_output(e);
	stop_watching(e);
	struct health_result r = judge(e, &end);
	probe_report(&e->base, &r);
}

// Only root can become another user. An unprivileged daemon runs the program as itself.
// Looked up once, with the configuration: a directory of users in the network may
// take its time, and the daemon has none for it in the middle of its work.
static void choose_user(struct probe_exec *e, const struct conf_check *check)
{
	const char *name = check->user ? check->user : "nobody";

	if (geteuid() != 0)
		return;
	errno = 0;
	const struct passwd *user = getpwnam(name);
	if (!user) {
		e->user_error = errno ? -errno : -ENOENT;
		return;
	}
	e->becomes_other = true;
	e->uid = user->pw_uid;
	e->gid = user->pw_gid;
}

static int spawn(struct probe_exec *e, int output)
{
	char service[128];
	char name[128];
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *env[] = { path, service, name, NULL };
	const struct spawn_options o = {
		.argv = e->argv,
		.env = env,
		.output = output,
		.becomes_other = e->becomes_other,
		.uid = e->uid,
		.gid = e->gid,
	};

	snprintf(service, sizeof(service), "NEARCAST_SERVICE=%s", e->base.service->name);
	snprintf(name, sizeof(name), "NEARCAST_CHECK=%s", e->base.check->name);
	if (e->user_error)
		return e->user_error;
	own(free_ptr) struct run *run = mem_zalloc(sizeof(*run));
	int error = spawn_start(&run->process, &o);
	if (error)
		return error;
	error = fdwatch_new(&run->end, e->base.loop, run->process.pidfd, UV_READABLE, on_end, run);
	if (error) {
		spawn_abandon(&run->process);
		return error;
	}
	run->probe = e;
	list_init(&run->link);
	list_push_back(&e->runs, &run->link);
	e->run = take(run);
	return 0;
}

static int begin(struct probe_exec *e)
{
	int ends[2];

	if (!e->argv[0])
		return -EINVAL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	own(close_fd) int write_end = ends[1];
	e->output = ends[0];
	if (fcntl(e->output, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	int error = fdwatch_new(&e->watch, e->base.loop, e->output, UV_READABLE, on_output, e);
	return error ? error : spawn(e, write_end);
}

static bool has_too_many(struct probe_exec *e)
{
	struct run *run;
	size_t n = 0;

	list_for_each(run, &e->runs, link) n++;
	return n >= RUNS_MAX;
}

static void exec_start(struct probe *p)
{
	struct probe_exec *e = container_of(p, struct probe_exec, base);

	if (has_too_many(e)) {
		struct health_result r = health_result_of(HEALTH_REASON_COULD_NOT_RUN,
			"%s: %d earlier runs cannot be killed", e->argv[0], RUNS_MAX);
		probe_report(p, &r);
		return;
	}
	e->len = 0;
	e->line[0] = '\0';
	e->line_ended = false;
	int error = begin(e);
	if (!error)
		return;
	stop_watching(e);
	struct health_result r = health_result_of(HEALTH_REASON_COULD_NOT_RUN, "%s: %s",
		e->argv[0] ? e->argv[0] : "command", strerror(-error));
	probe_report(p, &r);
}

static void exec_cancel(struct probe *p)
{
	struct probe_exec *e = container_of(p, struct probe_exec, base);

	snprintf(p->seen, sizeof(p->seen), "%s", e->line);
	stop_watching(e);
	if (!e->run)
		return;
	spawn_kill(&e->run->process);
	e->run->probe = NULL;
	e->run = NULL;
}

static void exec_free(struct probe *p)
{
	struct probe_exec *e = container_of(p, struct probe_exec, base);
	struct run *run;

	list_for_each(run, &e->runs, link) list_remove(&run->link);
	free(e->argv);
	free(e);
}

static const struct probe_ops ops = { exec_start, exec_cancel, exec_free };

struct probe *probe_exec_new(const struct conf_check *check)
{
	struct probe_exec *e = mem_zalloc(sizeof(*e));
	char **word = mem_resize(NULL, check->command.count + 1, sizeof(*word));

	e->base.ops = &ops;
	e->output = -1;
	list_init(&e->runs);
	e->argv = word;
	items_for_each(char *, w, check->command) *word++ = *w;
	*word = NULL;
	choose_user(e, check);
	return &e->base;
}
