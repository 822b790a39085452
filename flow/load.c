#include "flow/inside.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xdp/libxdp.h>

#include "lib/mem.h"

static char complaint[256];

static int listen_to(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_WARN)
		return 0;
	char line[sizeof(complaint)];
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	// The first line says what failed; those behind it repeat that in other words.
	if (!complaint[0] && line[0])
		memcpy(complaint, line, sizeof(complaint));
	return 0;
}

// Its complaints are about ways that were tried before the one that worked.
static int listen_to_xdp(enum libxdp_print_level, const char *, va_list)
{
	return 0;
}

void keeper_hush(void)
{
	complaint[0] = '\0';
	libbpf_set_print(listen_to);
	libxdp_set_print(listen_to_xdp);
}

const char *keeper_complaint(void)
{
	return complaint[0] ? complaint : "no reason given";
}

// mkdir -p below the BPF file system.
static int make_folder(const char *path)
{
	own(free_ptr) char *copy = mem_strdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

// A map pinned before is used again, if it is of the same shape; libbpf looks after that.
static int pin_maps(struct bpf_object *object, const char *pin)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		own(sb_free) struct strbuf path = {};
		sb_printf(&path, "%s/%s-%d", pin, bpf_map__name(map), FLOW_SHAPE);
		int rc = bpf_map__set_pin_path(map, sb_text(&path));
		if (rc < 0)
			return rc;
	}
	return 0;
}

bool keeper_is_pin(const struct bpf_object *object, const char *name, unsigned *shape)
{
	struct bpf_map *map;
	unsigned n;
	char rest;

	bpf_object__for_each_map(map, object)
	{
		size_t length = strlen(bpf_map__name(map));
		if (strncmp(name, bpf_map__name(map), length) == 0 && name[length] == '-' &&
			sscanf(name + length + 1, "%u%c", &n, &rest) == 1) {
			*shape = n;
			return true;
		}
	}
	return false;
}

// Tables of another shape, which an earlier version left: programs that still use them keep them
// until they are replaced, and nobody opens them again.
static void unpin_other_shapes(const struct bpf_object *object, const char *pin)
{
	DIR *folder = opendir(pin);
	struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		unsigned shape;
		if (!keeper_is_pin(object, entry->d_name, &shape) || shape == FLOW_SHAPE)
			continue;
		own(sb_free) struct strbuf path = {};
		sb_printf(&path, "%s/%s", pin, entry->d_name);
		unlink(sb_text(&path));
	}
	closedir(folder);
}

int keeper_object(struct keeper_bpf **ret, const char *pin, struct strbuf *error)
{
	struct keeper_bpf *bpf = keeper_bpf__open();

	if (!bpf) {
		int rc = -errno;
		sb_printf(error, "keeper: the programs cannot be read: %s", keeper_complaint());
		return rc;
	}
	int rc = pin ? pin_maps(bpf->obj, pin) : 0;
	if (rc < 0) {
		sb_printf(error, "keeper: %s: %s", pin, strerror(-rc));
		keeper_bpf__destroy(bpf);
		return rc;
	}
	*ret = bpf;
	return 0;
}

static int on_event(void *arg, void *data, size_t size)
{
	struct keeper *k = arg;

	if (size >= sizeof(struct flow_event) && k->fn)
		k->fn(k->arg, data);
	return ++k->handed < KEEPER_EVENTS_MAX ? 0
					       : -EAGAIN; // which ends the walk, behind this one
}

static int load(struct keeper *k, struct strbuf *error)
{
	int rc = keeper_object(&k->bpf, k->pin, error);

	if (rc < 0)
		return rc;
	rc = keeper_bpf__load(k->bpf);
	if (rc < 0) {
		sb_printf(error, "keeper: the kernel does not take the programs: %s: %s",
			strerror(-rc), keeper_complaint());
		return rc;
	}
	if (k->pin)
		unpin_other_shapes(k->bpf->obj, k->pin);
	k->ring = ring_buffer__new(bpf_map__fd(k->bpf->maps.events), on_event, k, NULL);
	if (!k->ring) {
		rc = -errno;
		sb_printf(error, "keeper: no ring buffer: %s", strerror(-rc));
	}
	return rc;
}

int keeper_open(struct keeper **ret, const char *pin, struct strbuf *error)
{
	own(keeper_close) struct keeper *k = mem_zalloc(sizeof(*k));

	keeper_hush();
	if (pin) {
		int rc = make_folder(pin);
		if (rc < 0) {
			sb_printf(error, "keeper: %s: %s (is a BPF file system mounted there?)",
				pin, strerror(-rc));
			return rc;
		}
		k->pin = mem_strdup(pin);
	}
	int rc = load(k, error);
	if (rc < 0)
		return rc;
	*ret = take(k);
	return 0;
}

void keeper_close(struct keeper **k)
{
	if (!*k)
		return;
	ring_buffer__free((*k)->ring);
	keeper_bpf__destroy((*k)->bpf);
	free((*k)->pin);
	free((*k)->udp_ports);
	free(*k);
	*k = NULL;
}

int keeper_events_fd(const struct keeper *k)
{
	return ring_buffer__epoll_fd(k->ring);
}

int keeper_events(struct keeper *k, keeper_event_fn *fn, void *arg)
{
	k->fn = fn;
	k->arg = arg;
	k->handed = 0;
	(void)ring_buffer__consume(k->ring);
	k->fn = NULL;
	return k->handed;
}
