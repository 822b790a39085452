#include "lab/service.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/config.h"
#include "lab/programs.h"
#include "lab/rtnl.h"
#include "lib/mem.h"

#define FRR_DIR "/usr/lib/frr"

enum { LOG_TAIL_BYTES = 2000 };

struct services {
	const struct scenario *scenario;
	const struct world *world;
	struct service **list;
	size_t count;
	uv_loop_t *loop;
	const struct services_ops *ops;
	void *ctx;
};

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

// argv ends with NULL; strings are copied.
static void add(struct services *all, const struct lab_node *node, const char *name,
	const char *const argv[])
{
	struct service *s = mem_zalloc(sizeof(*s));
	size_t n = 0;

	*s = (struct service){ .node = node, .name = name, .all = all, .pidfd = -1 };
	while (argv[n])
		n++;
	s->argv = mem_zalloc((n + 1) * sizeof(*s->argv));
	for (size_t i = 0; i < n; i++)
		s->argv[i] = mem_strdup(argv[i]);
	all->list = mem_resize(all->list, all->count + 1, sizeof(*all->list));
	all->list[all->count++] = s;
}

static int add_bird(struct services *all, const struct lab_node *node, const struct strbuf *conf)
{
	own(sb_free) struct strbuf path = {}, control = {};

	add(all, node, "bird",
		(const char *const[]){ "bird", "-f", "-c",
			world_path(all->world, node, "bird.conf", &path), "-s",
			world_path(all->world, node, "bird.ctl", &control), NULL });
	return world_write(all->world, node, "bird.conf", conf);
}

static int add_dns(struct services *all, const struct lab_node *node, enum dns_kind kind)
{
	own(sb_free) struct strbuf dir = {}, path = {}, conf = {}, zone = {};
	const char *file = kind == DNS_NSD ? "nsd.conf" : "knot.conf";

	world_path(all->world, node, "", &dir);
	world_path(all->world, node, file, &path);
	if (kind == DNS_NSD) {
		config_nsd(all->scenario, node, sb_text(&dir), &conf);
		add(all, node, "dns",
			(const char *const[]){ "nsd", "-d", "-c", sb_text(&path), NULL });
	} else {
		config_knot(all->scenario, node, sb_text(&dir), &conf);
		add(all, node, "dns", (const char *const[]){ "knotd", "-c", sb_text(&path), NULL });
	}
	config_zone(all->scenario, &zone);
	int rc = world_write(all->world, node, "example.org.zone", &zone);
	return rc < 0 ? rc : world_write(all->world, node, file, &conf);
}

static int add_nearcastd(struct services *all, const struct lab_node *node, struct strbuf *error)
{
	own(sb_free) struct strbuf dir = {}, path = {}, conf = {}, program = {};

	int rc = program_find("nearcastd", &program);
	if (rc < 0) {
		sb_str(error, "nearcastd is neither beside this program nor in PATH");
		return rc;
	}
	world_path(all->world, node, "", &dir);
	world_path(all->world, node, "nearcast.yaml", &path);
	rc = config_nearcast(
		all->scenario, all->world->topology, node, sb_text(&dir), &conf, error);
	if (rc < 0)
		return rc;
	add(all, node, "nearcastd",
		(const char *const[]){ sb_text(&program), "-c", sb_text(&path), NULL });
	return world_write(all->world, node, "nearcast.yaml", &conf);
}

// Without the daemon nobody puts the service's addresses on the site.
static int add_static_site(struct services *all, const struct lab_node *node)
{
	own(sb_free) struct strbuf conf = {};
	int rc = 0;

	items_for_each(struct ip_addr, a, all->scenario->addresses)
	{
		if (rc == 0)
			rc = rtnl_add_address(node->netns, "lo", a, ip_bits(a->family));
	}
	config_bird_site(all->scenario, all->world->topology, node, &conf);
	return rc < 0 ? rc : add_bird(all, node, &conf);
}

