// nearcast doctor: can this host keep sessions alive when routes move, and do the others agree?
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/magic.h>
#include <linux/sockios.h>

#include "conf/conf.h"
#include "flow/keeper.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "nearcast/client.h"
#include "nearcast/doctor.h"

static const char default_path[] = "/etc/nearcast/nearcast.yaml";

static const char *const verdict_names[] = {
	[VERDICT_OK] = "ok",
	[VERDICT_UNSURE] = "unsure",
	[VERDICT_BAD] = "bad",
};
_Static_assert(countof(verdict_names) == VERDICT_MAX, "a name a verdict");

void finding_add(
	struct findings *f, enum verdict verdict, const char *subject, const char *fmt, ...)
{
	struct strbuf b = {};
	va_list args;

	va_start(args, fmt);
	sb_vprintf(&b, fmt, args);
	va_end(args);
	f->list = mem_resize(f->list, f->n + 1, sizeof(*f->list));
	f->list[f->n++] = (struct finding){ verdict, mem_strdup(subject), sb_take(&b) };
}

void findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->list[i].subject);
		free(f->list[i].detail);
	}
	free_ptr(&f->list);
}

// ---- The host ----

// What matters is not the version but whether the programs load.
static void look_at_kernel(struct findings *f)
{
	own(sb_free) struct strbuf error = {};
	own(keeper_close) struct keeper *k = NULL;
	struct utsname name;

	uname(&name);
	if (keeper_open(&k, NULL, &error) == 0)
		finding_add(f, VERDICT_OK, "kernel", "Linux %s takes the programs", name.release);
	else if (geteuid() != 0)
		finding_add(f, VERDICT_UNSURE, "kernel",
			"whether it takes the programs can only be tried as root");
	else
		finding_add(
			f, VERDICT_BAD, "kernel", "Linux %s: %s", name.release, sb_text(&error));
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		finding_add(f, VERDICT_OK, "BTF", "the kernel describes its types");
	else
		finding_add(f, VERDICT_UNSURE, "BTF",
			"no /sys/kernel/btf/vmlinux: other XDP programs cannot live beside this "
			"one");
}

static void look_at_pins(struct findings *f, const struct conf_keeper *c)
{
	own(free_ptr) char *path = mem_strdup(c->pin);
	struct statfs fs;
	int rc;

	// The folder itself is made when it is needed.
	while ((rc = statfs(path, &fs)) < 0 && errno == ENOENT && strrchr(path, '/') > path)
		*strrchr(path, '/') = '\0';
	if (rc < 0)
		finding_add(f, VERDICT_UNSURE, "pins", "%s cannot be looked at: %s", path,
			strerror(errno));
	else if (fs.f_type == BPF_FS_MAGIC)
		finding_add(f, VERDICT_OK, "pins", "%s is below a BPF file system", c->pin);
	else
		finding_add(f, VERDICT_BAD, "pins",
			"%s is not below a BPF file system: mount -t bpf bpf /sys/fs/bpf", c->pin);
}

static int read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	int n = -1;

	if (file && fscanf(file, "%d", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

static void look_at_tcp(struct findings *f, const struct conf_keeper *c)
{
	int stamps = read_number("/proc/sys/net/ipv4/tcp_timestamps");

	if (!c->stamp)
		finding_add(f, VERDICT_UNSURE, "timestamps",
			"`stamp: no`: only prefixes say whose a session is");
	else if (stamps == 0)
		finding_add(f, VERDICT_BAD, "timestamps",
			"net.ipv4.tcp_timestamps is 0: sessions cannot carry this node's id");
	else
		finding_add(f, VERDICT_OK, "timestamps", "TCP timestamps are on");
}

static void look_at_clock(struct findings *f)
{
	struct timex t = {};
	int state = adjtimex(&t);

	if (state == TIME_ERROR || t.status & STA_UNSYNC)
		finding_add(f, VERDICT_UNSURE, "clock",
			"no time service keeps it: tunnels end when it is two seconds off");
	else
		finding_add(f, VERDICT_OK, "clock", "kept by a time service");
}

// ---- Interfaces ----

static int ethtool(int fd, const char *name, void *data)
{
	struct ifreq r = { .ifr_data = data };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &r) < 0 ? -errno : 0;
}

static int mtu_of(int fd, const char *name)
{
	struct ifreq r = {};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFMTU, &r) < 0 ? -errno : r.ifr_mtu;
}

// A pair of virtual interfaces has two pitfalls that no other kind has.
static void look_at_veth(struct findings *f, int fd, const char *name)
{
	struct ethtool_value sums = { .cmd = ETHTOOL_GTXCSUM };

	finding_add(f, VERDICT_UNSURE, name,
		"is a veth: the other end must poll, or forwarded packets go nowhere; an XDP "
		"program there does it (GRO too, but it delays them)");
	if (ethtool(fd, name, &sums) == 0 && sums.data)
		finding_add(f, VERDICT_BAD, name,
			"is a veth that leaves checksums to the other end: ethtool -K %s tx off, "
			"at both "
			"ends",
			name);
}

