// Old times leave the tables before they come round and look recent again. The tables are shared
// memory: a row that the programs write meanwhile is left alone.
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "flow/inside.h"

enum { WAY_TIME_SHIFT = 48 }; // as in flows.bpf.h
enum { MOVED_MASK = 0xff };

// One slice of a table's rows, to be unmapped with size. NULL with errno.
static void *map_slice(
	const struct bpf_map *map, size_t row, unsigned slice, unsigned slices, size_t *size)
{
	size_t bytes = bpf_map__max_entries(map) * row / slices;
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map),
		(off_t)(bytes * slice));

	*size = bytes;
	return at == MAP_FAILED ? NULL : at;
}

// Who has the clients stays; whom they had, and when that changed, goes.
static void clear_slot(uint32_t *slot, uint8_t now, unsigned limit)
{
	uint32_t old = __atomic_load_n(slot, __ATOMIC_RELAXED);

	if (old >> 12 && (uint8_t)(now - (old >> 24)) >= limit)
		__atomic_compare_exchange_n(
			slot, &old, old & FLOW_ID_MASK, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static int sweep_prefixes(
	const struct bpf_map *map, unsigned slice, unsigned slices, uint8_t now, unsigned limit)
{
	size_t bytes;
	uint32_t *slot = map_slice(map, sizeof(struct flow_prefixes), slice, slices, &bytes);

	if (!slot)
		return -errno;
	for (size_t i = 0; i < bytes / sizeof(*slot); i++)
		clear_slot(&slot[i], now, limit);
	munmap(slot, bytes);
	return 0;
}

static int sweep_flows(const struct bpf_map *map, uint64_t now_ns)
{
	uint16_t now = (uint16_t)(now_ns >> FLOW_STEP_SHIFT);
	size_t bytes;
	uint64_t *way = map_slice(map, sizeof(struct flow_set), 0, 1, &bytes);

	if (!way)
		return -errno;
	for (size_t i = 0; i < bytes / sizeof(*way); i++) {
		uint64_t old = __atomic_load_n(&way[i], __ATOMIC_RELAXED);
		int16_t age = (int16_t)(now - (old >> WAY_TIME_SHIFT)); // a step ahead is no age
		if (old && (age > FLOW_FORGOTTEN_S || age < -1))
			__atomic_compare_exchange_n(
				&way[i], &old, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	munmap(way, bytes);
	return 0;
}

static int sweep(
	const struct keeper *k, unsigned slice, unsigned slices, uint64_t now_ns, unsigned limit)
{
	uint8_t now = now_ns >> FLOW_MOVED_SHIFT & MOVED_MASK;
	int rc = sweep_prefixes(k->bpf->maps.prefixes4, slice, slices, now, limit);

	if (rc == 0)
		rc = sweep_prefixes(k->bpf->maps.prefixes6, slice, slices, now, limit);
	return rc == 0 && slice == 0 ? sweep_flows(k->bpf->maps.flows, now_ns) : rc;
}

// Units are a little longer than FLOW_MOVED_UNIT_S: the programs say "lately" for no longer than this.
static unsigned units_of(unsigned moved_s)
{
	return moved_s / FLOW_MOVED_UNIT_S + 1;
}

int keeper_sweep(const struct keeper *k, unsigned slice, uint64_t now_ns, unsigned moved_s)
{
	return sweep(k, slice % KEEPER_SLICES, KEEPER_SLICES, now_ns, units_of(moved_s));
}

int keeper_sweep_all(const struct keeper *k, uint64_t now_ns)
{
	return sweep(k, 0, 1, now_ns, 0);
}

uint16_t keeper_sweep_time(uint64_t now_ns)
{
	return (uint16_t)(now_ns >> FLOW_MOVED_SHIFT);
}

bool keeper_sweep_late(const struct flow_config *config, uint64_t now_ns)
{
	uint16_t since = (uint16_t)(keeper_sweep_time(now_ns) - config->swept);

	return since + units_of(config->moved_s) >= FLOW_MOVED_TURN;
}
