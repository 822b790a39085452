// What a packet costs: BPF_PROG_TEST_RUN of the ingress program, pinned to one processor, least and
// median of nine runs of a million, beside the empty program in the same run.
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/bpf.h>

#include "lib/mem.h"
#include "test/flow/world.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" // made by bpftool
#include <bench.skel.h>
#pragma GCC diagnostic pop

enum { RUNS = 9, REPEAT = 1000000 };

struct row {
	const char *what;
	const char *program;
	uint32_t flows;
	uint16_t owner; // whose id the timestamp echoes
	bool session;   // of a socket here
	bool wide;      // IPv6, and then one flow
	int verdict;
	uint32_t goal_ns; // 0: none
};

static const struct row rows[] = {
	{ "empty program", "bench_empty", 1, THEM, false, false, XDP_PASS, 0 },
	{ "making the packet", "bench_nothing", 1, THEM, false, false, XDP_PASS, 0 },
	{ "making 16M flows' packets", "bench_nothing", 1 << 24, THEM, false, false, XDP_PASS, 0 },
	{ "session here", "bench_keeper", 1, US, true, false, XDP_PASS, 120 },
	{ "session here, IPv6", "bench_keeper", 1, US, true, true, XDP_PASS, 0 },
	{ "forwarded with tag, 1 flow", "bench_keeper", 1, THEM, false, false, XDP_TX, 250 },
	{ "forwarded with tag, 1k flows", "bench_keeper", 1 << 10, THEM, false, false, XDP_TX,
		250 },
	{ "forwarded with tag, 1M flows", "bench_keeper", 1 << 20, THEM, false, false, XDP_TX,
		250 },
	{ "forwarded with tag, 16M flows", "bench_keeper", 1 << 24, THEM, false, false, XDP_TX,
		250 },
	{ "forwarded with tag, IPv6 in IPv4", "bench_keeper", 1, THEM, false, true, XDP_TX, 0 },
	{ "without an owner", "bench_keeper", 1 << 24, 4001, false, false, XDP_PASS, 0 },
};

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int measure(struct world *w, struct bench_bpf *bench, const struct row *row)
{
	struct spec s = { .from = row->wide ? CLIENT6 : CLIENT4,
		.to = row->wide ? SERVICE6 : SERVICE4,
		.from_port = !row->session ? 999
			     : row->wide   ? w->port6
					   : w->port4,
		.to_port = 80,
		.flags = TCP_ACK,
		.stamp = true };
	struct { // as in keeper.bpf.c
		uint32_t flow_mask, echo, turn, sent, wide;
	} state = { row->flows - 1, htonl(0x7000 | row->owner), 0, 0, row->wide };
	uint32_t zero = 0, ns[RUNS];
	int fd = bpf_program__fd(bpf_object__find_program_by_name(bench->obj, row->program));

	world_reset(w);
	for (size_t i = 0; i < RUNS; i++) {
		struct frame f = frame_make(&s);
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f.b, .data_size_in = (uint32_t)f.n,
			.repeat = REPEAT);
		bpf_map_update_elem(bpf_map__fd(bench->maps.bench), &zero, &state, BPF_ANY);
		if (bpf_prog_test_run_opts(fd, &opts) < 0 || (int)opts.retval != row->verdict) {
			printf("%s: verdict %u\n", row->what, opts.retval);
			return -EIO;
		}
		ns[i] = opts.duration;
		if (row->verdict != XDP_TX)
			continue;
		bpf_map_lookup_elem(bpf_map__fd(bench->maps.bench), &zero, &state);
		if (state.sent != REPEAT) {
			printf("%s: only %u of %d packets were sent on\n", row->what, state.sent,
				REPEAT);
			return -EIO;
		}
		state.sent = state.turn = 0;
	}
	qsort(ns, RUNS, sizeof(*ns), by_size);
	printf("%-32s %6u %6u", row->what, ns[0], ns[RUNS / 2]);
	if (row->goal_ns)
		printf("   at most %u", row->goal_ns);
	putchar('\n');
	fflush(stdout);
	return 0;
}

// The bench's programs use the tables of the keeper that the world filled.
static int share_maps(struct bench_bpf *bench, struct keeper *k)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, k->bpf->obj)
	{
		struct bpf_map *same = bpf_object__find_map_by_name(bench->obj, bpf_map__name(map));
		if (!same || bpf_map__reuse_fd(same, bpf_map__fd(map)) < 0)
			return -EINVAL;
	}
	return bench_bpf__load(bench);
}

static void no_budget(struct world *w)
{
	struct flow_config c = w->config;

	c.budget_new = UINT32_MAX;
	c.budget_known = UINT32_MAX;
	if (keeper_configure(w->k, &c) < 0)
		printf("no configuration\n");
}

// usage: bench_keeper [part of a row's name]
int main(int argc, char **argv)
{
	const char *why;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(1, &one);
	sched_setaffinity(0, sizeof(one), &one); // where there is only one, it stays there
	struct world *w = world_make(&why);
	if (!w) {
		printf("skipped: %s\n", why);
		return 0;
	}
	struct bench_bpf *bench = bench_bpf__open();
	if (!bench || share_maps(bench, w->k) < 0) {
		printf("the bench's programs do not load: %s\n", keeper_complaint());
		return 1;
	}
	no_budget(w);
	printf("%-32s %6s %6s   ns per packet, %d runs of %d\n", "", "least", "median", RUNS,
		REPEAT);
	for (size_t i = 0; i < countof(rows); i++)
		if ((argc < 2 || strstr(rows[i].what, argv[1])) && measure(w, bench, &rows[i]) < 0)
			return 1;
	return 0;
}
