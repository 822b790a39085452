// What runs at each kind of node: its configuration files, and the command of each service.
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/certificate.h"
#include "lab/config.h"
#include "lab/page.h"
#include "lab/programs.h"
#include "lab/rtnl.h"
#include "lab/service_int.h"
#include "lib/mem.h"

#define FRR_DIR "/usr/lib/frr"

static int add_bird(struct services *all, const struct lab_node *node, const struct strbuf *conf)
{
	own(sb_free) struct strbuf path = {}, control = {};

	services_add(all, node, "bird",
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
		services_add(all, node, "dns",
			(const char *const[]){ "nsd", "-d", "-c", sb_text(&path), NULL });
	} else {
		config_knot(all->scenario, node, sb_text(&dir), &conf);
		services_add(all, node, "dns",
			(const char *const[]){ "knotd", "-c", sb_text(&path), NULL });
	}
	config_zone(all->scenario, &zone);
	int rc = world_write(all->world, node, "example.org.zone", &zone);
	return rc < 0 ? rc : world_write(all->world, node, file, &conf);
}

static int make_dir(const struct services *all, const struct lab_node *node, const char *name)
{
	own(sb_free) struct strbuf path = {};

	return mkdir(world_path(all->world, node, name, &path), 0755) < 0 ? -errno : 0;
}

static int add_web(struct services *all, const struct lab_node *node)
{
	own(sb_free) struct strbuf dir = {}, path = {}, conf = {};

	world_path(all->world, node, "", &dir);
	config_nginx(node, sb_text(&dir), &conf);
	services_add(all, node, "web",
		(const char *const[]){ "nginx", "-p", sb_text(&dir), "-e", "stderr", "-c",
			world_path(all->world, node, "nginx.conf", &path), NULL });
	int rc = make_dir(all, node, "upload");
	return rc < 0 ? rc : world_write(all->world, node, "nginx.conf", &conf);
}

// It serves a folder with the node's name in a file, and a way to the streams of the world.
static int make_quic_files(const struct services *all, const struct lab_node *node)
{
	own(sb_free) struct strbuf name = {}, path = {};
	int rc = make_dir(all, node, "quic");

	sb_printf(&name, "%s\n", node->name);
	if (rc == 0)
		rc = world_write(all->world, node, "quic/node", &name);
	if (rc == 0 &&
		symlink("../../stream", world_path(all->world, node, "quic/stream", &path)) < 0)
		rc = -errno;
	return rc < 0 ? rc : certificate_make(all->world, node);
}

static int add_quic(struct services *all, const struct lab_node *node)
{
	own(sb_free) struct strbuf files = {}, key = {}, certificate = {};

	services_add(all, node, "quic",
		(const char *const[]){ "gtlsserver", "-q", "--timeout", "1h", "-d",
			world_path(all->world, node, "quic", &files), "*", "443",
			world_path(all->world, node, CERTIFICATE_KEY, &key),
			world_path(all->world, node, CERTIFICATE, &certificate), NULL });
	return make_quic_files(all, node);
}

// The secret of the fleet, the same at each node.
static int write_secret(const struct services *all, const struct lab_node *node)
{
	own(sb_free) struct strbuf text = {}, path = {};

	for (size_t i = 0; i < sizeof(all->secret); i++)
		sb_printf(&text, "%02x", all->secret[i]);
	int rc = world_write(all->world, node, "fleet.secret", &text);
	if (rc == 0 && chmod(world_path(all->world, node, "fleet.secret", &path), 0600) < 0)
		rc = -errno;
	return rc;
}

// libxdp has a place of its own in a BPF file system, where it notes what runs on which interface by its
// number: each node needs one.
static void add_keeping_nearcastd(
	struct services *all, const struct lab_node *node, const char *program, const char *conf)
{
	own(sb_free) struct strbuf path = {}, env = {};

	sb_printf(&env, "LIBXDP_BPFFS=%s", world_path(all->world, node, WORLD_BPF, &path));
	services_add(all, node, "nearcastd",
		(const char *const[]){ "env", sb_text(&env), program, "-c", conf, NULL });
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
	if (rc == 0 && node->keeper)
		rc = write_secret(all, node);
	if (rc < 0)
		return rc;
	if (node->keeper)
		add_keeping_nearcastd(all, node, sb_text(&program), sb_text(&path));
	else
		services_add(all, node, "nearcastd",
			(const char *const[]){ sb_text(&program), "-c", sb_text(&path), NULL });
	return world_write(all->world, node, "nearcast.yaml", &conf);
}

static int add_glass(struct services *all, const struct lab_node *node, struct strbuf *error)
{
	const struct topology *t = all->world->topology;
	own(sb_free) struct strbuf dir = {}, path = {}, conf = {}, program = {};

	int rc = program_find("nearglass", &program);
	if (rc < 0) {
		sb_str(error, "nearglass is neither beside this program nor in PATH (--no-web does "
			      "without)");
		return rc;
	}
	world_path(all->world, node, "", &dir);
	world_path(all->world, node, "nearglass.yaml", &path);
	config_glass(all->scenario, t, node, sb_text(&dir), &conf);
	services_add(all, node, "glass",
		(const char *const[]){ sb_text(&program), "-c", sb_text(&path), NULL });
	if (node == glass_of_page(all->scenario, t))
		all->list[all->count - 1]->listener = all->page;
	return world_write(all->world, node, "nearglass.yaml", &conf);
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
	services_add(all, node, "zebra",
		(const char *const[]){ "sh", "-c", sb_text(&start_zebra), sb_text(&dir), NULL });
	services_add(all, node, "bgpd",
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
	if (all->page >= 0)
		config_glass_sessions(all->scenario, all->world->topology, node, &conf);
	return add_bird(all, node, &conf);
}

static int add_site(struct services *all, const struct lab_node *node, struct strbuf *error)
{
	const struct scn_site *site = (struct scn_site *)all->scenario->sites.data + node->index;
	int rc = add_dns(all, node, site->dns);

	if (rc == 0 && site->web != WEB_NONE)
		rc = add_web(all, node);
	if (rc == 0 && site->quic != QUIC_NONE)
		rc = add_quic(all, node);
	if (rc < 0 || site->announcer == ANNOUNCER_NONE)
		return rc;
	if (site->announcer == ANNOUNCER_BIRD)
		return add_static_site(all, node);
	rc = add_nearcastd(all, node, error);
	if (rc == 0 && all->page >= 0 && glass_stands_at(all->scenario, node))
		rc = add_glass(all, node, error);
	return rc;
}

static int add_nothing(struct services *, const struct lab_node *, struct strbuf *)
{
	return 0;
}

int services_add_node(struct services *all, const struct lab_node *node, struct strbuf *error)
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
