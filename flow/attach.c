// On and off the interfaces. XDP goes through libxdp's dispatcher, so that other programs
// live beside this one; egress is a filter of its own on the clsact hook.
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <linux/if_link.h>
#include <xdp/libxdp.h>

#include "flow/inside.h"
#include "lib/mem.h"

// Of the filter at clsact: where others are unlikely to be.
enum { TC_HANDLE = 1, TC_PRIORITY = 0x4e43 };

enum { TABLES_MAX = 64 }; // of one program: the kernel's own limit

static const char program_in[] = "nearcast_in", program_out[] = "nearcast_out";

static const char *const mode_names[] = {
	[KEEPER_NATIVE] = "native",
	[KEEPER_GENERIC] = "generic",
};
_Static_assert(countof(mode_names) == KEEPER_MODE_MAX, "a name a mode");

const char *keeper_mode_name(enum keeper_mode mode)
{
	return mode_names[mode];
}

static int info_of(int fd, struct bpf_prog_info *info)
{
	uint32_t size = sizeof(*info);

	*info = (struct bpf_prog_info){};
	return bpf_obj_get_info_by_fd(fd, info, &size) < 0 ? -errno : 0;
}

// ---- XDP ----

// What is on the interface of ours, or of strangers.
struct present {
	enum keeper_mode mode;
	bool any;    // some program
	bool legacy; // it is not under the dispatcher
	bool ours;
	bool same; // ours, the very same instructions, and over the same tables
	uint32_t id;
	char name[BPF_OBJ_NAME_LEN];
};

// What is loaded now, to know it again.
struct mine {
	uint8_t tag[BPF_TAG_SIZE];
	uint32_t table; // id of one of its maps
};

// Instructions alone do not tell: where the pins were lost, what is attached is over tables that
// nobody fills any more.
static bool uses_table(int program, uint32_t table)
{
	uint32_t ids[TABLES_MAX] = {};
	struct bpf_prog_info info = { .nr_map_ids = TABLES_MAX, .map_ids = (uintptr_t)ids };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &size) < 0)
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < TABLES_MAX; i++)
		if (ids[i] == table)
			return true;
	return false;
}

static int know_mine(const struct keeper *k, struct mine *ret)
{
	struct bpf_prog_info program;
	struct bpf_map_info table = {};
	uint32_t size = sizeof(table);
	int rc = info_of(bpf_program__fd(k->bpf->progs.nearcast_in), &program);

	if (rc == 0 && bpf_obj_get_info_by_fd(bpf_map__fd(k->bpf->maps.config), &table, &size) < 0)
		rc = -errno;
	if (rc < 0)
		return rc;
	memcpy(ret->tag, program.tag, sizeof(ret->tag));
	ret->table = table.id;
	return 0;
}

static void look_at(struct present *p, int fd, const struct mine *mine)
{
	struct bpf_prog_info info;

	if (info_of(fd, &info) < 0)
		return;
	if (strcmp(info.name, program_in) == 0) {
		p->ours = true;
		p->same = memcmp(info.tag, mine->tag, BPF_TAG_SIZE) == 0 &&
			  uses_table(fd, mine->table);
		p->id = info.id;
	}
	if (!p->ours)
		memcpy(p->name, info.name, sizeof(p->name));
}

static int xdp_present(unsigned ifindex, const struct mine *mine, struct present *ret)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	struct present p = {};

	if (libxdp_get_error(mp)) {
		*ret = p;
		return libxdp_get_error(mp) == -ENOENT ? 0 : (int)libxdp_get_error(mp);
	}
	p.any = true;
	p.legacy = xdp_multiprog__is_legacy(mp);
	p.mode = xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB ? KEEPER_GENERIC : KEEPER_NATIVE;
	if (p.legacy) {
		struct xdp_program *main = xdp_multiprog__main_prog(mp);
		if (main)
			look_at(&p, xdp_program__fd(main), mine);
	}
	for (struct xdp_program *each = xdp_multiprog__next_prog(NULL, mp); each;
		each = xdp_multiprog__next_prog(each, mp))
		look_at(&p, xdp_program__fd(each), mine);
	xdp_multiprog__close(mp);
	*ret = p;
	return 0;
}