static bool is_vlan_over(int fd, const char *name, const char *below)
{
	struct vlan_ioctl_args v = { .cmd = GET_VLAN_REALDEV_NAME_CMD };

	snprintf(v.device1, sizeof(v.device1), "%s", name);
	return ioctl(fd, SIOCGIFVLAN, &v) == 0 && strcmp(v.u.device2, below) == 0;
}

// Where the driver takes tags off before XDP, a VLAN's packets look like those of the wire itself, and
// would be sent on without their tag.
static void look_at_vlans(struct findings *f, int fd, const char *name)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *each = all; each && each->if_index; each++) {
		if (!is_vlan_over(fd, each->if_name, name))
			continue;
		if (ethtool(fd, name, &flags) == 0 && flags.data & ETH_FLAG_RXVLAN)
			finding_add(f, VERDICT_BAD, name,
				"has VLANs (%s) whose tags are taken off before the keeper sees "
				"them: ethtool -K %s rxvlan off",
				each->if_name, name);
		else
			finding_add(f, VERDICT_UNSURE, name,
				"has VLANs (%s): the keeper does not look at tagged frames",
				each->if_name);
		break;
	}
	if_freenameindex(all);
}

static void look_at_filter(struct findings *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%.15s/rp_filter", name);
	int own = read_number(path), all = read_number("/proc/sys/net/ipv4/conf/all/rp_filter");
	int mode = own > all ? own : all;
	if (mode == 1)
		finding_add(f, VERDICT_UNSURE, name,
			"rp_filter is strict: clients whose route back is another interface are "
			"dropped here");
}

static void look_at_interface(struct findings *f, const struct conf_keeper *c, const char *name)
{
	own(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };

	if (!if_nametoindex(name)) {
		finding_add(f, VERDICT_BAD, name, "there is no such interface");
		return;
	}
	int mtu = mtu_of(fd, name);
	bool fits = mtu >= (int)c->mtu;
	finding_add(f, fits ? VERDICT_OK : VERDICT_BAD, name, "its MTU is %d, `mtu` is %lu", mtu,
		c->mtu);
	if (ethtool(fd, name, &driver) == 0 && strcmp(driver.driver, "veth") == 0)
		look_at_veth(f, fd, name);
	look_at_vlans(f, fd, name);
	look_at_filter(f, name);
}

// ---- What nearcastd says ----

