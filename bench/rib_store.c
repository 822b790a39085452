// What the store alone costs, without sockets: loads streams of UPDATEs (bench/rib.py has them
// decompressed), then measures lookups, a walk with best paths, searches, churn and loss.
//
// usage: rib_store FILE...      a file is one neighbour
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bgp/msg.h"
#include "bgp/routes.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/rng.h"
#include "rib/best.h"
#include "rib/search.h"

enum { STREAM_MAX = 64 << 20, MESSAGES_A_TURN = 50, LOOKUPS = 2000000, NEIGHBOURS_MAX = 64 };

struct stream {
	uint8_t *bytes;
	size_t len, at;
};

static struct rib_attrs_room room;

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double resident_mib(void)
{
	own(close_file) FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	double kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtod(line + 6, NULL);
	return kib / 1024;
}

static int read_stream(struct stream *s, const char *path)
{
	own(close_file) FILE *f = fopen(path, "rb");

	if (!f)
		return -errno;
	s->bytes = mem_resize(NULL, STREAM_MAX, 1);
	s->len = fread(s->bytes, 1, STREAM_MAX, f);
	return 0;
}

static void feed(struct rib *r, unsigned neighbour, struct rd body, bool withdraw)
{
	const struct bgp_codec codec = { .as4 = true, .families = BGP_FAMILY_ALL };
	const struct rib_attrs_from from = { .as4 = true };
	struct bgp_update u;
	struct bgp_routes walk;
	struct bgp_route route;
	struct rib_attrs a;

	bgp_update_decode(&u, body, &codec);
	if (rib_attrs_split(&a, &room, u.path.raw, &from) < 0)
		return;
	uint32_t set = rib_set_hold(r, IP4, &a);
	bgp_routes_begin(&walk, &u);
	while (bgp_routes_next(&walk, &route))
		if (route.withdrawn || withdraw)
			(void)rib_withdraw(r, neighbour, &route.prefix, 0);
		else
			(void)rib_announce(r, neighbour, &route.prefix, 0, set, 1000);
	rib_set_release(r, set);
}

// All streams in turns, as from sockets.
static void load(struct rib *r, struct stream *streams, unsigned n, bool withdraw)
{
	bool more = true;

	for (unsigned i = 0; i < n; i++)
		streams[i].at = 0;
	while (more) {
		more = false;
		for (unsigned i = 0; i < n; i++) {
			struct stream *s = &streams[i];
			for (int k = 0; k < MESSAGES_A_TURN && s->at < s->len; k++) {
				struct bgp_msg m;
				struct bgp_fault fault;
				if (bgp_msg_frame(&m, &fault, s->bytes + s->at, s->len - s->at) < 0)
					return;
				feed(r, i, m.body, withdraw);
				s->at += m.size;
				more = true;
			}
		}
	}
}

static void show_memory(const struct rib *r)
{
	struct rib_memory rows[RIB_MEMORY_ROWS];
	size_t n = rib_memory(r, rows);
	double total = 0;

	for (size_t i = 0; i < n; i++) {
		printf("  %-18s %10lu %10.2f MiB\n", rows[i].name, (unsigned long)rows[i].count,
			(double)rows[i].bytes / 1048576);
		total += (double)rows[i].bytes / 1048576;
	}
	printf("  %-18s %10s %10.2f MiB\n", "all", "", total);
}

static void lookups(const struct rib *r)
{
	struct rng rng = { 1 };
	size_t hits = 0;
	double begin = cpu_s();

	for (int i = 0; i < LOOKUPS; i++) {
		struct ip_addr a = ip_from_u32((uint32_t)rng_next(&rng));
		struct ip_prefix p = prefix_of(&a, 32);
		hits += rib_match(r, RIB_ANY, &p) != RIB_NONE;
	}
	printf("longest match of random addresses: %.0f ns each, %zu of %d found\n",
		(cpu_s() - begin) / LOOKUPS * 1e9, hits, LOOKUPS);
}

static void walk(const struct rib *r)
{
	struct rib_route routes[NEIGHBOURS_MAX];
	enum rib_step lost[NEIGHBOURS_MAX], by;
	struct prefixes_walk w;
	uint32_t number;
	size_t prefixes = 0;
	double begin = cpu_s();

	prefixes_walk(&w, rib_prefixes(r, IP4), NULL, NULL);
	while ((number = prefixes_next(&w)) != PREFIXES_NONE) {
		size_t n = rib_routes(r, IP4, number, routes, countof(routes));
		(void)rib_best(r, routes, n, 0, lost, &by);
		prefixes++;
	}
	printf("walk in order with the best path of each: %zu prefixes in %.3f s\n", prefixes,
		cpu_s() - begin);
}

static void searches(const struct rib *r)
{
	static const uint8_t community[] = { 0x0b, 0x62, 0x01, 0xa4 }; // 2914:420
	static const struct {
		const char *what;
		struct rib_question q;
	} rows[] = {
		{ "origin 13335", { .neighbour = RIB_ANY, .has_origin = true, .origin = 13335 } },
		{ "3356 in the path", { .neighbour = RIB_ANY, .has_as = true, .as = 3356 } },
		{ "community 2914:420",
			{ .neighbour = RIB_ANY, .communities = community, .community_count = 1 } },
		{ "174 in the path, neighbour 0", { .has_as = true, .as = 174 } },
	};
	struct rib_hit hits[100];

	for (size_t i = 0; i < countof(rows); i++) {
		double begin = cpu_s();
		struct rib_found *f = rib_search(r, &rows[i].q);
		struct rib_page page = {};
		size_t n = rib_found_page(f, IP4, &page, hits, countof(hits));
		printf("search %-30s %7zu routes, first %zu: %.1f ms\n", rows[i].what,
			rib_found_count(f, IP4), n, (cpu_s() - begin) * 1e3);
		rib_found_free(&f);
	}
}

int main(int argc, char **argv)
{
	struct stream streams[NEIGHBOURS_MAX] = {};
	unsigned n = (unsigned)argc - 1;
	struct rib *r = rib_new();

	for (unsigned i = 0; i < n && i < NEIGHBOURS_MAX; i++) {
		const struct rib_neighbour spec = { .as = 65001 + i, .id = i + 1 };
		int rc = read_stream(&streams[i], argv[i + 1]);
		if (rc < 0) {
			fprintf(stderr, "%s: %s\n", argv[i + 1], strerror(-rc));
			return 1;
		}
		(void)rib_neighbour_add(r, &spec);
	}
	double base = resident_mib(), begin = cpu_s();
	load(r, streams, n, false);
	printf("%zu routes of %u neighbours in %.3f s, %.1f MiB\n",
		rib_route_count(r, RIB_ANY, IP4), n, cpu_s() - begin, resident_mib() - base);
	show_memory(r);
	lookups(r);
	walk(r);
	searches(r);
	for (int round = 0; round < 3; round++) {
		begin = cpu_s();
		load(r, streams, n, true);
		load(r, streams, n, false);
		printf("all withdrawn and announced again: %.3f s, %.1f MiB\n", cpu_s() - begin,
			resident_mib() - base);
	}
	begin = cpu_s();
	size_t gone = rib_flush(r, 0, IP_NONE);
	printf("one neighbour lost: %zu routes in %.3f s\n", gone, cpu_s() - begin);
	rib_free(&r);
	for (unsigned i = 0; i < n; i++)
		free(streams[i].bytes);
	return 0;
}