// Through libxdp. The program is loaded once more, as an extension of the dispatcher.
static int attach_shared(struct keeper *k, unsigned ifindex, enum keeper_mode mode)
{
	own(sb_free) struct strbuf ignored = {};
	struct keeper_bpf *bpf = NULL;
	int rc = keeper_object(&bpf, k->pin, &ignored);

	if (rc < 0)
		return rc;
	bpf_program__set_autoload(bpf->progs.nearcast_out, false);
	struct xdp_program *program = xdp_program__from_bpf_obj(bpf->obj, "xdp");
	rc = (int)libxdp_get_error(program);
	if (rc == 0) {
		rc = xdp_program__attach(program, (int)ifindex,
			mode == KEEPER_NATIVE ? XDP_MODE_NATIVE : XDP_MODE_SKB, 0);
		xdp_program__close(program);
	}
	keeper_bpf__destroy(bpf);
	return rc;
}

// Without it: alone on the interface. old: -1, or the program to be replaced.
static int attach_alone(struct keeper *k, unsigned ifindex, enum keeper_mode mode, int old)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = old);
	uint32_t flags = mode == KEEPER_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;

	flags |= old >= 0 ? XDP_FLAGS_REPLACE : XDP_FLAGS_UPDATE_IF_NOEXIST;
	return bpf_xdp_attach((int)ifindex, bpf_program__fd(k->bpf->progs.nearcast_in), flags,
		old >= 0 ? &opts : NULL);
}

// Kernels since 6.13 (and stable ones since) refuse extensions that move a packet's head under
// a dispatcher that does not, and libxdp before 1.5.3 has only such a one: then alone.
static int attach_in_mode(struct keeper *k, unsigned ifindex, enum keeper_mode mode, bool pinned)
{
	int rc = pinned ? attach_shared(k, ifindex, mode) : -ENOTSUP;

	return rc < 0 && rc != -EBUSY ? attach_alone(k, ifindex, mode, -1) : rc;
}

static int attach_anew(struct keeper *k, unsigned ifindex)
{
	int rc = attach_in_mode(k, ifindex, KEEPER_NATIVE, k->pin);

	return rc < 0 ? attach_in_mode(k, ifindex, KEEPER_GENERIC, k->pin) : rc;
}

static int detach_xdp(unsigned ifindex, const struct present *p)
{
	if (p->legacy) {
		int fd = bpf_prog_get_fd_by_id(p->id);
		if (fd < 0)
			return -errno;
		LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = fd);
		int rc = bpf_xdp_detach((int)ifindex,
			p->mode == KEEPER_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE, &opts);
		close(fd);
		return rc;
	}
	struct xdp_program *program = xdp_program__from_id(p->id);
	int rc = (int)libxdp_get_error(program);
	if (rc == 0) {
		rc = xdp_program__detach(program, (int)ifindex,
			p->mode == KEEPER_NATIVE ? XDP_MODE_NATIVE : XDP_MODE_SKB, 0);
		xdp_program__close(program);
	}
	return rc;
}

// In one step where the kernel can; under the dispatcher the new one joins before the old one goes.
static int replace_xdp(struct keeper *k, unsigned ifindex, const struct present *p)
{
	if (!p->legacy) {
		int rc = attach_shared(k, ifindex, p->mode);
		return rc < 0 ? rc : detach_xdp(ifindex, p);
	}
	int old = bpf_prog_get_fd_by_id(p->id);
	if (old < 0)
		return -errno;
	int rc = attach_alone(k, ifindex, p->mode, old);
	close(old);
	return rc;
}

static int attach_xdp(
	struct keeper *k, unsigned ifindex, struct keeper_place *ret, struct strbuf *error)
{
	struct mine mine;
	struct present p;
	int rc = know_mine(k, &mine);

	if (rc == 0)
		rc = xdp_present(ifindex, &mine, &p);
	if (rc < 0) {
		sb_printf(error, "keeper: what XDP runs there cannot be seen: %s", strerror(-rc));
		return rc;
	}
	if (p.any && p.legacy && !p.ours) {
		sb_printf(error,
			"keeper: another XDP program (%s) is on the interface, and not under "
			"libxdp's dispatcher",
			p.name[0] ? p.name : "without a name");
		return -EBUSY;
	}
	ret->how = p.same ? KEEPER_KEPT : p.ours ? KEEPER_REPLACED : KEEPER_NEW;
	if (!p.same)
		rc = p.ours ? replace_xdp(k, ifindex, &p) : attach_anew(k, ifindex);
	if (rc < 0) {
		sb_printf(error, "keeper: XDP does not attach: %s: %s", strerror(-rc),
			keeper_complaint());
		return rc;
	}
	rc = xdp_present(ifindex, &mine, &p);
	ret->mode = p.mode;
	ret->shared = !p.legacy;
	return rc;
}