static void look_at_attached(struct findings *f, const json_t *flows)
{
	const json_t *each;
	size_t i;

	if (!json_is_true(json_object_get(flows, "running"))) {
		const char *fault = json_string_value(json_object_get(flows, "fault"));
		finding_add(f, VERDICT_BAD, "nearcastd", "its keeper does not run: %s",
			fault ? fault : "no reason given");
	}
	json_array_foreach(json_object_get(flows, "interfaces"), i, each)
	{
		const char *name = json_string_value(json_object_get(each, "name"));
		const char *mode = json_string_value(json_object_get(each, "mode"));
		bool native = mode && strcmp(mode, "native") == 0;
		if (!name)
			continue;
		if (!mode)
			finding_add(f, VERDICT_BAD, name, "the programs are not attached");
		else
			finding_add(f, native ? VERDICT_OK : VERDICT_UNSURE, name, "%s XDP%s%s",
				mode,
				native ? ""
				       : ": the driver has no native mode, each packet costs more",
				json_is_true(json_object_get(each, "shared"))
					? ", beside other programs"
					: ", alone on the interface");
	}
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void look_at_path(struct findings *f, const char *subject, const char *address, unsigned mtu)
{
	enum { SMALL = 100 };
	struct ip_addr a;

	if (!address || ip_parse(&a, address) < 0)
		return;
	int full = doctor_echo(&a, mtu);
	bool small = full == 0 && doctor_echo(&a, SMALL) > 0;
	if (small) // the first may have waited for the next hop's address
		full = doctor_echo(&a, mtu);
	if (full > 0)
		finding_add(f, VERDICT_OK, subject, "packets of %u bytes reach %s", mtu, address);
	else if (full < 0)
		finding_add(f, VERDICT_UNSURE, subject, "the path to %s cannot be tried: %s",
			address, strerror(-full));
	else if (small)
		finding_add(f, VERDICT_BAD, subject,
			"packets of %u bytes do not reach %s, small ones do: lower `mtu`", mtu,
			address);
	else
		finding_add(f, VERDICT_UNSURE, subject, "%s answers no echo", address);
}

static void look_at_sizes(struct findings *f, const json_t *counters)
{
	json_int_t n = number(counters, "too-big");

	if (n > 0)
		finding_add(f, VERDICT_UNSURE, "packets",
			"%lld were too big for the tunnel: clients whose sessions began without "
			"this MSS, or GRO of an interface below one in generic mode (ethtool -K "
			"BELOW gro off)",
			n);
}

// Keepers greet each other with a tagged notice every ten seconds: one that was accepted says that
// keys, clocks and addresses agree.
static void look_at_node(
	struct findings *f, const json_t *node, const json_t *counters, unsigned mtu)
{
	char subject[32];

	snprintf(subject, sizeof(subject), "node %lld", number(node, "id"));
	const char *path = json_string_value(json_object_get(node, "path"));
	if (path && strcmp(path, "none") == 0) {
		finding_add(f, VERDICT_BAD, subject,
			"it has no address of a family that this node has: sessions cannot be "
			"forwarded between them");
		return;
	}
	if (number(node, "received") > 0)
		finding_add(f, VERDICT_OK, subject, "its key and this node's agree");
	else if (number(counters, "refused-tag") > 0)
		finding_add(f, VERDICT_BAD, subject,
			"nothing of it was accepted, and there were wrong tags: another secret?");
	else if (number(counters, "refused-epoch") > 0)
		finding_add(f, VERDICT_BAD, subject,
			"nothing of it was accepted, and there were wrong times: a clock is off");
	else
		finding_add(f, VERDICT_UNSURE, subject,
			"nothing was heard of it: no keeper there, or UDP is filtered");
	look_at_path(f, subject, json_string_value(json_object_get(node, "address4")), mtu);
	look_at_path(f, subject, json_string_value(json_object_get(node, "address6")), mtu);
}

static void look_at_daemon(struct findings *f, const struct cli *cli, const struct conf_keeper *c)
{
	own(json_free) json_t *result =
		client_peek(cli, json_pack("{s:s,s:s}", "cmd", "show", "what", "flows"));
	const json_t *flows = json_object_get(result, "flows"), *node;
	size_t i;

	if (!json_is_object(flows)) {
		finding_add(f, VERDICT_UNSURE, "nearcastd", "%s",
			result ? "it runs without a keeper"
			       : "it does not answer, so of other nodes nothing is known");
		return;
	}
	look_at_attached(f, flows);
	look_at_sizes(f, json_object_get(flows, "counters"));
	json_array_foreach(json_object_get(flows, "nodes"), i, node)
		look_at_node(f, node, json_object_get(flows, "counters"), (unsigned)c->mtu);
}

// ---- The verb ----

static void write_findings(const struct findings *f, bool json, struct strbuf *b)
{
	struct out *o = out_new(json ? OUT_JSON : OUT_TEXT, b);

	if (json)
		out_object(o, NULL);
	out_table(o, json ? "findings" : NULL);
	for (size_t i = 0; i < f->n; i++) {
		out_object(o, NULL);
		out_str(o, "verdict", verdict_names[f->list[i].verdict]);
		out_str(o, "subject", f->list[i].subject);
		out_str(o, "detail", f->list[i].detail);
		out_end(o);
	}
	out_end(o);
	if (json)
		out_end(o);
	out_free(&o);
}

static bool is_able(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].verdict == VERDICT_BAD)
			return false;
	return true;
}

static enum cli_exit load(struct conf **ret, const char *path)
{
	own(faults_free) struct faults faults = {};
	int rc = conf_load(ret, path, &faults);

	faults_put(&faults, stderr);
	return rc < 0 ? CLI_REFUSED : CLI_DONE;
}

enum cli_exit verb_doctor(struct cli *cli, const char *argument, char **)
{
	own(findings_free) struct findings f = {};
	own(conf_free) struct conf *conf = NULL;
	own(sb_free) struct strbuf b = {};

	if (load(&conf, argument ? argument : default_path) != CLI_DONE)
		return CLI_REFUSED;
	if (!conf->has_keeper) {
		finding_add(&f, VERDICT_UNSURE, "configuration",
			"it has no `keeper:`; what follows is about the host alone");
		look_at_kernel(&f);
	} else {
		look_at_kernel(&f);
		look_at_pins(&f, &conf->keeper);
		look_at_tcp(&f, &conf->keeper);
		look_at_clock(&f);
		items_for_each(char *const, name, conf->keeper.interfaces)
			look_at_interface(&f, &conf->keeper, *name);
		look_at_daemon(&f, cli, &conf->keeper);
	}
	write_findings(&f, cli->json, &b);
	enum cli_exit written = cli_print(cli, &b);
	return is_able(&f) ? written : CLI_REFUSED;
}
