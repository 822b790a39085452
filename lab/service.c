#include "lab/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/service_int.h"
#include "lab/stream.h"
#include "lib/mem.h"

enum { LOG_TAIL_BYTES = 2000 };

static void close_watch(struct service *s)
{
	if (s->watch)
		uv_close((uv_handle_t *)s->watch, (uv_close_cb)free);
	s->watch = NULL;
	close_fd(&s->pidfd);
}

static void service_free(struct service *s)
{
	close_watch(s);
	for (char **a = s->argv; *a; a++)
		free(*a);
	free(s->argv);
	free(s);
}

void services_free(struct services **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < (*s)->count; i++)
		service_free((*s)->list[i]);
	free((*s)->list);
	free_ptr(s);
}

void services_add(struct services *all, const struct lab_node *node, const char *name,
	const char *const argv[])
{
	struct service *s = mem_zalloc(sizeof(*s));
	size_t n = 0;

	*s = (struct service){
		.node = node, .name = name, .all = all, .listener = -1, .pidfd = -1
	};
	while (argv[n])
		n++;
	s->argv = mem_zalloc((n + 1) * sizeof(*s->argv));
	for (size_t i = 0; i < n; i++)
		s->argv[i] = mem_strdup(argv[i]);
	all->list = mem_resize(all->list, all->count + 1, sizeof(*all->list));
	all->list[all->count++] = s;
}

// What the sessions transfer, once for all sites.
static int make_streams(const struct services *all)
{
	own(sb_free) struct strbuf path = {};
	int rc = mkdir(world_path(all->world, NULL, "stream", &path), 0755) < 0 ? -errno : 0;

	items_for_each(struct scn_session, s, all->scenario->sessions)
	{
		bool is_read = s->kind == SESSION_DOWNLOAD || s->kind == SESSION_QUIC;
		char name[40];
		snprintf(name, sizeof(name), "stream/%ju", (uintmax_t)s->size);
		world_path(all->world, NULL, name, &path);
		if (rc == 0 && is_read && access(sb_text(&path), F_OK) < 0)
			rc = stream_write(sb_text(&path), s->size);
	}
	return rc;
}

int services_new(struct services **ret, const struct scenario *s, const struct world *w, int page,
	struct strbuf *error)
{
	struct services *all = mem_zalloc(sizeof(*all));
	const struct topology *t = w->topology;
	int rc = 0;

	all->scenario = s;
	all->world = w;
	all->page = page;
	if (getrandom(all->secret, sizeof(all->secret), 0) < 0)
		rc = -errno;
	if (rc == 0)
		rc = make_streams(all);
	if (rc < 0)
		sb_printf(error, "cannot write what sessions transfer: %s", strerror(-rc));
	for (size_t i = 0; i < t->node_count && rc == 0; i++) {
		rc = services_add_node(all, &t->nodes[i], error);
		if (rc < 0 && error->len == 0)
			sb_printf(error, "cannot set %s up: %s", t->nodes[i].name, strerror(-rc));
	}
	if (rc < 0)
		services_free(&all);
	else
		*ret = all;
	return rc;
}

struct service *services_at(struct services *s, size_t i)
{
	return i < s->count ? s->list[i] : NULL;
}

struct service *services_find(struct services *s, const char *target)
{
	char node[NODE_NAME_MAX + 1], name[SERVICE_NAME_MAX + 1];

	if (!target_split(target, node, name))
		return NULL;
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->list[i]->node->name, node) == 0 &&
			strcmp(s->list[i]->name, name) == 0)
			return s->list[i];
	return NULL;
}

static void on_pidfd(uv_poll_t *watch, int, int)
{
	struct service *s = watch->data;
	struct services *all = s->all;
	int status = 0;

	if (waitpid(s->pid, &status, WNOHANG) != s->pid)
		return;
	close_watch(s);
	s->pid = 0;
	s->stopped = false;
	if (all->ops->on_exit)
		all->ops->on_exit(all->ctx, s, status);
}

static int watch(struct service *s)
{
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pidfd < 0)
		return -errno;
	s->watch = mem_zalloc(sizeof(*s->watch));
	s->watch->data = s;
	int rc = uv_poll_init(s->all->loop, s->watch, s->pidfd);
	if (rc < 0) {
		free_ptr(&s->watch);
		return rc;
	}
	return uv_poll_start(s->watch, UV_READABLE, on_pidfd);
}

void services_watch(struct services *s, uv_loop_t *loop, const struct services_ops *ops, void *ctx)
{
	s->loop = loop;
	s->ops = ops;
	s->ctx = ctx;
}

int service_start(struct service *s)
{
	char log[SERVICE_NAME_MAX + 8];

	if (s->pid > 0)
		return -EALREADY;
	snprintf(log, sizeof(log), "%s.log", s->name);
	pid_t pid = world_spawn_listening(
		s->all->world, s->node, log, (const char *const *)(uintptr_t)s->argv, s->listener);
	if (pid < 0)
		return pid;
	s->pid = pid;
	s->stopped = false;
	return watch(s);
}

int services_start_all(struct services *s, struct strbuf *error)
{
	for (size_t i = 0; i < s->count; i++) {
		int rc = service_start(s->list[i]);
		if (rc < 0) {
			sb_printf(error, "cannot start %s (%s): %s", s->list[i]->argv[0],
				s->list[i]->node->name, strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int service_signal(struct service *s, int signal)
{
	if (s->pid <= 0)
		return -ESRCH;
	if (kill(signal == SIGTERM ? s->pid : -s->pid, signal) < 0)
		return -errno;
	if (signal == SIGSTOP || signal == SIGCONT)
		s->stopped = signal == SIGSTOP;
	return 0;
}

void service_log_tail(const struct service *s, struct strbuf *b)
{
	own(sb_free) struct strbuf path = {};
	char file[SERVICE_NAME_MAX + 8], text[LOG_TAIL_BYTES + 1];

	snprintf(file, sizeof(file), "%s.log", s->name);
	own(close_file) FILE *f = fopen(world_path(s->all->world, s->node, file, &path), "re");
	if (!f)
		return;
	if (fseek(f, -LOG_TAIL_BYTES, SEEK_END) < 0)
		rewind(f);
	size_t n = fread(text, 1, LOG_TAIL_BYTES, f);
	sb_add(b, text, n);
}