// ---- Egress ----

static int attach_tc(struct keeper *k, unsigned ifindex, struct strbuf *error)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY,
		.prog_fd = bpf_program__fd(k->bpf->progs.nearcast_out), .flags = BPF_TC_F_REPLACE);
	int rc = bpf_tc_hook_create(&hook);

	if (rc == 0 || rc == -EEXIST)
		rc = bpf_tc_attach(&hook, &opts);
	if (rc < 0)
		sb_printf(error, "keeper: the egress program does not attach: %s: %s",
			strerror(-rc), keeper_complaint());
	return rc;
}

// Whether the filter at our place is ours.
static bool tc_is_ours(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	struct bpf_prog_info info;

	if (bpf_tc_query(&hook, &opts) < 0)
		return false;
	int fd = bpf_prog_get_fd_by_id(opts.prog_id);
	bool ours = fd >= 0 && info_of(fd, &info) == 0 && strcmp(info.name, program_out) == 0;
	if (fd >= 0)
		close(fd);
	return ours;
}

static int detach_tc(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	return tc_is_ours(ifindex) ? bpf_tc_detach(&hook, &opts) : 0;
}

// ---- Both ----

static int remove_from(unsigned ifindex, unsigned *count)
{
	static const struct mine none;
	struct present p;
	bool had = tc_is_ours(ifindex);
	int rc = detach_tc(ifindex);

	if (rc == 0)
		rc = xdp_present(ifindex, &none, &p);
	if (rc == 0 && p.ours)
		rc = detach_xdp(ifindex, &p);
	*count += had || (rc == 0 && p.ours);
	return rc;
}

static void take_off(unsigned ifindex)
{
	unsigned count = 0;

	(void)remove_from(ifindex, &count);
}

int keeper_attach(
	struct keeper *k, unsigned ifindex, struct keeper_place *ret, struct strbuf *error)
{
	struct keeper_place place = {};

	keeper_hush();
	int rc = attach_xdp(k, ifindex, &place, error);
	if (rc < 0)
		return rc;
	rc = attach_tc(k, ifindex, error);
	if (rc == 0)
		*ret = place;
	else if (place.how == KEEPER_NEW) // it would look for stamps that nobody writes
		take_off(ifindex);
	return rc;
}

// ---- For good ----

// Only files that are ours by their name: the folder may be one that others use too.
static void unpin_all(const struct bpf_object *object, const char *pin)
{
	DIR *folder = opendir(pin);
	struct dirent *entry;
	unsigned shape;

	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		own(sb_free) struct strbuf path = {};
		sb_printf(&path, "%s/%s", pin, entry->d_name);
		if (keeper_is_pin(object, entry->d_name, &shape))
			unlink(sb_text(&path));
	}
	closedir(folder);
	rmdir(pin); // unless something is left in it
}

int keeper_remove(const char *pin, unsigned *ret, struct strbuf *error)
{
	struct if_nameindex *all = if_nameindex();
	struct keeper_bpf *bpf = NULL;
	unsigned count = 0;

	keeper_hush();
	if (!all) {
		int rc = -errno;
		sb_printf(error, "keeper: the interfaces cannot be listed: %s", strerror(-rc));
		return rc;
	}
	int rc = keeper_object(&bpf, NULL, error); // for the names of its tables
	for (struct if_nameindex *each = all; each->if_index; each++) {
		int one = remove_from(each->if_index, &count);
		if (one < 0 && rc == 0) {
			sb_printf(error, "keeper: %s: %s: %s", each->if_name, strerror(-one),
				keeper_complaint());
			rc = one;
		}
	}
	if_freenameindex(all);
	if (rc == 0) {
		unpin_all(bpf->obj, pin);
		*ret = count;
	}
	keeper_bpf__destroy(bpf);
	return rc;
}