// FRR's daemons run as its own user, and need a directory of it for their sockets.
static int make_frr_dir(const char *path, struct strbuf *error)
{
	const struct passwd *frr = getpwnam("frr");

	if (!frr) {
		sb_str(error, "there is no user frr: is FRR installed?");
		return -ENOENT;
	}
	if (mkdir(path, 0755) < 0 || chown(path, frr->pw_uid, frr->pw_gid) < 0)
		return -errno;
	return 0;
}

// bgpd waits for zebra, which tells it whether next hops resolve; when it is too early it would
// try again only after ten seconds.
static int add_frr(struct services *all, const struct lab_node *node, struct strbuf *error)
{
	static const char common[] = "-P 0 --log stdout --vty_socket \"$0\" -z \"$0/zserv.api\"";
	own(sb_free) struct strbuf dir = {}, bgpd = {}, zebra = {}, start_bgpd = {},
				   start_zebra = {};

	int rc = make_frr_dir(world_path(all->world, node, "frr", &dir), error);
	config_zebra(&zebra);
	config_frr_reflector(all->scenario, all->world->topology, node, &bgpd);
	if (rc == 0)
		rc = world_write(all->world, node, "frr/zebra.conf", &zebra);
	if (rc == 0)
		rc = world_write(all->world, node, "frr/bgpd.conf", &bgpd);
	sb_printf(&start_zebra,
		"exec " FRR_DIR "/zebra -f \"$0/zebra.conf\" -i \"$0/zebra.pid\" %s", common);
	sb_printf(&start_bgpd,
		"until [ -S \"$0/zserv.api\" ]; do sleep 0.05; done; "
		"exec " FRR_DIR "/bgpd --no_kernel -f \"$0/bgpd.conf\" -i \"$0/bgpd.pid\" %s",
		common);
	add(all, node, "zebra",
		(const char *const[]){ "sh", "-c", sb_text(&start_zebra), sb_text(&dir), NULL });
	add(all, node, "bgpd",
		(const char *const[]){ "sh", "-c", sb_text(&start_bgpd), sb_text(&dir), NULL });
	return rc;
}

static int add_reflector(struct services *all, const struct lab_node *node, struct strbuf *error)
{
	const struct scn_reflector *reflectors = all->scenario->reflectors.data;
	own(sb_free) struct strbuf conf = {};

	if (reflectors[node->index].kind == REFLECTOR_FRR)
		return add_frr(all, node, error);
	config_bird_reflector(all->scenario, all->world->topology, node, &conf);
	return add_bird(all, node, &conf);
}

static int add_router(struct services *all, const struct lab_node *node, struct strbuf *)
{
	own(sb_free) struct strbuf conf = {};

	config_bird_router(all->scenario, all->world->topology, node, &conf);
	return add_bird(all, node, &conf);
}

static int add_site(struct services *all, const struct lab_node *node, struct strbuf *error)
{
	const struct scn_site *sites = all->scenario->sites.data;
	int rc = add_dns(all, node, sites[node->index].dns);

	if (rc < 0 || sites[node->index].announcer == ANNOUNCER_NONE)
		return rc;
	if (sites[node->index].announcer == ANNOUNCER_BIRD)
		return add_static_site(all, node);
	return add_nearcastd(all, node, error);
}

static int add_nothing(struct services *, const struct lab_node *, struct strbuf *)
{
	return 0;
}

static int add_node(struct services *all, const struct lab_node *node, struct strbuf *error)
{
	static int (*const adders[])(
		struct services *, const struct lab_node *, struct strbuf *) = {
		[NODE_KIND_ROUTER] = add_router,
		[NODE_KIND_SITE] = add_site,
		[NODE_KIND_REFLECTOR] = add_reflector,
		[NODE_KIND_CLIENT] = add_nothing,
	};

	return adders[node->kind](all, node, error);
}

int services_new(struct services **ret, const struct scenario *s, const struct world *w,
	struct strbuf *error)
{
	struct services *all = mem_zalloc(sizeof(*all));
	const struct topology *t = w->topology;
	int rc = 0;

	all->scenario = s;
	all->world = w;
	for (size_t i = 0; i < t->node_count && rc == 0; i++) {
		rc = add_node(all, &t->nodes[i], error);
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
	pid_t pid =
		world_spawn(s->all->world, s->node, log, (const char *const *)(uintptr_t)s->argv);
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
